import numpy as np
import pytest

from skdnn.core.initializers import INITIALIZERS

FAN_IN, FAN_OUT = 300, 200
VARIANCES = {
    "he_normal": 2 / FAN_IN,
    "he_uniform": 2 / FAN_IN,
    "glorot_normal": 2 / (FAN_IN + FAN_OUT),
    "glorot_uniform": 2 / (FAN_IN + FAN_OUT),
    "lecun_normal": 1 / FAN_IN,
    "lecun_uniform": 1 / FAN_IN,
    "orthogonal": 1 / FAN_IN,
    "normal": 1.0,
    "zeros": 0.0,
}
KURTOSES = {"normal": 3.0, "uniform": 1.8}


def draw(name, fan_in=FAN_IN, fan_out=FAN_OUT, seed=0):
    return INITIALIZERS[name](np.random.default_rng(seed), fan_in, fan_out)


@pytest.mark.parametrize("name", INITIALIZERS)
def test_mean_and_variance_are_those_of_the_paper(name):
    weights = draw(name)
    assert weights.shape == (FAN_IN, FAN_OUT)
    assert weights.dtype == np.float64
    # Five standard errors of a mean and, for the normal, of a variance.
    assert abs(weights.mean()) <= 5 * np.sqrt(VARIANCES[name] / weights.size)
    assert weights.var() == pytest.approx(VARIANCES[name], rel=5 * np.sqrt(2 / weights.size))


@pytest.mark.parametrize("name", INITIALIZERS)
def test_the_shape_of_the_distribution_is_in_the_name(name):
    kind = name.split("_")[-1]
    if kind not in KURTOSES:
        assert name in ("orthogonal", "zeros")
        return
    weights = draw(name)
    kurtosis = np.mean(weights**4) / np.mean(weights**2) ** 2
    assert kurtosis == pytest.approx(KURTOSES[kind], rel=0.03)


@pytest.mark.parametrize("name", [name for name in INITIALIZERS if name.endswith("uniform")])
def test_uniform_weights_reach_and_respect_their_bound(name):
    bound = np.sqrt(3 * VARIANCES[name])
    largest = np.abs(draw(name)).max()
    assert 0.999 * bound < largest <= bound


@pytest.mark.parametrize(("fan_in", "fan_out"), [(7, 3), (3, 7), (5, 5), (1, 4), (4, 1)])
def test_orthogonal_rows_or_columns_are_orthonormal(fan_in, fan_out):
    weights = draw("orthogonal", fan_in, fan_out)
    assert weights.shape == (fan_in, fan_out)
    product = weights.T @ weights if fan_in >= fan_out else weights @ weights.T
    np.testing.assert_allclose(product, np.eye(min(fan_in, fan_out)), atol=1e-12)


def test_orthogonal_weights_have_no_preferred_sign():
    # QR alone makes the first diagonal entry of one sign; over 400 draws it is near balance.
    positive = [draw("orthogonal", 3, 3, seed).diagonal() > 0 for seed in range(400)]
    np.testing.assert_allclose(np.mean(positive, axis=0), 0.5, atol=0.125)


@pytest.mark.parametrize("name", [name for name in INITIALIZERS if name != "zeros"])
def test_the_generator_alone_decides(name):
    np.testing.assert_array_equal(draw(name, 4, 3, seed=1), draw(name, 4, 3, seed=1))
    assert not np.array_equal(draw(name, 4, 3, seed=1), draw(name, 4, 3, seed=2))
