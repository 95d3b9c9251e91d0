"""ArchitectureDisplay: the network as circles and lines."""

from skdnn.estimator.diagram import diagram_layout
from skdnn.estimator.summary import headline
from skdnn.inspection.display import BLUE, GRAY, Display
from skdnn.inspection.unwrap import unwrap


class ArchitectureDisplay(Display):
    """The layers of a network, their widths and their numbers of parameters.

    Each unit is a circle; of a wide layer some are drawn, with a gap between them. Above a layer
    is what it is, how wide, and its activation; below it, the number of parameters that lead to
    it.

    Parameters
    ----------
    summary : Summary
        As ``DeepNetClassifier.summary`` returns it.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Where it was drawn.
    figure_ : matplotlib.figure.Figure
        The figure of ``ax_``.
    units_ : list of matplotlib.collections.PathCollection
        The circles, one collection a layer, the inputs first.
    connections_ : list of matplotlib.collections.LineCollection
        The lines, one collection a pair of layers.
    texts_ : list of matplotlib.text.Text
        What is above each layer, then what is below it.

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
        """Draw a fitted estimator.

        Parameters
        ----------
        estimator : estimator instance
            A fitted DeepNetClassifier, a pipeline that ends in one, or a search for one.
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None is a new figure.

        Returns
        -------
        ArchitectureDisplay
            With the attributes set.
        """
        network, _ = unwrap(estimator)
        return cls(summary=network.summary()).plot(ax=ax)

    @property
    def _figsize(self):
        n_columns = len(self.summary.layers) + 1
        return max(1.7 * n_columns, 0.1 * len(headline(self.summary))), 3.4

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
