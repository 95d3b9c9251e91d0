"""Tables: blocks of numbers, and single columns, of whatever the user passes as X."""

from collections import Counter
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from skdnn.tabular.column_types import read_column, read_strings, values_as
from skdnn.tabular.missing_values import unmasked

TILE = 2**18  # numbers scaled at a time: they stay in the cache
KINDS = {"number": "numbers", "time": "dates"}
MAX_NAMED = 10  # columns in a message
FILL = (
    "encoder='auto' takes gaps in dense tables; elsewhere fill them, for instance with "
    "sklearn.impute.SimpleImputer."
)
REPLACE = "Replace it with a finite number or, in a dense table, a gap."
# What is said of numbers that are not finite, what finds them, and what to do.
NOT_FINITE = (("NaN", np.isnan, FILL), ("infinity or a value too large", np.isinf, REPLACE))


def check_table(estimator, X, reset):
    """Return X as a frame, an array of two dimensions or CSR; its columns are checked.

    Its cells are not looked at.

    Parameters
    ----------
    estimator : estimator instance
        Where scikit-learn keeps the columns of fit.
    X : frame, array-like or sparse matrix
    reset : bool
        Whether these columns become the ones to expect.

    Raises
    ------
    TypeError
        If X is a query whose rows are not there yet.
    ValueError
        scikit-learn's usual one, if X is no table or its columns are not those of fit.
    """
    refuse_lazy_frame(X, "X")
    named = X = unmasked(X)
    if reset:
        _check_column_names(X)
    elif _is_nameless_as_in_fit(estimator, X):
        return X
    is_frame = hasattr(X, "columns") and (hasattr(X, "iloc") or hasattr(X, "get_columns"))
    if not is_frame:
        X = checked_array(_as_array(X), estimator)
    elif 0 in X.shape:
        checked_array(X.to_numpy(), estimator)  # which refuses it
    validate_data(estimator, named, reset=reset, skip_check_array=True)
    return X


def _is_nameless_as_in_fit(estimator, X):
    """Tell whether X is an array as wide as that of fit, so that validate_data can be spared.

    It would look for names for longer than predicting a row takes.
    """
    fits = is_numeric_array(X) and X.shape[1] == estimator.n_features_in_
    return fits and not hasattr(estimator, "feature_names_in_")


def is_numeric_array(X):
    """Tell whether X is a two-dimensional array of real numbers, and not empty."""
    return type(X) is np.ndarray and X.ndim == 2 and X.size > 0 and X.dtype.kind in "biuf"


def _check_column_names(X):
    """Refuse a frame in which two columns have one name.

    Raises
    ------
    ValueError
        With the names.
    """
    # The columns of a table of pyarrow's are its data.
    counts = Counter(map(str, getattr(X, "column_names", getattr(X, "columns", ()))))
    repeated = [name for name, count in counts.items() if count > 1]
    if repeated:
        raise ValueError(f"X has several columns named {repeated}. Give each its own name.")


def column_names(encoder):
    """Return the names of the columns of fit, or those that scikit-learn makes up."""
    names = getattr(encoder, "feature_names_in_", None)
    return _made_up_names(encoder.n_features_in_) if names is None else names


@lru_cache(maxsize=16)  # making names takes longer than encoding a row
def _made_up_names(n_columns):
    return tuple(f"x{number}" for number in range(n_columns))


def checked_array(X, estimator, dtype=None):
    """Return what ``check_array`` makes of X, an array or CSR, whose cells are not looked at."""
    options = {"accept_sparse": "csr", "ensure_all_finite": False, "input_name": "X"}
    return check_array(X, dtype=dtype, estimator=estimator, **options)


def with_sums(X):
    """Return CSR in which a cell is stored once, the sum of what was stored."""
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X


def _as_array(X):
    """Return X as an array, whose rows keep numbers beside strings as they are.

    Raises
    ------
    ValueError
        If its rows differ in length.
    """
    if hasattr(X, "dtype"):
        return X
    try:
        array = np.asarray(X)
        return np.asarray(X, object) if array.dtype.kind in "US" else array
    except ValueError as error:
        raise ValueError(
            f"X has rows of different lengths or cells that are not single values: {error} "
            "Pass a table in which every row has the same columns."
        ) from error


