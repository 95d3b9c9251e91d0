"""LossCurveDisplay: the losses of every epoch."""

import numpy as np

from skdnn.inspection.display import BLUE, ORANGE, Display
from skdnn.inspection.unwrap import unwrap


class LossCurveDisplay(Display):
    """The losses of training and validation by epoch, with the members as a band.

    The lines are means over the members still training, the bands go from the lowest to the
    highest of them, and a point is the epoch that a member kept.

    Parameters
    ----------
    train_losses : ndarray of shape (n_members, n_epochs)
        NaN after a member has stopped.
    validation_losses : ndarray of shape (n_members, n_epochs) or None, default=None
        None without validation.
    best_iter : ndarray of shape (n_members,) or None, default=None
        Epochs whose parameters were kept, from 1 on; drawn on the validation losses.
    estimator_name : str or None, default=None
        Title.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Where it was drawn.
    figure_ : matplotlib.figure.Figure
        The figure of ``ax_``.
    lines_ : dict of str to matplotlib.lines.Line2D
        The mean curves, "training" and perhaps "validation".
    bands_ : dict of str to matplotlib.collections.PolyCollection
        The bands, unless there is one member.
    best_ : matplotlib.lines.Line2D or None
        The points; None without validation or ``best_iter``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdnn import DeepNetClassifier, LossCurveDisplay
    >>> net = DeepNetClassifier(max_iter=20, random_state=0).fit(*load_iris(return_X_y=True))
    >>> display = LossCurveDisplay.from_estimator(net)
    >>> display.ax_.get_xlabel()
    'epoch'
    """

    def __init__(
        self, *, train_losses, validation_losses=None, best_iter=None, estimator_name=None
    ):
        self.train_losses = train_losses
        self.validation_losses = validation_losses
        self.best_iter = best_iter
        self.estimator_name = estimator_name

    @classmethod
    def from_estimator(cls, estimator, *, ax=None, name=None):
        """Draw the curves of a fitted estimator.

        Parameters
        ----------
        estimator : estimator instance
            A fitted DeepNetClassifier, a pipeline that ends in one, or a search for one.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None is a new figure.
        name : str, default=None
            Title; None is the name of the class.

        Returns
        -------
        LossCurveDisplay
            With the attributes set.
        """
        network, _ = unwrap(estimator)
        losses = network.member_validation_loss_curves_
        return cls(
            train_losses=network.member_loss_curves_,
            validation_losses=losses,
            best_iter=None if losses is None else np.atleast_1d(network.best_iter_),
            estimator_name=type(network).__name__ if name is None else name,
        ).plot(ax=ax)

    def _draw(self):
        self.lines_, self.bands_, self.best_ = {}, {}, None
        self._draw_curve("training", self.train_losses, BLUE)
        if self.validation_losses is not None:
            self._draw_curve("validation", self.validation_losses, ORANGE)
        if self.validation_losses is not None and self.best_iter is not None:
            kept = self.validation_losses[np.arange(len(self.best_iter)), self.best_iter - 1]
            style = {"color": ORANGE, "markersize": 4, "label": "kept"}
            (self.best_,) = self.ax_.plot(self.best_iter, kept, "o", **style)
        self.ax_.set(xlabel="epoch", ylabel="loss", title=self.estimator_name)
        self.ax_.legend()

    def _draw_curve(self, label, losses, color):
        known = np.ma.masked_invalid(losses)
        epochs = np.arange(1, losses.shape[1] + 1)
        (self.lines_[label],) = self.ax_.plot(epochs, known.mean(axis=0), color=color, label=label)
        if len(losses) > 1:
            style = {"color": color, "alpha": 0.2, "linewidth": 0}
            low, high = known.min(axis=0), known.max(axis=0)
            self.bands_[label] = self.ax_.fill_between(epochs, low, high, **style)
