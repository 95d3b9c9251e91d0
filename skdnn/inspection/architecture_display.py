"""ArchitectureDisplay: a diagram of the layers of a network."""

from skdnn.estimator.diagram import diagram_layout
from skdnn.estimator.summary import headline
from skdnn.inspection.display import BLUE, GRAY, Display
from skdnn.inspection.unwrap import unwrap


class ArchitectureDisplay(Display):
    """Diagram of the layers of a network, with their widths and numbers of parameters.

    Each unit is a circle; of a wide layer only some are drawn, with an ellipsis between them. Above
    a layer are its name, number of units and activation; below it, its number of parameters.

    Parameters
    ----------
    summary : Summary
        Result of ``DeepNetClassifier.summary``.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes of the plot.
    figure_ : matplotlib.figure.Figure
        The figure of ``ax_``.
    units_ : list of matplotlib.collections.PathCollection
        The circles, one collection for each layer, the inputs first.
    connections_ : list of matplotlib.collections.LineCollection
        The lines, one collection for each pair of layers.
    texts_ : list of matplotlib.text.Text
        For each layer, the text above it, then the text below it.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdnn import ArchitectureDisplay, DeepNetClassifier
    >>> net = DeepNetClassifier(max_iter=5, random_state=0).fit(*load_iris(return_X_y=True))
    >>> display = ArchitectureDisplay.from_estimator(net)
    >>> len(display.units_)
    4
    """

    def __init__(self, *, summary):
        self.summary = summary

    @classmethod
    def from_estimator(cls, estimator, *, ax=None):
        """Plot the layers of a fitted estimator.

        Parameters
        ----------
        estimator : estimator instance
            A fitted DeepNetClassifier, or a fitted pipeline or search with one.
        ax : matplotlib.axes.Axes, default=None
            Axes to plot on; None makes a new figure.

        Returns
        -------
        ArchitectureDisplay
            The display, with its attributes set.
        """
        network, _ = unwrap(estimator)
        return cls(summary=network.summary()).plot(ax=ax)

    @property
    def _figsize(self):
        return max(1.7 * (len(self.summary.layers) + 1), 0.1 * len(headline(self.summary))), 3.4

    def _draw(self):
        from matplotlib.collections import LineCollection

        columns, links = diagram_layout(self.summary)
        self.units_, self.texts_, self.connections_ = [], [], []
        for lines in links:
            collection = LineCollection(lines, colors=GRAY, linewidths=0.3)
            self.connections_.append(self.ax_.add_collection(collection))
        for x, column in enumerate(columns):
            circles = self.ax_.scatter(*zip(*column.units, strict=True), color=BLUE, zorder=2)
            self.units_.append(circles)
            if column.is_shortened:
                self.ax_.text(x, 0, "⋮", ha="center", va="center")
            above, below = "\n".join(column.above), column.below.replace(" ", "\n")
            self.texts_.append(self.ax_.text(x, -3.5, above, ha="center", va="bottom"))
            self.texts_.append(self.ax_.text(x, 3.5, below, ha="center", va="top"))
        self.ax_.set(xlim=(-0.6, x + 0.6), ylim=(5.4, -5.4), title=headline(self.summary))
        self.ax_.set_axis_off()
