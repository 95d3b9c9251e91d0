"""Why a probability is what it is: gradients and integrated gradients of a fitted network.

Conventions: what is explained is one number a row, the log-odds ``log(p / (1 - p))`` of the
probability that ``predict_proba`` gives a class, the mean of the members' at their temperature.
For two classes that is ``decision_function``. Gradients are exact, in float64, and by the inputs
of the network: the columns of ``encoder_.transform``.
"""

from dataclasses import dataclass
from numbers import Integral as Whole
from numbers import Real

import numpy as np
from scipy.sparse import csr_array, issparse

from skdnn.core.input_gradient import InputGradient
from skdnn.core.log_odds import class_log_odds
from skdnn.fitted import unwrap
from skdnn.reading import check_table, encode, expansion_of
from skdnn.threads import n_threads, shared_map, single_threaded_blas

ROWS = 64  # explained at a time


@dataclass(frozen=True)
class Gradients:
    """How fast the log-odds of each row change with each input of the network.

    Attributes
    ----------
    values : ndarray of shape (n_rows, n_inputs)
        Derivatives.
    feature_names : ndarray of shape (n_inputs,)
        The columns that the encoder makes.
    target : ndarray of shape (n_rows,)
        The class whose log-odds are meant.
    log_odds : ndarray of shape (n_rows,)
    """

    values: np.ndarray
    feature_names: np.ndarray
    target: np.ndarray
    log_odds: np.ndarray


@dataclass(frozen=True)
class Attributions:
    """How much each column moved the log-odds of each row, from those of the baseline.

    Attributes
    ----------
    values : ndarray of shape (n_rows, n_features)
        They add up to ``log_odds - baseline_log_odds + residual``.
    feature_names : ndarray of shape (n_features,)
        Columns of X, where the encoder tells which of its columns come from which of X; else the
        columns that the encoder makes.
    target : ndarray of shape (n_rows,)
        The class whose log-odds are meant.
    log_odds, baseline_log_odds : ndarray of shape (n_rows,)
        Of the row and of the baseline.
    residual : ndarray of shape (n_rows,)
        What the attributions add up to too much.
    n_steps : ndarray of shape (n_rows,)
        Steps of the integration.
    """

    values: np.ndarray
    feature_names: np.ndarray
    target: np.ndarray
    log_odds: np.ndarray
    baseline_log_odds: np.ndarray
    residual: np.ndarray
    n_steps: np.ndarray

    def importance(self):
        """Return each column's mean absolute attribution, a measure of its importance.

        Returns
        -------
        ndarray of shape (n_features,)
        """
        return np.abs(self.values).mean(axis=0)

    def to_frame(self):
        """Return the attributions as a frame of pandas.

        Returns
        -------
        pandas.DataFrame
            A column for each of ``feature_names``.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        import pandas as pd

        return pd.DataFrame(self.values, columns=self.feature_names)


def input_gradients(estimator, X, target=None):
    """Return the exact gradients of the log-odds of a class by the network's inputs.

    Parameters
    ----------
    estimator : estimator instance
        A fitted DeepNetClassifier, a pipeline that ends in one, or a search for one. Of a
        pipeline the last step is explained, by the columns that it gets.
    X : {frame, array-like, sparse matrix} of shape (n_samples, n_features)
        Rows like those seen in fit.
    target : label or array-like of shape (n_samples,), default=None
        Class to explain, for all rows or for each. None is the second of two classes, and of
        more the one that is predicted. For multilabel y the number of a label, which must be
        given.

    Returns
    -------
    Gradients
        With ``values`` of shape (n_samples, n_inputs).

    Raises
    ------
    TypeError
        If there is no DeepNetClassifier in ``estimator``.
    ValueError
        If ``target`` is not among the classes.
    """
    subject = _Subject(estimator, X, target)
    blocks = subject.map(lambda span: subject.finder.gradient(*subject.block(span)))
    log_odds, values = map(np.concatenate, zip(*blocks, strict=True))
    return Gradients(values, subject.input_names(), subject.target, log_odds)


def integrated_gradients(estimator, X, target=None, baseline=None, *, tol=0.01, max_steps=8192):
    """Return how much each column moved each row's log-odds, from those of a baseline.

    The gradient is integrated on the straight line from the baseline to the row, both encoded,
    and summed over the columns that the encoder made of one column of X. Attributions therefore
    add up to the difference of the log-odds; steps are added until they do.

    Parameters
    ----------
    estimator : estimator instance
        A fitted DeepNetClassifier, a pipeline that ends in one, or a search for one. Of a
        pipeline the last step is explained, by the columns that it gets.
    X : {frame, array-like, sparse matrix} of shape (n_samples, n_features)
        Rows like those seen in fit.
    target : label or array-like of shape (n_samples,), default=None
        Class to explain, for all rows or for each. None is the second of two classes, and of
        more the one that is predicted. For multilabel y the number of a label, which must be
        given.
    baseline : {frame, array-like, sparse matrix} of shape (n_rows, n_features), default=None
        What to compare with: the mean of these rows, encoded. None is the typical row of
        :class:`TableEncoder`, with the median of each column of numbers or dates and the most
        frequent level of each column of text; zeros for any other encoder.
    tol : float > 0, default=0.01
        Share of the difference that attributions may miss.
    max_steps : int, default=8192
        Steps at most.

    Returns
    -------
    Attributions
        With ``values`` of shape (n_samples, n_features).

    Raises
    ------
    TypeError
        If there is no DeepNetClassifier in ``estimator``.
    ValueError
        If ``target`` is not among the classes, or ``tol`` or ``max_steps`` are not positive.

    References
    ----------
    M. Sundararajan, A. Taly, Q. Yan, "Axiomatic attribution for deep networks", 2017,
    https://arxiv.org/abs/1703.01365

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdnn import DeepNetClassifier, integrated_gradients
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> net = DeepNetClassifier(max_iter=50, random_state=0).fit(X, y)
    >>> attributions = integrated_gradients(net, X)
    >>> attributions.values.shape
    (150, 4)
    >>> sorted(attributions.to_frame().abs().mean().nlargest(2).index)
    ['petal length (cm)', 'petal width (cm)']
    """
    _check_positive(tol=(tol, Real, "number"), max_steps=(max_steps, Whole, "whole number"))
    subject = _Subject(estimator, X, target)
    start = subject.baseline(baseline)

    def integrate(span):
        inputs, score = subject.block(span)
        integral = subject.finder.integrate(inputs, start, score, tol, max_steps)
        return integral._replace(values=subject.by_column(integral.values))

    values, *others = map(np.concatenate, zip(*subject.map(integrate), strict=True))
    return Attributions(values, subject.column_names(), subject.target, *others)


class _Subject:
    """A fitted estimator, and the encoded rows and classes to explain."""

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
        with single_threaded_blas() as blas_threads:
            n_workers = min(n_threads(self.estimator.n_jobs, blas_threads), len(spans))
            with shared_map(n_workers) as run:
                return list(run(function, spans))

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


def _check_positive(**parameters):
    for name, (value, kind, words) in parameters.items():
        if not isinstance(value, kind) or not value > 0:
            raise ValueError(f"{name} must be a positive {words}, got {value!r}.")
