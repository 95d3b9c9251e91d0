"""Fit the encoder, and adapters that give all encoders the interface of training and prediction.

There are two adapters: one for :class:`TableEncoder`, one for all other transformers.
"""

import numpy as np
from scipy.sparse import issparse
from sklearn.base import clone
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import has_fit_parameter

from skdnn.core.encoded_rows import Expansion
from skdnn.estimator.solvers import solver_of
from skdnn.tabular import dataframes, target_statistics
from skdnn.tabular.as_frames import names_in
from skdnn.tabular.encoder import TableEncoder, columns_of, table_of, with_columns
from skdnn.tabular.user_warnings import ColumnWarnings, about


def fit_encoder(settings, dtype, samples, labels):
    """Return a fitted encoder: ``"auto"``, ``"passthrough"`` or a clone of the one given."""
    n_bins = "auto" if solver_of(settings).adapts else 0
    # Columns that are constant in the first call of partial_fit may vary in later calls.
    auto = TableEncoder(n_bins=n_bins, dtype=dtype, drop_constants=not settings.is_part)
    named = {"auto": auto, "passthrough": FunctionTransformer()}
    made = clone(named[settings.encoder] if isinstance(settings.encoder, str) else settings.encoder)
    takes_weights = has_fit_parameter(made, "sample_weight")
    made.fit(samples.X, samples.y, **({"sample_weight": samples.weights} if takes_weights else {}))
    many, n_classes = settings.target_statistics, len(labels.classes)
    if many is None or labels.is_multilabel or n_classes > target_statistics.MAX_CLASSES:
        return made
    many = target_statistics.MANY_CATEGORIES if many == "auto" else many
    return adapted(made).reserve_statistics(n_classes, many)


def adapted(encoder):
    """Return the adapter of a fitted encoder."""
    return (TableAdapter if isinstance(encoder, TableEncoder) else TransformerAdapter)(encoder)


class TableAdapter:
    """A fitted TableEncoder.

    Attributes
    ----------
    expansion : Expansion or None
        Converts encoded rows to inputs of the network; None if they are inputs already.
    n_target_statistics : int
        Number of target statistics, with which encoded rows begin.
    reads_blocks : bool
        Whether rows can be encoded in blocks, independently of other rows.
    """

    reads_blocks = True

    def __init__(self, encoder):
        self.encoder, self.expansion = encoder, encoder.expansion_
        self.columns = columns_of(encoder)
        self.n_target_statistics = encoder.level_statistics_.n_numbers

    def encode(self, X, dtype, in_training=False, column_warnings=None):
        """Return encoded rows: a C-contiguous array or CSR, finite, of type ``dtype``.

        Warnings about columns are collected in ``column_warnings``, if it is not None.
        """
        table = table_of(self.encoder, X, column_warnings)
        rows = self.columns.encode(table, self.encoder.dtype, in_training)
        return rows.astype(dtype) if issparse(rows) else np.ascontiguousarray(rows, dtype)

    def category_codes(self, X):
        """Return the codes of the categories that have target statistics."""
        return self.columns.category_codes(table_of(self.encoder, X))

    def changes(self, X, y, warned):
        """Return what is new since fit and ``warned``, as a dict of (position, reason) to str."""
        # Encoding the rows gives the warnings about strings that cannot be read.
        return self.columns.changes(table_of(self.encoder, X, ColumnWarnings()), y, warned)

    def reserve_statistics(self, n_classes, many):
        """Return an encoder with target statistics, not learnt yet, of high-cardinality columns."""
        return with_columns(self.encoder, self.columns.with_target_statistics(n_classes, many))

    def learn_statistics(self, labelled, encoded, rows, rng):
        """Return an encoder with target statistics learnt from some rows.

        The ordered target statistics of these rows, for training, are written to ``encoded``.
        """
        own = target_statistics.ordered_statistics(labelled, rows, rng)
        encoded[rows, : own.shape[1]] = own
        statistics = target_statistics.learn_statistics(self.columns.statistics, labelled, rows)
        return with_columns(self.encoder, self.columns._replace(statistics=statistics))


