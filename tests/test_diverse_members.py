import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import make_classification
from sklearn.metrics import log_loss

from skdnn import DeepNetClassifier, TableEncoder
from skdnn.core.calibration import fit_mixture
from skdnn.estimator.folds import rows_by_member

X, y = make_classification(2700, 6, n_informative=4, n_classes=3, random_state=0)
X_TEST, y_test = X[2600:], y[2600:]
X, y = X[:2600], y[:2600]
QUICK = {"max_iter": 3, "hidden_layer_sizes": (8,), "n_members": 8, "random_state": 0}


def fitted(**kwargs):
    return DeepNetClassifier(**{**QUICK, **kwargs}).fit(X, y)


@pytest.fixture(scope="module")
def net():
    return fitted(warm_start=True, store_oof=True)


def has_bins(net):
    """Return whether each member has weights of its own to the bins."""
    is_bin = ["_bin" in name for name in net.encoder_.get_feature_names_out()]
    return (net.coefs_[0][:, is_bin] != 0).any(axis=(1, 2))


def test_half_of_the_members_have_no_weights_to_bins_before_and_after_training(net):
    np.testing.assert_array_equal(has_bins(net), [True] * 4 + [False] * 4)
    is_bin = np.array(["_bin" in name for name in net.encoder_.get_feature_names_out()])
    assert (net.coefs_[0][4:, ~is_bin] != 0).any(axis=1).all()


def test_half_of_the_members_have_hard_labels(monkeypatch):
    # The loss on smoothed labels of three classes has a lower bound; on hard ones, it is 0.
    monkeypatch.setattr("skdnn.estimator.auto_parameters.SMOOTHING", ((np.inf, 0.05),))
    net = fitted()
    smooth, hard = net.member_loss_curves_[:4, -1], net.member_loss_curves_[4:, -1]
    alike = fitted(label_smoothing=0.0).member_loss_curves_
    np.testing.assert_array_equal(hard, fitted(label_smoothing=0.0).member_loss_curves_[4:, -1])
    assert (smooth > alike[:4, -1]).all()


def test_both_halves_hold_out_the_same_folds_and_weights_are_those_of_a_mixture(net):
    proba = net.predict_proba_members(X)
    weights = net.member_weights_
    assert weights.sum() == pytest.approx(1)
    np.testing.assert_array_equal(weights, np.repeat(weights[[0, 4]], 4))
    np.testing.assert_allclose(
        net.predict_proba(X), np.average(proba, axis=0, weights=weights), rtol=1e-12
    )
    assert np.isfinite(net.oof_proba_).all()
    assert net.oof_score_ == pytest.approx((net.oof_proba_.argmax(axis=1) == y).mean())


def test_the_better_half_has_the_larger_weight():
    # Only bins see a column whose values alternate between the classes.
    rng = np.random.default_rng(0)
    column = rng.uniform(0, 16, 2600)
    labels = (column.astype(int) % 2).astype(int)
    rows = np.column_stack([column, rng.normal(size=2600)])
    net = DeepNetClassifier(**{**QUICK, "max_iter": 10}).fit(rows, labels)
    assert net.member_weights_.shape == (4,)  # the other half is left out
    assert has_bins(net).all()
    assert net.summary().variants == {"standard": 1.0, "plain": 0.0}
    assert "standard 1.00, plain 0.00 (left out)" in str(net.summary())
    assert net.member_loss_curves_.shape == (4, net.n_iter_)
    assert net.best_iter_.shape == (4,)
    copy = pickle.loads(pickle.dumps(net))
    np.testing.assert_array_equal(copy.predict_proba(rows), net.predict_proba(rows))
    net.partial_fit(rows, labels)
    assert net.member_weights_.shape == (4,)


def test_members_that_are_left_train_on_with_the_folds_that_they_had(monkeypatch):
    held_out = []

    def spy(*args):
        sides = rows_by_member(*args)
        held_out.append(sides[1])
        return sides

    monkeypatch.setattr("skdnn.estimator.folds.rows_by_member", spy)
    rng = np.random.default_rng(0)
    rows = np.column_stack([rng.uniform(0, 16, 2600), rng.normal(size=2600)])
    labels = (rows[:, 0].astype(int) % 2).astype(int)
    net = DeepNetClassifier(**{**QUICK, "max_iter": 10, "n_members": 16}).fit(rows, labels)
    assert net.member_weights_.shape == (8,)
    net.set_params(warm_start=True, max_iter=1).fit(rows, labels)
    assert net.resolved_params_["n_members"] == 16
    assert net.member_weights_.tolist() == [0.125] * 8
    assert has_bins(net).all()
    # With other folds, members would hold out rows that they had trained on.
    for before, now in zip(*held_out, strict=True):
        np.testing.assert_array_equal(now, before)


@pytest.mark.parametrize("sizes", [(), (8,)])
def test_each_half_has_a_temperature_of_its_own(sizes):
    net = fitted(hidden_layer_sizes=sizes, warm_start=True)
    temperature = net.temperature_
    net.temperature_ = 1.0
    raw = np.log(net.predict_proba_members(X_TEST))
    net.temperature_ = temperature
    calibrated = np.log(net.predict_proba_members(X_TEST))
    raw, calibrated = (np.diff(logits, axis=2) for logits in (raw, calibrated))
    np.testing.assert_allclose(raw / calibrated, temperature, rtol=1e-6)
    assert "temperature" in str(net.summary())


