"""Folds: the rows that each member trains on, and those that it holds out."""

from numbers import Integral

import numpy as np
from sklearn.model_selection import GroupKFold, GroupShuffleSplit
from sklearn.utils.validation import check_consistent_length

from skdnn.estimator.auto_parameters import count_folds, count_members
from skdnn.tabular.missing_checks import refuse_missing
from skdnn.tabular.user_warnings import about, warn_user


def stratified_folds(strata, n_folds, rng):
    """Return the fold of each row, stratified, from 0 to ``n_folds - 1``, or -1.

    The sizes of folds, and their numbers of rows of each stratum, differ by at most one. A single
    row of a stratum is in no fold, so that all members train on it. ``strata`` has the stratum
    (class) of each row, from 0; the Generator ``rng`` shuffles rows.
    """
    strata = _small(strata)
    fold_of = np.full(len(strata), -1)
    order = _shuffled_by_stratum(strata, rng)
    can_spare = np.bincount(strata) > 1
    order = order[can_spare[strata[order]]]
    fold_of[order] = np.arange(len(order)) % n_folds
    return fold_of


def stratified_holdout(strata, fraction, rng):
    """Return 0 for held-out rows, stratified, and -1 for all others.

    A fraction of each stratum is held out; at least one of its rows is trained on. ``strata`` is as
    for :func:`stratified_folds`.
    """
    strata = _small(strata)
    counts = np.bincount(strata)
    # Round the cumulated numbers, not those of each stratum, to keep the fraction of the total.
    totals = np.floor(fraction * np.cumsum(counts) + 0.5).astype(np.intp)
    wanted = np.minimum(np.diff(totals, prepend=0), np.maximum(counts - 1, 0))
    if wanted.sum() == 0 and counts.max() > 1:
        wanted[counts.argmax()] = 1
    order = _shuffled_by_stratum(strata, rng)
    starts = np.cumsum(counts) - counts
    chosen = [order[start : start + n] for start, n in zip(starts, wanted, strict=True)]
    fold_of = np.full(len(strata), -1)
    fold_of[np.concatenate(chosen)] = 0
    return fold_of


def _small(strata):
    # Small integer types are sorted by counting, which is several times faster.
    return strata.astype(np.min_scalar_type(strata.max()))


def _shuffled_by_stratum(strata, rng):
    """Return row numbers, sorted by stratum and in random order within each."""
    order = rng.permutation(len(strata))
    return order[np.argsort(strata[order], kind="stable")]


def rows_by_member(rows, fold_of, n_members):
    """Return the rows that each member trains on, and those that it holds out, as two lists.

    ``fold_of`` has the fold of each of the ``rows``; all members train on those of fold -1. If
    there are fewer folds than members, several members hold out the same fold.
    """
    n_folds = fold_of.max() + 1
    held_out = [rows[fold_of == member % n_folds] for member in range(n_members)]
    trained = [rows[fold_of != member % n_folds] for member in range(n_members)]
    return trained, held_out


def splits_as_roles(splits, n_rows):
    """Return the role of each row in each split, shape (n_rows, n_splits).

    It is 1 for train, 2 for test, 0 for neither. ``splits`` is a list of (train, test) index
    arrays.
    """
    if not splits:
        raise ValueError("cv gives no splits; at least one is needed.")
    roles = np.zeros((n_rows, len(splits)), np.int8)
    for number, split in enumerate(splits):
        train, test = _as_rows(split, number, n_rows)
        roles[train, number] = 1
        if len(train) == 0 or len(test) == 0 or (roles[test, number] == 1).any():
            raise ValueError(
                f"split {number} of cv has {len(train)} training and {len(test)} test rows; there "
                "must be at least one of each, and they must not overlap."
            )
        roles[test, number] = 2
    return roles


def _as_rows(split, number, n_rows):
    with about(f"split {number} of cv must be (train, test), row numbers below {n_rows}"):
        train, test = map(np.asarray, split)
        # NumPy makes an empty list an array of floats, which are not valid indices.
        return [np.arange(n_rows)[rows if rows.size else []] for rows in (train, test)]


def roles_from_cv(settings, seed, samples, groups):
    """Return the role of each row in each split of ``cv``, or None for stratified folds."""
    cv, groups = settings.cv, None if groups is None else _check_groups(groups, samples.kept)
    if cv is None or isinstance(cv, Integral):
        if groups is None:
            return None
        cv = _split_by_groups(settings, seed, groups)
    if hasattr(cv, "split"):
        return splits_as_roles(list(cv.split(samples.X, samples.y, groups)), len(samples.y))
    if hasattr(cv, "__next__"):
        raise ValueError(
            "cv is an iterator, which can be used once, but each fit and each copy of the "
            "estimator needs the splits. Pass a list: cv=list(splits)."
        )
    roles = splits_as_roles(list(cv), len(samples.kept))[samples.kept]
    if not ((roles == 1).any(axis=0) & (roles == 2).any(axis=0)).all():
        raise ValueError("a split of cv has no training or no test row of positive weight.")
    return roles


def _check_groups(groups, kept):
    """Return groups as an array of one value for each row that is kept."""
    with about("groups must have one value a row"):
        values = np.asarray(groups)
    if values.ndim != 1 and values.shape[1:] != (1,):
        raise ValueError(f"groups must have one value a row, but its shape is {values.shape}.")
    refuse_missing(values, "groups", "give each row without a group a group of its own.")
    check_consistent_length(kept, values)
    return values.ravel()[kept]


def _split_by_groups(settings, seed, groups):
    if (n_groups := len(np.unique(groups))) < 2:
        raise ValueError("groups names 1 group; at least 2 are needed, to hold one out.")
    n_folds = settings.cv or count_members(settings)
    if n_folds == 1:
        return GroupShuffleSplit(1, test_size=settings.validation_fraction, random_state=seed)
    return GroupKFold(min(n_folds, n_groups))


def count_splits(settings, prepared, holds_out):
    """Return the number of members: the number of splits where ``cv`` is used.

    ``holds_out`` tells whether members hold out some of the rows.
    """
    n_rows = len(prepared.merged.rows)
    if prepared.roles is not None:
        return prepared.roles.shape[1]
    if not (holds_out and isinstance(settings.cv, Integral)):
        # More rows may follow the first call of partial_fit.
        known = None if settings.is_part else n_rows
        return count_members(settings, known, prepared.expansion.n_outputs_without_bins)
    if settings.cv > n_rows:
        raise ValueError(
            f"cv={settings.cv} folds need as many distinct rows; there are {n_rows}: choose fewer."
        )
    return settings.cv


def rows_by_side(settings, schema, prepared, n_members, n_variants):
    """Return each member's training rows and held-out rows, or None if there are too few rows.

    The members of each variant hold out the same folds.
    """
    rows = prepared.merged.rows
    if prepared.roles is not None:
        return [[rows[role == side] for role in prepared.roles[rows].T] for side in (1, 2)]
    strata = schema.labels.strata(prepared.data.targets[rows])
    rng = np.random.default_rng(schema.seed)
    if n_members == 1:
        fold_of = stratified_holdout(strata, settings.validation_fraction, rng)
    else:
        n_folds = count_folds(n_members // n_variants, len(rows))
        fold_of = stratified_folds(strata, n_folds, rng)
    if fold_of.max() < 0:
        warn_user(
            "there are too few distinct rows of a class to hold any out: members train on all rows "
            "for up to max_iter epochs, and the probabilities are not calibrated."
        )
        return None
    sides = rows_by_member(rows, fold_of, n_members // n_variants)
    return [of_variant * n_variants for of_variant in sides]
