"""Rows to train on, and who sees what."""

import warnings
from numbers import Integral
from typing import NamedTuple

import numpy as np
from sklearn.model_selection import GroupKFold, GroupShuffleSplit
from sklearn.utils.validation import check_consistent_length

from skdnn.core.batches import Data
from skdnn.core.training import Split
from skdnn.distinct import DistinctRows, distinct_rows
from skdnn.folds import rows_by_member, splits_as_roles, stratified_folds, stratified_holdout
from skdnn.labels import class_weight_factors, refuse_gaps, weights_by_class
from skdnn.outcome import CALLER
from skdnn.parameters import count_folds, count_members
from skdnn.reading import Table, as_data, encode, has_level_statistics, in_container_of, read_table
from skdnn.statistics import Labelled


class Prepared(NamedTuple):
    """Rows to train on, encoded. They stay where they are: a copy would double the memory.

    Attributes
    ----------
    data : Data
        All rows of the table; those that are not ``distinct.rows`` have a weight of 0.
    distinct : DistinctRows
    roles : ndarray of shape (n_rows, n_splits) or None
        Who trains on (1) or holds out (2) each row, where ``cv`` says so.
    """

    data: Data
    distinct: DistinctRows
    roles: np.ndarray | None

    @property
    def rows(self):
        """The distinct rows, in an order that depends on their content only."""
        return self.distinct.rows

    def count(self, member_rows):
        """Return how many rows of the table the largest member's distinct rows stand for."""
        times = np.bincount(self.distinct.first)
        return max(int(times[rows].sum()) for rows in member_rows)

    @property
    def fingerprint(self):
        """A number that identifies the distinct rows and their weights."""
        return self.distinct.fingerprint


class Task(NamedTuple):
    """What to train on.

    Attributes
    ----------
    prepared : Prepared
    split : Split
    holds_out : bool
        Whether members are validated on rows of ``prepared`` that they do not train on.
    valid_table : Table or None
        The rows that members are validated on, as they came, perhaps with others.
    valid_distinct : DistinctRows or None
        The distinct ones of ``valid_table``.
    """

    prepared: Prepared
    split: Split
    holds_out: bool
    valid_table: Table | None = None
    valid_distinct: DistinctRows | None = None


class Validation(NamedTuple):
    """Rows of the user's to validate on: as they came, encoded, and the distinct ones."""

    table: Table
    data: Data
    distinct: DistinctRows


def prepare(estimator, table, labels, roles=None, learns=True):
    """Encode a table and find its equal rows.

    Parameters
    ----------
    estimator : DeepNetClassifier
        With its encoder fitted.
    table : Table
    labels : Labels
    roles : ndarray of shape (n_rows, n_splits), optional
        Rows with different roles are not merged.
    learns : bool, default=True
        Whether to learn from these rows what levels say about y.

    Returns
    -------
    Prepared
    """
    encoder = estimator.encoder_
    learns = learns and has_level_statistics(encoder)
    encoded = encode(encoder, table.X, estimator._dtype, estimator, in_training=learns)
    targets = labels.targets(table.y)
    factors = class_weight_factors(estimator.class_weight, labels, table.y, table.weights)
    weights = weights_by_class(table.weights, factors, targets)
    codes = encoder.level_codes(table.X) if learns else None
    keys = [part for part in (targets, codes, roles) if part is not None]
    keys = np.hstack(keys) if len(keys) > 1 else targets
    distinct = distinct_rows(encoded, keys, weights, by_content=estimator.shuffle)
    if learns:
        rng = np.random.default_rng(estimator._seed)
        weights = distinct.weights / distinct.weights[distinct.rows].mean()
        labelled = Labelled(codes, targets[:, 0], len(labels.classes), weights)
        encoder.learn_numbers(labelled, encoded, distinct.rows, rng)
    data = as_data(encoded, targets, distinct.weights, distinct.rows)
    return Prepared(data, distinct, roles)


def read_validation(estimator, trained, X, y, sample_weight):
    """Return the Validation rows; None without X.

    Class weights are those of the table that is ``trained`` on.

    Raises
    ------
    ValueError
        If there are rows without labels, or labels or weights without rows.
    """
    if (X is None) != (y is None) or (X is None and sample_weight is not None):
        raise ValueError("X_val and y_val go together, and sample_weight_val goes with both.")
    if X is None:
        return None
    labels = estimator._labels
    factors = class_weight_factors(estimator.class_weight, labels, trained.y, trained.weights)
    table = read_table(estimator, X, y, sample_weight, reset=False)
    targets = labels.targets(table.y)
    weights = weights_by_class(table.weights, factors, targets)
    encoded = encode(estimator.encoder_, table.X, estimator._dtype, estimator)
    distinct = distinct_rows(encoded, targets, weights, by_content=estimator.shuffle)
    return Validation(table, as_data(encoded, targets, distinct.weights), distinct)


