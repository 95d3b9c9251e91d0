"""UncertaintyDisplay: how much members disagree, beside how sure they are."""

import numpy as np
from sklearn.utils.validation import check_consistent_length, column_or_1d

from skdnn.classifier import fitted_model
from skdnn.inspection.display import BLUE, GRAY, ORANGE, Display
from skdnn.inspection.unwrap import unwrap


class UncertaintyDisplay(Display):
    """The disagreement of the members on each row against the confidence of their mean.

    A row far to the left is one that the network is not sure about; one far up is one that its
    members are not agreed about. Members that all say 60 % know that the classes overlap there;
    members half of which say 20 % and half 100 % have not learnt what holds there.

    Parameters
    ----------
    confidence : ndarray of shape (n_samples,)
        Probability of the predicted class.
    spread : ndarray of shape (n_samples,)
        Standard deviation of that probability over the members.
    is_wrong : ndarray of bool of shape (n_samples,) or None, default=None
        Whether the prediction is wrong; None if that is not known.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Where it was drawn.
    figure_ : matplotlib.figure.Figure
        The figure of ``ax_``.
    points_ : dict of str to matplotlib.lines.Line2D
        The rows: "right" and "wrong", or "rows" if that is not known.
    limit_ : matplotlib.lines.Line2D
        The largest spread that probabilities of that mean can have.

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
        """Draw the predictions of a fitted estimator.

        Parameters
        ----------
        estimator : estimator instance
            A fitted DeepNetClassifier, a pipeline that ends in one, or a search for one.
        X : {frame, array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, better not those of fit.
        y : array-like of shape (n_samples,), default=None
            Their labels, to tell the mistakes.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None is a new figure.

        Returns
        -------
        UncertaintyDisplay
            With the attributes set.

        Raises
        ------
        ValueError
            If there is one member, or several labels a row, or ``y`` has not one for each row.
        """
        network, X = unwrap(estimator, X)
        members = network.predict_proba_members(X)
        if len(members) == 1:
            raise ValueError(
                "UncertaintyDisplay compares members, but this network has 1: fit with "
                "n_members=2 or more."
            )
        if fitted_model(network).schema.labels.is_multilabel:
            raise ValueError(
                "UncertaintyDisplay shows one confidence a row, but this network has several "
                "labels a row: draw one of them by UncertaintyDisplay(confidence=..., spread=...)."
            )
        predicted = members.mean(axis=0).argmax(axis=1)
        of_predicted = members[:, np.arange(len(predicted)), predicted]
        is_wrong = None
        if y is not None:
            check_consistent_length(X, y)
            is_wrong = network.classes_[predicted] != column_or_1d(y, warn=True)
        means, spreads = of_predicted.mean(axis=0), of_predicted.std(axis=0)
        return cls(confidence=means, spread=spreads, is_wrong=is_wrong).plot(ax=ax)

    def _draw(self):
        means = np.linspace(self.confidence.min(), 1, 200)
        style = {"color": GRAY, "linewidth": 1, "label": "upper bound"}
        (self.limit_,) = self.ax_.plot(means, np.sqrt(means * (1 - means)), "--", **style)
        self.points_ = {}
        if self.is_wrong is None:
            kinds = [("rows", np.ones(len(self.spread), bool), BLUE, ".")]
        else:
            kinds = [("right", ~self.is_wrong, BLUE, "."), ("wrong", self.is_wrong, ORANGE, "x")]
        for name, rows, color, marker in kinds:
            points, label = (self.confidence[rows], self.spread[rows]), f"{name} ({rows.sum():,})"
            style = {"color": color, "markersize": 5, "alpha": 0.6, "label": label}
            (self.points_[name],) = self.ax_.plot(*points, marker, **style)
        self.ax_.set(
            xlabel="confidence (probability of the predicted class)",
            ylabel="spread of the members",
            title="confidence and disagreement",
        )
        self.ax_.legend()
