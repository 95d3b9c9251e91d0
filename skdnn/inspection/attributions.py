"""Explanation of predictions: gradients and integrated gradients of a fitted network.

Conventions: the explained output is one number for each row, the log-odds ``log(p / (1 - p))`` of
the probability p of a class, as returned by ``predict_proba``. For two classes these are the values
of ``decision_function``. Gradients are exact, computed in float64, and with respect to the inputs
of the network, which are the columns of ``encoder_.transform``.
"""

from dataclasses import dataclass

import numpy as np

from skdnn.estimator.parameters import POSITIVE, POSITIVE_INT
from skdnn.inspection.display import largest, shortened
from skdnn.inspection.explained_model import ExplainedModel
from skdnn.inspection.unwrap import input_names, sum_by_column
from skdnn.tabular._compat import validate_parameter_constraints
from skdnn.tabular.as_frames import type_has

N_NAMED = 3  # columns in the repr
CONSTRAINTS = {"tol": [POSITIVE], "max_steps": [POSITIVE_INT]}


@dataclass(frozen=True, repr=False)
class Gradients:
    """Gradients of the log-odds of each row with respect to the inputs of the network.

    Attributes
    ----------
    values : ndarray of shape (n_rows, n_inputs)
        The gradients.
    feature_names : ndarray of shape (n_inputs,)
        Names of the inputs.
    target : ndarray of shape (n_rows,)
        The class that is explained.
    log_odds : ndarray of shape (n_rows,)
        The log-odds of this class.
    """

    values: np.ndarray
    feature_names: np.ndarray
    target: np.ndarray
    log_odds: np.ndarray

    def __repr__(self):
        return f"Gradients of shape {self.values.shape}"


@dataclass(frozen=True, repr=False)
class Attributions(Gradients):
    """Attributions: the contribution of each column to the log-odds of each row.

    Contributions are differences from a baseline. :class:`skdnn.WaterfallDisplay` plots those of
    one row, :class:`skdnn.ImportanceDisplay` their means over all rows.

    Attributes
    ----------
    values : ndarray of shape (n_rows, n_features)
        The attributions; their sum is ``log_odds - baseline_log_odds + residual``.
    feature_names : ndarray of shape (n_features,)
        Columns of X or, if the encoder does not provide the origin of its columns, the inputs of
        the network.
    target : ndarray of shape (n_rows,)
        The class that is explained.
    log_odds, baseline_log_odds : ndarray of shape (n_rows,)
        Log-odds of the row and of the baseline.
    residual : ndarray of shape (n_rows,)
        Error of the integration: the excess of the sum of the attributions.
    n_steps : ndarray of shape (n_rows,)
        Number of steps of the integration.
    index : pandas.Index or None
        Labels of the rows, if X is a pandas dataframe.
    table : frame, ndarray, CSR or None
        The rows of X, not copied; None if attributions belong to other columns.
    """

    baseline_log_odds: np.ndarray
    residual: np.ndarray
    n_steps: np.ndarray
    index: object = None
    table: object = None

    def __repr__(self):
        """Return the numbers of rows and columns, and the most important of these."""
        means = np.abs(self.values).mean(axis=0)
        first, _ = largest(means, N_NAMED)
        named = [f"{shortened(self.feature_names[k])} {means[k]:.2g}" for k in first]
        more = ", ..." * (len(first) < len(means))
        return f"Attributions of shape {self.values.shape}; importance: {', '.join(named)}{more}"

    def _columns(self):
        """Return the names of the columns as pandas has or would have them."""
        return self.table.columns if hasattr(self.table, "iloc") else self.feature_names.tolist()

    def importance(self):
        """Return feature importances: the mean absolute attribution of each column.

        Returns
        -------
        pandas.Series or ndarray of shape (n_features,)
            A Series with the names of the columns, if X is a pandas dataframe.
        """
        means = np.abs(self.values).mean(axis=0)
        if self.index is None:
            return means
        import pandas as pd

        return pd.Series(means, self._columns(), name="importance")

    def to_frame(self):
        """Return the attributions as a dataframe with the columns and the index of X.

        Returns
        -------
        pandas.DataFrame or polars.DataFrame
            Of polars if X is.

        Raises
        ------
        ImportError
            If pandas is needed but not installed.
        """
        if type_has(self.table, "get_columns"):
            return type(self.table)(self.values, schema=self._columns())
        import pandas as pd

        return pd.DataFrame(self.values, self.index, self._columns())


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
    log_odds, values = explained.map(explained.gradients.gradient)
    return Gradients(values, input_names(explained.network), explained.target, log_odds)


def integrated_gradients(estimator, X, target=None, baseline=None, *, tol=0.01, max_steps=8192):
    """Return the attributions of each prediction to the columns, by integrated gradients.

    The gradient of the log-odds is integrated along the straight line from the encoded baseline to
    the encoded row, and summed over the inputs that come from the same column of X. The sum of the
    attributions is the difference of the log-odds of row and baseline, up to ``tol``.

    Parameters
    ----------
    estimator : estimator instance
        A fitted DeepNetClassifier, or a fitted pipeline or search with one. The columns of a
        pipeline are those that its last step gets.
    X : {frame, array-like, sparse matrix} of shape (n_samples, n_features)
        Rows like those seen in fit.
    target : label or array-like of shape (n_samples,), default=None
        Class to explain, one for all rows or one for each. None is the second of two classes, or
        the predicted one of more classes. For multilabel y it is a label (one of
        ``classes_``), and required.
    baseline : {frame, array-like, sparse matrix} of shape (n_rows, n_features), default=None
        Rows whose mean, after encoding, is the baseline. None is the typical row of
        :class:`TableEncoder`, with the median of each column of numbers or dates and the most
        frequent category of each string column; for other encoders, zeros.
    tol : float > 0, default=0.01
        Tolerated error of their sum, as a fraction of the difference of the log-odds.
    max_steps : int > 0, default=8192
        Maximum number of integration steps. The number is doubled until ``tol`` is reached.

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
    >>> sorted(attributions.importance().nlargest(2).index)
    ['petal length (cm)', 'petal width (cm)']
    """
    given = {"tol": tol, "max_steps": max_steps}
    validate_parameter_constraints(CONSTRAINTS, given, "integrated_gradients")
    explained = ExplainedModel(estimator, X, target)
    network, start = explained.network, explained.baseline(estimator, baseline)

    def integrate(inputs, score):
        integral = explained.gradients.integrate(inputs, start, score, tol, max_steps)
        return integral._replace(values=sum_by_column(network, integral.values))

    values, *others = explained.map(integrate)
    names, table = explained.attributed_columns()
    found = values, np.asarray(names, dtype=object), explained.target, *others
    return Attributions(*found, explained.index, table)
