"""WaterfallDisplay and ImportanceDisplay: the attributions of one row and of all rows."""

import numpy as np
from scipy.special import expit

from skdnn.inspection.attributions import integrated_gradients
from skdnn.inspection.display import BLUE, GRAY, ORANGE, Display, largest, shortened
from skdnn.tabular.missing_checks import is_missing


class AttributionDisplay(Display):
    """Base class of the two displays: they show the largest attributions, and sum up the others."""

    def __init__(self, *, attributions, max_columns=10):
        self.attributions = attributions
        self.max_columns = max_columns

    @classmethod
    def from_estimator(cls, estimator, X, *, target=None, baseline=None, ax=None, **options):
        """Compute the attributions of a fitted estimator, and plot them.

        Parameters
        ----------
        estimator : estimator instance
            A fitted DeepNetClassifier, or a fitted pipeline or search with one.
        X : {frame, array-like, sparse matrix} of shape (n_samples, n_features)
            Rows to explain.
        target, baseline : default=None
            As for :func:`integrated_gradients`.
        ax : matplotlib.axes.Axes, default=None
            Axes to plot on; None makes a new figure.
        **options : dict
            Passed to the display: ``max_columns`` and, for :class:`WaterfallDisplay`, ``row``.

        Returns
        -------
        Display
            The display, with its attributes set.
        """
        attributions = integrated_gradients(estimator, X, target, baseline)
        return cls(attributions=attributions, **options).plot(ax=ax)

    @property
    def _figsize(self):
        return 7.5, 1.5 + 0.3 * min(len(self.attributions.feature_names), self.max_columns + 1)

    def _label_lines(self, labels, title, xlabel):
        """Label lines from top to bottom, and leave room beside the bars for their numbers."""
        self.ax_.set_yticks(range(len(labels)), labels, parse_math=False)  # names may contain "$"
        self.ax_.set_ylim(len(labels) - 0.4, -0.6)
        self.ax_.margins(x=0.18)
        self.ax_.set_title(title, parse_math=False)
        self.ax_.set_xlabel(xlabel)


class WaterfallDisplay(AttributionDisplay):
    """Waterfall plot of one prediction: how the columns lead from the baseline to the row.

    Each bar is the attribution of a column, the largest first. It begins where the one above ends;
    the first begins at the log-odds of the baseline, the last ends at those of the row.

    Parameters
    ----------
    attributions : Attributions
        Result of :func:`integrated_gradients`.
    row : int, default=0
        Position of the row to plot. To plot one row of a large table, pass this row only to
        ``from_estimator``, for instance ``X.iloc[[5]]``.
    max_columns : int, default=10
        Number of bars; the other columns are summed up.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes of the plot.
    figure_ : matplotlib.figure.Figure
        The figure of ``ax_``.
    bars_ : matplotlib.container.BarContainer
        The bars, from top to bottom.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdnn import DeepNetClassifier, WaterfallDisplay
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> net = DeepNetClassifier(max_iter=20, random_state=0).fit(X, y)
    >>> display = WaterfallDisplay.from_estimator(net, X.iloc[[60]])
    >>> display.ax_.get_title()
    'class 1, index 60'
    """

    def __init__(self, *, attributions, row=0, max_columns=10):
        super().__init__(attributions=attributions, max_columns=max_columns)
        self.row = row

    def _label(self, position):
        """Return the name of a column, with the value that the row has there."""
        table, name = self.attributions.table, shortened(self.attributions.feature_names[position])
        if table is None:
            return name
        return f"{name} = {_formatted(getattr(table, 'iloc', table)[self.row, position])}"

    def _draw(self):
        found, row = self.attributions, self.row
        if row not in range(-len(found.values), len(found.values)):
            raise ValueError(
                f"row is the position of an explained row: an integer from 0 to "
                f"{len(found.values) - 1}, got {row!r}."
            )
        values, ends = found.values[row], (found.baseline_log_odds[row], found.log_odds[row])
        first, others = largest(np.abs(values), self.max_columns)
        parts = [*values[first], *[values[others].sum()] * (len(others) > 0)]
        names = [*map(self._label, first), *_name_others(others)]
        start, stop = (f"{_odds(odds)} ({expit(odds):.1%})" for odds in ends)
        names = [f"baseline: {start}", *names, f"this row: {stop}"]
        edges, lines = ends[0] + np.cumsum([0, *parts]), np.arange(len(names))
        self.ax_.vlines(edges, lines[:-1], lines[1:], color=GRAY, linewidth=1, zorder=0)
        self.ax_.plot(ends, lines[[0, -1]], "D", color=GRAY)
        colors = [ORANGE if part > 0 else BLUE for part in parts]
        self.bars_ = self.ax_.barh(lines[1:-1], parts, left=edges[:-1], color=colors)
        self.ax_.bar_label(self.bars_, [_odds(part, "+") for part in parts], padding=4)
        self.ax_.use_sticky_edges = False  # leave room for the numbers on both sides
        where = f"row {row}" if found.index is None else f"index {shortened(found.index[row])}"
        title = f"class {shortened(found.target[row])}, {where}"
        self._label_lines(names, title, "log-odds")


