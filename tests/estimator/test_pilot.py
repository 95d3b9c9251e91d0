from types import SimpleNamespace

import numpy as np
import pytest

from skdnn import DeepNetClassifier
from skdnn.estimator import pilot
from skdnn.estimator.variants import STANDARD, Variant

N_ROWS = 2600
QUICK = {"max_iter": 8, "hidden_layer_sizes": (16,), "random_state": 0}
rng = np.random.default_rng(0)
X = rng.uniform(0, 16, (N_ROWS, 3))
SMOOTH = (X[:, 0] > 8).astype(int)
NOISY = np.where(rng.random(N_ROWS) < 0.4, rng.integers(0, 2, N_ROWS), SMOOTH)
STEPS = (X[:, 0] // 2).astype(int) % 2  # without bins, it takes long to learn these


def fitted(y, rows=X, **kwargs):
    return DeepNetClassifier(**QUICK | kwargs).fit(rows, y)


@pytest.fixture
def pilot_fits(monkeypatch):
    """Return a list to which each pilot fit adds its losses."""
    losses, found = pilot._pilot_losses, []

    def record(*args):
        found.append(losses(*args))
        return found[-1]

    monkeypatch.setattr(pilot, "_pilot_losses", record)
    return found


@pytest.mark.parametrize(
    ("y", "chosen"),
    [
        (SMOOTH, {"n_members": 8}),
        (NOISY, {"n_members": 8}),
        (STEPS, {"n_members": 4, "diverse_members": False}),
    ],
)
def test_the_fit_is_that_of_the_members_that_the_pilot_fit_chooses(y, chosen):
    found = fitted(y)
    assert found.resolved_params_["n_members"] == chosen["n_members"]
    np.testing.assert_array_equal(
        found.predict_proba(X), fitted(y, **chosen).predict_proba(X), strict=True
    )


def test_the_order_of_rows_and_the_number_of_threads_change_nothing():
    order = np.random.default_rng(1).permutation(N_ROWS)
    found = fitted(NOISY, n_jobs=2).predict_proba(X)
    np.testing.assert_array_equal(fitted(NOISY[order], X[order], n_jobs=1).predict_proba(X), found)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "kwargs",
    [
        {"n_members": 8},
        {"cv": 3},
        {"max_iter": 7},
        {"learning_rate_init": 1e-4},
        {"coefs_init": [np.ones((8, 3, 16)), np.ones((16, 1))], "encoder": "passthrough"},
        {"early_stopping": False},
        {"solver": "adam"},
        {"solver": "sgd", "learning_rate_init": 1e-3},
    ],
)
def test_there_is_no_pilot_fit_where_members_are_given_or_hold_out_no_folds(pilot_fits, kwargs):
    fitted(SMOOTH, **kwargs)
    assert pilot_fits == []


def test_there_is_no_pilot_fit_with_validation_rows_or_groups(pilot_fits):
    net = DeepNetClassifier(**QUICK)
    net.fit(X, SMOOTH, X_val=X[:100], y_val=SMOOTH[:100])
    net.fit(X, SMOOTH, groups=np.arange(N_ROWS) % 8)
    assert pilot_fits == []
    net.fit(X, SMOOTH)
    assert len(pilot_fits) == 1


def test_continued_training_keeps_the_members(monkeypatch):
    net = fitted(NOISY, warm_start=True)
    monkeypatch.setattr(pilot, "_pilot_losses", None)  # not to be called
    assert net.fit(X, SMOOTH).resolved_params_["n_members"] == 8


def few(y, **kwargs):
    return fitted(y[:400], X[:400], **{"max_iter": "auto"} | kwargs)


@pytest.mark.parametrize(("y", "n_epochs", "n_members"), [(NOISY, 84, 16), (STEPS, 334, 8)])
def test_few_rows_need_a_quarter_of_the_epochs_or_half_of_the_members(y, n_epochs, n_members):
    # 2,000 steps, of six batches of the 375 rows that are not held out, are 334 epochs.
    found = few(y)
    assert found.resolved_params_["max_iter"] == n_epochs
    expected = few(y, max_iter=n_epochs, n_members=n_members).predict_proba(X)
    np.testing.assert_array_equal(found.predict_proba(X), expected)


def test_a_quarter_is_of_epochs_also_if_the_batch_size_is_given(monkeypatch):
    def pilot_fit(settings, fit_data, n_epochs, threads):
        planned.append(n_epochs)
        raise KeyboardInterrupt

    planned = []
    monkeypatch.setattr(pilot, "_pilot_fit", pilot_fit)
    with pytest.raises(KeyboardInterrupt):
        few(NOISY, batch_size=4)  # 50 epochs are more than 2,000 steps
    assert planned == [13]


def test_continued_training_is_as_long_as_before():
    net = few(NOISY, warm_start=True)
    assert net.fit(X[:400], NOISY[:400]).resolved_params_["max_iter"] == 84
    net = few(STEPS, warm_start=True, max_iter=5).set_params(max_iter="auto")
    assert net.fit(X[:400], STEPS[:400]).resolved_params_["max_iter"] == 334


