"""Training on all rows after early stopping."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold

from skdnn import DeepNetClassifier
from skdnn.core.schedules import Progress
from skdnn.estimator import refit as module

X, y = load_iris(return_X_y=True)
NET = DeepNetClassifier(
    hidden_layer_sizes=(16,), max_iter=12, n_members=3, store_oof=True, random_state=0
)
RESULTS = "oof_proba_", "temperature_", "member_weights_", "best_iter_", "loss_curve_"


def fitted(fraction, **kwargs):
    return clone(NET).set_params(refit_fraction=fraction, **kwargs).fit(X, y)


WITHOUT = fitted(0.0)


def weights_of(net):
    return np.concatenate([array.ravel() for array in (*net.coefs_, *net.intercepts_)])


def is_as_without(net, **kwargs):
    return np.array_equal(weights_of(net), weights_of(fitted(0.0, **kwargs)))


@pytest.mark.parametrize("fraction", [0.01, 0.3, 1.0])
def test_it_takes_a_fraction_of_the_best_epochs_on_all_rows_and_changes_only_the_weights(fraction):
    net = fitted(fraction)
    n_epochs = np.ceil(fraction * net.best_iter_.mean())
    assert net.t_ - WITHOUT.t_ == n_epochs * len(X)
    assert net.resolved_params_["refit_fraction"] == fraction
    assert not np.array_equal(weights_of(net), weights_of(WITHOUT))
    for name in RESULTS:
        np.testing.assert_array_equal(getattr(net, name), getattr(WITHOUT, name))


def test_members_learn_from_the_rows_that_they_held_out():
    splits = list(KFold(3, shuffle=True, random_state=0).split(X))
    before, after = (fitted(fraction, cv=splits) for fraction in (0.0, 1.0))
    members = before.predict_proba_members(X), after.predict_proba_members(X)
    for member, (_, held_out) in enumerate(splits):
        losses = [log_loss(y[held_out], each[member][held_out]) for each in members]
        assert losses[1] < losses[0]


def test_auto_is_half_of_the_share_of_the_loss_that_is_avoided():
    net = fitted("auto")
    of_frequencies = log_loss(y, np.full((len(y), 3), 1 / 3))
    expected = (1 - log_loss(y, net.oof_proba_) / of_frequencies) / 2
    assert 0.1 < expected < 0.5
    assert net.resolved_params_["refit_fraction"] == pytest.approx(expected, rel=1e-5)


def test_auto_is_0_if_the_labels_cannot_be_predicted():
    noise = np.random.default_rng(0).integers(0, 2, 150)
    net = clone(NET).set_params(max_iter=2, learning_rate_init=0.5).fit(X, noise)
    assert net.resolved_params_["refit_fraction"] == 0


def test_more_than_fifty_thousand_rows_are_not_trained_on_again_by_default(monkeypatch):
    monkeypatch.setattr(module, "MANY", 100)
    assert is_as_without(fitted("auto"))


@pytest.mark.parametrize("n_columns", [60, 61])
def test_fewer_sparse_rows_than_columns_are_not_trained_on_again_by_default(n_columns):
    rows = np.random.default_rng(0).normal(size=(60, n_columns))
    rows[:, :20] += 3 * (rows[:, :1] > 0)
    net = DeepNetClassifier((16,), n_members=3, max_iter=20, random_state=0)
    net.fit(csr_array(rows), rows[:, 0] > 0)
    assert (net.resolved_params_["refit_fraction"] > 0) is (n_columns == 60)
    net.fit(rows, rows[:, 0] > 0)
    assert net.resolved_params_["refit_fraction"] > 0


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("fraction", "kwargs"),
    [
        ("auto", {"n_members": 1}),
        ("auto", {"solver": "adam"}),
        (1.0, {"warm_start": True}),
        (1.0, {"early_stopping": False}),
        (1.0, {"solver": "lbfgs"}),
    ],
)
def test_there_is_none(fraction, kwargs):
    kwargs = {"store_oof": False} | kwargs
    net = fitted(fraction, **kwargs)
    assert is_as_without(net, **kwargs)
    assert net.resolved_params_["refit_fraction"] == 0


def test_there_is_none_with_validation_rows():
    given = {"X_val": X[::5], "y_val": y[::5]}
    nets = [
        clone(NET).set_params(refit_fraction=fraction, store_oof=False).fit(X, y, **given)
        for fraction in (0.0, 1.0)
    ]
    np.testing.assert_array_equal(*map(weights_of, nets))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kwargs", [{"n_members": 1, "store_oof": False}, {"solver": "adam"}])
def test_it_can_be_asked_for(kwargs):
    assert not is_as_without(fitted(0.5, **kwargs), **kwargs)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_members_stay_as_they_are_if_the_rate_is_too_high():
    kwargs = {"learning_rate_init": 1e3}
    net = fitted(1.0, **kwargs)
    loss = log_loss(y, net.predict_proba(X))
    assert loss <= log_loss(y, fitted(0.0, **kwargs).predict_proba(X)) + 1e-6
    assert np.isfinite(net.predict_proba(X)).all()


def test_rows_that_cv_leaves_out_are_never_trained_on():
    splits = [(np.arange(0, 100, 2), np.arange(1, 100, 2)), (np.arange(50), np.arange(50, 100))]
    kwargs = {"cv": splits, "shuffle": False, "init": "he_normal", "encoder": "passthrough"}
    net, changed = clone(NET).set_params(refit_fraction=1.0, **kwargs), y.copy()
    changed[100:] = 0
    found = weights_of(clone(net).fit(X, changed))
    np.testing.assert_array_equal(found, weights_of(net.fit(X, np.where(y == 2, 1, changed))))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_gradient_descent_takes_all_rows_at_once(monkeypatch):
    def record(network, split, state, plan, *others):
        planned.append(plan.batch_size)
        raise KeyboardInterrupt

    planned = []
    monkeypatch.setattr(module, "train", record)
    with pytest.warns(UserWarning, match="interrupted"):
        fitted(0.5, solver="gd")
    assert planned == [149]  # distinct rows


@pytest.mark.filterwarnings("ignore:Training on all rows was interrupted")
@pytest.mark.parametrize("stop", ["raise", "interrupt"])
def test_an_interrupt_keeps_the_members_as_they_were(stop, monkeypatch):
    train = module.train

    def interrupted(*args):
        if stop == "raise":
            raise KeyboardInterrupt
        state, history = train(*args)
        return state, history._replace(stopped_by=stop)

    monkeypatch.setattr(module, "train", interrupted)
    assert is_as_without(fitted(1.0))


def test_it_is_the_same_for_any_number_of_threads_and_any_order_of_rows():
    order = np.random.default_rng(1).permutation(len(X))
    nets = [fitted(0.5, n_jobs=n_jobs) for n_jobs in (1, 2)]
    nets.append(clone(NET).set_params(refit_fraction=0.5).fit(X[order], y[order]))
    for net in nets[1:]:
        np.testing.assert_array_equal(net.predict_proba(X), nets[0].predict_proba(X))


def test_training_that_goes_on_has_no_out_of_fold_values():
    net = fitted(0.5).set_params(warm_start=True).fit(X, y)
    assert not hasattr(net, "oof_score_")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", ["adamw", "adam"])
def test_the_rate_falls_whatever_the_schedule_of_training(solver, monkeypatch):
    def record(network, split, state, plan, *others):
        plans.append(plan)
        return train(network, split, state, plan, *others)

    plans, train = [], module.train
    monkeypatch.setattr(module, "train", record)
    fitted(0.5, solver=solver, learning_rate="constant")
    (plan,) = plans
    rates = [plan.schedule(Progress(part, 0, 0.5, 0.05)) for part in (0.1, 0.5, 0.99)]
    assert rates[0] > 0.9
    assert rates[2] < 0.01


def test_two_variants_sparse_rows_and_several_labels_are_trained_further():
    rng = np.random.default_rng(0)
    rows = rng.uniform(size=(2600, 2))
    labels = (rows.sum(axis=1) > 1).astype(int)
    kwargs = {"n_members": 8, "max_iter": 2}
    tables = [
        (rows, labels, {"connectivity": 0.5}),
        (csr_array(np.where(rows > 0.3, rows, 0)), labels, {}),
        (rows, np.column_stack([labels, rows[:, 0] > 0.3]).astype(int), {"dtype": "float64"}),
    ]
    for X_, y_, given in tables:
        net = clone(NET).set_params(**kwargs, **given)
        before, after = (
            clone(net).set_params(refit_fraction=each).fit(X_, y_) for each in (0, 0.5)
        )
        assert not np.array_equal(weights_of(before), weights_of(after))
        first = np.atleast_2d(y_.T)[0]
        losses = [log_loss(first, _of_first_label(each, X_)) for each in (before, after)]
        assert losses[1] < losses[0]
        zeros = before.coefs_[0] == 0
        np.testing.assert_array_equal(after.coefs_[0] == 0, zeros)  # connections


def _of_first_label(net, rows):
    proba = net.predict_proba(rows)
    return proba if net.n_outputs_ == 1 else proba[:, 0]
