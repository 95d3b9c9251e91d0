"""Scores of held-out rows by any scorer, for early stopping."""

from numbers import Real
from typing import NamedTuple

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import check_scoring
from sklearn.utils import _safe_indexing

from skdnn.core.evaluation import held_out_logits
from skdnn.core.losses import LOSSES


class Answers(ClassifierMixin, BaseEstimator):
    """What a member says of its held-out rows, in the form of a fitted classifier.

    Parameters
    ----------
    labels : Labels
    logits : ndarray of shape (n_rows, n_outputs)
        Of the rows that it will be asked about, whatever is passed as X.
    """

    def __init__(self, labels, logits):
        self.labels = labels
        self.logits = logits

    def __sklearn_tags__(self):
        """Return what scorers ask for."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def __sklearn_is_fitted__(self):
        """Return True."""
        return True

    @property
    def classes_(self):
        """Class labels."""
        return self.labels.classes

    def predict_log_proba(self, X):
        """Return log-probabilities, one column a class or label."""
        return LOSSES[self.labels.loss].log_proba(self.logits)

    def predict_proba(self, X):
        """Return probabilities, one column a class or label."""
        return np.exp(self.predict_log_proba(X))

    def decision_function(self, X):
        """Return the log-odds of two classes, else the logits."""
        return self.logits[:, 0] if self.labels.loss == "sigmoid" else self.logits

    def predict(self, X):
        """Return labels."""
        return self.labels.decide(self.decision_function(X))


class HeldOut(NamedTuple):
    """The rows, as they came, that a member is scored on.

    Attributes
    ----------
    X : frame, array or sparse matrix
    y : ndarray
    weights : ndarray or None
        None if all are equal.
    places : ndarray of shape (n_rows,)
        Where each row is among the distinct rows that the member is validated on.
    """

    X: object
    y: np.ndarray
    weights: np.ndarray | None
    places: np.ndarray


class Score:
    """Scores of members on the rows that each is validated on.

    Parameters
    ----------
    estimator : DeepNetClassifier
    network : Network
    split : Split
    table : Table
        The rows that are held out, as they came, perhaps with others.
    first : ndarray of shape (n_rows,)
        The distinct row of each row of ``table``.
    """

    def __init__(self, estimator, network, split, table, first):
        self.name, self.labels = estimator.scoring, estimator._labels
        self.scorer = check_scoring(estimator, scoring=estimator.scoring)
        self.network, self.split = network, split
        if isinstance(self.name, str):  # scikit-learn's own do not look at X: spare the copy
            table = table._replace(X=np.empty((len(table.y), 0)))
        self._held_out = [_held_out(table, first, rows) for rows in _shared(split.valid_rows)]

    def __call__(self, members, params):
        """Return the score of each of the members, given their parameters.

        Raises
        ------
        ValueError
            If the scorer returns no finite number.
        """
        rows = [self.split.valid_rows[member] for member in members]
        everyone = held_out_logits(self.network, params, self.split.valid_data, rows)
        return [self._score(*pair) for pair in zip(members, everyone, strict=True)]

    def _score(self, member, logits):
        if not np.isfinite(logits).all():
            return np.nan  # diverged, and put back by training
        X, y, weights, places = self._held_out[member % len(self._held_out)]
        answers = Answers(self.labels, logits[places].astype(float))
        score = self._ask(answers, X, y, weights)
        if not (isinstance(score, Real) and np.isfinite(score)):
            raise ValueError(
                f"scoring={self.name!r} must return a finite number, got {score!r} for the rows "
                f"that member {member} holds out ({len(y)}). Does it need rows of every class?"
            )
        return float(score)

    def _ask(self, answers, X, y, weights):
        try:
            return self._ask_scorer(answers, X, y, weights)
        except ValueError as error:
            raise ValueError(
                f"scoring={self.name!r} cannot score the rows that a member holds out ({len(y)}, "
                f"of {len(self.labels.classes)} classes): {error}. Choose a scorer for such y: "
                "'roc_auc_ovr' is for more than two classes, and some want rows of every class."
            ) from error

    def _ask_scorer(self, answers, X, y, weights):
        if weights is None:
            return self.scorer(answers, X, y)
        try:
            return self.scorer(answers, X, y, sample_weight=weights)
        except TypeError as error:
            raise TypeError(
                f"scoring={self.name!r} must take sample_weight, because fit was given weights: "
                f"{error}"
            ) from error


def _shared(valid_rows):
    """Return the rows of each member, once if all members share them."""
    first = valid_rows[0]
    return valid_rows[:1] if all(rows is first for rows in valid_rows) else valid_rows


def _held_out(table, first, rows):
    place_of = np.full(len(first), -1)
    place_of[rows] = np.arange(len(rows))
    places = place_of[first]
    chosen = np.flatnonzero(places >= 0)
    weights = table.weights[chosen]
    return HeldOut(
        _safe_indexing(table.X, chosen),
        table.y[chosen],
        weights if (weights != weights[0]).any() else None,
        places[chosen],
    )
