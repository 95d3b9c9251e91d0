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
from skdnn.labels import class_weight_factors, refuse_gaps
from skdnn.outcome import CALLER
from skdnn.parameters import count_folds, count_members
from skdnn.reading import Table, as_rows, encode, has_level_statistics, in_container_of
from skdnn.state import Basis
from skdnn.statistics import Labelled


class Prepared(NamedTuple):
    """Rows, encoded. They stay where they are: a copy would double the memory.

    Attributes
    ----------
    table : Table
        The rows as they came.
    data : Data
        All rows of the table; those that are not ``distinct.rows`` have a weight of 0.
    distinct : DistinctRows
    roles : ndarray of shape (n_rows, n_splits) or None
        Who trains on (1) or holds out (2) each row, where ``cv`` says so.
    """

    table: Table
    data: Data
    distinct: DistinctRows
    roles: np.ndarray | None = None

    def count(self, member_rows):
        """Return how many rows of the table the largest member's distinct rows stand for."""
        times = np.bincount(self.distinct.first)
        return max(int(times[rows].sum()) for rows in member_rows)


class Task(NamedTuple):
    """What to train on.

    Attributes
    ----------
    basis : Basis
        With what the encoder has learnt of these rows.
    prepared : Prepared
    split : Split
    valid : Prepared or None
        Where the rows are that members are validated on: ``prepared`` if each holds out some.
    keeps_best : bool
        Whether these rows choose the epoch whose parameters are kept, and the temperature.
    """

    basis: Basis
    prepared: Prepared
    split: Split
    valid: Prepared | None = None
    keeps_best: bool = False

    @property
    def holds_out(self):
        """Whether members are validated on rows of ``prepared`` that they do not train on."""
        return self.valid is self.prepared

    @property
    def n_members(self):
        """Networks to train."""
        return len(self.split.train_rows)

    @property
    def encoded(self):
        """All rows, encoded."""
        return self.prepared.data.rows.array


def prepare(settings, basis, table, trained=None, roles=None, learns=True):
    """Encode a table and find its equal rows.

    Parameters
    ----------
    settings : SimpleNamespace
        The parameters of the estimator.
    basis : Basis
    table : Table
    trained : Table, optional
        The rows that are trained on, whose class weights count, if these are not.
    roles : ndarray of shape (n_rows, n_splits), optional
        Rows with different roles are not merged.
    learns : bool, default=True
        Whether to learn target statistics from these rows, if the encoder has any.

    Returns
    -------
    basis : Basis
        With the encoder that has learnt.
    prepared : Prepared
    """
    labels, encoder, source = basis.labels, basis.encoder, trained or table
    learns = learns and trained is None and has_level_statistics(encoder)
    factors = class_weight_factors(settings.class_weight, labels, source.y, source.weights)
    encoded = encode(encoder, table.X, basis.dtype, in_training=learns)
    targets = labels.targets(table.y)
    weights = table.weights if factors is None else table.weights * factors[targets[:, 0]]
    codes = encoder.level_codes(table.X) if learns else None
    keys = np.hstack([part for part in (targets, codes, roles) if part is not None])
    distinct = distinct_rows(encoded, keys, weights, by_content=settings.shuffle)
    if learns:
        rng = np.random.default_rng(basis.seed)
        weights = distinct.weights / distinct.weights[distinct.rows].mean()
        labelled = Labelled(codes, targets[:, 0], len(labels.classes), weights)
        learnt = encoder.learn_numbers(labelled, encoded, distinct.rows, rng)
        basis = basis._replace(encoder=learnt)
    data = Data(as_rows(encoded), targets, distinct.weights)
    return basis, Prepared(table, data, distinct, roles)


