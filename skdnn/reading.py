"""From what the user passes to rows, targets and weights."""

from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array, issparse
from sklearn.base import clone
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import check_array
from sklearn.utils.validation import check_consistent_length, has_fit_parameter, validate_data

from skdnn.cells import check_finite, opened
from skdnn.core.batches import Data, DenseRows, SparseRows
from skdnn.core.zeros import shares_of_nonzeros
from skdnn.encoding import TableEncoder
from skdnn.labels import check_labels
from skdnn.sample_weights import weighted_rows
from skdnn.solvers import SOLVERS
from skdnn.statistics import MANY_LEVELS, MAX_CLASSES
from skdnn.tables import as_array, check_column_names, check_frame, is_numeric_array


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
    """

    X: object
    y: np.ndarray
    weights: np.ndarray
    kept: np.ndarray


@contextmanager
def unchanged_on_error(estimator):
    """Put the estimator's attributes back if the block fails: no half-fitted state."""
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def check_table(estimator, X, reset):
    """Return X if it is a table, else an array of its content; its columns are checked.

    Raises
    ------
    ValueError
        scikit-learn's usual one, if X is no table or its columns are not those of fit.
    """
    X = opened(X)
    if reset:
        check_column_names(X)
    elif _is_nameless_as_in_fit(estimator, X):
        return X
    if hasattr(X, "iloc") or hasattr(X, "get_columns"):
        check_frame(estimator, X)
    elif len(getattr(X, "shape", ())) != 2 or min(X.shape) == 0:
        X = check_array(
            as_array(X),
            accept_sparse=True,
            dtype=None,
            ensure_all_finite=False,
            estimator=estimator,
        )
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    return X


def _is_nameless_as_in_fit(estimator, X):
    """Tell whether X is an array as wide as that of fit, so that validate_data can be spared.

    It would look for names for longer than predicting a row takes.
    """
    fits = is_numeric_array(X) and X.shape[1] == estimator.n_features_in_
    return fits and not hasattr(estimator, "feature_names_in_")


def read_table(estimator, X, y, sample_weight, reset=True):
    """Check lengths, names, labels and weights; drop rows of weight 0.

    Parameters
    ----------
    estimator : DeepNetClassifier
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
    return Table(*weighted_rows(X, y, sample_weight))


def fit_encoder(estimator, dtype, table, labels):
    """Return a fitted encoder: ``"auto"``, ``"passthrough"`` or a clone of the one given."""
    encoder = estimator.encoder
    if isinstance(encoder, str):
        n_bins = "auto" if SOLVERS[estimator.solver].adapts else 0
        table_encoder = TableEncoder(n_bins=n_bins, dtype=dtype)
        made = {"auto": table_encoder, "passthrough": FunctionTransformer()}[encoder]
    else:
        made = clone(encoder)
    if has_fit_parameter(made, "sample_weight"):
        made.fit(table.X, table.y, sample_weight=table.weights)
    else:
        made.fit(table.X, table.y)
    many = estimator.target_statistics
    n_classes = len(labels.classes)
    has_numbers = isinstance(made, TableEncoder) and not labels.is_multilabel
    if has_numbers and many is not None and n_classes <= MAX_CLASSES:
        made.reserve_numbers(n_classes, MANY_LEVELS if many == "auto" else many)
    return made


def encode(encoder, X, dtype, estimator, in_training=False):
    """Return encoded rows: a C-contiguous array or CSR, finite, of type ``dtype``."""
    if isinstance(encoder, TableEncoder):
        rows = encoder.encode_checked(X, in_training)
        return rows.astype(dtype) if issparse(rows) else np.ascontiguousarray(rows, dtype)
    rows = X if _passes_through(encoder) else encoder.transform(X)
    name = "Input X" if _passes_through(encoder) else "What the encoder returns"
    _check_shape(rows, X.shape[0], name)
    _refuse_times(rows, name)
    with np.errstate(over="ignore"):  # what is too large for the type is refused as infinity
        if is_numeric_array(rows):  # check_array would take longer than to predict a row
            rows = np.ascontiguousarray(rows, dtype)
        else:
            rows = check_array(
                rows,
                accept_sparse="csr",
                dtype=dtype,
                order="C",
                ensure_all_finite=False,
                input_name="X",
                estimator=estimator,
            )
    check_finite(rows, name=name)
    if issparse(rows) and not rows.has_canonical_format:
        rows = rows.copy()
        rows.sum_duplicates()
    return rows


def _check_shape(rows, n_rows, name):
    """Refuse anything but as many rows of numbers as there are of X.

    Raises
    ------
    ValueError
        With the shape.
    """
    shape = getattr(rows, "shape", (n_rows, None))  # a list is looked at when it is an array
    if len(shape) != 2:
        raise ValueError(f"{name} must have two dimensions, but it has the shape {shape}.")
    if shape[0] != n_rows:
        raise ValueError(f"{name} has {shape[0]} rows, for {n_rows} of X.")


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


def block_reader(encoder, X, dtype, estimator):
    """Return what encodes the rows of a span, as :func:`encode` does.

    A transformer of the user's own sees all rows at once: they might depend on each other.
    """
    if not (isinstance(encoder, TableEncoder) or _passes_through(encoder)):
        return encode(encoder, X, dtype, estimator).__getitem__
    rows = X.tocsr() if issparse(X) else getattr(X, "iloc", X)
    return lambda span: encode(encoder, rows[span], dtype, estimator)


def has_level_statistics(encoder):
    """Tell whether encoded rows have numbers of levels in front."""
    return isinstance(encoder, TableEncoder) and encoder.level_statistics_.n_numbers > 0


def expansion_of(encoder):
    """Return what turns encoded rows into inputs, None if they are inputs already."""
    return encoder.expansion_ if isinstance(encoder, TableEncoder) else None


def as_rows(encoded, chosen=()):
    """Return the source of batches for encoded rows.

    Parameters
    ----------
    encoded : ndarray or CSR
    chosen : ndarray of int, optional
        Rows that tell which columns are mostly zero; see
        :func:`skdnn.core.zeros.shares_of_nonzeros`.
    """
    if issparse(encoded):
        return SparseRows(encoded)
    return DenseRows(encoded, shares_of_nonzeros(encoded, chosen) if len(chosen) else None)


def as_data(encoded, targets, weights, chosen=()):
    """Return Data for encoded rows; see :func:`as_rows`."""
    return Data(as_rows(encoded, chosen), targets, weights)


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