class ImportanceDisplay(AttributionDisplay):
    """Bar plot of feature importance: the mean absolute attribution of each column.

    The two parts of a bar are how much the column raises and lowers the log-odds: the sums of the
    positive and of the negative attributions, divided by the number of rows.

    Parameters
    ----------
    attributions : Attributions
        Result of :func:`integrated_gradients`.
    max_columns : int, default=10
        Number of bars; the other columns are summed up.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes of the plot.
    figure_ : matplotlib.figure.Figure
        The figure of ``ax_``.
    bars_ : dict of str to matplotlib.container.BarContainer
        The parts of the bars, from top to bottom: "raises" and "lowers".

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdnn import DeepNetClassifier, ImportanceDisplay
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> net = DeepNetClassifier(max_iter=20, random_state=0).fit(X, y)
    >>> display = ImportanceDisplay.from_estimator(net, X)
    >>> display.ax_.get_title()
    'feature importance, 150 rows'
    """

    def _draw(self):
        values, names = self.attributions.values, self.attributions.feature_names
        sizes = np.abs(values).mean(axis=0)
        first, others = largest(sizes, self.max_columns)
        raised, lines = np.clip(values, 0, None).mean(axis=0)[first], np.arange(len(first))
        classes = set(self.attributions.target)
        whose = f"class {shortened(classes.pop())}" if len(classes) == 1 else "each row's class"
        raises = self.ax_.barh(lines, raised, color=ORANGE, label=f"raises the log-odds of {whose}")
        style = {"color": BLUE, "label": f"lowers the log-odds of {whose}"}
        lowers = self.ax_.barh(lines, sizes[first] - raised, left=raised, **style)
        self.bars_ = {"raises": raises, "lowers": lowers}
        digits = max(2, 1 - int(np.floor(np.log10(sizes.max() or 1))))
        self.ax_.bar_label(lowers, [f"{size:.{digits}f}" for size in sizes[first]], padding=4)
        if len(others):  # in words: as a bar, the sum may be so long that the others look short
            self.ax_.text(0, len(first), f" {sizes[others].sum():.{digits}f} in all", va="center")
        labels = [*map(shortened, names[first]), *_name_others(others)]
        title = f"feature importance, {len(values):,} row{'s' * (len(values) != 1)}"
        self._label_lines(labels, title, "mean absolute attribution")
        self.ax_.legend(loc="lower right")


def _odds(value, sign="-"):
    return f"{value:{sign}.2f}".replace("-", "\N{MINUS SIGN}")


def _formatted(value):
    """Return a value as a short text; dates without a time of day."""
    if is_missing(value):
        return "missing"
    if isinstance(value, float | np.floating):
        value = f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}"
    return shortened(str(value).removesuffix(" 00:00:00"), 19)


def _name_others(others):
    """Return a list with the label of the columns that are summed up, if any."""
    return [f"{len(others):,} other columns"] * (len(others) > 0)
