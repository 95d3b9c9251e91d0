"""Missing values: which values are missing, and checks where they are not allowed.

None, NaN, NaT, ``pandas.NA`` and masked values are missing values. They are encoded elsewhere:
:mod:`skdnn.tabular.learn_columns` finds the columns that have some in training. A missing number or
part of a date is encoded as 0, the scaled median (:mod:`skdnn.tabular.scaling`), unless it can be
estimated (:mod:`skdnn.tabular.imputation`), and the indicator of its column is 1
(:mod:`skdnn.tabular.column_encoders`). In a string column, "missing" is one of the categories
(:mod:`skdnn.tabular.categories`).
"""

import numpy as np

PANDAS_NULLS = ("NAType", "NaTType")  # compared by name, as pandas need not be installed


def is_missing(value):
    """Return whether a scalar is a missing value."""
    if value is None or type(value).__name__ in PANDAS_NULLS:
        return True
    try:
        return isinstance(differs := value != value, (bool, np.bool_)) and bool(differs)
    except ArithmeticError:  # the signalling NaN of Decimal
        return True


def refuse_missing(values, name, advice):
    """Raise an error, with ``name`` and ``advice``, if an array has missing values."""
    are_objects = values.dtype.kind == "O"
    if n_missing := sum(map(is_missing, values.flat)) if are_objects else (values != values).sum():
        raise ValueError(
            f"{name} contains NaN or None in {n_missing} of {values.size} places; {advice}"
        )


def unmasked(X):
    """Return X with masked values as missing values."""
    if not isinstance(X, np.ma.MaskedArray):
        return X
    missing_value = np.nan if X.dtype.kind in "biuf" else None
    if X.dtype.kind in "mM":
        missing_value = np.array("NaT", X.dtype)
    return np.where(np.ma.getmaskarray(X), missing_value, X.data)
