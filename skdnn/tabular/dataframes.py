"""Tables: validation of X, and access to its columns, for dataframes and arrays alike."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data

from skdnn.tabular import as_frames
from skdnn.tabular.column_types import NUMBER, numbers_as, parse_column
from skdnn.tabular.missing_checks import unmasked
from skdnn.tabular.read_columns import read_column, read_strings
from skdnn.tabular.user_warnings import MAX_NAMED, ColumnWarnings, about, listed

TILE = 2**18  # numbers scaled at a time, so that they stay in the cache
FILL = (
    "Missing values are accepted in dense tables with encoder='auto'; otherwise impute them, for "
    "instance with sklearn.impute.SimpleImputer."
)
SELECT = (
    "To select the columns of fit, in their order, pass X[estimator.feature_names_in_]; columns "
    "that are missing must be added."
)
REPLACE = "Replace it with a finite number or, in a dense table, a missing value."
# For numbers that are not finite: their name in messages, a test for them, and advice.
NOT_FINITE = (("NaN", np.isnan, FILL), ("infinity or a value too large", np.isinf, REPLACE))


def check_table(estimator, X, reset):
    """Return X as a dataframe, a two-dimensional array or CSR; check its columns.

    The values are not checked. If ``reset``, scikit-learn stores these columns on the estimator;
    else they are compared with those of fit.
    """
    as_frames.refuse_lazy_frame(X, "X")
    names = getattr(estimator, "feature_names_in_", None)
    X = as_frames.as_frame(unmasked(as_frames.as_numpy(X)), names)
    named = X  # scikit-learn reads the names of the columns from the frame
    if reset:
        as_frames.check_column_names(X)
    elif _is_nameless_as_in_fit(estimator, X):
        return X
    if not as_frames.type_has(X, "columns"):
        X = checked_array(_as_array(X), estimator)
    elif 0 in X.shape:
        checked_array(X.to_numpy(), estimator)  # raises the ValueError for empty arrays
    try:
        validate_data(estimator, named, reset=reset, skip_check_array=True)
    except ValueError as error:
        advice = f"\n{SELECT}" if "feature names" in str(error) else ""
        raise ValueError(f"{error}{advice}") from error
    return X


def _is_nameless_as_in_fit(estimator, X):
    """Return whether X is an array as wide as that of fit, and neither has column names.

    Then validate_data can be skipped, which would take longer than predicting a row.
    """
    fits = is_numeric_array(X) and X.shape[1] == estimator.n_features_in_
    return fits and not hasattr(estimator, "feature_names_in_")


def is_numeric_array(X):
    """Return whether X is a two-dimensional array of real numbers that is not empty."""
    return type(X) is np.ndarray and X.ndim == 2 and X.size > 0 and X.dtype.kind in "biuf"


def column_names(encoder):
    """Return the names of the columns of fit, or scikit-learn's default names x0, x1, ..."""
    names = getattr(encoder, "feature_names_in_", None)
    return DefaultNames(encoder.n_features_in_) if names is None else names


class DefaultNames(Sequence):
    """The names x0, x1, ..., made when they are read: all take longer than a prediction."""

    def __init__(self, n_columns):
        self._numbers = range(n_columns)

    def __len__(self):
        return len(self._numbers)

    def __getitem__(self, position):
        return f"x{self._numbers[position]}"


def checked_array(X, estimator, dtype=None):
    """Return X as an array or CSR, by ``check_array`` without a check for finite values."""
    options = {"accept_sparse": "csr", "ensure_all_finite": False, "input_name": "X"}
    return check_array(X, dtype=dtype, estimator=estimator, **options)


def with_sums(X):
    """Return CSR in which entries stored for the same cell are summed."""
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X


def _as_array(X):
    """Return X as an array; numbers beside strings are not converted to strings."""
    if not hasattr(X, "dtype"):
        with about("X has rows of different lengths or cells that are not scalars"):
            array = np.asarray(X)
        X = np.asarray(X, object) if array.dtype.kind in "US" else array
    as_frames.refuse_one_row(X)
    return X


