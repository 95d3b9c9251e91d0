"""Explanation of predictions: gradients and integrated gradients of a fitted network.

Conventions: the explained output is one number for each row, the log-odds ``log(p / (1 - p))`` of
the probability p of a class, as returned by ``predict_proba``. For two classes these are the values
of ``decision_function``. Gradients are exact, computed in float64, and with respect to the inputs
of the network, which are the columns of ``encoder_.transform``.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import issparse

from skdnn._compat import validate_parameter_constraints
from skdnn.core.averaging import class_log_odds
from skdnn.core.input_gradients import InputGradient
from skdnn.estimator.encoders import adapted
from skdnn.estimator.fitted_attributes import fitted_model
from skdnn.estimator.parameters import POSITIVE, POSITIVE_INT
from skdnn.estimator.threads import threads_apart
from skdnn.inspection.unwrap import input_names, input_origins, sum_by_column, unwrap
from skdnn.tabular.dataframes import check_table, column_names, spans

ROWS = 64  # of a block of rows
CONSTRAINTS = {"tol": [POSITIVE], "max_steps": [POSITIVE_INT]}


@dataclass(frozen=True)
class Gradients:
    """Gradients of the log-odds of each row with respect to the inputs of the network.

    Attributes
    ----------
    values : ndarray of shape (n_rows, n_inputs)
        The gradients.
    feature_names : ndarray of shape (n_inputs,)
        Names of the inputs.
    target : ndarray of shape (n_rows,)
        The class whose log-odds are meant.
    log_odds : ndarray of shape (n_rows,)
        The log-odds of this class.
    """

    values: np.ndarray
    feature_names: np.ndarray
    target: np.ndarray
    log_odds: np.ndarray


@dataclass(frozen=True)
class Attributions(Gradients):
    """Attributions: the contribution of each column to the log-odds of each row.

    Contributions are differences from a baseline, and can be shown as a waterfall plot.

    Attributes
    ----------
    values : ndarray of shape (n_rows, n_features)
        The attributions; their sum is ``log_odds - baseline_log_odds + residual``.
    feature_names : ndarray of shape (n_features,)
        Columns of X or, if the encoder does not provide the origin of its columns, the inputs of
        the network.
    target : ndarray of shape (n_rows,)
        The class whose log-odds are meant.
    log_odds, baseline_log_odds : ndarray of shape (n_rows,)
        Log-odds of the row and of the baseline.
    residual : ndarray of shape (n_rows,)
        Error of the integration: the excess of the sum of the attributions.
    n_steps : ndarray of shape (n_rows,)
        Number of steps of the integration.
    """

    baseline_log_odds: np.ndarray
    residual: np.ndarray
    n_steps: np.ndarray

    def importance(self):
        """Return feature importances: the mean absolute attribution of each column.

        Returns
        -------
        ndarray of shape (n_features,)
        """
        return np.abs(self.values).mean(axis=0)

    def to_frame(self):
        """Return the attributions as a pandas dataframe.

        Returns
        -------
        pandas.DataFrame
            With the columns ``feature_names``.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        import pandas as pd

        return pd.DataFrame(self.values, columns=self.feature_names)


class ExplainedModel:
    """A fitted network with the encoded rows and the classes to explain.

    Parameters
    ----------
    estimator : estimator instance
        A fitted DeepNetClassifier, or a fitted pipeline or search with one.
    X : frame, array-like or sparse matrix
        Rows for ``estimator``.
    target : label, array-like or None
        Class to explain, one for all rows or one for each.

    Attributes
    ----------
    finder : InputGradient
        Computes the gradients of the network.
    target : ndarray of shape (n_rows,)
        The class to explain in each row.
    """

    def __init__(self, estimator, X, target):
        self.network, X = unwrap(estimator, X)
        self.fitted = fitted_model(self.network)
        self.labels, self.encoder = self.fitted.schema.labels, self.fitted.schema.encoder
        X = check_table(self.network, X, reset=False)
        self.rows = adapted(self.encoder).encode(X, np.dtype(np.float64))
        self.classes = self._find_classes(X, target)
        self.target = self.labels.classes[self.classes]
        # Inputs are already expanded, so only the layers from the first dense one on are used.
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
                f"target must be one class, or one for each of the {X.shape[0]} rows, got an array "
                f"of shape {target.shape}."
            )
        known = {label: index for index, label in enumerate(classes.tolist())}
        unknown = [label for label in np.unique(target).tolist() if label not in known]
        if unknown:
            raise ValueError(f"target names {unknown!r}, but the classes are {list(known)!r}.")
        indices = [known[label] for label in target.ravel().tolist()]
        return np.broadcast_to(indices, X.shape[0])

    def _expand(self, rows):
        """Return the inputs of a block of encoded rows; they may need much more memory."""
        expansion = adapted(self.encoder).expansion
        return rows if expansion is None or issparse(rows) else expansion(rows)

    def map(self, explain):
        """Return the arrays of ``explain(inputs, score)`` for all rows, computed on threads."""
        loss, temperature = self.labels.loss, self.fitted.temperature

        def explain_block(span):
            classes = self.classes[span]

            def score(logits, rows):
                return class_log_odds(logits, classes[rows], loss, temperature)

            return explain(self._expand(self.rows[span]), score)

        blocks = list(spans(self.rows.shape[0], ROWS))
        with threads_apart(self.network.n_jobs, len(blocks)) as threads:
            explained = threads.map(explain_block, blocks)
        return map(np.concatenate, zip(*explained, strict=True))

    def baseline(self, estimator, given):
        """Return the inputs of the baseline, of shape (1, n_inputs)."""
        if given is not None:
            X = check_table(self.network, unwrap(estimator, given)[1], reset=False)
            rows = adapted(self.encoder).encode(X, np.dtype(np.float64))
            total = sum(self._expand(rows[span]).sum(axis=0) for span in spans(rows.shape[0], ROWS))
            return np.asarray(total).reshape(1, -1) / rows.shape[0]
        if hasattr(self.encoder, "typical_row"):
            return self.encoder.typical_row().astype(np.float64)
        return np.zeros((1, self.fitted.widths[0]))


def input_gradients(estimator, X, target=None):
    """Return the gradients of the log-odds of a class with respect to the inputs.

    Parameters
    ----------
    estimator : estimator instance
        A fitted estimator, as for :func:`integrated_gradients`.
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
    """Return the attributions of each prediction to the columns, by integrated gradients.

    The gradient of the log-odds is integrated along the straight line from the encoded baseline to
    the encoded row, and summed over the inputs that come from the same column of X. The sum of the
    attributions is the difference of the log-odds of row and baseline, up to ``tol``.

    Parameters
    ----------
    estimator : estimator instance
        A fitted DeepNetClassifier, or a fitted pipeline or search with one. For a pipeline,
        attributions are to the columns that its last step gets.
    X : {frame, array-like, sparse matrix} of shape (n_samples, n_features)
        Rows like those seen in fit.
    target : label or array-like of shape (n_samples,), default=None
        Class to explain, one for all rows or one for each. None is the second of two classes, or
        the predicted one of more classes. For multilabel y it is the number of a label, and
        required.
    baseline : {frame, array-like, sparse matrix} of shape (n_rows, n_features), default=None
        Rows whose mean, after encoding, is the baseline. None is the typical row of
        :class:`TableEncoder`, with the median of each column of numbers or dates and the most
        frequent category of each string column; for other encoders, zeros.
    tol : float > 0, default=0.01
        Tolerated error of the sum of the attributions, as a fraction of that difference.
    max_steps : int > 0, default=8192
        Maximum number of integration steps, which is doubled until ``tol`` is reached.

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