def roles_from_cv(settings, seed, table, groups):
    """Return who trains on and holds out each row of the table, or None for own folds.

    Raises
    ------
    ValueError
        If ``cv`` or ``groups`` do not fit the rows.
    """
    cv, groups = settings.cv, None if groups is None else _check_groups(groups, table.kept)
    if cv is None or isinstance(cv, Integral):
        if groups is None:
            return None
        cv = _split_by_groups(settings, seed, groups)
    if hasattr(cv, "split"):
        return splits_as_roles(list(cv.split(table.X, table.y, groups)), len(table.y))
    roles = splits_as_roles(list(cv), len(table.kept))[table.kept]
    if not ((roles == 1).any(axis=0) & (roles == 2).any(axis=0)).all():
        raise ValueError("a split of cv has no training or no test row of positive weight.")
    return roles


def _check_groups(groups, kept):
    """Return groups as an array of one value a row, of the rows that are kept."""
    values = np.asarray(groups)
    if values.ndim != 1 and values.shape[1:] != (1,):
        raise ValueError(f"groups must be one value a row, but it has the shape {values.shape}.")
    refuse_gaps(values, "groups", "give each row without a group one of its own.")
    check_consistent_length(kept, values)
    return values.ravel()[kept]


def _split_by_groups(settings, seed, groups):
    n_groups = len(np.unique(groups))
    if n_groups < 2:
        raise ValueError("groups names 1 group; at least 2 are needed to hold one out.")
    n_folds = settings.cv or count_members(settings)
    if n_folds == 1:
        return GroupShuffleSplit(1, test_size=settings.validation_fraction, random_state=seed)
    return GroupKFold(min(n_folds, n_groups))


def _count_members(settings, prepared, holds_out):
    """Return the number of members: the number of splits where ``cv`` is used.

    Raises
    ------
    ValueError
        If ``cv`` is a number of folds that the rows do not suffice for.
    """
    n_rows = len(prepared.distinct.rows)
    if prepared.roles is not None:
        return prepared.roles.shape[1]
    if not (holds_out and isinstance(settings.cv, Integral)):
        return count_members(settings, n_rows)
    if settings.cv > n_rows:
        raise ValueError(
            f"cv={settings.cv} folds need as many distinct rows, but there are {n_rows}; "
            "choose fewer folds."
        )
    return settings.cv


def make_task(settings, basis, table, before=None, valid_table=None, groups=None):
    """Prepare the rows and decide who sees what.

    Parameters
    ----------
    settings : SimpleNamespace
        The parameters of the estimator.
    basis : Basis
    table : Table
    before : Fitted or None
        What training goes on from.
    valid_table : Table or None
        Rows of the user's to validate on.
    groups : array-like or None

    Returns
    -------
    Task
    """
    holds_out = settings.early_stopping and valid_table is None
    roles = roles_from_cv(settings, basis.seed, table, groups) if holds_out else None
    # Numbers of categories are counted over all rows, not over those of an epoch.
    learns = not settings.is_part or before is None or settings.refit_encoder
    basis, prepared = prepare(settings, basis, table, roles=roles, learns=learns)
    n_members = _count_members(settings, prepared, holds_out)
    split = Split(prepared.data, [prepared.distinct.rows] * n_members)
    if valid_table is not None:
        _, valid = prepare(settings, basis, valid_table, trained=table)
        data = in_container_of(prepared.data, valid.data)
        split = split._replace(valid_data=data, valid_rows=[valid.distinct.rows] * n_members)
        return Task(basis, prepared, split, valid, settings.early_stopping)
    if holds_out and (sides := _sides(settings, basis, prepared, n_members)):
        split = Split(prepared.data, sides[0], prepared.data, sides[1])
        return Task(basis, prepared, split, prepared, keeps_best=True)
    return Task(basis, prepared, split)


def _sides(settings, basis, prepared, n_members):
    """Return rows to train on and to validate on, or None if nothing can be held out."""
    rows = prepared.distinct.rows
    if prepared.roles is not None:
        return [[rows[role == side] for role in prepared.roles[rows].T] for side in (1, 2)]
    strata = basis.labels.strata(prepared.data.targets[rows])
    rng = np.random.default_rng(basis.seed)
    if n_members == 1:
        fold_of = stratified_holdout(strata, settings.validation_fraction, rng)
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
