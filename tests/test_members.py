import pickle

import numpy as np
import pytest
from scipy.special import logit
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris, make_classification
from sklearn.metrics import log_loss
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit, train_test_split

from skdnn import DeepNetClassifier, TableEncoder
from skdnn.core.losses import log_softmax

X, y = load_iris(return_X_y=True)
RNG = np.random.default_rng(0)
QUICK = {"max_iter": 20, "random_state": 0, "hidden_layer_sizes": (16,)}


def test_probabilities_are_the_mean_of_the_members():
    net = DeepNetClassifier(**QUICK).fit(X, y)
    members = net.predict_proba_members(X)
    assert members.shape == (16, 150, 3)
    mean = np.average(members, axis=0, weights=net.member_weights_)
    np.testing.assert_allclose(mean, net.predict_proba(X), rtol=1e-12)
    assert members.std(axis=0).max() > 0.01


def test_shapes_follow_the_number_of_members():
    several = DeepNetClassifier(**QUICK, encoder="passthrough", n_members=3).fit(X, y)
    assert [w.shape for w in several.coefs_] == [(3, 4, 16), (3, 16, 3)]
    assert [b.shape for b in several.intercepts_] == [(3, 16), (3, 3)]
    assert several.best_iter_.shape == (3,)
    assert several.member_loss_curves_.shape == (3, several.n_iter_)
    assert several.member_validation_loss_curves_.shape == (3, several.n_iter_)
    assert len(several.loss_curve_) == len(several.validation_scores_) == several.n_iter_
    single = DeepNetClassifier(**QUICK, encoder="passthrough", n_members=1).fit(X, y)
    assert [w.shape for w in single.coefs_] == [(4, 16), (16, 3)]
    assert [b.shape for b in single.intercepts_] == [(16,), (3,)]
    assert isinstance(single.best_iter_, int)


def test_the_mean_curve_is_the_mean_of_the_members():
    net = DeepNetClassifier(**QUICK, n_members=3, n_iter_no_change=2).fit(X, y)
    np.testing.assert_allclose(net.loss_curve_, np.nanmean(net.member_loss_curves_, axis=0))


def test_the_prediction_is_the_forward_pass_of_the_public_weights():
    net = DeepNetClassifier(**QUICK, n_members=1, early_stopping=False, encoder="passthrough").fit(
        X, y
    )
    hidden = np.maximum(X @ net.coefs_[0].astype(float) + net.intercepts_[0], 0)
    logits = hidden @ net.coefs_[1].astype(float) + net.intercepts_[1]
    np.testing.assert_allclose(net.predict_proba(X), np.exp(log_softmax(logits)), rtol=1e-6)


def test_a_member_does_not_learn_from_the_labels_that_it_holds_out():
    splits = list(KFold(3, shuffle=True, random_state=0).split(X))
    shared = {"cv": splits, "shuffle": False, "init": "he_normal", "max_iter": 1}
    kwargs = {**QUICK, **shared, "encoder": "passthrough", "batch_size": 10, "refit_fraction": 0}
    first = DeepNetClassifier(**kwargs).fit(X, y)
    changed = y.copy()
    changed[splits[0][1]] = 2 - changed[splits[0][1]]
    second = DeepNetClassifier(**kwargs).fit(X, changed)
    np.testing.assert_array_equal(first.coefs_[0][0], second.coefs_[0][0])
    assert (first.coefs_[0][1] != second.coefs_[0][1]).any()


def test_out_of_fold_probabilities_are_those_of_the_member_that_held_the_row_out():
    splits = list(KFold(3).split(X[::-1]))
    net = DeepNetClassifier(**QUICK, cv=splits, store_oof=True, encoder="passthrough")
    net.fit(X, y == 1)
    members = net.predict_proba_members(X)[..., 1]
    for member, (_, held_out) in enumerate(splits):
        ratio = logit(net.oof_proba_[held_out, 1]) / logit(members[member, held_out])
        np.testing.assert_allclose(ratio, ratio[0], rtol=1e-6)  # temperatures apart
    hits = (net.oof_proba_[:, 1] > 0.5) == (y == 1)
    assert net.oof_score_ == pytest.approx(hits.mean())


def test_members_of_many_rows_hold_out_a_fortieth_each():
    many = np.random.default_rng(0).normal(size=(50_040, 2))
    small = {"hidden_layer_sizes": (2,), "max_iter": 1, "diverse_members": False}
    net = DeepNetClassifier(**small, store_oof=True, random_state=0).fit(many, many[:, 0] > 0)
    assert len(net.member_loss_curves_) == 2
    assert np.isfinite(net.oof_proba_[:, 0]).sum() == pytest.approx(2 * 50_040 / 40, abs=2)
    net = DeepNetClassifier(**small, store_oof=True, random_state=0, n_members=3)
    net.fit(many[:50_000], many[:50_000, 0] > 0)
    assert np.isfinite(net.oof_proba_).all()


