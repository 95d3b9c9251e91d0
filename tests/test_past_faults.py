"""Faults that review found, each as a sentence that is true now."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.model_selection import GroupShuffleSplit
from sklearn.preprocessing import OneHotEncoder
from threadpoolctl import threadpool_limits

from skdnn import DeepNetClassifier, TableEncoder

X, y = load_iris(return_X_y=True)
SEVERAL = 1 - np.eye(3, dtype=int)[y]
DAY = datetime.date


def quick(**kwargs):
    return DeepNetClassifier(
        **{"hidden_layer_sizes": (8,), "max_iter": 3, "n_members": 2, "random_state": 0, **kwargs}
    )


@pytest.mark.parametrize(
    "cells",
    [
        [True, False, "unknown"],
        [DAY(2020, 1, 1), DAY(2020, 2, 1), "unknown"],
        [Decimal("1.5"), Decimal("2.5"), "unknown"],
        [2**53, 2**53 + 1, "unknown"],
        [datetime.timedelta(1), datetime.timedelta(2), "unknown"],
        [True, 2, DAY(2020, 1, 1)],
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:Columns of strings")
def test_a_row_alone_is_encoded_as_it_is_among_others(cells):
    frame = pd.DataFrame({"c": pd.Series(cells * 20, dtype=object)})
    encoder = TableEncoder().fit(frame)
    together = encoder.transform(frame)
    assert len(np.unique(together, axis=0)) == 3
    for row in range(3):
        np.testing.assert_array_equal(encoder.transform(frame[row : row + 1]), together[[row]])


def test_multilabel_y_holds_zeros_and_ones():
    for wrong in (SEVERAL * 2 - 1, SEVERAL * 2):
        with pytest.raises(ValueError, match="must hold only 0 and 1"):
            quick().fit(X, wrong)


def test_one_label_a_row_and_several_are_not_mixed_up():
    for first, second in ((y, SEVERAL), (SEVERAL, y)):
        with pytest.raises(ValueError, match=r"classes|labels? a row"):
            quick().fit(X, first).partial_fit(X, second)
        with pytest.raises(ValueError, match=r"classes|labels? a row"):
            quick(warm_start=True).fit(X, first).fit(X, second)
        with pytest.raises(ValueError, match="a row"):
            quick().fit(X, first, X_val=X, y_val=second)


@pytest.mark.parametrize("weight", [-1, np.nan, None, np.inf, "a", 0])
def test_class_weights_are_positive_and_finite(weight):
    with pytest.raises(ValueError, match="class_weight must be positive and finite"):
        quick(class_weight={0: weight}).fit(X, y)


def test_balanced_weights_are_those_of_the_training_rows_also_in_validation():
    # With the training factors the rare class weighs 9 times as much in both.
    rare = np.r_[np.zeros(90, int), np.ones(10, int)]
    rows = np.random.default_rng(0).normal(size=(100, 3))
    half = np.r_[0:10, 90:100]
    by_name = quick(class_weight="balanced", n_members=1)
    by_dict = quick(class_weight={0: 100 / 180, 1: 100 / 20}, n_members=1)
    for net in (by_name, by_dict):
        net.fit(rows, rare, X_val=rows[half], y_val=rare[half])
    assert by_name.validation_loss_curve_ == pytest.approx(by_dict.validation_loss_curve_)


@pytest.mark.filterwarnings("ignore:Maximum iterations")
def test_another_solver_goes_on_from_the_same_weights_without_the_memory():
    net = quick(warm_start=True, solver="sgd").fit(X, y)
    assert net.set_params(solver="adam").fit(X, y).n_iter_ == 3
    assert net.set_params(solver="sgd").partial_fit(X, y).n_iter_ == 4
    assert len(net.loss_curve_) == 7


def test_adam_starts_its_correction_anew_after_fit():
    # A first step of Adam is one rate long in every direction that has a gradient.
    net = quick(solver="adam", learning_rate_init=1e-3, shuffle=False, batch_size=150, n_members=1)
    net.set_params(encoder="passthrough", early_stopping=False, max_iter=50, tol=0).fit(X, y)
    before = net.coefs_[0].copy()
    net.partial_fit(X, y)
    assert np.abs(net.coefs_[0] - before).max() == pytest.approx(1e-3, rel=0.02)


def test_training_without_folds_first_leaves_no_honest_out_of_fold_score():
    net = quick(warm_start=True, early_stopping=False).fit(X, y)
    assert not hasattr(net.set_params(early_stopping=True).fit(X, y), "oof_score_")


def test_the_threads_of_the_caller_cannot_be_seen_in_the_temperature():
    rng = np.random.default_rng(0)
    rows, labels = rng.normal(size=(1600, 784)), rng.integers(0, 3, 1600)
    found = []
    for limit in (1, 2):
        with threadpool_limits(limit):
            found.append(quick(max_iter=1, store_oof=True).fit(rows, labels))
    assert found[0].temperature_ == found[1].temperature_
    np.testing.assert_array_equal(found[0].oof_proba_, found[1].oof_proba_)


def test_warm_start_refuses_reordered_columns():
    frame = pd.DataFrame(X, columns=list("abcd"))
    net = quick(warm_start=True, encoder="passthrough").fit(frame, y)
    with pytest.raises(ValueError, match="feature names should match"):
        net.fit(frame[["b", "a", "c", "d"]], y)


def test_warm_start_refuses_other_widths_even_of_as_many_parameters():
    rows, labels = load_breast_cancer(return_X_y=True)
    kwargs = {"warm_start": True, "encoder": "passthrough", "learning_rate_init": 1e-6}
    net = quick(hidden_layer_sizes=(1, 5), **kwargs).fit(rows[:, :10], labels)
    with pytest.raises(ValueError, match="widths"):
        net.set_params(hidden_layer_sizes=(2, 1)).fit(rows[:, :10], labels)


@pytest.mark.parametrize("weight", [1e306, 1e-300])
def test_the_size_of_weights_does_not_matter(weight):
    plain = quick().fit(X, y)
    weighted = quick().fit(X, y, sample_weight=np.full(150, weight))
    np.testing.assert_allclose(weighted.predict_proba(X), plain.predict_proba(X), atol=1e-5)


def test_divergence_ends_near_the_last_good_parameters():
    net = quick(
        solver="gd", learning_rate_init=1e30, max_iter=60, encoder="passthrough", tol=0,
        n_members=1, early_stopping=False,
    )  # fmt: skip
    with pytest.warns(UserWarning, match="diverged"):
        net.fit(X, y)
    assert np.abs(net.coefs_[0]).max() < 1e3


@pytest.mark.parametrize("cv", [np.int64(3), 3])
def test_cv_may_be_any_whole_number(cv):
    assert len(quick(cv=cv).fit(X, y).best_iter_) == 3


@pytest.mark.parametrize(
    "cv", [[], [1, 2], ["x", "y"], [([0], [1], [2])], [(np.arange(100), [900])]], ids=str
)
def test_splits_that_make_no_sense_are_refused_by_name(cv):
    with pytest.raises((ValueError, TypeError), match="cv"):
        quick(cv=cv).fit(X, y)


def test_groups_are_checked_and_a_single_network_holds_out_whole_ones():
    groups = np.arange(150) // 10
    for wrong, message in (([1, 2], "inconsistent"), (np.ones(150), "1 group")):
        with pytest.raises(ValueError, match=message):
            quick().fit(X, y, groups=wrong)
    ours = quick(n_members=1, validation_fraction=0.2).fit(X, y, groups=groups)
    seed = ours._fitted.schema.seed
    (split,) = GroupShuffleSplit(1, test_size=0.2, random_state=seed).split(X, y, groups)
    theirs = quick(n_members=1, cv=[split]).fit(X, y)
    assert ours.validation_loss_curve_ == theirs.validation_loss_curve_


def test_validation_rows_may_be_sparse_where_training_rows_are_dense():
    net = quick(encoder="passthrough", n_members=1)
    dense = net.fit(X, y, X_val=X, y_val=y).validation_loss_curve_
    assert net.fit(X, y, X_val=csr_array(X), y_val=y).validation_loss_curve_ == dense


def test_validation_rows_are_sparse_if_the_encoder_makes_them_so():
    net = quick(encoder=OneHotEncoder(handle_unknown="ignore"), n_members=1)
    net.fit(X, y, X_val=X, y_val=y)
    assert len(net.validation_loss_curve_) == net.n_iter_


def test_weights_without_validation_rows_are_refused():
    with pytest.raises(ValueError, match="sample_weight_val goes with both"):
        quick().fit(X, y, sample_weight_val=np.ones(150))


def test_starting_weights_are_finite_numbers():
    for wrong in (np.full((4, 8), np.nan), np.full((4, 8), 1j), np.full((4, 8), -1e300)):
        with pytest.raises(ValueError, match=r"coefs_init\[0\] must hold finite numbers"):
            quick(coefs_init=[wrong, np.zeros((8, 3))]).fit(X, y)


def test_later_calls_of_partial_fit_cannot_change_the_classes():
    net = quick().partial_fit(X[:100], y[:100], classes=[0, 1])
    with pytest.raises(ValueError, match="classes"):
        net.partial_fit(X, y, classes=[0, 1, 2])


class EncodesToo(TransformerMixin, BaseEstimator):
    """A transformer with a method of its own that happens to be called encode."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return X

    def encode(self, X):
        return X * 0


def test_a_transformer_of_ones_own_is_asked_to_transform_only():
    ours = quick(encoder=EncodesToo()).fit(X, y)
    plain = quick(encoder="passthrough").fit(X, y)
    np.testing.assert_array_equal(ours.predict_proba(X), plain.predict_proba(X))
