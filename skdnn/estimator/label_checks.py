"""Read y as an array of labels; errors and warnings for a y that is no target of a classifier."""

import reprlib
from collections.abc import Collection

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import column_or_1d

from skdnn.tabular.as_frames import check_column_names, refuse_lazy_frame
from skdnn.tabular.categories import ignoring_case_and_spaces
from skdnn.tabular.missing_checks import refuse_missing
from skdnn.tabular.user_warnings import warn_user

FEW = 10  # rows that may all have exactly one label by accident
LIKE_MISSING = {"", "?", "nan", "<na>", "nat", "None"}  # often written for missing values


def check_labels(y):
    """Return y as an array, (n_rows,) or, for multilabel y, (n_rows, n_labels)."""
    refuse_lazy_frame(y, "y")
    if issparse(y):
        y = y.toarray()
    if y is None:
        raise ValueError("requires y to be passed, but the target y is None.")
    if np.ma.is_masked(y):
        raise ValueError("Input y has masked values; every row needs a label. Drop the others.")
    values = label_array(y, "Input y", "every row needs a label. Drop the rows without one.")
    if values.ndim == 0:
        _refuse_scalar(y)
    assert_all_finite(values, input_name="y")
    if values.ndim == 2 and values.shape[1] > 1:
        check_column_names(y, "y")
        return _checked_indicators(values)
    if values.dtype.kind == "f":
        _refuse_continuous(values)
    return column_or_1d(values, warn=True)


def _refuse_continuous(values):
    # As for scikit-learn's metrics, numbers beyond 64 bits are no integers.
    is_continuous = (np.floor(values) != values) | (np.abs(values) >= 2.0**63)
    if is_continuous.any():
        raise ValueError(
            "Unknown label type: continuous. y holds real numbers, such as "
            f"{values[is_continuous][0]}, but a classifier needs classes. Cut y into "
            "classes, for instance with pandas.qcut(y, 4, labels=False), or use a regressor."
        )


def label_array(labels, name, advice):
    """Return labels as an array of strings, numbers, booleans or times; refuse all others.

    Messages contain ``name``, that of the labels, and ``advice`` on missing values.
    """
    values = _as_objects_if_mixed(labels)
    types = set(map(type, values.ravel())) if values.dtype == object and values.ndim else ()
    if any(issubclass(kind, Collection) and not issubclass(kind, str | bytes) for kind in types):
        raise ValueError(_several_labels(f"{name} has lists, sets or arrays in places of labels"))
    refuse_missing(values, name, advice)
    if values.dtype == object and values.ndim:
        values = _converted(values, types)
    if values.ndim and values.dtype.kind not in "biufmMU":
        names = sorted({kind.__name__ for kind in types or {type(values.flat[0])}})
        raise ValueError(
            f"{name} holds labels of type {' and '.join(names)}, such as {values.flat[0]!r}; they "
            "must be all strings, or all numbers of at most 64 bits or booleans. Convert them, for "
            "instance with y.astype(str) or list(map(str, y))."
        )
    return values


def _converted(values, types):
    """Return an array of objects of these types as another one, if no label changes thereby."""
    if len({issubclass(kind, str) for kind in types}) > 1:
        return values
    array = np.array(values.tolist())
    is_rounded = array.dtype.kind == "f" and types and all(issubclass(kind, int) for kind in types)
    return values if is_rounded or array.tolist() != values.tolist() else array


def _as_objects_if_mixed(labels):
    """Return an array, of objects where NumPy would convert a list of several types."""
    try:
        values = np.asarray(labels)
    except ValueError as error:  # rows of different lengths
        raise ValueError(_several_labels(f"y is no array of labels ({error})")) from error
    is_converted = values.dtype.kind in "USf" and not hasattr(labels, "dtype")
    # Variable-length strings ("T") are not supported by scikit-learn.
    return np.asarray(labels, object) if is_converted or values.dtype.kind == "T" else values


def _several_labels(found):
    return (
        f"{found}. Several labels a row are an indicator matrix, one column of 0 and 1 for each "
        "label: sklearn.preprocessing.MultiLabelBinarizer().fit_transform(y) makes it from lists."
    )


def _refuse_scalar(y):
    """Raise an error for a single value, which is often the name of a column."""
    name = f'"{y}"' if isinstance(y, str) else repr(y) if np.isscalar(y) else '"target"'
    raise ValueError(
        f"y must have a label for each row, but it is {reprlib.repr(y)}. If the labels are in a "
        f"column of a frame, pass df[{name}] as y and df.drop(columns={name}) as X."
    )


def _checked_indicators(values):
    """Return multilabel y; refuse anything but 0 and 1."""
    if not np.isin(values, (0, 1)).all():
        found = f"y has {values.shape[1]} columns, as multilabel y, which must hold only 0 and 1"
        raise ValueError(
            _several_labels(f"{found}, but it holds {reprlib.repr(np.unique(values).tolist())}")
            + " Several targets are learnt by sklearn.multioutput.MultiOutputClassifier."
        )
    return values


def warn_of_targets(y, labels, given):
    """Warn if y, as :func:`check_labels` returns it, may not be what it is read as.

    ``labels`` are learnt from it; ``given`` is the same y as it was passed.
    """
    message = _doubt_labels(y, given) if labels.is_multilabel else _doubt_classes(y, labels.classes)
    if message:
        warn_user(message)


def _doubt_labels(y, given):
    """Return a message if multilabel y may be one-hot encoded classes, or None."""
    if len(y) <= FEW or (y.sum(axis=1) != 1).any():
        return None
    of_type = [f"y.{name}(axis=1)" for name in ("idxmax", "argmax") if hasattr(given, name)]
    return (
        f"every row of y has exactly one of its {y.shape[1]} labels, as one-hot encoded classes "
        "have, but it is read as multilabel y, whose labels are independent. For classes, pass "
        f"{(*of_type, 'np.argmax(y, axis=1)')[0]}."
    )


def _doubt_classes(y, classes):
    """Return a message if a class may stand for missing labels, or y be no classes, or None."""
    for label in classes.tolist():
        # "None" is how Python writes a missing value; "none" may be a class.
        if isinstance(label, str) and {label, label.strip().lower()} & LIKE_MISSING:
            return (
                f"y has the class {label!r}, in {np.count_nonzero(y == label)} of {len(y)} rows. "
                "If labels are missing there, drop these rows."
            )
    names = [label for label in classes.tolist() if isinstance(label, str)]
    by_meaning = {ignoring_case_and_spaces(name): name for name in names}
    for name in names:
        if (other := by_meaning[ignoring_case_and_spaces(name)]) != name:
            return (
                f"y has the classes {name!r} and {other!r}, which differ in case and blanks only. "
                "If they are one class, spell it in one way, for instance with "
                "y.str.strip().str.lower()."
            )
    if len(y) > 20 and len(classes) > round(0.5 * len(y)):  # as scikit-learn does
        return (
            f"y has {len(classes)} classes in {len(y)} rows. It may be an identifier or a "
            "regression target: use a regressor, or cut y into classes, for instance with "
            "pandas.qcut(y, 4, labels=False)."
        )
    return None
