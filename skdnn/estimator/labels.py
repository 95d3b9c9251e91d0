"""Convert y to targets, and scores to labels."""

from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from skdnn.core.losses import LOSSES
from skdnn.tabular.dataframes import refuse_lazy_frame
from skdnn.tabular.missing_values import count_missing, refuse_missing

MULTILABEL = "multilabel-indicator"


class Labels(NamedTuple):
    """The classes, or multilabel columns, of y.

    Attributes
    ----------
    classes : ndarray
        Sorted labels; column numbers for multilabel y.
    is_multilabel : bool
    """

    classes: np.ndarray
    is_multilabel: bool

    @property
    def is_binary(self):
        """Whether there are two classes."""
        return len(self.classes) == 2 and not self.is_multilabel

    @property
    def loss(self):
        """The Loss for these labels."""
        of_classes = "sigmoid" if self.is_binary else "softmax"
        return LOSSES["multilabel" if self.is_multilabel else of_classes]

    @property
    def n_outputs(self):
        """Number of output units: 1 for two classes, else one for each class or label."""
        return 1 if self.is_binary else len(self.classes)

    def like(self, y):
        """Return Labels whose classes have the type object, if y holds strings of this type."""
        holds_objects = np.asarray(y).dtype == np.dtype(object)
        if holds_objects and self.classes.dtype.kind == "U":
            return self._replace(classes=self.classes.astype(object))
        return self

    def targets(self, y):
        """Return int32 targets (n_rows, n_target_columns): class indices, or multilabel 0 and 1.

        Raises
        ------
        ValueError
            If y has labels that are not in ``classes``, or another number of labels per row.
        """
        n_labels = len(self.classes) if self.is_multilabel else 1
        n_given = y.shape[1] if y.ndim == 2 else 1
        if n_given != n_labels:
            raise ValueError(f"y must have {n_labels} labels a row, as in fit, but has {n_given}.")
        if self.is_multilabel:
            return np.asarray(y, np.int32)
        codes = {label: code for code, label in enumerate(self.classes.tolist())}
        labels = y.tolist()
        unknown = sorted(set(labels) - set(codes))
        if unknown:
            raise ValueError(
                f"y contains the labels {unknown!r}, which are not among the classes "
                f"{list(codes)!r} of the first call."
            )
        return np.fromiter(map(codes.__getitem__, labels), np.int32, len(labels))[:, None]

    def decide(self, scores):
        """Return labels: the class of the highest score, or for multilabel y scores above 0.

        Parameters
        ----------
        scores : ndarray
            As ``decision_function`` returns them.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_labels)
        """
        if self.is_multilabel:
            return (scores > 0).astype(int)
        indices = (scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)
        return self.classes[indices]

    def strata(self, targets):
        """Return the stratum of each row: its class, or 0 for multilabel y."""
        return np.zeros(len(targets), np.intp) if self.is_multilabel else targets[:, 0]


def check_labels(y):
    """Return y as an array, (n_rows,) or, for multilabel y, (n_rows, n_labels).

    Raises
    ------
    TypeError
        If y is a lazy frame.
    ValueError
        If y has missing values, is continuous, or is not a classification target otherwise.
    """
    refuse_lazy_frame(y, "y")
    if issparse(y):
        y = y.toarray()
    if y is None:
        raise ValueError("requires y to be passed, but the target y is None.")
    if np.ma.is_masked(y):
        raise ValueError("Input y has masked values; every row needs a label. Drop the others.")
    values = _as_array(y)
    refuse_missing(values, "Input y", "every row needs a label. Drop the rows without one.")
    assert_all_finite(values, input_name="y")
    values = _of_one_kind(values)
    # Integers need no distinction of "binary", which would require a pass over all values.
    are_whole = values.ndim == 1 and values.dtype.kind in "biu"
    kind = "multiclass" if are_whole else type_of_target(values, input_name="y")
    if kind == MULTILABEL:
        if not np.isin(values, (0, 1)).all():
            found = np.unique(values).tolist()
            raise ValueError(f"multilabel y must hold only 0 and 1, but it holds {found!r}.")
        return values
    values = column_or_1d(values, warn=True)
    if kind not in ("binary", "multiclass"):
        check_classification_targets(values)
    return values


def _as_array(labels):
    """Return an array; missing values in a list of strings are not converted to strings."""
    values = np.asarray(labels)
    if values.dtype.kind == "T":  # variable-length strings, which scikit-learn does not support
        return values.astype(object)
    if values.dtype.kind == "U" and not hasattr(labels, "dtype"):
        objects = np.asarray(labels, object)
        return objects if count_missing(objects) else values
    return values


def _of_one_kind(values):
    """Return an array of objects as strings, or as numbers or booleans, if it is not mixed."""
    are_strings = {isinstance(value, str) for value in values.ravel()}
    is_uniform = values.dtype == object and len(are_strings) == 1
    return np.array(values.tolist()) if is_uniform else values


def learn_labels(y, classes=None):
    """Return the Labels of y.

    Parameters
    ----------
    y : ndarray
        As :func:`check_labels` returns it.
    classes : array-like or set, optional
        All classes, if some may be absent from y.

    Returns
    -------
    Labels

    Raises
    ------
    ValueError
        If there are fewer than two classes, or one is a missing value.
    """
    if y.ndim == 2:
        return Labels(np.arange(y.shape[1]), True)
    are_named = classes is not None
    if are_named:
        classes = _of_one_kind(_as_array(list(classes)))
        refuse_missing(classes, "classes", "a missing value cannot be a class.")
    classes = np.unique(classes if are_named else y)
    if len(classes) < 2:
        name, advice = (
            ("classes", "Pass them all.") if are_named else ("y", "Check how y was split.")
        )
        raise ValueError(
            f"{name} has 1 class ({classes.tolist()[0]!r}); DeepNetClassifier needs at least 2. "
            f"{advice}"
        )
    return Labels(classes, False)