class TransformerAdapter:
    """Any other fitted transformer; it may need all rows at once, and has no target statistics."""

    expansion, n_target_statistics = None, 0

    def __init__(self, encoder):
        self.encoder = encoder
        self.reads_blocks = isinstance(encoder, FunctionTransformer) and encoder.func is None

    def encode(self, X, dtype, in_training=False, column_warnings=None):
        """Return encoded rows: a C-contiguous array or CSR, finite, of type ``dtype``."""
        passes_through = self.reads_blocks
        rows = X if passes_through else self.encoder.transform(X)
        name = "Input X" if passes_through else "What the encoder returns"
        _check_shape(rows, X.shape[0], name)
        names = list(names_in(rows)) or None
        with np.errstate(over="ignore"):  # too large numbers become inf, an error below
            # Skipped for such arrays, as it takes longer than predicting a row.
            if not dataframes.is_numeric_array(rows):
                rows = _as_numbers(rows, name, dtype)
            if not issparse(rows):
                rows = np.ascontiguousarray(rows, dtype)
        dataframes.check_finite(rows, name=name, names=names)
        return dataframes.with_sums(rows) if issparse(rows) else rows

    def changes(self, X, y, warned):
        """Return an empty dict, as nothing is known of the columns of fit."""
        return {}

    def reserve_statistics(self, n_classes, many):
        """Return the encoder unchanged."""
        return self.encoder


def _check_shape(rows, n_rows, name):
    """Raise an error if encoded rows are not a table with as many rows as X."""
    shape = getattr(rows, "shape", (n_rows, None))  # a list is checked once it is an array
    if len(shape) != 2 or shape[0] != n_rows:
        raise ValueError(f"{name} must be a table of {n_rows} rows, but its shape is {shape}.")


def _as_numbers(rows, name, dtype):
    """Return encoded rows as an array or CSR of numbers; errors name the column of a frame."""
    try:
        _check_no_times(rows, name)
        return dataframes.checked_array(rows, "DeepNetClassifier", dtype)
    except (TypeError, ValueError):
        for column in names_in(rows):
            with about(f"Column {column!r} of X is not accepted by encoder='passthrough'"):
                _check_no_times(rows[[column]], name)  # the types of objects do not tell
                _as_numbers(rows[[column]].to_numpy(), name, dtype)
        raise


def _check_no_times(rows, name):
    """Raise an error for dates and durations, which would be cast to arbitrary numbers."""
    types = getattr(rows, "dtypes", [getattr(rows, "dtype", None)])  # a dataframe has several
    for dtype in types:
        dtype = getattr(getattr(dtype, "categories", None), "dtype", dtype)
        if getattr(dtype, "kind", "") in ("m", "M") or getattr(dtype, "is_temporal", bool)():
            raise ValueError(
                f"{name} must be numbers, but it holds dates or durations ({dtype}). "
                "Use encoder='auto', which accepts them."
            )


def block_reader(encoder, X, dtype, column_warnings=None):
    """Return a function that encodes the rows of a span, in type ``dtype``.

    If the encoder needs all rows at once, they are encoded before. Warnings about columns are
    collected in ``column_warnings``, if it is not None.
    """
    adapter = adapted(encoder)
    if not adapter.reads_blocks:
        return adapter.encode(X, dtype).__getitem__
    rows = getattr(X, "iloc", X)
    return lambda span: adapter.encode(rows[span], dtype, column_warnings=column_warnings)


def expansion_of(adapter, encoded):
    """Return the Expansion of encoded rows to the inputs of the network."""
    learnt = None if issparse(encoded) else adapter.expansion
    return Expansion(encoded.shape[1]) if learnt is None else learnt
