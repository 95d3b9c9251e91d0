"""Convert y to targets, and scores to labels."""

from typing import NamedTuple

import numpy as np

from skdnn.core.losses import LOSSES
from skdnn.estimator.label_checks import label_array
from skdnn.tabular.as_frames import names_in


class Labels(NamedTuple):
    """The classes, or multilabel columns, of y.

    Attributes
    ----------
    classes : ndarray
        Sorted labels; for multilabel y the column names of a frame, as objects, or else the
        column numbers.
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

    def check_columns(self, given):
        """Raise an error if the columns of multilabel y have other names than those of fit."""
        names, known = list(names_in(given)), self.classes.tolist()
        is_named = self.is_multilabel and self.classes.dtype == object
        if is_named and names and names != known:
            raise ValueError(
                f"y has the columns {names!r}, but in fit it had {known!r}. Pass "
                "y[net.classes_.tolist()]."
            )

    def targets(self, y):
        """Return int32 targets (n_rows, n_target_columns): class indices, or multilabel 0 and 1."""
        n_labels = len(self.classes) if self.is_multilabel else 1
        n_given = y.shape[1] if y.ndim == 2 else 1
        if n_given != n_labels:
            raise ValueError(f"y must have {n_labels} labels a row, as in fit, but has {n_given}.")
        if self.is_multilabel:
            return np.asarray(y, np.int32)
        codes = {label: code for code, label in enumerate(self.classes.tolist())}
        labels = y.tolist()
        if unknown := sorted(set(labels) - set(codes)):
            known = f"which are not among the classes {list(codes)!r}."
            raise ValueError(f"y contains the labels {unknown!r}, {known}")
        return np.fromiter(map(codes.__getitem__, labels), np.int32, len(labels))[:, None]

    def decide(self, scores):
        """Return labels: the class of the highest score, or for multilabel y scores above 0.

        ``scores`` are as ``decision_function`` returns them.
        """
        if self.is_multilabel:
            return (scores > 0).astype(int)
        indices = (scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)
        return self.classes[indices]

    def strata(self, targets):
        """Return the stratum of each row: its class, or 0 for multilabel y."""
        return np.zeros(len(targets), np.intp) if self.is_multilabel else targets[:, 0]


def learn_labels(samples, classes=None):
    """Return the Labels of the rows, also of rows of weight 0.

    They have the column names of y, or its type of strings. ``classes`` are all classes, if some
    may be absent from y.
    """
    y, given = samples.every_label, samples.given
    if y.ndim == 2:
        names = names_in(given)
        # Names may be tuples, of which np.array would make two dimensions.
        classes = np.fromiter(names, object, len(names)) if len(names) else np.arange(y.shape[1])
        return Labels(classes, True)
    classes = _learn_classes(y, classes)
    are_objects = classes.dtype.kind == "U" and np.asarray(given).dtype == np.dtype(object)
    return Labels(classes.astype(object) if are_objects else classes, False)


def _learn_classes(y, classes):
    name, advice = "y", "Check how y was split."
    if classes is not None:
        if np.isscalar(classes):
            raise TypeError(f"classes must be a list of all labels, but is {classes!r}.")
        name, advice = "classes", "Pass them all."
        y = label_array(list(classes), name, "a missing value cannot be a class.")
    classes = np.unique(y)
    if len(classes) < 2:
        raise ValueError(
            f"{name} has 1 class ({classes.tolist()[0]!r}); DeepNetClassifier needs at least 2. "
            f"{advice}"
        )
    return classes
