"""The data of a fit to a table: rows checked, encoded, merged and split among the members."""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array, issparse

from skdnn.core.batches import Data, as_rows
from skdnn.core.encoded_rows import Expansion
from skdnn.core.training import Split
from skdnn.estimator.class_weights import apply_class_weight
from skdnn.estimator.duplicate_rows import MergedRows, merge_duplicate_rows
from skdnn.estimator.encoder_adapters import adapted, expansion_of
from skdnn.estimator.folds import count_splits, roles_from_cv, rows_by_side
from skdnn.estimator.inputs import Samples, about_validation, read_samples, read_validation
from skdnn.estimator.label_checks import warn_of_targets
from skdnn.estimator.labels import learn_labels
from skdnn.estimator.schema import DataSchema, learn_schema
from skdnn.estimator.variants import STANDARD, choose_variants
from skdnn.tabular.parquet_files import are_paths
from skdnn.tabular.target_statistics import LabelledCategories
from skdnn.tabular.user_warnings import ColumnWarnings


class PreparedRows(NamedTuple):
    """Encoded rows of a table, with the distinct ones marked; they are not copied.

    Attributes
    ----------
    samples : Samples
        The rows before encoding.
    data : Data
        All rows of the table; rows that are not in ``merged.rows`` have weight 0.
    merged : MergedRows
    expansion : Expansion
        Of the encoded rows to the inputs of the network.
    roles : ndarray of shape (n_rows, n_splits) or None
        Whether each row is a training row (1) or a test row (2) of each split of ``cv``.
    """

    samples: Samples
    data: Data
    merged: MergedRows
    expansion: Expansion
    roles: np.ndarray | None = None

    def count(self, member_rows):
        """Return the largest number of rows of the table that a member trains on."""
        times = np.bincount(self.merged.first)
        return max(int(times[rows].sum()) for rows in member_rows)


class FitData(NamedTuple):
    """The data of a fit: encoded rows, and which of them each member trains on and holds out.

    Attributes
    ----------
    schema : DataSchema
        With the encoder fitted to these rows.
    prepared : PreparedRows
        All rows; a sample of them if they are read in blocks.
    split : Split
    valid : PreparedRows or None
        The validation rows; ``prepared`` if members hold out some of its rows.
    keep_best : bool
        Whether the validation rows are used for early stopping and calibration.
    variants : tuple of Variant
        The recipes of members, which divide these evenly and in order.
    fingerprint : str
        Of rows that are read in blocks, as ``prepared`` has only some of them.
    needs_part : bool
        Whether a pilot fit has found that a part of the epochs is enough.
    """

    schema: DataSchema
    prepared: PreparedRows
    split: Split
    valid: PreparedRows | None = None
    keep_best: bool = False
    variants: tuple = (STANDARD,)
    fingerprint: str = ""
    needs_part: bool = False

    @property
    def holds_out(self):
        """Whether members hold out rows of ``prepared``."""
        return self.valid is self.prepared

    @property
    def n_members(self):
        """Number of members to train."""
        return len(self.split.train_rows)

    @property
    def encoded(self):
        """All rows, or a sample if they are read in blocks, encoded."""
        return self.prepared.data.rows.array

    @property
    def expansion(self):
        """The Expansion of encoded rows to the inputs of the network."""
        return self.prepared.expansion

    def count_rows(self):
        """Return the largest number of rows passed to fit that a member trains on."""
        return self.split.blocks.n_rows or self.prepared.count(self.split.train_rows)


class FitArguments(NamedTuple):
    """The arguments of fit or partial_fit, as they were passed.

    ``are_partitions`` tells whether X, y and sample_weight are partitions on a cluster.
    """

    X: object
    y: object
    sample_weight: object = None
    X_val: object = None
    y_val: object = None
    sample_weight_val: object = None
    groups: object = None
    classes: object = None
    are_partitions: bool = False

    @property
    def are_in_memory(self):
        """Whether X, y and sample_weight are the rows themselves, not where to read them."""
        return not (self.are_partitions or are_paths(self.X))

    @property
    def validation(self):
        """X, y and sample weights for validation."""
        return self.X_val, self.y_val, self.sample_weight_val


def read_table(estimator, settings, before, arguments):
    """Return the FitData of the arguments of fit or partial_fit."""
    X, y, sample_weight = arguments[:3]
    samples = read_samples(estimator, X, y, sample_weight, reset=before is None)
    valid_samples = read_validation(estimator, *arguments.validation)
    labels = learn_labels(samples, arguments.classes)
    if labels.is_multilabel or not settings.is_part:  # of which few rows may come in a call
        warn_of_targets(samples.every_label, labels, samples.given)
    schema = learn_schema(settings, samples, labels, before)
    return prepare_fit_data(settings, schema, samples, before, valid_samples, arguments.groups)


