"""Why a probability is what it is: gradients and integrated gradients of a fitted network.

Conventions: what is explained is one number a row, the log-odds ``log(p / (1 - p))`` of the
probability that ``predict_proba`` gives a class, the mean of the members' at their temperature.
For two classes that is ``decision_function``. Gradients are exact, in float64, and by the inputs
of the network: the columns of ``encoder_.transform``.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import issparse

from skdnn._compat import validate_parameter_constraints
from skdnn.classifier import fitted_model
from skdnn.core.averaging import class_log_odds
from skdnn.core.input_gradients import InputGradient
from skdnn.estimator.encoders import adapted
from skdnn.estimator.parameters import POSITIVE, POSITIVE_INT
from skdnn.estimator.threads import threads_apart
from skdnn.inspection.unwrap import input_names, input_origins, sum_by_column, unwrap
from skdnn.tabular.dataframes import check_table, column_names, spans

ROWS = 64  # explained at a time
CONSTRAINTS = {"tol": [POSITIVE], "max_steps": [POSITIVE_INT]}


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
class Attributions(Gradients):
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


class ExplainedModel:
    """A fitted network, and the encoded rows and classes to explain.

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
    target : ndarray of shape (n_rows,)
        The label to explain in each row.
    """

    def __init__(self, estimator, X, target):
        self.network, X = unwrap(estimator, X)
        self.fitted = fitted_model(self.network)
        self.labels, self.encoder = self.fitted.schema.labels, self.fitted.schema.encoder
        X = check_table(self.network, X, reset=False)
        self.rows = adapted(self.encoder).encode(X, np.dtype(np.float64))
        self.classes = self._find_classes(X, target)
        self.target = self.labels.classes[self.classes]
        # Only layers from the first dense one on are used, whatever comes before it.
        dense = self.fitted.passes.dense
        self.finder = InputGradient(dense.network, dense.params)

    def _find_classes(self, X, target):
        """Return the index of the class to explain in each row."""
        classes = self.labels.classes
        if target is None and self.labels.is_multilabel:
            raise ValueError(
                f"y has {len(classes)} labels: pass target, the number of the one to explain."
            )
        if target is None:
            scores = self.network.decision_function(X)
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

    def _widen(self, rows):
        """Return the inputs of some encoded rows; few at a time, as they may be much wider."""
        expansion = adapted(self.encoder).expansion
        return rows if expansion is None or issparse(rows) else expansion(rows)

    def map(self, explain):
        """Return the arrays that ``explain(inputs, score)`` makes of all rows, on threads."""
        loss, temperature = self.labels.loss, self.fitted.temperature

        def explain_block(span):
            classes = self.classes[span]

            def score(logits, rows):
                return class_log_odds(logits, classes[rows], loss, temperature)

            return explain(self._widen(self.rows[span]), score)

        blocks = list(spans(self.rows.shape[0], ROWS))
        with threads_apart(self.network.n_jobs, len(blocks)) as threads:
            explained = threads.map(explain_block, blocks)
        return map(np.concatenate, zip(*explained, strict=True))

    def baseline(self, estimator, given):
        """Return the inputs to compare with, shape (1, n_inputs)."""
        if given is not None:
            X = check_table(self.network, unwrap(estimator, given)[1], reset=False)
            rows = adapted(self.encoder).encode(X, np.dtype(np.float64))
            total = sum(self._widen(rows[span]).sum(axis=0) for span in spans(rows.shape[0], ROWS))
            return np.asarray(total).reshape(1, -1) / rows.shape[0]
        if hasattr(self.encoder, "typical_row"):
            return self.encoder.typical_row().astype(np.float64)
        return np.zeros((1, self.fitted.widths[0]))


def input_gradients(estimator, X, target=None):
    """Return the exact gradients of the log-odds of a class by the network's inputs.

    Parameters
    ----------
    estimator : estimator instance
        A fitted network, or what has one inside, as for :func:`integrated_gradients`.
    X : {frame, array-like, sparse matrix} of shape (n_samples, n_features)
        Rows like those seen in fit.
    target : label or array-like of shape (n_samples,), default=None
        Class to explain, as for :func:`integrated_gradients`.

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
    explained = ExplainedModel(estimator, X, target)
    log_odds, values = explained.map(explained.finder.gradient)
    return Gradients(values, input_names(explained.network), explained.target, log_odds)


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
    max_steps : int > 0, default=8192
        Steps at most; they are doubled until ``tol`` holds.

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
    given = {"tol": tol, "max_steps": max_steps}
    validate_parameter_constraints(CONSTRAINTS, given, "integrated_gradients")
    explained = ExplainedModel(estimator, X, target)
    network, start = explained.network, explained.baseline(estimator, baseline)

    def integrate(inputs, score):
        integral = explained.finder.integrate(inputs, start, score, tol, max_steps)
        return integral._replace(values=sum_by_column(network, integral.values))

    values, *others = explained.map(integrate)
    are_columns = input_origins(network) is not None
    names = column_names(network) if are_columns else input_names(network)
    return Attributions(values, np.asarray(names, dtype=object), explained.target, *others)
