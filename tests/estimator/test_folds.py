import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.model_selection import GroupKFold, ShuffleSplit, StratifiedKFold

from skdnn import DeepNetClassifier
from skdnn.estimator.folds import (
    rows_by_member,
    splits_as_roles,
    stratified_folds,
    stratified_holdout,
)

seeds = st.integers(0, 2**32 - 1)
classes = st.lists(st.integers(0, 4), min_size=1, max_size=60).map(np.array)


@given(strata=classes, n_folds=st.integers(2, 8), seed=seeds)
def test_folds_and_their_shares_of_each_class_differ_by_at_most_one_row(strata, n_folds, seed):
    fold_of = stratified_folds(strata, n_folds, np.random.default_rng(seed))
    dealt = fold_of >= 0
    assert np.ptp(np.bincount(fold_of[dealt], minlength=n_folds)) <= 1
    for stratum in np.unique(strata):
        own = fold_of[strata == stratum]
        if len(own) == 1:
            assert own[0] == -1
        else:
            assert (own >= 0).all()
            counts = np.bincount(own, minlength=n_folds)
            assert len(counts) == n_folds
            assert np.ptp(counts) <= 1


@given(strata=classes, fraction=st.floats(0.01, 0.99), seed=seeds)
def test_a_holdout_takes_its_share_of_each_class_and_leaves_a_row_to_train_on(
    strata, fraction, seed
):
    fold_of = stratified_holdout(strata, fraction, np.random.default_rng(seed))
    assert set(fold_of) <= {-1, 0}
    counts = np.bincount(strata)
    held_out = np.bincount(strata[fold_of == 0], minlength=len(counts))
    assert (held_out <= np.maximum(counts - 1, 0)).all()
    assert (held_out <= fraction * counts + 1).all()
    can_give = held_out < counts - 1
    assert (held_out[can_give] >= fraction * counts[can_give] - 1).all()
    assert held_out.sum() >= (counts.max() > 1)


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5])
def test_a_holdout_is_its_share_of_the_whole_even_if_classes_are_small(fraction):
    # 100 classes of 3 rows: rounding each on its own would give 0 or 100 rows.
    strata = np.repeat(np.arange(100), 3)
    fold_of = stratified_holdout(strata, fraction, np.random.default_rng(0))
    assert (fold_of == 0).sum() == round(300 * fraction)


@pytest.mark.parametrize(
    "choose",
    [
        lambda strata, rng: stratified_folds(strata, 4, rng),
        lambda strata, rng: stratified_holdout(strata, 0.25, rng),
    ],
)
def test_every_row_of_a_class_is_as_likely_to_be_held_out_as_any_other(choose):
    strata = np.array([0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1])
    held_out = [choose(strata, np.random.default_rng(seed)) == 0 for seed in range(1000)]
    for stratum in (0, 1):
        shares = np.mean(held_out, axis=0)[strata == stratum]
        # Five standard errors of a share of 1,000 draws.
        np.testing.assert_allclose(shares, shares.mean(), atol=5 * np.sqrt(0.25 / 1000))
    np.testing.assert_array_equal(
        choose(strata, np.random.default_rng(1)), choose(strata, np.random.default_rng(1))
    )


@given(strata=classes, n_folds=st.integers(2, 8), seed=seeds)
def test_each_row_is_held_out_by_one_member_and_trained_on_by_all_others(strata, n_folds, seed):
    fold_of = stratified_folds(strata, n_folds, np.random.default_rng(seed))
    if fold_of.max() < 0:
        return
    names = np.random.default_rng(seed).permutation(1000)[: len(strata)]
    n_members = fold_of.max() + 1
    trained, held_out = rows_by_member(names, fold_of, n_members)
    assert len(trained) == len(held_out) == n_members
    np.testing.assert_array_equal(np.sort(np.concatenate(held_out)), np.sort(names[fold_of >= 0]))
    for train, test in zip(trained, held_out, strict=True):
        np.testing.assert_array_equal(np.sort(np.append(train, test)), np.sort(names))


def test_member_k_holds_out_fold_k_and_members_take_turns():
    trained, held_out = rows_by_member(np.array([7, 5, 9, 2]), np.array([1, 0, -1, 1]), 3)
    assert [rows.tolist() for rows in held_out] == [[5], [7, 2], [5]]
    assert [rows.tolist() for rows in trained] == [[7, 9, 2], [5, 9], [7, 9, 2]]


ROWS = np.zeros((12, 1))


@pytest.mark.parametrize(
    "splits",
    [
        list(GroupKFold(3).split(ROWS, groups=np.arange(12) // 2)),
        list(ShuffleSplit(4, test_size=3, train_size=5, random_state=0).split(ROWS)),
    ],
    ids=["every row", "some rows"],
)
def test_roles_tell_who_trains_on_and_holds_out_each_row(splits):
    roles = splits_as_roles(splits, 12)
    assert roles.shape == (12, len(splits))
    for number, (train, test) in enumerate(splits):
        np.testing.assert_array_equal(np.flatnonzero(roles[:, number] == 1), np.sort(train))
        np.testing.assert_array_equal(np.flatnonzero(roles[:, number] == 2), np.sort(test))


@pytest.mark.parametrize(
    "bad", [([], [1]), ([1], []), ([0, 1], [1, 2])], ids=["no train", "no test", "overlap"]
)
def test_a_split_that_cannot_be_used_is_refused_by_its_number(bad):
    good = ([0, 1], [2])
    arrays = tuple(np.array(rows, int) for rows in bad)
    for split in (bad, arrays):
        with pytest.raises(ValueError, match=r"split 1 of cv has .* must not overlap"):
            splits_as_roles([good, split], 3)


@pytest.mark.parametrize("kind", ["a splitter's", "generator", "iter", "map"])
def test_splits_that_can_be_read_once_are_refused(kind):
    X, y = load_iris(return_X_y=True)
    splits = list(StratifiedKFold(3).split(X, y))
    once = {
        "a splitter's": StratifiedKFold(3).split(X, y),
        "generator": (split for split in splits),
        "iter": iter(splits),
        "map": map(tuple, splits),
    }
    net = DeepNetClassifier((4,), max_iter=2, cv=once[kind])
    with pytest.raises(ValueError, match=r"cv is an iterator.*once.*Pass a list: cv=list"):
        net.fit(X, y)
    with pytest.raises(ValueError, match="cv is an iterator"):
        net.fit(X, y)
    net.set_params(cv=splits)
    np.testing.assert_array_equal(net.fit(X, y).classes_, clone(net).fit(X, y).classes_)