def prepare_rows(settings, schema, samples, train_samples=None, roles=None, learns=True):
    """Encode a table and merge its duplicate rows; return the DataSchema and the PreparedRows.

    The schema gets target statistics that are learnt from these rows, if the encoder has any and
    ``learns`` is True. ``train_samples`` are the training rows, of which class weights are
    computed, if ``samples`` are validation rows. Rows with different ``roles``, (n_rows, n_splits),
    stay apart.
    """
    labels, encoder = schema.labels, adapted(schema.encoder)
    learns = learns and train_samples is None and encoder.n_target_statistics > 0
    column_warnings = ColumnWarnings("X_val" if train_samples else "X", schema.warned)
    encoded = encoder.encode(samples.X, schema.dtype, learns, column_warnings)
    column_warnings.warn()
    schema = schema._replace(warned=column_warnings.warned)
    targets = labels.targets(samples.y)
    labels.check_columns(samples.given)
    codes = encoder.category_codes(samples.X) if learns else None
    keys = np.hstack([part for part in (targets, codes, roles) if part is not None])
    merged = merge_duplicate_rows(encoded, keys, samples.weights, by_content=settings.shuffle)
    # Only now, as the product with a sum of weights is not the sum of the products, bit for bit.
    given = train_samples or samples, targets, merged.weights
    weights = apply_class_weight(settings.class_weight, labels, *given)
    merged = merged._replace(weights=weights)
    if learns:
        rng = np.random.default_rng(schema.seed)
        weights = merged.weights / merged.weights[merged.rows].mean()
        labelled = LabelledCategories(codes, targets[:, 0], len(labels.classes), weights)
        learnt = encoder.learn_statistics(labelled, encoded, merged.rows, rng)
        schema = schema._replace(encoder=learnt)
    data = Data(as_rows(encoded), targets, merged.weights)
    return schema, PreparedRows(samples, data, merged, expansion_of(encoder, encoded), roles)


def prepare_fit_data(settings, schema, samples, before=None, valid_samples=None, groups=None):
    """Return the FitData: rows prepared, and split among the members.

    ``valid_samples`` are the validation rows passed to fit, or None.
    """
    holds_out = settings.early_stopping and valid_samples is None
    roles = roles_from_cv(settings, schema.seed, samples, groups) if holds_out else None
    # Target statistics are learnt once, not again in each call of partial_fit.
    learns = not settings.is_part or before is None or settings.refit_encoder
    schema, prepared = prepare_rows(settings, schema, samples, roles=roles, learns=learns)
    n_members = count_splits(settings, prepared, holds_out)
    variants = (STANDARD,)
    folds_are_given = holds_out and not (settings.cv is None and roles is None)
    if before is not None and before.n_members == n_members:
        variants = before.variants
    elif settings.early_stopping and not folds_are_given:
        n_rows = len(prepared.merged.rows)
        variants = choose_variants(settings, n_members, n_rows, prepared.expansion)
    split = Split(prepared.data, [prepared.merged.rows] * n_members)
    fit_data = FitData(schema, prepared, split, variants=variants)
    if valid_samples is not None:
        return with_validation(settings, fit_data, valid_samples)
    given = settings, schema, prepared, n_members, len(variants)
    if holds_out and (sides := rows_by_side(*given)):
        split = Split(prepared.data, sides[0], prepared.data, sides[1])
        return fit_data._replace(split=split, valid=prepared, keep_best=True)
    return fit_data


def with_validation(settings, fit_data, valid_samples):
    """Return the FitData with the same validation rows for all members."""
    prepared, n_members = fit_data.prepared, fit_data.n_members
    given = settings, fit_data.schema, valid_samples
    with about_validation():
        _, valid = prepare_rows(*given, train_samples=prepared.samples)
    data = _in_container_of(prepared.data, valid.data)
    split = fit_data.split._replace(valid_data=data, valid_rows=[valid.merged.rows] * n_members)
    return fit_data._replace(split=split, valid=valid, keep_best=settings.early_stopping)


def _in_container_of(trained, data):
    """Return ``data`` as sparse rows if the training rows ``trained`` are sparse, else as dense."""
    array = data.rows.array
    if issparse(array) == issparse(trained.rows.array):
        return data
    return data._replace(rows=as_rows(array.toarray() if issparse(array) else csr_array(array)))
