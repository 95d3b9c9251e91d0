"""From y to targets, and back to labels."""

from numbers import Real
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from skdnn.cells import refuse_query
from skdnn.columns import is_gap

MULTILABEL = "multilabel-indicator"


class Labels(NamedTuple):
    """What the estimator knows about y.

    Attributes
    ----------
    classes : ndarray
        Sorted labels; column numbers for multilabel y.
    is_multilabel : bool
    """

    classes: np.ndarray
    is_multilabel: bool

    @property
    def loss(self):
        """Name of the loss."""
        if self.is_multilabel:
            return "multilabel"
        return "sigmoid" if len(self.classes) == 2 else "softmax"

    @property
    def n_outputs(self):
        """Output units: one sigmoid for two classes, else one unit a class or label."""
        return 1 if self.loss == "sigmoid" else len(self.classes)

    def like(self, y):
        """Return these labels with classes that are objects, if y holds strings as objects."""
        holds_objects = np.asarray(y).dtype == np.dtype(object)
        if holds_objects and self.classes.dtype.kind == "U":
            return self._replace(classes=self.classes.astype(object))
        return self

    def targets(self, y):
        """Return int32 (n_rows, n_target_columns): class indices, or 0 and 1 for multilabel y.

        Raises
        ------
        ValueError
            If y holds labels that are not in ``classes``, or another number of labels a row.
        """
        n_labels = len(self.classes) if self.is_multilabel else 1
        n_given = y.shape[1] if y.ndim == 2 else 1
        if n_given != n_labels:
            raise ValueError(f"training has {n_labels} labels a row, but here y has {n_given}.")
        if self.is_multilabel:
            return np.asarray(y, np.int32)
        codes = {label: code for code, label in enumerate(self.classes.tolist())}
        labels = y.tolist()
        unknown = sorted(set(labels) - set(codes))
        if unknown:
            raise ValueError(
                f"y contains the labels {unknown!r}, which are not among the classes "
                f"{list(codes)!r} that training started with."
            )
        return np.fromiter(map(codes.__getitem__, labels), np.int32, len(labels))[:, None]

    def decide(self, scores):
        """Return labels: those of the highest score, or of scores above 0.

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
        """Return the stratum of each row: its class; multilabel rows are all in one."""
        return np.zeros(len(targets), np.intp) if self.is_multilabel else targets[:, 0]


def check_labels(y):
    """Return y as an array, (n_rows,) or, for multilabel y, (n_rows, n_labels).

    Raises
    ------
    TypeError
        If y is a query whose rows are not there yet.
    ValueError
        If y has gaps, is continuous, or is otherwise no classification target.
    """
    refuse_query(y, "y")
    if issparse(y):
        y = y.toarray()
    if y is None:
        raise ValueError("requires y to be passed, but the target y is None.")
    if np.ma.is_masked(y):
        raise ValueError("Input y is masked in places; every row needs a label. Drop the others.")
    values = _as_array(y)
    refuse_gaps(values, "Input y", "every row needs a label. Drop the rows without one.")
    assert_all_finite(values, input_name="y")
    values = _of_one_kind(values)
    kind = _kind_of(values)
    if kind == MULTILABEL:
        if not np.isin(values, (0, 1)).all():
            found = np.unique(values).tolist()
            raise ValueError(f"multilabel y must hold only 0 and 1, but it holds {found!r}.")
        return values
    values = column_or_1d(values, warn=True)
    if kind not in ("binary", "multiclass"):
        check_classification_targets(values)
    return values


def _kind_of(values):
    """Return the kind of y in scikit-learn's words, but for two classes of whole numbers."""
    if values.ndim == 1 and values.dtype.kind in "biu":
        return "multiclass"  # or "binary", which is as good and takes a look at all of them
    return type_of_target(values, input_name="y")


def refuse_gaps(values, name, advice):
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
    n_gaps = _count_gaps(values) if values.dtype.kind in "OfmM" else 0
    if n_gaps:
        raise ValueError(
            f"{name} contains NaN or None in {n_gaps} of {values.size} places; {advice}"
        )


def _count_gaps(values):
    return sum(map(is_gap, values.ravel()))


def _as_array(labels):
    """Return an array; beside strings in a list, gaps stay gaps and do not become strings."""
    values = np.asarray(labels)
    if values.dtype.kind == "T":  # texts that vary in length, which scikit-learn does not know
        return values.astype(object)
    if values.dtype.kind == "U" and not hasattr(labels, "dtype"):
        cells = np.asarray(labels, object)
        return cells if _count_gaps(cells) else values
    return values


def _of_one_kind(values):
    """Return objects as an array of strings, or of booleans or numbers, if they are all such."""
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
        All classes, if y may not hold each of them.

    Returns
    -------
    Labels

    Raises
    ------
    ValueError
        If there are fewer than two classes, or a gap is named as one.
    """
    if y.ndim == 2:
        return Labels(np.arange(y.shape[1]), True)
    are_named = classes is not None
    if are_named:
        classes = _of_one_kind(_as_array(list(classes)))
        refuse_gaps(classes, "classes", "a missing value is no class.")
    classes = np.unique(classes if are_named else y)
    if len(classes) < 2:
        name, advice = ("classes", "Name all.") if are_named else ("y", "Check how y was split.")
        raise ValueError(
            f"{name} has 1 class ({classes.tolist()[0]!r}); DeepNetClassifier needs at least 2. "
            f"{advice}"
        )
    return Labels(classes, False)


def class_weight_factors(class_weight, labels, y, weights):
    """Return the factor on the weights of each class, or None without ``class_weight``.

    Parameters
    ----------
    class_weight : dict, "balanced" or None
        "balanced" gives every class the same total weight.
    labels : Labels
    y : ndarray of shape (n_rows,)
    weights : ndarray of shape (n_rows,)
        Sample weights, which count towards the balance.

    Returns
    -------
    ndarray of shape (n_classes,) or None

    Raises
    ------
    ValueError
        If y is multilabel, the dict names a class that y does not have, or a weight is not
        positive and finite.
    """
    if class_weight is None:
        return None
    if labels.is_multilabel:
        raise ValueError("class_weight is not defined for multilabel y; use sample_weight.")
    if class_weight == "balanced":
        totals = np.bincount(labels.targets(y)[:, 0], weights, len(labels.classes))
        return totals.sum() / (len(totals) * np.where(totals > 0, totals, np.inf))
    known = labels.classes.tolist()
    unknown = [label for label in class_weight if label not in known]
    if unknown:
        raise ValueError(f"class_weight names {unknown!r}, but the classes are {known!r}.")
    factors = [class_weight.get(label, 1.0) for label in known]
    if not all(isinstance(factor, Real) and 0 < factor < np.inf for factor in factors):
        raise ValueError(f"class_weight must be positive and finite, got {class_weight!r}.")
    return np.array(factors, float)
