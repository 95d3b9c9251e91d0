"""Checks of the arguments of fit."""

import re
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from sklearn.utils.validation import check_consistent_length

from skdnn.estimator.label_checks import check_labels
from skdnn.tabular.as_frames import type_has
from skdnn.tabular.dataframes import check_table
from skdnn.tabular.parquet_files import are_paths
from skdnn.tabular.sample_weights import weighted_rows
from skdnn.tabular.user_warnings import warn_user

# Arguments named in a message, and strings in quotes, which are the user's and stay as they are.
# The lines of scikit-learn's lists of columns begin with "- ".
ARGUMENT = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|(?<![\w.])(?<!- )(X|y|sample_weight)\b")
COLUMNS = ("n_features_in_", "feature_names_in_")  # set by scikit-learn from X


class Samples(NamedTuple):
    """Validated rows, not encoded yet.

    Attributes
    ----------
    X : frame, array or sparse matrix
        Rows of positive weight.
    y : ndarray
        Their labels.
    weights : ndarray of shape (n_rows,)
        Positive.
    kept : ndarray of shape (n_rows_passed,)
        Mask of the passed rows with a positive weight.
    columns : dict
        ``n_features_in_`` and, if the columns have names, ``feature_names_in_``.
    given : array-like
        The labels as they were passed.
    every_label : ndarray
        The labels of all rows, also of weight 0.
    """

    X: object
    y: np.ndarray
    weights: np.ndarray
    kept: np.ndarray
    columns: dict
    given: object
    every_label: np.ndarray


def read_samples(estimator, X, y, sample_weight, reset=True, suffix=""):
    """Check lengths, names, labels and weights; return the Samples, without rows of weight 0.

    ``reset`` tells whether to store these columns, instead of comparing them with those of fit.
    ``suffix`` follows the names of the arguments in warnings.
    """
    if are_paths(X):
        raise ValueError(
            "X is a path, but only fit and the methods that predict read Parquet files: not "
            "partial_fit, nor fit its validation rows. Pass a table, as of pandas.read_parquet."
        )
    for name, values in (("y", y), ("sample_weight", sample_weight)):
        _warn_of_order(X, values, f"X{suffix}", f"{name}{suffix}")
    X = check_table(estimator, X, reset)
    labels = check_labels(y)
    check_consistent_length(X, labels)
    columns = {name: value for name, value in vars(estimator).items() if name in COLUMNS}
    return Samples(*weighted_rows(X, labels, sample_weight), columns, y, labels)


def _warn_of_order(X, values, table, name):
    """Warn if a series has the index of a dataframe, but in another order."""
    are_indexed = type_has(X, "iloc") and type_has(values, "iloc") and len(X) == len(values)
    if not are_indexed or X.index.equals(values.index):
        return
    if X.index.is_unique and values.index.is_unique and values.index.isin(X.index).all():
        warn_user(
            f"{name} has the index of {table} in another order. Rows belong together by their "
            f"position, as everywhere in scikit-learn. To match them by index, pass "
            f"{name}.loc[{table}.index]; if the order is right, pass {name}.to_numpy()."
        )


@contextmanager
def about_validation():
    """Name X_val, y_val and sample_weight_val in errors, instead of X, y and sample_weight.

    Checks are the same for both, and need not know which of them they read.
    """
    try:
        yield
    except Warning:  # made an error by a filter
        raise
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        message = ARGUMENT.sub(lambda found: found[0] + "_val" * bool(found[1]), str(error))
        if message == str(error):
            message = f"X_val, y_val, sample_weight_val: {message}"
        raise kind(message) from error


def read_validation(estimator, X, y, sample_weight):
    """Return the Samples to validate on, or None if X is None."""
    if (X is None) != (y is None) or (X is None and sample_weight is not None):
        raise ValueError("X_val and y_val go together, and sample_weight_val goes with both.")
    if X is None:
        return None
    with about_validation():
        return read_samples(estimator, X, y, sample_weight, reset=False, suffix="_val")