@pytest.mark.parametrize(("n_jobs", "order"), [(1, 1), (2, -1)])
def test_the_number_of_epochs_depends_on_neither_threads_nor_the_order_of_rows(n_jobs, order):
    rows = slice(400)
    net = fitted(NOISY[rows][::order], X[rows][::order], max_iter="auto", n_jobs=n_jobs)
    expected = few(NOISY).predict_proba(X)
    np.testing.assert_array_equal(net.predict_proba(X), expected)


@pytest.mark.parametrize(
    ("kwargs", "n_epochs"),
    [
        ({"max_iter": 20}, 20),
        ({"learning_rate": "constant"}, 334),
        ({"learning_rate_init": 0.01}, 334),
        ({"n_members": 4}, 400),  # each holds out a quarter: there are five batches
    ],
)
def test_few_rows_are_trained_for_all_epochs_without_a_pilot_fit_if_a_parameter_is_given(
    kwargs, n_epochs, monkeypatch
):
    monkeypatch.setattr(pilot, "_pilot_fit", None)  # not to be called
    assert few(NOISY, **kwargs).resolved_params_["max_iter"] == n_epochs


def test_there_is_no_pilot_fit_if_there_are_many_more_inputs_than_rows(monkeypatch):
    monkeypatch.setattr(pilot, "_pilot_fit", None)  # not to be called
    net = DeepNetClassifier(hidden_layer_sizes=(16,), random_state=0)
    net.fit(rng.normal(size=(40, 220)), SMOOTH[:40])
    assert net.resolved_params_["max_iter"] == 500  # steps, of one batch


@pytest.mark.parametrize(("best", "n_epochs"), [(0.4, 84), (0.6, 334)])
def test_a_quarter_of_the_epochs_is_enough_if_the_best_ones_are_in_its_first_half(
    best, n_epochs, monkeypatch
):
    def pilot_fit(settings, fit_data, n_epochs, threads):
        assert fit_data.n_members == 4
        held_out = np.sort(np.concatenate(fit_data.split.valid_rows))
        np.testing.assert_array_equal(held_out, np.arange(400))  # each row once
        middle = round(best * n_epochs)
        return None, None, SimpleNamespace(best_epoch=middle + np.array([-5, 5, -2, 2]))

    monkeypatch.setattr(pilot, "_pilot_fit", pilot_fit)
    net = few(NOISY, hidden_layer_sizes=(1,), n_jobs=1)
    assert net.resolved_params_["max_iter"] == n_epochs


PLAIN = Variant("plain", uses_bins=False)
BOTH = (STANDARD, PLAIN)


@pytest.mark.parametrize(
    ("losses", "n_members", "variants"),
    [
        ([0.3, 0.32], 8, BOTH),
        ([0.3, 0.45], 4, (STANDARD,)),
        ([0.45, 0.3], 4, (PLAIN,)),
        ([0.0, 1e-9], 8, BOTH),
    ],
)
def test_half_of_the_members_are_trained_if_one_variant_is_clearly_better(
    losses, n_members, variants, monkeypatch
):
    monkeypatch.setattr(pilot, "_pilot_losses", lambda *args: losses)
    found = fitted(SMOOTH, max_iter=10, store_oof=True)
    assert found.resolved_params_["n_members"] == n_members
    trained = found._fitted.variant_weights or [each.name for each in found._fitted.variants]
    assert [*trained] == [each.name for each in variants]


def test_an_interrupt_of_the_pilot_fit_ends_the_fit(monkeypatch):
    train = pilot.train

    def interrupted(*args):
        state, history = train(*args)
        return state, history._replace(stopped_by="interrupt")

    monkeypatch.setattr(pilot, "train", interrupted)
    net = DeepNetClassifier(**QUICK)
    with pytest.raises(KeyboardInterrupt):
        net.fit(X, SMOOTH)
    assert not hasattr(net, "classes_")


@pytest.mark.parametrize("max_iter", ["auto", 100, 8])
def test_a_pilot_fit_has_eight_epochs(max_iter, monkeypatch):
    def record(network, split, state, plan, *others):
        planned.append(plan.n_epochs)
        raise KeyboardInterrupt

    planned = []
    monkeypatch.setattr(pilot, "train", record)
    with pytest.raises(KeyboardInterrupt):
        fitted(SMOOTH, max_iter=max_iter)
    assert planned == [8]


def test_a_pilot_fit_uses_a_sample_of_many_rows_with_a_quarter_held_out(monkeypatch):
    def record(network, split, *others):
        splits.append(split)
        raise KeyboardInterrupt

    splits = []
    monkeypatch.setattr(pilot, "train", record)
    monkeypatch.setattr(pilot, "N_ROWS", 800)
    with pytest.raises(KeyboardInterrupt):
        fitted(SMOOTH)
    (split,) = splits
    for trained, held_out in zip(split.train_rows, split.valid_rows, strict=True):
        used = np.concatenate([trained, held_out])
        assert len(set(used)) == len(used) == pytest.approx(800, abs=5)
        assert len(held_out) == pytest.approx(200, abs=5)
