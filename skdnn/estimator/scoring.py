"""Scores on held-out rows by any scorer of scikit-learn, for early stopping."""

from numbers import Real

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import check_scoring

from skdnn.core.evaluation import held_out_logits
from skdnn.tabular._compat import safe_indexing


class HeldOutPredictions(ClassifierMixin, BaseEstimator):
    """The predictions of a member for its held-out rows, as a classifier that scorers accept.

    They are made of the logits of these rows, (n_rows, n_outputs), whatever X is.
    """

    def __init__(self, labels, logits):
        self.labels, self.classes_, self.logits = labels, labels.classes, logits

    def predict_log_proba(self, X):
        """Return log-probabilities, one column a class or label."""
        return self.labels.loss.log_proba(self.logits)

    def predict_proba(self, X):
        """Return probabilities, one column a class or label."""
        return np.exp(self.predict_log_proba(X))

    def decision_function(self, X):
        """Return the log-odds of two classes, else the logits."""
        return self.logits[:, 0] if self.labels.is_binary else self.logits

    def predict(self, X):
        """Return labels."""
        return self.labels.decide(self.decision_function(X))


class Score:
    """The scores of members on their held-out rows, which PreparedRows ``valid`` contain."""

    def __init__(self, scoring, labels, network, split, valid):
        self.name, self.labels, self.network, self.split = scoring, labels, network, split
        self.scorer, samples = check_scoring(scoring=scoring), valid.samples
        if isinstance(scoring, str):  # scikit-learn's scorers do not use X, so do not copy it
            samples = samples._replace(X=np.empty((len(samples.y), 0)))
        rows_of = {id(rows): rows for rows in split.valid_rows}  # members may share them
        first = valid.merged.first
        self._held_out = {key: _held_out(samples, first, rows) for key, rows in rows_of.items()}

    def __call__(self, members, params):
        """Return the score of each of the members, given their parameters."""
        rows = [self.split.valid_rows[member] for member in members]
        everyone = held_out_logits(self.network, params, self.split.valid_data, rows)
        return [self._score(*pair) for pair in zip(members, everyone, strict=True)]

    def _score(self, member, logits):
        if not np.isfinite(logits).all():
            return np.nan  # diverged; training restores earlier parameters
        samples, places = self._held_out[id(self.split.valid_rows[member])]
        predictions = HeldOutPredictions(self.labels, logits[places].astype(float))
        score = self._call_scorer(predictions, *samples[:3])
        if not (isinstance(score, Real) and np.isfinite(score)):
            raise ValueError(
                f"scoring={self.name!r} must return a finite number, got {score!r} for the "
                f"{len(places)} held-out rows of member {member}. It may need rows of every class."
            )
        return float(score)

    def _call_scorer(self, predictions, X, y, weights):
        given = {} if weights is None else {"sample_weight": weights}
        try:
            return self.scorer(predictions, X, y, **given)
        except TypeError as error:
            if not given:
                raise
            raise TypeError(
                f"scoring={self.name!r} must take sample_weight, because fit was called with "
                f"sample weights: {error}"
            ) from error
        except ValueError as error:
            raise ValueError(
                f"scoring={self.name!r} cannot score the {len(y)} held-out rows of a member with y "
                f"of {len(self.labels.classes)} classes: {error}. Choose another scorer, such as "
                "'roc_auc_ovr' for more than two classes; some scorers need rows of every class."
            ) from error


def _held_out(samples, first, rows):
    """Return the rows that a member is scored on, before duplicates were merged.

    ``first`` is the distinct row of each row of the table, ``rows`` are the distinct rows that the
    member holds out.

    Returns
    -------
    held_out : Samples
        The rows; the weights are None if all are equal.
    places : ndarray
        Index of each row among the distinct rows.
    """
    place_of = np.full(len(first), -1)
    place_of[rows] = np.arange(len(rows))
    places = place_of[first]
    chosen = np.flatnonzero(places >= 0)
    # Sums of a scorer depend on the order of its rows, which here is not that of the table.
    chosen = chosen[np.lexsort((samples.weights[chosen], places[chosen]))]
    weights = samples.weights[chosen]
    weights = weights if (weights != weights[0]).any() else None
    X, y = safe_indexing(samples.X, chosen), samples.y[chosen]
    return samples._replace(X=X, y=y, weights=weights), places[chosen]
