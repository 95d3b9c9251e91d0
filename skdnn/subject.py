"""What is explained: encoded rows, the classes whose log-odds are meant, and names."""

import numpy as np
from scipy.sparse import csr_array, issparse

from skdnn.core.input_gradient import InputGradient
from skdnn.core.log_odds import class_log_odds
from skdnn.fitted import unwrap
from skdnn.reading import check_table, encode, expansion_of
from skdnn.threads import threads_apart

ROWS = 64  # explained at a time


class Subject:
    """A fitted estimator, and the encoded rows and classes to explain.

    Parameters
    ----------
    estimator : estimator instance
        A fitted DeepNetClassifier, a pipeline that ends in one, or a search for one.
    X : frame, array-like or sparse matrix
        Rows for ``estimator``.
    target : label, array-like or None
        Class to explain, for all rows or for each.

    Attributes
    ----------
    finder : InputGradient
        Of the network.
    """

    def __init__(self, estimator, X, target):
        self.whole = estimator
        estimator, X = unwrap(estimator, X)
        self.estimator, self.labels = estimator, estimator._labels
        X = check_table(estimator, X, reset=False)
        self.rows = self._encode(X)
        self.classes = self._find_classes(X, target)
        # Only layers from the first dense one on are used, whatever comes before it.
        dense = estimator._passes.dense
        self.finder = InputGradient(dense.network, dense.params)

    def _encode(self, X):
        estimator = self.estimator
        return encode(estimator.encoder_, X, np.dtype(np.float64), estimator)

    def _widen(self, rows):
        """Return the inputs of some encoded rows; few at a time, as they may be much wider."""
        expansion = expansion_of(self.estimator.encoder_)
        return rows if expansion is None or issparse(rows) else expansion(rows)

    def _find_classes(self, X, target):
        """Return the index of the class to explain in each row."""
        classes = self.labels.classes
        if target is None and self.labels.is_multilabel:
            raise ValueError(
                f"y has {len(classes)} labels: pass target, the number of the one to explain."
            )
        if target is None:
            scores = self.estimator.decision_function(X)
            return np.ones(len(scores), int) if scores.ndim == 1 else scores.argmax(axis=1)
        target = np.asarray(target)
        if target.shape not in ((), (X.shape[0],)):
            raise ValueError(
                f"target must be one class or one for each of the {X.shape[0]} rows, got an array "
                f"of shape {target.shape}."
            )
        known = {label: index for index, label in enumerate(classes.tolist())}
        unknown = [label for label in np.unique(target).tolist() if label not in known]
        if unknown:
            raise ValueError(f"target names {unknown!r}, but the classes are {list(known)!r}.")
        indices = [known[label] for label in target.ravel().tolist()]
        return np.broadcast_to(indices, X.shape[0])

    @property
    def n_inputs(self):
        """Inputs of the network."""
        return self.estimator._widths[0]

    @property
    def target(self):
        """The label to explain in each row."""
        return self.labels.classes[self.classes]

    def map(self, function):
        """Return what ``function`` makes of each block of rows, on threads."""
        spans = _spans(self.rows.shape[0])
        with threads_apart(self.estimator.n_jobs, np.float64, len(spans)) as threads:
            return list(threads.run(function, spans))

    def block(self, span):
        """Return the rows of a block, and what tells their log-odds."""
        classes, loss = self.classes[span], self.labels.loss
        temperature = self.estimator.temperature_

        def score(logits, rows):
            return class_log_odds(logits, classes[rows], loss, temperature)

        return self._widen(self.rows[span]), score

    def baseline(self, given):
        """Return the encoded row to compare with, shape (1, n_inputs)."""
        if given is not None:
            _, given = unwrap(self.whole, given)
            rows = self._encode(check_table(self.estimator, given, reset=False))
            total = sum(self._widen(rows[span]).sum(axis=0) for span in _spans(rows.shape[0]))
            return np.asarray(total).reshape(1, -1) / rows.shape[0]
        encoder = self.estimator.encoder_
        if hasattr(encoder, "typical_row"):
            return encoder.typical_row().astype(np.float64)
        return np.zeros((1, self.n_inputs))

    def by_column(self, values):
        """Sum attributions of inputs over those that come from one column of X."""
        origins = self._origins()
        if origins is None:
            return values
        known = np.flatnonzero(origins >= 0)
        shape = len(origins), self.estimator.n_features_in_
        belongs = csr_array((np.ones(len(known)), (known, origins[known])), shape)
        return values @ belongs

    def _origins(self):
        encoder = self.estimator.encoder_
        return encoder.feature_origins() if hasattr(encoder, "feature_origins") else None

    def column_names(self):
        """Return the names of what attributions are given for."""
        if self._origins() is None:
            return self.input_names()
        names = getattr(self.estimator, "feature_names_in_", None)
        return _numbered(self.estimator.n_features_in_) if names is None else names

    def input_names(self):
        """Return the names of the network's inputs."""
        encoder = self.estimator.encoder_
        try:
            return encoder.get_feature_names_out()
        except (AttributeError, ValueError):  # a transformer that does not name its columns
            names = getattr(self.estimator, "feature_names_in_", ())
            return names if len(names) == self.n_inputs else _numbered(self.n_inputs)


def _spans(n_rows):
    return [slice(start, min(start + ROWS, n_rows)) for start in range(0, n_rows, ROWS)]


def _numbered(count):
    return np.array([f"x{number}" for number in range(count)], dtype=object)
