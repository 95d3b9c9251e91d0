"""Tables: blocks of numbers, and single columns, of whatever the user passes as X."""

from collections import Counter
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_array

from skdnn.cells import check_finite, opened
from skdnn.columns import (
    Column,
    as_numbers,
    as_texts,
    as_times,
    column_from_array,
    column_from_pandas,
    column_from_polars,
    texts_from,
)

TILE = 2**18  # numbers scaled at a time: they stay in the cache
CONVERSIONS = {"number": as_numbers, "time": as_times}
WORDS = {"number": "numbers", "time": "dates"}


def read_rows(encoder, X):
    """Check the cells of X, and make it a frame, an array of two dimensions or CSR."""
    X = opened(X)
    if hasattr(X, "iloc") or hasattr(X, "get_columns"):
        return check_frame(encoder, X)
    if issparse(X):
        return _check_sparse(encoder, X)
    if not is_numeric_array(X):  # for which check_array would take longer than encoding a row
        X = check_array(
            as_array(X), dtype=None, ensure_all_finite=False, input_name="X", estimator=encoder
        )
    if X.dtype.kind == "f":
        if X.dtype.itemsize > 8:
            with np.errstate(over="ignore"):  # what is too large is refused as infinity
                X = X.astype(np.float64)
        check_finite(X, allow_nan=True)
    return X


def is_numeric_array(X):
    """Tell whether X is a two-dimensional array of real numbers, and not empty."""
    return type(X) is np.ndarray and X.ndim == 2 and X.size > 0 and X.dtype.kind in "biuf"


def check_column_names(X):
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


def check_frame(encoder, X):
    """Return a frame that has rows and columns.

    Raises
    ------
    ValueError
        If it has none, or is a single column.
    """
    if len(X.shape) != 2:
        raise ValueError(
            f"Expected 2D input, got a {type(X).__name__} of shape {X.shape}: a table of this "
            "one column is X.to_frame()."
        )
    for axis, word in enumerate(("sample", "feature")):
        if X.shape[axis] == 0:
            raise ValueError(
                f"Found array with 0 {word}(s) (shape={X.shape}) while a minimum of 1 is "
                f"required by {type(encoder).__name__}."
            )
    return X


def _check_sparse(encoder, X):
    X = check_array(
        X,
        accept_sparse="csr",
        dtype=[np.float64, np.float32],
        ensure_all_finite=False,
        input_name="X",
        estimator=encoder,
    )
    check_finite(X)
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X


def as_array(X):
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


class NumberArray(NamedTuple):
    """A numeric array.

    Attributes
    ----------
    X : ndarray of shape (n_rows, n_columns)
    names : sequence of str
    """

    X: np.ndarray
    names: list

    @property
    def n_rows(self):
        """Rows of X."""
        return self.X.shape[0]

    def column(self, position):
        """Return the Column at ``position``."""
        return Column(self.X[:, position])

    def texts(self, position):
        """Return the Column at ``position`` as text."""
        return as_texts(self.column(position))

    def blocks(self, positions):
        """Yield ``(span, values)``: all rows of the columns ``positions[span]``."""
        for span in _spans(len(positions), 16 * TILE // self.n_rows):
            yield span, self.X[:, positions[span]]

    def tiles(self, positions):
        """Yield ``(rows, span, values)``, which cover the columns at ``positions``."""
        takes_all = len(positions) == self.X.shape[1]
        for rows in _spans(self.n_rows, TILE // self.X.shape[1]):
            tile = self.X[rows]
            yield rows, slice(0, len(positions)), tile if takes_all else tile[:, positions]


class Frame(NamedTuple):
    """Columns of any type, read one by one.

    Attributes
    ----------
    columns : list of series or 1-d arrays
    names : sequence of str
    n_rows : int
    read : callable
        ``read(columns[position])`` returns a Column.
    """

    columns: list
    names: list
    n_rows: int
    read: object

    def column(self, position):
        """Return the Column at ``position``."""
        return self._read_with(self.read, position)

    def texts(self, position):
        """Return the Column at ``position`` as text."""
        return self._read_with(texts_from, position)

    def _read_with(self, read, position):
        try:
            return read(self.columns[position])
        except (TypeError, ValueError, OverflowError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"Column {self.names[position]!r} of X: {error}") from error

    def blocks(self, positions):
        """Yield ``(span, values)``: all rows of the columns ``positions[span]``."""
        for span in _spans(len(positions), TILE // self.n_rows):
            values = [self._finite_numbers(position) for position in positions[span]]
            yield span, np.array(values).T

    def tiles(self, positions):
        """Yield ``(rows, span, values)``, which cover the columns at ``positions``."""
        for span, values in self.blocks(positions):
            yield slice(None), span, values

    def _finite_numbers(self, position):
        values = read_as(self, position, "number")
        if np.isinf(values).any():
            raise ValueError(
                f"Input X contains infinity or a value too large in column "
                f"{self.names[position]!r}. Replace it with a finite number or NaN."
            )
        return values


def _spans(length, step):
    step = max(step, 1)
    return (slice(start, min(start + step, length)) for start in range(0, length, step))


def as_table(X, names):
    """Return the table that reads X."""
    if hasattr(X, "iloc"):
        series = [column for _, column in X.items()]
        return Frame(series, names, len(X), column_from_pandas)
    if hasattr(X, "get_columns"):
        return Frame(X.get_columns(), names, len(X), column_from_polars)
    if X.dtype.kind in "biuf":
        return NumberArray(X, names)
    return Frame(list(X.T), names, len(X), column_from_array)


def read_as(table, position, kind):
    """Return a column's values as the kind it had in fit; see ``skdnn.columns``.

    Raises
    ------
    ValueError
        If that cannot be done without guessing.
    """
    if kind == "text":
        return table.texts(position)
    column = table.column(position)
    try:
        return CONVERSIONS[kind](column)
    except ValueError as error:
        raise ValueError(
            f"Column {table.names[position]!r} of X held {WORDS[kind]} in fit, but not now: "
            f"{error}. Pass values of the kind seen in fit, or fit again."
        ) from error


def determines_the_rest(table, position, column, y):
    """Tell whether rows that agree in one column agree in all columns and in y.

    Then that column has a value of its own in every distinct row.
    """
    first = np.empty(len(column.texts), np.intp)
    first[column.values[::-1]] = np.arange(len(column.values))[::-1]
    twin = first[column.values]
    if np.array_equal(twin, np.arange(len(twin))):
        return True
    targets = () if y is None else np.asarray(y).reshape(len(twin), -1).T
    if not all(_agree(column_from_array(target).values, twin) for target in targets):
        return False
    others = (other for other in range(len(table.names)) if other != position)
    return all(_agree(table.column(other).values, twin) for other in others)


def _agree(values, twin):
    differ = values != values[twin]
    is_gap = values != values
    return not (differ & ~(is_gap & is_gap[twin])).any()
