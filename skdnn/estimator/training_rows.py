"""Rows to train on, and who sees what."""

from typing import NamedTuple

import numpy as np

from skdnn.core.batches import Data
from skdnn.core.training import Split
from skdnn.estimator.class_weights import apply_class_weight
from skdnn.estimator.duplicate_rows import MergedRows, merge_duplicate_rows
from skdnn.estimator.encoders import adapted, as_rows, in_container_of
from skdnn.estimator.folds import count_splits, roles_from_cv, rows_by_side
from skdnn.estimator.inputs import DataSchema, Samples
from skdnn.tabular.target_statistics import LabelledCategories


class PreparedRows(NamedTuple):
    """Rows, encoded. They stay where they are: a copy would double the memory.

    Attributes
    ----------
    samples : Samples
        The rows as they came.
    data : Data
        All rows of the table; those that are not ``merged.rows`` have a weight of 0.
    merged : MergedRows
    roles : ndarray of shape (n_rows, n_splits) or None
        Who trains on (1) or holds out (2) each row, where ``cv`` says so.
    """

    samples: Samples
    data: Data
    merged: MergedRows
    roles: np.ndarray | None = None

    def count(self, member_rows):
        """Return how many rows of the table the largest member's distinct rows stand for."""
        times = np.bincount(self.merged.first)
        return max(int(times[rows].sum()) for rows in member_rows)


class Task(NamedTuple):
    """What to train on.

    Attributes
    ----------
    schema : DataSchema
        With what the encoder has learnt of these rows.
    prepared : PreparedRows
    split : Split
    valid : PreparedRows or None
        Where the rows are that members are validated on: ``prepared`` if each holds out some.
    keeps_best : bool
        Whether these rows choose the epoch whose parameters are kept, and the temperature.
    """

    schema: DataSchema
    prepared: PreparedRows
    split: Split
    valid: PreparedRows | None = None
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


def prepare_rows(settings, schema, samples, trained=None, roles=None, learns=True):
    """Encode a table and find its equal rows.

    Parameters
    ----------
    settings : SimpleNamespace
        The parameters of the estimator.
    schema : DataSchema
    samples : Samples
    trained : Samples, optional
        The rows that are trained on, whose class weights count, if these are not.
    roles : ndarray of shape (n_rows, n_splits), optional
        Rows with different roles are not merged.
    learns : bool, default=True
        Whether to learn target statistics from these rows, if the encoder has any.

    Returns
    -------
    schema : DataSchema
        With the encoder that has learnt.
    prepared : PreparedRows
    """
    labels, encoder, source = schema.labels, adapted(schema.encoder), trained or samples
    learns = learns and trained is None and encoder.has_target_statistics
    encoded = encoder.encode(samples.X, schema.dtype, in_training=learns)
    targets = labels.targets(samples.y)
    weights = apply_class_weight(settings.class_weight, labels, source, targets, samples.weights)
    codes = encoder.category_codes(samples.X) if learns else None
    keys = np.hstack([part for part in (targets, codes, roles) if part is not None])
    merged = merge_duplicate_rows(encoded, keys, weights, by_content=settings.shuffle)
    if learns:
        rng = np.random.default_rng(schema.seed)
        weights = merged.weights / merged.weights[merged.rows].mean()
        labelled = LabelledCategories(codes, targets[:, 0], len(labels.classes), weights)
        learnt = encoder.learn_statistics(labelled, encoded, merged.rows, rng)
        schema = schema._replace(encoder=learnt)
    data = Data(as_rows(encoded), targets, merged.weights)
    return schema, PreparedRows(samples, data, merged, roles)


def make_task(settings, schema, samples, before=None, valid_samples=None, groups=None):
    """Prepare the rows and decide who sees what.

    Parameters
    ----------
    settings : SimpleNamespace
        The parameters of the estimator.
    schema : DataSchema
    samples : Samples
    before : FittedModel or None
        What training goes on from.
    valid_samples : Samples or None
        Rows of the user's to validate on.
    groups : array-like or None

    Returns
    -------
    Task
    """
    holds_out = settings.early_stopping and valid_samples is None
    roles = roles_from_cv(settings, schema.seed, samples, groups) if holds_out else None
    # Numbers of categories are counted over all rows, not over those of an epoch.
    learns = not settings.is_part or before is None or settings.refit_encoder
    schema, prepared = prepare_rows(settings, schema, samples, roles=roles, learns=learns)
    n_members = count_splits(settings, prepared, holds_out)
    split = Split(prepared.data, [prepared.merged.rows] * n_members)
    if valid_samples is not None:
        _, valid = prepare_rows(settings, schema, valid_samples, trained=samples)
        data = in_container_of(prepared.data, valid.data)
        split = split._replace(valid_data=data, valid_rows=[valid.merged.rows] * n_members)
        return Task(schema, prepared, split, valid, settings.early_stopping)
    if holds_out and (sides := rows_by_side(settings, schema, prepared, n_members)):
        split = Split(prepared.data, sides[0], prepared.data, sides[1])
        return Task(schema, prepared, split, prepared, keeps_best=True)
    return Task(schema, prepared, split)
