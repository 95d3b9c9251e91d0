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

from skdnn.subject import Subject


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
    subject = Subject(estimator, X, target)
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
    _check_positive(tol=(tol, Real, "number"), max_steps=(max_steps, Whole, "whole number"))
    subject = Subject(estimator, X, target)
    start = subject.baseline(baseline)

    def integrate(span):
        inputs, score = subject.block(span)
        integral = subject.finder.integrate(inputs, start, score, tol, max_steps)
        return integral._replace(values=subject.by_column(integral.values))

    values, *others = map(np.concatenate, zip(*subject.map(integrate), strict=True))
    return Attributions(values, subject.column_names(), subject.target, *others)


def _check_positive(**parameters):
    for name, (value, kind, words) in parameters.items():
        if not isinstance(value, kind) or not value > 0:
            raise ValueError(f"{name} must be a positive {words}, got {value!r}.")