def test_out_of_fold_probabilities_are_kept_only_on_request():
    assert not hasattr(DeepNetClassifier(**QUICK).fit(X, y), "oof_proba_")
    net = DeepNetClassifier(**QUICK, store_oof=True).fit(X, y)
    assert net.oof_proba_.shape == (150, 3)
    np.testing.assert_allclose(net.oof_proba_.sum(axis=1), 1)


def test_a_missing_out_of_fold_attribute_says_what_sets_it():
    net = DeepNetClassifier(**QUICK).fit(X, y)
    with pytest.raises(AttributeError, match="no 'oof_proba_': fit again with store_oof=True"):
        net.oof_proba_  # noqa: B018
    net.partial_fit(X, y)
    with pytest.raises(AttributeError, match=r"'oof_score_': .*partial_fit"):
        net.oof_score_  # noqa: B018
    with pytest.raises(AttributeError, match="Set early_stopping=True, store_oof=True and n_mem"):
        net.oof_proba_  # noqa: B018
    again = pickle.loads(pickle.dumps(net.fit(X, y)))
    assert again.oof_score_ == net.oof_score_ > 0.5
    assert not hasattr(clone(again), "oof_score_")


def test_one_row_a_class_leaves_none_to_hold_out_and_says_so():
    net = DeepNetClassifier(**QUICK)
    with pytest.warns(UserWarning, match="too few distinct rows"):
        net.fit([[0.0], [1.0], [1.0]], ["a", "b", "b"])
    assert not hasattr(net, "oof_score_")
    assert net.predict([[0.0], [1.0]]).shape == (2,)


def test_the_out_of_fold_score_is_near_the_test_score():
    data = make_classification(3000, 10, n_informative=5, flip_y=0.1, random_state=0)
    train, test, y_train, y_test = train_test_split(*data, random_state=0)
    net = DeepNetClassifier(random_state=0, max_iter=15).fit(train, y_train)
    assert net.oof_score_ == pytest.approx(net.score(test, y_test), abs=0.03)


def test_temperature_calibrates_overconfident_members():
    data = make_classification(800, 20, n_informative=3, flip_y=0.3, random_state=1)
    train, test, y_train, y_test = train_test_split(*data, random_state=0)
    net = DeepNetClassifier(
        random_state=0,
        max_iter=60,
        n_iter_no_change=60,
        tol=0,
        dropout=0,
        n_members=2,
        learning_rate="constant",
        learning_rate_init=0.01,
        encoder=TableEncoder(n_bins=0),
        weight_decay=0,
        label_smoothing=0,
        connectivity=None,
        cv=[(np.arange(300), np.arange(300, 600))] * 2,
    ).fit(train, y_train)
    calibrated = log_loss(y_test, net.predict_proba(test))
    net.temperature_ = 0.5
    assert log_loss(y_test, net.predict_proba(test)) > calibrated


@pytest.mark.parametrize(
    "kwargs",
    [{"n_members": 1, "early_stopping": False}, {"early_stopping": False}],
)
def test_without_held_out_rows_temperature_is_one_and_labels_are_not_smoothed(kwargs):
    net = DeepNetClassifier(**QUICK, **kwargs).fit(X, y)
    assert not hasattr(net, "oof_score_")
    assert net.temperature_ == 1
    assert net.resolved_params_["label_smoothing"] == 0


def test_a_single_network_is_calibrated_on_the_rows_that_it_holds_out():
    digits, labels = load_digits(return_X_y=True)
    train, test, y_train, y_test = train_test_split(digits, labels, random_state=0)
    net = DeepNetClassifier(n_members=1, random_state=0, label_smoothing=0.2).fit(train, y_train)
    assert net.temperature_ < 0.8
    assert not hasattr(net, "oof_score_")
    calibrated = log_loss(y_test, net.predict_proba(test))
    net.temperature_ = 1.0
    assert calibrated < 0.8 * log_loss(y_test, net.predict_proba(test))


def test_a_validation_set_of_ones_own_leaves_all_rows_to_train_on():
    train, valid, y_train, y_valid = train_test_split(X, y, random_state=0, stratify=y)
    net = DeepNetClassifier(**QUICK, n_members=3, batch_size=10)
    net.fit(train, y_train, X_val=valid, y_val=y_valid)
    assert not hasattr(net, "oof_score_")
    single = DeepNetClassifier(**QUICK, n_members=1, label_smoothing=0.0).fit(
        train, y_train, X_val=valid, y_val=y_valid, sample_weight_val=np.ones(len(valid))
    )
    recorded = min(single.validation_loss_curve_)
    single.temperature_ = 1.0
    assert log_loss(y_valid, single.predict_proba(valid)) == pytest.approx(recorded, rel=1e-5)