def roles_from_cv(estimator, table, groups):
    """Return who trains on and holds out each row of the table, or None for own folds.

    Raises
    ------
    ValueError
        If ``cv`` or ``groups`` do not fit the rows.
    """
    cv = estimator.cv
    if not estimator.early_stopping or (cv is None and groups is None):
        return None
    if groups is not None:
        groups = _check_groups(groups)
        check_consistent_length(table.kept, groups)
        groups = groups[table.kept]
    if cv is None or isinstance(cv, Integral):
        if groups is None:
            return None
        cv = _split_by_groups(estimator, groups)
    if hasattr(cv, "split"):
        return splits_as_roles(list(cv.split(table.X, table.y, groups)), len(table.y))
    roles = splits_as_roles(list(cv), len(table.kept))[table.kept]
    if not ((roles == 1).any(axis=0) & (roles == 2).any(axis=0)).all():
        raise ValueError("a split of cv has no training or no test row of positive weight.")
    return roles


def _check_groups(groups):
    """Return groups as an array of one value a row."""
    values = np.asarray(groups)
    if values.ndim != 1 and values.shape[1:] != (1,):
        raise ValueError(f"groups must be one value a row, but it has the shape {values.shape}.")
    refuse_gaps(values, "groups", "a group. Give each row without one a group of its own.")
    return values.ravel()


def _split_by_groups(estimator, groups):
    n_groups = len(np.unique(groups))
    if n_groups < 2:
        raise ValueError("groups names 1 group; at least 2 are needed to hold one out.")
    n_folds = estimator.cv or count_members(estimator)
    if n_folds == 1:
        return GroupShuffleSplit(
            1, test_size=estimator.validation_fraction, random_state=estimator._seed
        )
    return GroupKFold(min(n_folds, n_groups))


def count_splits(estimator, prepared, validates_on_own_rows):
    """Return the number of members: the number of splits where ``cv`` is used.

    Raises
    ------
    ValueError
        If ``cv`` is a number of folds that the rows do not suffice for.
    """
    n_rows = len(prepared.rows)
    if prepared.roles is not None:
        return prepared.roles.shape[1]
    if validates_on_own_rows and isinstance(estimator.cv, Integral):
        if estimator.cv > n_rows:
            raise ValueError(
                f"cv={estimator.cv} folds need as many distinct rows, but there are {n_rows}; "
                "choose fewer folds."
            )
        return estimator.cv
    return count_members(estimator, n_rows)


def make_task(estimator, table, validation, groups):
    """Prepare the rows and decide who sees what.

    Parameters
    ----------
    estimator : DeepNetClassifier
        With its encoder fitted.
    table : Table
    validation : tuple
        X, y and weights of rows to validate on, each perhaps None.
    groups : array-like or None

    Returns
    -------
    Task
    """
    roles = roles_from_cv(estimator, table, groups) if validation[0] is None else None
    prepared = prepare(estimator, table, estimator._labels, roles)
    validation = read_validation(estimator, table, *validation)
    holds_out = estimator.early_stopping and validation is None
    n_members = count_splits(estimator, prepared, holds_out)
    everything = [prepared.rows] * n_members
    if validation is not None:
        valid_data = in_container_of(prepared.data, validation.data)
        valid_rows = [validation.distinct.rows] * n_members
        split = Split(prepared.data, everything, valid_data, valid_rows)
        return Task(prepared, split, False, validation.table, validation.distinct)
    held_out = _held_out(estimator, prepared, n_members) if holds_out else None
    if held_out is None:
        return Task(prepared, Split(prepared.data, everything), False)
    split = Split(prepared.data, held_out[0], prepared.data, held_out[1])
    return Task(prepared, split, True, table, prepared.distinct)


def make_epoch(estimator, table, n_members, learns):
    """Return the Task of an epoch of ``partial_fit``: all members see all rows."""
    prepared = prepare(estimator, table, estimator._labels, learns=learns)
    return Task(prepared, Split(prepared.data, [prepared.rows] * n_members), False)


def _held_out(estimator, prepared, n_members):
    """Return rows to train on and to validate on, or None if nothing can be held out."""
    rows = prepared.rows
    if prepared.roles is not None:
        return [[rows[role == side] for role in prepared.roles[rows].T] for side in (1, 2)]
    strata = estimator._labels.strata(prepared.data.targets[rows])
    rng = np.random.default_rng(estimator._seed)
    if n_members == 1:
        fold_of = stratified_holdout(strata, estimator.validation_fraction, rng)
    else:
        fold_of = stratified_folds(strata, count_folds(n_members, len(rows)), rng)
    if fold_of.max() < 0:
        warnings.warn(
            "there are too few distinct rows of a class to hold any out: all are trained on, for "
            "up to max_iter epochs, and nothing calibrates the probabilities.",
            UserWarning,
            stacklevel=CALLER,
        )
        return None
    return rows_by_member(rows, fold_of, n_members)
