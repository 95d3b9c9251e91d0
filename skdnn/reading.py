"""From what the user passes to rows, targets and weights."""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array, issparse
from sklearn.base import clone
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.validation import check_consistent_length, has_fit_parameter

from skdnn.cells import check_finite
from skdnn.core.batches import DenseRows, SparseRows
from skdnn.encoding import TableEncoder
from skdnn.labels import check_labels
from skdnn.sample_weights import weighted_rows
from skdnn.solvers import SOLVERS
from skdnn.statistics import MANY_LEVELS, MAX_CLASSES
from skdnn.tables import check_table, checked_array, is_numeric_array, with_sums

COLUMNS = ("n_features_in_", "feature_names_in_")  # what scikit-learn remembers of X


class Table(NamedTuple):
    """Rows as they came, checked.

    Attributes
    ----------
    X : frame, array or sparse matrix
        Rows of positive weight.
    y : ndarray
        Their labels.
    weights : ndarray of shape (n_rows,)
        Positive.
    kept : ndarray of shape (n_rows_passed,)
        Which of the rows passed have a positive weight.
    columns : dict
        ``n_features_in_`` and, if the columns have names, ``feature_names_in_``.
    """

    X: object
    y: np.ndarray
    weights: np.ndarray
    kept: np.ndarray
    columns: dict


def read_table(estimator, X, y, sample_weight, reset=True):
    """Check lengths, names, labels and weights; drop rows of weight 0.

    Parameters
    ----------
    estimator : DeepNetClassifier
        A copy, to which scikit-learn writes the columns that it sees.
    X : frame, array-like or sparse matrix
    y : array-like
    sample_weight : array-like or None
    reset : bool, default=True
        Whether these columns become the ones to expect.

    Returns
    -------
    Table

    Raises
    ------
    ValueError
        If anything does not fit; the message names it.
    """
    X = check_table(estimator, X, reset)
    y = check_labels(y)
    check_consistent_length(X, y, sample_weight)
    columns = {name: value for name, value in vars(estimator).items() if name in COLUMNS}
    return Table(*weighted_rows(X, y, sample_weight), columns)


def read_validation(estimator, X, y, sample_weight):
    """Return the Table to validate on; None without X.

    Raises
    ------
    ValueError
        If there are rows without labels, or labels or weights without rows.
    """
    if (X is None) != (y is None) or (X is None and sample_weight is not None):
        raise ValueError("X_val and y_val go together, and sample_weight_val goes with both.")
    return None if X is None else read_table(estimator, X, y, sample_weight, reset=False)


def fit_encoder(settings, dtype, table, labels):
    """Return a fitted encoder: ``"auto"``, ``"passthrough"`` or a clone of the one given."""
    n_bins = "auto" if SOLVERS[settings.solver].adapts else 0
    named = {"auto": TableEncoder(n_bins=n_bins, dtype=dtype), "passthrough": FunctionTransformer()}
    encoder = settings.encoder
    made = clone(named[encoder] if isinstance(encoder, str) else encoder)
    takes_weights = has_fit_parameter(made, "sample_weight")
    made.fit(table.X, table.y, **({"sample_weight": table.weights} if takes_weights else {}))
    many, n_classes = settings.target_statistics, len(labels.classes)
    has_numbers = isinstance(made, TableEncoder) and not labels.is_multilabel
    if has_numbers and many is not None and n_classes <= MAX_CLASSES:
        return made.reserve_numbers(n_classes, MANY_LEVELS if many == "auto" else many)
    return made


def encode(encoder, X, dtype, in_training=False):
    """Return encoded rows: a C-contiguous array or CSR, finite, of type ``dtype``."""
    if isinstance(encoder, TableEncoder):
        rows = encoder.encode_checked(X, in_training)
        return rows.astype(dtype) if issparse(rows) else np.ascontiguousarray(rows, dtype)
    rows = X if _passes_through(encoder) else encoder.transform(X)
    name = "Input X" if _passes_through(encoder) else "What the encoder returns"
    _check_shape(rows, X.shape[0], name)
    _refuse_times(rows, name)
    with np.errstate(over="ignore"):  # what is too large for the type is refused as infinity
        if not is_numeric_array(rows):  # for which it would take longer than to predict a row
            rows = checked_array(rows, "DeepNetClassifier", dtype)
        if not issparse(rows):
            rows = np.ascontiguousarray(rows, dtype)
    check_finite(rows, name=name)
    return with_sums(rows) if issparse(rows) else rows


def _check_shape(rows, n_rows, name):
    """Refuse anything but as many rows of numbers as there are of X.

    Raises
    ------
    ValueError
        With the shape.
    """
    shape = getattr(rows, "shape", (n_rows, None))  # a list is looked at when it is an array
    if len(shape) != 2 or shape[0] != n_rows:
        raise ValueError(f"{name} must be a table of {n_rows} rows, but it has the shape {shape}.")


def _refuse_times(rows, name):
    """Refuse dates and durations, of which a cast would make any number.

    Raises
    ------
    ValueError
        With their type.
    """
    types = getattr(rows, "dtypes", [getattr(rows, "dtype", None)])  # a frame has several
    for dtype in types:
        dtype = getattr(getattr(dtype, "categories", None), "dtype", dtype)
        if getattr(dtype, "kind", "") in ("m", "M") or getattr(dtype, "is_temporal", bool)():
            raise ValueError(
                f"{name} must be numbers, but it holds dates or durations ({dtype}). "
                "encoder='auto' reads them."
            )


def _passes_through(encoder):
    return isinstance(encoder, FunctionTransformer) and encoder.func is None


def block_reader(encoder, X, dtype):
    """Return what encodes the rows of a span, as :func:`encode` does.

    A transformer of another kind sees all rows at once: they might depend on each other.
    """
    if not (isinstance(encoder, TableEncoder) or _passes_through(encoder)):
        return encode(encoder, X, dtype).__getitem__
    rows = getattr(X, "iloc", X)
    return lambda span: encode(encoder, rows[span], dtype)


def has_level_statistics(encoder):
    """Tell whether encoded rows have numbers of levels in front."""
    return isinstance(encoder, TableEncoder) and encoder.level_statistics_.n_numbers > 0


def expansion_of(encoder):
    """Return what turns encoded rows into inputs, None if they are inputs already."""
    return encoder.expansion_ if isinstance(encoder, TableEncoder) else None


def as_rows(encoded):
    """Return the source of batches for encoded rows, an array or CSR."""
    return SparseRows(encoded) if issparse(encoded) else DenseRows(encoded)


def in_container_of(trained, data):
    """Return ``data`` sparse where the rows that are ``trained`` on are, dense otherwise."""
    array = data.rows.array
    if issparse(array) == issparse(trained.rows.array):
        return data
    return data._replace(rows=as_rows(array.toarray() if issparse(array) else csr_array(array)))


def resolve_dtype(dtype, X):
    """Return the name of the type to compute in; "input" follows a float array."""
    if dtype != "input":
        return dtype
    return "float64" if getattr(X, "dtype", None) == np.float64 else "float32"