class Frame(NamedTuple):
    """A table whose columns are read one by one, as they may have any types.

    Attributes
    ----------
    columns : list of series or 1-d arrays
    names : sequence of str
    n_rows : int
    warnings : ColumnWarnings, optional
        Collects warnings, if the table is a block of rows of a larger one.
    """

    columns: list
    names: list
    n_rows: int
    warnings: ColumnWarnings | None = None

    def column(self, position):
        """Return the Column at ``position``."""
        return self._read(position, read_column)

    def parse(self, position, form):
        """Read a column of strings in a format, for good; return the Column and its ColumnType."""
        parsed = self._read(position, lambda values: parse_column(read_column(values), form))
        self.columns[position] = parsed[0]  # strings take long to parse
        return parsed

    def strings(self, position, fitted):
        """Return the Column at ``position`` as strings; ``fitted`` is its ColumnType in fit."""
        return self._read(position, lambda values: read_strings(values, fitted))

    def values(self, position, fitted, convert=numbers_as):
        """Return what ``convert`` makes of a column, given its ColumnType in fit: its numbers."""
        found = []
        given = fitted, found.append
        values = self._read(position, lambda column: convert(read_column(column), *given))
        self.warn(position, *found)
        return values

    def warn(self, position, *found):
        """Add to ``warnings``, as :meth:`ColumnWarnings.add` does, or warn if that is None."""
        collected = ColumnWarnings() if self.warnings is None else self.warnings
        for given in found:
            collected.add(position, self.names[position], given)
        if self.warnings is None:
            collected.warn()

    def _read(self, position, read):
        """Return what a function makes of a column; put the column's name before its errors."""
        with about(f"Column {self.names[position]!r} of X"):
            return read(self.columns[position])

    def blocks(self, positions, types):
        """Yield ``(rows, span, values)``: all rows of the columns ``positions[span]``.

        ``types`` has the ColumnType in fit of all columns that had no plain numbers.
        """
        for span in spans(len(positions), TILE // self.n_rows):
            fitted = [(position, types.get(position, NUMBER)) for position in positions[span]]
            values = np.array([self.values(*column)[:, 0] for column in fitted]).T
            check_finite(values, allow_nan=True, names=[self.names[p] for p in positions[span]])
            yield slice(None), span, values

    tiles = blocks  # whole columns too, as a column is read as a whole


class NumberArray(Frame):
    """The table of a numeric array, whose columns are read together."""

    def blocks(self, positions, types):
        """Yield ``(rows, span, values)``: all rows of the columns ``positions[span]``."""
        self._refuse_booleans(positions, types)
        for span in spans(len(positions), 16 * TILE // self.n_rows):
            yield slice(None), span, self.columns[positions[span]].T

    def tiles(self, positions, types):
        """Yield ``(rows, span, values)``: some rows of all columns, few enough for the cache."""
        self._refuse_booleans(positions, types)
        takes_all = len(positions) == len(self.columns)
        for rows in spans(self.n_rows, TILE // len(self.columns)):
            tile = self.columns[:, rows]
            yield rows, slice(0, len(positions)), (tile if takes_all else tile[positions]).T

    def _refuse_booleans(self, positions, types):
        for position in positions if self.columns.dtype.kind == "b" else ():
            if not (fitted := types.get(position, NUMBER)).takes_booleans:
                self.values(position, fitted)  # an error


def spans(length, step):
    """Yield slices of ``step`` items that cover ``length`` items."""
    step = max(step, 1)
    return (slice(start, min(start + step, length)) for start in range(0, length, step))


def as_table(X, names, column_warnings=None):
    """Return the result of :func:`check_table` as a Frame, or CSR; check its values."""
    if hasattr(X, "iloc") or hasattr(X, "get_columns"):
        columns = [c for _, c in X.items()] if hasattr(X, "iloc") else X.get_columns()
        return Frame(columns, list(X.columns), len(X), column_warnings)
    if issparse(X):
        X = checked_array(X, "TableEncoder", [np.float64, np.float32])
        check_finite(X)
        return with_sums(X)
    if X.dtype.kind not in "biuf":
        return Frame(list(X.T), names, len(X), column_warnings)
    if X.dtype.itemsize > 8:
        with np.errstate(over="ignore"):  # numbers that are too large become inf, an error below
            X = X.astype(np.float64)
    if X.dtype.kind == "f":
        check_finite(X, allow_nan=True)
    return NumberArray(X.T, names, len(X))


def check_finite(X, allow_nan=False, name="Input X", names=None):
    """Raise an error for numbers that are infinite or, unless allowed, NaN; it lists the columns.

    ``name`` is that of X, an array or CSR; ``names`` are those of its columns, by default numbers.
    """
    values = X.data if issparse(X) else X
    with np.errstate(over="ignore", invalid="ignore"):
        is_finite = np.isfinite(np.add.reduce(values, axis=None))
    if is_finite:
        return
    for kind, is_bad, advice in NOT_FINITE[1 if allow_nan else 0 :]:
        places = np.nonzero(is_bad(values))
        columns = np.unique(X.indices[places[0]] if issparse(X) else places[1])
        if len(columns):
            named = columns[: MAX_NAMED + 1].tolist()
            named = named if names is None else [names[column] for column in named]
            raise ValueError(
                f"{name} contains {kind} in column(s) {listed(named)} (cells: {len(places[0])}). "
                f"{advice}"
            )
