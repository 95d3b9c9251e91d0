"""Missing values: what counts as one, and where they are refused.

None, NaN, NaT, ``pandas.NA`` and what a mask hides are missing values alike. How they are encoded
depends on the column. A number or part of a date that is missing is 0 once it is scaled, which is
the median (:mod:`skdnn.tabular.scaling`); where some were missing in training, an indicator beside
it is 1. In a column of text "missing" then is a category like others. Both are found in
:mod:`skdnn.tabular.column_encoders`.
"""

import numpy as np

PANDAS_NULLS = ("NAType", "NaTType")  # told by name: pandas need not be installed


def is_missing(value):
    """Tell whether a scalar stands for a missing value."""
    return value is None or type(value).__name__ in PANDAS_NULLS or bool(value != value)


def refuse_missing(values, name, advice):
    """Refuse an array in which a value is None, NaN, NaT or NA.

    Parameters
    ----------
    values : ndarray
    name, advice : str
        What the message calls it, and what to do.

    Raises
    ------
    ValueError
        With the number of gaps.
    """
    n_missing = count_missing(values) if values.dtype.kind in "OfmM" else 0
    if n_missing:
        raise ValueError(
            f"{name} contains NaN or None in {n_missing} of {values.size} places; {advice}"
        )


def count_missing(values):
    """Return how many values of an array are missing."""
    return sum(map(is_missing, values.ravel()))


def unmasked(X):
    """Return X with what a mask hides as missing values."""
    if not isinstance(X, np.ma.MaskedArray):
        return X
    missing_value = np.nan if X.dtype.kind in "biuf" else None
    if X.dtype.kind in "mM":
        missing_value = np.array("NaT", X.dtype)
    return np.where(np.ma.getmaskarray(X), missing_value, X.data)
