"""UncertaintyDisplay: disagreement of the members against confidence."""

import numpy as np
from sklearn.utils.validation import check_consistent_length, column_or_1d

from skdnn.estimator.fitted_model import fitted_model
from skdnn.inspection.display import BLUE, GRAY, ORANGE, Display
from skdnn.inspection.unwrap import unwrap

DOTS = {"marker": ".", "linestyle": "", "markersize": 5, "color": BLUE, "alpha": 0.5}
CROSSES = {"marker": "x", "linestyle": "", "markersize": 6, "color": ORANGE}  # on top of the dots
LOOKS = {"rows": DOTS, "right": DOTS, "wrong": CROSSES}


class UncertaintyDisplay(Display):
    """Disagreement of the members of the ensemble on each row, against its confidence.

    Both axes show uncertainty. If all members predict 60 %, confidence and spread are low: the
    classes overlap there (aleatoric uncertainty). If half of them predict 20 % and half 100 %,
    confidence is as low but the spread is high: there were too few similar rows to learn from
    (epistemic uncertainty).

    Parameters
    ----------
    confidence : ndarray of shape (n_samples,)
        Probability of the predicted class.
    spread : ndarray of shape (n_samples,)
        Standard deviation of this probability over the members.
    is_wrong : ndarray of bool of shape (n_samples,) or None, default=None
        Whether the prediction is wrong; None if labels are not known.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes of the plot.
    figure_ : matplotlib.figure.Figure
        The figure of ``ax_``.
    points_ : dict of str to matplotlib.lines.Line2D
        The rows: "right" and "wrong", or "rows" if labels are not known.
    limit_ : matplotlib.lines.Line2D
        Upper bound on the spread of probabilities with a given mean.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdnn import DeepNetClassifier, UncertaintyDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> net = DeepNetClassifier(max_iter=20, random_state=0).fit(X[::2], y[::2])
    >>> display = UncertaintyDisplay.from_estimator(net, X[1::2], y[1::2])
    >>> display.spread.shape
    (75,)
    """

    def __init__(self, *, confidence, spread, is_wrong=None):
        self.confidence = confidence
        self.spread = spread
        self.is_wrong = is_wrong

    @classmethod
    def from_estimator(cls, estimator, X, y=None, *, ax=None):
        """Plot the predictions of a fitted estimator.

        Parameters
        ----------
        estimator : estimator instance
            A fitted DeepNetClassifier, or a fitted pipeline or search with one.
        X : {frame, array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to predict, preferably not those of fit.
        y : array-like of shape (n_samples,), default=None
            True labels, to mark wrong predictions.
        ax : matplotlib.axes.Axes, default=None
            Axes to plot on; None makes a new figure.

        Returns
        -------
        UncertaintyDisplay
            The display, with its attributes set.

        Raises
        ------
        ValueError
            If there is one member only, y is multilabel, or the lengths of X and y differ.
        """
        network, X = unwrap(estimator, X)
        members = network.predict_proba_members(X)
        if len(members) == 1:
            raise ValueError(
                "UncertaintyDisplay compares members, but this ensemble has 1: fit with "
                "n_members=2 or more."
            )
        if fitted_model(network).schema.labels.is_multilabel:
            raise ValueError(
                "UncertaintyDisplay shows one prediction a row, but y has several labels a row. "
                "Plot one of them by UncertaintyDisplay(confidence=..., spread=...).plot()."
            )
        weights = network.member_weights_
        predicted = np.average(members, axis=0, weights=weights).argmax(axis=1)
        of_predicted = members[:, np.arange(len(predicted)), predicted]
        is_wrong = None
        if y is not None:
            check_consistent_length(X, y)
            is_wrong = network.classes_[predicted] != column_or_1d(y, warn=True)
        means = np.average(of_predicted, axis=0, weights=weights)
        spreads = np.sqrt(np.average((of_predicted - means) ** 2, axis=0, weights=weights))
        return cls(confidence=means, spread=spreads, is_wrong=is_wrong).plot(ax=ax)

    def _draw(self):
        means = np.linspace(self.confidence.min(), 1, 200)
        style = {"color": GRAY, "linewidth": 1, "label": "upper bound of the spread"}
        (self.limit_,) = self.ax_.plot(means, np.sqrt(means * (1 - means)), "--", **style)
        self.points_ = {}
        if self.is_wrong is None:
            kinds = {"rows": np.ones(len(self.spread), bool)}
        else:
            kinds = {"right": ~self.is_wrong, "wrong": self.is_wrong}
        for name, rows in kinds.items():
            points, label = (self.confidence[rows], self.spread[rows]), f"{name} ({rows.sum():,})"
            (self.points_[name],) = self.ax_.plot(*points, **LOOKS[name], label=label)
        self.ax_.set(
            xlabel="confidence (probability of the predicted class)",
            ylabel="spread of the members",
            title="confidence and disagreement",
        )
        self.ax_.legend()
