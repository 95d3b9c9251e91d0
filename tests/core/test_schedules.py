import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skdnn.core.schedules import SCHEDULES, Progress


def factor(name, fraction=0.0, n_rows_seen=0, power_t=0.5, warmup=0.05):
    return SCHEDULES[name](Progress(fraction, n_rows_seen, power_t, warmup))


@pytest.mark.parametrize(
    ("name", "progress", "expected"),
    [
        ("constant", {"fraction": 0.7, "n_rows_seen": 99}, 1),
        ("adaptive", {"fraction": 0.7, "n_rows_seen": 99}, 1),
        ("invscaling", {"n_rows_seen": 0}, 1),
        ("invscaling", {"n_rows_seen": 99}, 0.1),
        ("invscaling", {"n_rows_seen": 99, "power_t": 1.0}, 0.01),
        ("cosine", {"fraction": 0.1, "warmup": 0.2}, 0.5),
        ("cosine", {"fraction": 0.2, "warmup": 0.2}, 1),
        ("cosine", {"fraction": 0.6, "warmup": 0.2}, 0.5),
        ("cosine", {"fraction": 0.0, "warmup": 0.0}, 1),
        ("cosine", {"fraction": 1 / 3, "warmup": 0.0}, 0.75),
        ("cosine", {"fraction": 1.0}, 0),
        ("onecycle", {"fraction": 0.0}, 0.04),
        ("onecycle", {"fraction": 0.15}, 0.52),
        ("onecycle", {"fraction": 0.3}, 1),
        ("onecycle", {"fraction": 0.65}, 0.50005),
        ("onecycle", {"fraction": 1.0}, 1e-4),
    ],
)
def test_factors_match_those_worked_by_hand(name, progress, expected):
    assert factor(name, **progress) == pytest.approx(expected, abs=1e-12)


def test_one_cycle_equals_torch():
    torch = pytest.importorskip("torch")
    n_steps = 101
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=1.0, total_steps=n_steps, final_div_factor=400, cycle_momentum=False
    )
    # torch counts from the first step to the last, and rises until step 0.3 n - 1.
    for step in range(n_steps):
        rise_end = 0.3 * n_steps - 1
        fraction = (
            0.3 * step / rise_end
            if step <= rise_end
            else 0.3 + 0.7 * (step - rise_end) / (n_steps - 1 - rise_end)
        )
        expected = theirs.get_last_lr()[0]
        assert factor("onecycle", fraction) == pytest.approx(expected, abs=1e-9)
        optimizer.step()
        if step < n_steps - 1:
            theirs.step()


@pytest.mark.parametrize("name", SCHEDULES)
@given(
    fraction=st.floats(0, 1, exclude_max=True),
    n_rows_seen=st.integers(0, 10**12),
    warmup=st.floats(0, 0.99),
)
def test_factors_never_leave_zero_to_one(name, fraction, n_rows_seen, warmup):
    assert 0 <= factor(name, fraction, n_rows_seen, 0.5, warmup) <= 1


@pytest.mark.parametrize(
    ("name", "peak"), [("constant", 0), ("cosine", 0.2), ("onecycle", 0.3), ("invscaling", 0)]
)
def test_factors_rise_up_to_the_peak_and_fall_from_there(name, peak):
    fractions = np.linspace(0, 1, 101)
    factors = np.array([factor(name, f, int(1000 * f), warmup=0.2) for f in fractions])
    assert (np.diff(factors[fractions <= peak]) >= 0).all()
    assert (np.diff(factors[fractions >= peak]) <= 0).all()
    assert factors[np.abs(fractions - peak).argmin()] == pytest.approx(1)
