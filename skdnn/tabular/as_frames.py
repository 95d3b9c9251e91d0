"""Dataframes and arrays of other libraries, and records, as those of pandas, polars and NumPy."""

from collections import Counter
from importlib import import_module
from importlib.util import find_spec

import numpy as np
from scipy.sparse import issparse

from skdnn.tabular.user_warnings import about

ONE_ROW = (
    "A row of a dataframe is passed as df.iloc[[0]], with two pairs of brackets; a row of other "
    "values as [row] or pandas.DataFrame([row])."
)


def as_frame(X, names):
    """Return a dataframe of pandas or polars of any dataframe or records; others unchanged.

    These are a dataframe of narwhals; an object with the Arrow PyCapsule interface or the dataframe
    interchange protocol; a dict of scalars; or a list of dicts. Records are given the order of
    ``names``, the columns of fit.
    """
    if type_has(X, "iloc") or type_has(X, "get_columns"):
        return X
    if type_has(X, "to_native"):
        return as_frame(X.to_native(), names)
    first = X[0] if isinstance(X, (list, tuple)) and X else X
    if isinstance(first, dict) and not issparse(X):  # a sparse DOK matrix is a dict
        return _frame_of_records(X, names)
    if any(type_has(X, f"__{name}__") for name in ("arrow_c_stream", "arrow_c_array", "dataframe")):
        return _frame_of_arrow(X)
    return X


def type_has(table, name):
    """Return whether the type of a table has an attribute.

    The table itself may have it as the name of a column, which is an attribute of a dataframe too.
    """
    return hasattr(type(table), name)


def as_numpy(array):
    """Return an array of another library, such as a PyTorch tensor, as a NumPy array."""
    array = array.detach() if type_has(array, "detach") else array  # without gradient, of PyTorch
    is_other = type_has(array, "__dlpack__") and not isinstance(array, np.ndarray)
    return np.asarray(array) if is_other else array


def refuse_lazy_frame(data, name):
    """Raise an error for a LazyFrame of polars or narwhals, or a dataframe of Dask."""
    advice = {"collect": "", "compute": ", or use skdnn.distributed.DaskDeepNetClassifier"}
    for method, more in advice.items():
        if type_has(data, method) and type_has(data, "columns"):
            what = f"{type(data).__name__}, which is not computed yet"
            raise TypeError(f"{name} is a {what}: pass {name}.{method}(){more}.")


def check_column_names(data, name="X"):
    """Raise an error if two columns of a dataframe have the same name."""
    counts = Counter(map(str, names_in(data)))
    if repeated := [column for column, count in counts.items() if count > 1]:
        raise ValueError(f"{name} has several columns named {repeated}; names must be unique.")


def names_in(X):
    """Return the column names of a frame; nothing for other tables."""
    if type_has(X, "column_names"):  # of pyarrow, whose attribute ``columns`` is the data
        return X.column_names
    return X.columns if type_has(X, "columns") else ()


def refuse_one_row(X):
    """Raise an error that says how to pass one row, if an array or series has one dimension."""
    if getattr(getattr(X, "dtype", None), "names", None):
        raise ValueError("X is an array of records: pass pandas.DataFrame(X).")
    if len(getattr(X, "shape", ())) == 1:
        raise ValueError(
            f"Expected 2D array, got 1D array instead: {len(X)} values ({type(X).__name__}). "
            f"{ONE_ROW} Reshape your data with X.reshape(-1, 1) if it has a single feature."
        )


def _frame_of_records(X, names):
    """Return a dataframe of a dict or of a list of dicts."""
    if isinstance(X, dict):
        if columns := [name for name, value in X.items() if np.ndim(value)]:
            raise ValueError(
                f"X is a dict of columns ({columns[0]!r}): pass pandas.DataFrame(X). A dict of "
                "scalars is one row."
            )
        X = [X]
    # Plain dicts: pandas looks at the attribute ``ndim``, which keys of some others are.
    X = [dict(row) if isinstance(row, dict) else row for row in X]
    pandas = import_optional("pandas", "a dict or a list of dicts")
    with about("X must be a list of dicts, all of scalars"):
        frame = pandas.DataFrame(X)
    return frame[list(names)] if names is not None and set(names) == set(frame.columns) else frame


def _frame_of_arrow(X):
    """Return a dataframe of a table in the memory layout of Arrow, column by column."""
    if find_spec("pyarrow") is None or find_spec("pandas") is None:
        return import_optional("polars", f"a {type(X).__module__}.{type(X).__name__}").DataFrame(X)
    pandas, pyarrow = import_module("pandas"), import_module("pyarrow")
    protocol = any(type_has(X, f"__arrow_c_{kind}__") for kind in ("stream", "array"))
    convert = pyarrow.table if protocol else import_module("pyarrow.interchange").from_dataframe
    with about(f"X is a {type(X).__name__}, but must be a table with columns"):
        table, columns = convert(X), []
    for name, column in zip(table.column_names, table.columns, strict=True):
        with about(f"Column {name!r} of X, of type {column.type}"):
            columns.append(pandas.Series(column.to_pandas(), name=name))
    return pandas.concat(columns, axis=1) if columns else pandas.DataFrame(index=range(len(table)))


def import_optional(library, what, package=None):
    """Import a library, or a module of one, that is not required.

    The error, if it is not installed, says that ``what`` needs it, and to install ``package``, by
    default the library.
    """
    try:
        return import_module(library)
    except ImportError as error:
        name = library.partition(".")[0]
        raise ImportError(
            f"X is {what}, which is read with {name}: install it with "
            f"`pip install {package or name}`."
        ) from error