@pytest.mark.parametrize("scoring", [None, "neg_log_loss"])
def test_weights_of_validation_rows_equal_repeated_ones_in_any_order(scoring):
    rng = np.random.default_rng(0)
    times = rng.integers(0, 4, len(X))
    repeated = rng.permutation(np.repeat(np.arange(len(X)), times))
    net = DeepNetClassifier(**QUICK, n_members=2, scoring=scoring)
    weighted = net.fit(X, y, X_val=X, y_val=y, sample_weight_val=times).predict_proba(X)
    scores = net.validation_scores_
    net.fit(X, y, X_val=X[repeated], y_val=y[repeated])
    np.testing.assert_array_equal(net.predict_proba(X), weighted)
    np.testing.assert_allclose(net.validation_scores_, scores, rtol=1e-12)


def test_a_validation_set_needs_labels():
    with pytest.raises(ValueError, match="X_val and y_val go together"):
        DeepNetClassifier(**QUICK).fit(X, y, X_val=X)


@pytest.mark.parametrize("cv", [KFold(3), 3, list(KFold(3).split(X)), ShuffleSplit(3)])
def test_cv_decides_the_number_of_members(cv):
    net = DeepNetClassifier(**QUICK, cv=cv).fit(X[::-1], y[::-1])
    assert len(net.best_iter_) == 3
    assert 0 < net.oof_score_ <= 1


def test_more_folds_than_rows_are_refused():
    some = np.linspace(0, len(X) - 1, 20).astype(int)
    rows, labels = X[np.r_[some, some[:10]]], y[np.r_[some, some[:10]]]
    assert len(DeepNetClassifier(**QUICK, cv=20).fit(rows, labels).best_iter_) == 20
    with pytest.raises(ValueError, match=r"cv=21 folds.*there are 20"):
        DeepNetClassifier(**QUICK, cv=21).fit(rows, labels)


def test_no_group_is_on_both_sides_of_a_split():
    # Each group has a label of its own that only its rows reveal: an honest score is chance.
    groups = np.repeat(np.arange(40), 10)
    rows = RNG.normal(size=(40, 8))[groups] + RNG.normal(size=(400, 8)) * 1e-3
    labels = RNG.integers(0, 2, 40)[groups]
    leaky = DeepNetClassifier(random_state=0, max_iter=30).fit(rows, labels)
    honest = DeepNetClassifier(random_state=0, max_iter=30).fit(rows, labels, groups=groups)
    splitter = DeepNetClassifier(random_state=0, max_iter=30, cv=GroupKFold(8))
    splitter.fit(rows, labels, groups=groups)
    assert leaky.oof_score_ > 0.95
    assert honest.oof_score_ < 0.8
    assert splitter.oof_score_ == honest.oof_score_


def test_with_fewer_groups_than_members_there_are_as_many_members_as_groups():
    groups = np.arange(len(y)) % 3
    net = DeepNetClassifier(**{**QUICK, "max_iter": 2}, n_members=5, warm_start=True)
    for _ in range(2):  # the second call trains the same members further
        net.fit(X, y, groups=groups)
        assert len(net.member_weights_) == net.resolved_params_["n_members"] == 3


def test_a_split_with_rows_on_both_sides_is_refused():
    with pytest.raises(ValueError, match="must not overlap"):
        DeepNetClassifier(**QUICK, cv=[(np.arange(100), np.arange(50, 150))]).fit(X, y)


@pytest.mark.filterwarnings("ignore:there are too few distinct rows")
@pytest.mark.parametrize("n_rows", [2, 3, 4, 7, 12])
def test_tiny_data_trains(n_rows):
    net = DeepNetClassifier(**QUICK).fit(X[-51 : -51 + n_rows], y[-51 : -51 + n_rows])
    assert np.isfinite(net.predict_proba(X)).all()
    assert len(net.predict_proba_members(X)) == 16


def test_a_class_with_a_single_row_is_always_trained_on():
    rows = np.r_[np.arange(60), 120]
    net = DeepNetClassifier(**QUICK, store_oof=True).fit(X[rows], y[rows])
    assert np.isnan(net.oof_proba_[-1]).all()
    assert np.isfinite(net.oof_proba_[:-1]).all()


def test_early_stopping_puts_the_best_epoch_back():
    net = DeepNetClassifier(n_members=1, random_state=0, max_iter=150, dropout=0).fit(X, y)
    assert net.best_iter_ - 1 == np.argmin(net.validation_loss_curve_)
    assert 1 < net.best_iter_ <= net.n_iter_


def test_wide_tables_do_not_end_at_the_class_frequencies():
    rows, labels = make_classification(1200, 500, n_informative=20, n_redundant=0, random_state=0)
    net = DeepNetClassifier((32, 32), n_members=4, random_state=0).fit(rows[:200], labels[:200])
    # Overconfident networks are worse than the frequencies until the temperature is fitted.
    assert net.score(rows[200:], labels[200:]) > 0.6
    assert log_loss(labels[200:], net.predict_proba(rows[200:])) < 0.67
    assert net.temperature_ > 1.5
