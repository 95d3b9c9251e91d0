"""Cells of whatever the user passes as X: masks, and numbers that are not finite."""

import numpy as np
from scipy.sparse import issparse

MAX_NAMED = 10  # columns in a message
# What is said of numbers that are not finite, what finds them, and what to do.
NOT_FINITE = (
    (
        "NaN",
        np.isnan,
        "encoder='auto' takes gaps in dense tables; elsewhere fill them, for instance with "
        "sklearn.impute.SimpleImputer.",
    ),
    (
        "infinity or a value too large",
        np.isinf,
        "Replace it with a finite number or, in a dense table, a gap.",
    ),
)


def opened(X):
    """Return X with what a mask hides as gaps.

    Raises
    ------
    TypeError
        If X is a query whose rows are not there yet.
    """
    refuse_query(X, "X")
    if not isinstance(X, np.ma.MaskedArray):
        return X
    gap = np.nan if X.dtype.kind in "biuf" else None
    if X.dtype.kind in "mM":
        gap = np.array("NaT", X.dtype)
    return np.where(np.ma.getmaskarray(X), gap, X.data)


def refuse_query(data, name):
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
