"""Validate the arguments of fit, and learn the schema that later calls keep."""

import re
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_consistent_length

from skdnn.estimator.encoders import adapted, fit_encoder
from skdnn.estimator.label_checks import check_labels
from skdnn.estimator.labels import Labels
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
    """Check lengths, names, labels and weights; drop rows of weight 0.

    Parameters
    ----------
    estimator : DeepNetClassifier
        A copy, on which scikit-learn sets the attributes of the columns.
    X : frame, array-like or sparse matrix
    y : array-like
    sample_weight : array-like or None
    reset : bool, default=True
        Whether to store these columns, instead of comparing them with those of fit.
    suffix : str, default=""
        What follows the names of the arguments in warnings.

    Returns
    -------
    Samples

    Raises
    ------
    ValueError
        If an argument is invalid.
    """
    if are_paths(X):
        raise ValueError(
            "X is a path, but only fit and the methods that predict read Parquet files: not "
            "partial_fit, nor fit its validation rows. Pass a table, for instance of "
            "pandas.read_parquet."
        )
    for name, values in (("y", y), ("sample_weight", sample_weight)):
        _warn_of_order(X, values, f"X{suffix}", f"{name}{suffix}")
    X = check_table(estimator, X, reset)
    labels = check_labels(y)
    check_consistent_length(X, labels, sample_weight)
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
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        message = ARGUMENT.sub(lambda found: found[0] + "_val" * bool(found[1]), str(error))
        if message == str(error):
            message = f"X_val, y_val, sample_weight_val: {message}"
        raise kind(message) from error


def read_validation(estimator, X, y, sample_weight):
    """Return the Samples to validate on, or None if X is None.

    Raises
    ------
    ValueError
        If there are rows without labels, or labels or weights without rows.
    """
    if (X is None) != (y is None) or (X is None and sample_weight is not None):
        raise ValueError("X_val and y_val go together, and sample_weight_val goes with both.")
    if X is None:
        return None
    with about_validation():
        return read_samples(estimator, X, y, sample_weight, reset=False, suffix="_val")


def resolve_dtype(dtype, X):
    """Return the name of the type to compute in; "input" is the type of a float array."""
    if dtype != "input":
        return dtype
    return "float64" if type_has(X, "dtype") and X.dtype == np.float64 else "float32"


class DataSchema(NamedTuple):
    """Properties learnt from the rows of the first call, and kept by later calls.

    Attributes
    ----------
    labels : Labels
    columns : dict
        ``n_features_in_`` and, if the columns have names, ``feature_names_in_``.
    encoder : transformer
        Fitted.
    dtype : str
        Type to compute in.
    seed : int
    has_warned : bool
        Whether a warning said that columns are not as in the first call.
    """

    labels: Labels
    columns: dict
    encoder: object
    dtype: str
    seed: int
    has_warned: bool = False


def learn_schema(settings, samples, labels, before):
    """Return the DataSchema of the rows, or that of the model whose training is continued.

    Parameters
    ----------
    settings : SimpleNamespace
        The parameters of the estimator.
    samples : Samples
    labels : Labels
    before : FittedModel or None
        The model whose training is continued.

    Returns
    -------
    DataSchema

    Raises
    ------
    ValueError
        If training is continued with other classes.
    """
    if before is None:
        dtype = resolve_dtype(settings.dtype, samples.X)
        rng = check_random_state(settings.random_state)
        encoder = fit_encoder(settings, dtype, samples, labels)
        seed = int(rng.randint(np.iinfo(np.int32).max))
        return DataSchema(labels, samples.columns, encoder, dtype, seed)
    schema = before.schema
    _check_same_classes(schema.labels, labels)
    if settings.refit_encoder:
        return schema._replace(encoder=fit_encoder(settings, schema.dtype, samples, labels))
    return schema if schema.has_warned else _warn_of_changes(schema, samples)


def _warn_of_changes(schema, samples):
    """Warn of what the encoder has not seen; return the schema with a note that it is said."""
    changes = adapted(schema.encoder).changes(samples.X)
    if not changes:
        return schema
    named = "; ".join(f"{name!r} ({change})" for name, change in changes.items())
    warn_user(
        f"Columns of X are not as in the first call: {named}. The encoder does not know this, so "
        "that it is learnt poorly or not at all. Make the first call with rows like all others; "
        "or pass refit_encoder=True to partial_fit, if the number of inputs stays the same."
    )
    return schema._replace(has_warned=True)


def _check_same_classes(before, now):
    # Multilabel y is checked with the targets. The message begins as that of MLPClassifier.
    are_classes = not (before.is_multilabel or now.is_multilabel)
    if are_classes and not np.array_equal(before.classes, now.classes):
        raise ValueError(
            "warm_start can only be used where `y` has the same classes as in the previous call "
            f"to fit. Previously got {before.classes}, `y` has {now.classes}. The same holds for "
            "partial_fit. To start again, call fit with warm_start=False."
        )