class Frame(NamedTuple):
    """Columns of any type, read one by one.

    Attributes
    ----------
    columns : list of series or 1-d arrays
    names : sequence of str
    n_rows : int
    """

    columns: list
    names: list
    n_rows: int

    def column(self, position, read=read_column):
        """Return the Column at ``position``."""
        try:
            return read(self.columns[position])
        except (TypeError, ValueError, OverflowError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"Column {self.names[position]!r} of X: {error}") from error

    def strings(self, position):
        """Return the Column at ``position`` as text."""
        return self.column(position, read_strings)

    def values(self, position, kind):
        """Return a column's numbers or times, as in fit; see :func:`values_as`.

        Raises
        ------
        ValueError
            If that cannot be done without guessing.
        """
        column = self.column(position)
        try:
            return values_as(column, kind)
        except ValueError as error:
            raise ValueError(
                f"Column {self.names[position]!r} of X held {KINDS[kind]} in fit, but not now: "
                f"{error}. Pass values of the kind seen in fit, or fit again."
            ) from error

    def blocks(self, positions):
        """Yield ``(rows, span, values)``: all rows of the columns ``positions[span]``."""
        for span in spans(len(positions), TILE // self.n_rows):
            values = np.array([self.values(position, "number") for position in positions[span]]).T
            check_finite(values, allow_nan=True, names=[self.names[p] for p in positions[span]])
            yield slice(None), span, values

    tiles = blocks  # of columns, too: rows are not read on their own


class NumberArray(Frame):
    """The columns of a numeric array, read together."""

    def blocks(self, positions):
        """Yield ``(rows, span, values)``: all rows of the columns ``positions[span]``."""
        for span in spans(len(positions), 16 * TILE // self.n_rows):
            yield slice(None), span, self.columns[positions[span]].T

    def tiles(self, positions):
        """Yield the same in blocks that stay in the cache: some rows of all columns."""
        takes_all = len(positions) == len(self.columns)
        for rows in spans(self.n_rows, TILE // len(self.columns)):
            tile = self.columns[:, rows]
            yield rows, slice(0, len(positions)), (tile if takes_all else tile[positions]).T


def spans(length, step):
    """Yield the slices of so many items at a time."""
    step = max(step, 1)
    return (slice(start, min(start + step, length)) for start in range(0, length, step))


def as_table(X, names):
    """Return a Frame of what :func:`check_table` returns; CSR stays CSR. Cells are checked."""
    if hasattr(X, "iloc"):
        return Frame([column for _, column in X.items()], names, len(X))
    if hasattr(X, "get_columns"):
        return Frame(X.get_columns(), names, len(X))
    if issparse(X):
        X = checked_array(X, "TableEncoder", [np.float64, np.float32])
        check_finite(X)
        return with_sums(X)
    if X.dtype.kind not in "biuf":
        return Frame(list(X.T), names, len(X))
    if X.dtype.itemsize > 8:
        with np.errstate(over="ignore"):  # what is too large is refused as infinity
            X = X.astype(np.float64)
    if X.dtype.kind == "f":
        check_finite(X, allow_nan=True)
    return NumberArray(X.T, names, len(X))


def refuse_lazy_frame(data, name):
    """Refuse a query of polars' whose rows are not there yet.

    Raises
    ------
    TypeError
        With what to pass instead.
    """
    if type(data).__name__ == "LazyFrame":
        raise TypeError(
            f"{name} is a LazyFrame, whose rows are not there yet: pass {name}.collect()."
        )


def check_finite(X, allow_nan=False, name="Input X", names=None):
    """Refuse numbers that are infinite or, unless allowed, NaN.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_columns) or CSR
    allow_nan : bool, default=False
    name : str, default="Input X"
        What the message calls it.
    names : list of str, optional
        What it calls the columns; their numbers by default.

    Raises
    ------
    ValueError
        With the columns.
    """
    values = X.data if issparse(X) else X
    with np.errstate(over="ignore", invalid="ignore"):
        surely = np.isfinite(np.add.reduce(values, axis=None))
    if surely:
        return
    for kind, is_bad, advice in NOT_FINITE[1 if allow_nan else 0 :]:
        places = np.nonzero(is_bad(values))
        columns = np.unique(X.indices[places[0]] if issparse(X) else places[1])
        if len(columns):
            named = columns[:MAX_NAMED].tolist()
            if names is not None:
                named = [names[column] for column in named]
            raise ValueError(
                f"{name} contains {kind} in column(s) {named}"
                f"{' and more' * (len(columns) > MAX_NAMED)} (cells: {len(places[0])}). {advice}"
            )