def test_a_custom_loss_leaves_bins_as_the_only_difference():
    def loss(logits, targets):
        shifted = logits - logits.max(axis=1, keepdims=True)
        log_proba = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        return -(targets * log_proba).sum(axis=1), np.exp(log_proba) - targets

    net = fitted(loss=loss, warm_start=True)
    np.testing.assert_array_equal(has_bins(net), [True] * 4 + [False] * 4)
    assert fitted(loss=loss, encoder="passthrough").summary().variants == {}


def test_a_mixture_is_no_worse_than_the_halves_on_other_rows(net):
    halves = net.predict_proba_members(X_TEST).reshape(2, 4, -1, 3).mean(axis=1)
    losses = [log_loss(y_test, half) for half in halves]
    assert log_loss(y_test, net.predict_proba(X_TEST)) < max(losses)


def test_more_training_keeps_the_members_and_weights_them_again(net):
    longer = pickle.loads(pickle.dumps(net)).fit(X, y)
    assert longer.member_weights_.shape == (8,)
    np.testing.assert_array_equal(has_bins(longer), has_bins(net))
    assert (longer.member_weights_ != net.member_weights_).all()
    alike = pickle.loads(pickle.dumps(net)).set_params(diverse_members=False).fit(X, y)
    assert list(alike.summary().variants) == ["standard", "plain"]
    np.testing.assert_array_equal(alike.predict_proba(X), longer.predict_proba(X))
    part = pickle.loads(pickle.dumps(net)).partial_fit(X, y)
    np.testing.assert_array_equal(part.member_weights_, net.member_weights_)
    np.testing.assert_array_equal(has_bins(part), has_bins(net))


@pytest.mark.parametrize(
    "kwargs",
    [
        {"diverse_members": False},
        {"n_members": 6},
        {"n_members": 9},
        {"cv": 8, "n_members": "auto"},
        {"solver": "adam"},
        {"early_stopping": False},
        {"encoder": TableEncoder(), "label_smoothing": 0.05},
        {"connectivity": None, "label_smoothing": 0.05},
    ],
)
@pytest.mark.filterwarnings("ignore:Maximum iterations")
def test_members_are_alike_where_half_of_them_cannot_differ(kwargs):
    net = fitted(**kwargs)
    assert net.summary().variants == {}
    assert (net.member_weights_ == net.member_weights_[0]).all()
    assert len(set(has_bins(net))) == 1


def test_members_are_alike_where_folds_would_be_small_or_are_given():
    few = DeepNetClassifier(**QUICK).fit(X[:2500], y[:2500])
    grouped = DeepNetClassifier(**QUICK).fit(X, y, groups=np.arange(2600) % 8)
    assert few.summary().variants == grouped.summary().variants == {}


def test_two_members_differ_where_one_of_40_folds_is_enough():
    rows = np.random.default_rng(0).normal(size=(50_100, 2))
    given = {"hidden_layer_sizes": (4,), "max_iter": 1, "warm_start": True, "random_state": 0}
    net = DeepNetClassifier(**given, store_oof=True).fit(rows, rows[:, 0] > 0)
    np.testing.assert_array_equal(has_bins(net), [True, False])
    # Both hold out the same fold.
    n_held_out = np.isfinite(net.oof_proba_[:, 0]).sum()
    assert abs(n_held_out - 50_100 / 40) <= 1


def test_what_the_user_chooses_holds_for_all_members():
    with_bins = fitted(encoder=TableEncoder(n_bins=4), warm_start=True)
    assert has_bins(with_bins).all()
    assert list(with_bins.summary().variants) == ["standard", "plain"]  # smoothing differs
    smooth = fitted(label_smoothing=0.3, warm_start=True)
    np.testing.assert_array_equal(has_bins(smooth), [True] * 4 + [False] * 4)
    assert smooth.member_loss_curves_[:, -1].min() > 0.3  # the entropy of smoothed labels is .5


def test_validation_rows_of_the_user_weight_the_halves():
    net = DeepNetClassifier(**QUICK, warm_start=True)
    net.fit(X, y, X_val=X_TEST, y_val=y_test)
    np.testing.assert_array_equal(has_bins(net), [True] * 4 + [False] * 4)
    proba = net.predict_proba_members(X_TEST)
    assert proba.shape == (8, 100, 3)
    assert net.member_weights_[0] != net.member_weights_[4]


def test_sparse_rows_have_halves_that_differ_in_smoothing():
    rows = sp.csr_array(np.where(X > 0, X, 0))
    net = DeepNetClassifier(**QUICK).fit(rows, y)
    assert list(net.summary().variants) == ["standard", "plain"]
    assert net.predict_proba(rows).sum() == pytest.approx(2600)


@pytest.mark.parametrize("labels", [y > 0, np.column_stack([y > 0, y > 1]).astype(int)])
def test_two_classes_and_several_labels_have_weights_too(labels):
    net = DeepNetClassifier(**QUICK, warm_start=True).fit(X, labels)
    assert 0 < net.member_weights_[0] != net.member_weights_[4] > 0
    assert net.oof_score_ > 0.3
    proba = np.average(net.predict_proba_members(X), axis=0, weights=net.member_weights_)
    np.testing.assert_allclose(proba, net.predict_proba(X), rtol=1e-12)


def test_threads_do_not_change_a_bit():
    one, two = (fitted(n_jobs=n_jobs).predict_proba(X_TEST) for n_jobs in (1, 2))
    np.testing.assert_array_equal(one, two)


def test_equal_variants_have_equal_weights():
    logits = np.log(np.random.default_rng(0).uniform(size=(1, 50)))
    np.testing.assert_allclose(fit_mixture(np.repeat(logits, 2, axis=0), np.ones(50)), 0.5)
