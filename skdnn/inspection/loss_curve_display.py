"""LossCurveDisplay: training and validation loss by epoch."""

import numpy as np

from skdnn.inspection.display import BLUE, GRAY, ORANGE, Display
from skdnn.inspection.unwrap import unwrap

BAND = (0.25, 0.75)  # quantiles of the members' losses, at the edges of the band


class LossCurveDisplay(Display):
    """Training and validation loss by epoch, with a band for the members of the ensemble.

    Lines are means over the members still training, bands hold the middle half of them (from the
    first quartile of their losses to the third), and points are the best epochs, to which
    the members returned.

    Parameters
    ----------
    train_losses : ndarray of shape (n_members, n_epochs)
        NaN after a member has stopped.
    validation_losses : ndarray of shape (n_members, n_epochs) or None, default=None
        None without validation rows.
    best_iter : ndarray of shape (n_members,) or None, default=None
        Best epoch of each member, counted from 1; plotted on its validation loss.
    estimator_name : str or None, default=None
        Title of the plot.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes of the plot.
    figure_ : matplotlib.figure.Figure
        The figure of ``ax_``.
    lines_ : dict of str to matplotlib.lines.Line2D
        The mean curves: "training" and, with validation rows, "validation".
    bands_ : dict of str to matplotlib.collections.PolyCollection
        The bands; empty if there is one member.
    best_ : matplotlib.lines.Line2D or None
        The best epochs; None without validation rows or ``best_iter``.

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
        """Plot the loss curves of a fitted estimator.

        Parameters
        ----------
        estimator : estimator instance
            A fitted DeepNetClassifier, or a fitted pipeline or search with one.
        ax : matplotlib.axes.Axes, default=None
            Axes to plot on; None makes a new figure.
        name : str, default=None
            Title of the plot; None is the name of the class.

        Returns
        -------
        LossCurveDisplay
            The display, with its attributes set.
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
            style = {"color": ORANGE, "markersize": 4, "label": "best epoch of a member"}
            (self.best_,) = self.ax_.plot(self.best_iter, kept, "o", **style)
        self.ax_.set(xlabel="epoch", ylabel="loss", title=self.estimator_name)
        self._draw_legend()

    def _draw_curve(self, label, losses, color):
        known = np.ma.masked_invalid(losses)
        epochs = np.arange(1, losses.shape[1] + 1)
        (self.lines_[label],) = self.ax_.plot(epochs, known.mean(axis=0), color=color, label=label)
        if len(losses) > 1:
            style = {"color": color, "alpha": 0.2, "linewidth": 0}
            self.bands_[label] = self.ax_.fill_between(epochs, *_quantiles(known), **style)

    def _draw_legend(self):
        from matplotlib.patches import Patch

        handles = [*self.lines_.values(), *[self.best_] * (self.best_ is not None)]
        if self.bands_:  # one entry for bands of both colors
            style = {"color": GRAY, "alpha": 0.3, "linewidth": 0}
            handles.append(Patch(label="middle half of the members", **style))
        self.ax_.legend(handles=handles)


def _quantiles(losses):
    """Return both quantiles of each epoch's losses; NaN where all are masked."""
    found = np.full((len(BAND), losses.shape[1]), np.nan)
    for epoch, column in enumerate(losses.T):
        if column.count():
            found[:, epoch] = np.quantile(column.compressed(), BAND)
    return found
