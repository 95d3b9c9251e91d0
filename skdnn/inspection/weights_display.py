"""WeightsDisplay: the weights of a layer as images or as a heat map."""

from numbers import Integral

import numpy as np

from skdnn.inspection.display import BLUE, ORANGE, Display, largest, shortened
from skdnn.inspection.unwrap import (
    input_names,
    input_origins,
    received_names,
    sum_by_column,
    unwrap,
)

MOST_ROWS, MOST_UNITS = 20, 40  # of a heat map of a fitted estimator
N_LABELS = 10  # maximum number of units of a heat map to label
COLORS = ("#003f63", BLUE, "white", ORANGE, "#7a3500")  # negative, 0, positive
GAP, FRAME = 1, "lightgray"  # pixels around images, and their color


class WeightsDisplay(Display):
    """The weights of a layer: an image for each unit, or a heat map of units and their inputs.

    With many inputs, the heat map of a fitted estimator is limited to the 20 with the largest
    weights, and to 40 units. If the encoder made several inputs of a column of X, such as bins or
    categories, they are one row, with the root of the sum of their squared weights.

    Parameters
    ----------
    weights : ndarray of shape (fan_in, fan_out)
        Weights of the units to show.
    units : ndarray of shape (fan_out,)
        Numbers of these units in the layer.
    image_shape : (int, int) or None, default=None
        Height and width of images whose pixels are the inputs; None plots a heat map.
    input_names : sequence of str or None, default=None
        Names of the inputs, for a heat map.
    title : str or None, default=None
        Title of the plot.
    labels : (str, str, str), default=("unit", "input", "weight")
        Labels of the axes of a heat map, and of the color bar.

    Attributes
    ----------
    ax_ : matplotlib.axes.Axes
        Axes of the plot.
    figure_ : matplotlib.figure.Figure
        The figure of ``ax_``.
    image_ : matplotlib.image.AxesImage
        The heat map, or all images side by side, separated by NaN.
    colorbar_ : matplotlib.colorbar.Colorbar
        The scale of the colors; the middle of the colormap is 0.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdnn import DeepNetClassifier, WeightsDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> net = DeepNetClassifier((16,), encoder="passthrough", n_members=1, max_iter=5)
    >>> display = WeightsDisplay.from_estimator(net.fit(X / 16, y), image_shape=(8, 8))
    >>> display.weights.shape
    (64, 16)
    """

    def __init__(
        self,
        *,
        weights,
        units,
        image_shape=None,
        input_names=None,
        title=None,
        labels=("unit", "input", "weight"),
    ):
        self.weights = weights
        self.units = units
        self.image_shape = image_shape
        self.input_names = input_names
        self.title = title
        self.labels = labels

    @classmethod
    def from_estimator(
        cls,
        estimator,
        *,
        layer=0,
        member=0,
        image_shape=None,
        n_units=None,
        ax=None,
        cmap=None,
        title=None,
    ):
        """Plot the weights of a fitted estimator.

        Parameters
        ----------
        estimator : estimator instance
            A fitted DeepNetClassifier, or a fitted pipeline or search with one.
        layer : int, default=0
            Index of the layer; 0 is the first, -1 the last.
        member : int, default=0
            Index of the member.
        image_shape : (int, int), default=None
            Height and width of images, if the columns of X are pixels, row by row. For the first
            layer only. If the encoder makes several inputs of a pixel, their weights are summed;
            pixels that it ignores are 0. None plots a heat map.
        n_units : int, default=None
            Number of units to show, those of the largest weights; None shows all images, and at
            most 40 units of a heat map.
        ax : matplotlib.axes.Axes, default=None
            Axes to plot on; None makes a new figure.
        cmap : str or matplotlib.colors.Colormap, default=None
            Colormap whose middle is 0; None is blue for negative, white for 0, and orange for
            positive weights.
        title : str, default=None
            Title of the plot; None is the name of the layer.

        Returns
        -------
        WeightsDisplay
            The display, with its attributes set.

        Raises
        ------
        ValueError
            If there is no such layer or member, the inputs do not match ``image_shape``, or
            ``n_units`` is not positive.
        """
        network, _ = unwrap(estimator)
        layers = network.summary().layers
        _check_index("layer", layer, len(layers))
        _check_index("member", member, len(network.member_loss_curves_))
        weights = network.coefs_[layer]
        weights = weights[member] if weights.ndim == 3 else weights
        title = f"weights of {layers[layer].name}" if title is None else title
        if image_shape is None:
            named = _named_rows(estimator, network, weights, layers, layer % len(layers))
            shown = _heat_map(*named, n_units)
        else:
            weights = _pixel_weights(network, weights, layer % len(layers) == 0, image_shape)
            units = _largest_units(weights, n_units)
            shown = {"weights": weights[:, units], "units": units, "image_shape": image_shape}
        return cls(**shown, title=title).plot(ax=ax, cmap=cmap)

    def _draw(self, cmap=None):
        is_map = self.image_shape is None
        shown = self.weights if is_map else mosaic(self.weights, self.image_shape)
        limit = np.abs(self.weights).max() or 1.0
        style = {"aspect": "auto" if is_map else "equal", "interpolation": "nearest"}
        self.image_ = self.ax_.imshow(shown, _colormap(cmap), vmin=-limit, vmax=limit, **style)
        self.colorbar_ = self.figure_.colorbar(
            self.image_, ax=self.ax_, label=self.labels[2], shrink=0.8
        )
        self.ax_.set_title(self.title)
        if is_map:
            self._label()
        else:
            self.ax_.set_axis_off()

    def _label(self):
        step = -(-len(self.units) // N_LABELS)
        self.ax_.set(xlabel=self.labels[0], ylabel=self.labels[1])
        self.ax_.set_xticks(np.arange(len(self.units))[::step], self.units[::step])
        if self.input_names is not None:
            names = [shortened(name) for name in self.input_names]
            self.ax_.set_yticks(range(len(names)), names, parse_math=False)
        if (self.weights >= 0).all():  # sizes: the half for negative weights is not used
            self.colorbar_.ax.set_ylim(0, None)


def _colormap(cmap):
    from matplotlib import colormaps
    from matplotlib.colors import LinearSegmentedColormap

    default = LinearSegmentedColormap.from_list("weights", COLORS)
    return (default if cmap is None else colormaps.get_cmap(cmap)).with_extremes(bad=FRAME)


def _heat_map(weights, names, row, quantity, n_units):
    """Return what a heat map shows: the rows and units of the largest weights, and their names."""
    units = _largest_units(weights, n_units, MOST_UNITS)
    rows, others = largest(np.linalg.norm(weights, axis=1), MOST_ROWS)
    rows = rows if others else range(len(weights))  # all of them stay in their order
    counts = (("unit", len(units), weights.shape[1]), (row, len(rows), len(weights)))
    labels = [name if n == of else f"{name} ({n} of {of:,})" for name, n, of in counts]
    return {
        "weights": weights[np.ix_(rows, units)],
        "units": units,
        "input_names": [str(names[row]) for row in rows],
        "labels": (*labels, quantity),
    }


def _named_rows(estimator, network, weights, layers, layer):
    """Return the weights of inputs or of columns, their names, what they are, and the quantity."""
    if layer > 0:
        return weights, range(len(weights)), f"unit of {layers[layer - 1].name}", "weight"
    origins = input_origins(network)
    if len(weights) <= MOST_ROWS or origins is None or len(np.unique(origins)) == len(origins):
        return weights, input_names(network), "input", "weight"
    sizes = np.sqrt(sum_by_column(network, np.square(weights).T).T)
    return sizes, received_names(estimator, network), "column", "root of the sum of squared weights"


def mosaic(weights, image_shape):
    """Return the images of all units side by side, approximately as a square (height, width).

    ``weights`` are (n_pixels, n_units), and ``image_shape`` is the height and width of one image.
    NaN is between and around them.
    """
    height, width = image_shape
    n_units = weights.shape[1]
    n_across = min(n_units, int(np.ceil(np.sqrt(n_units * height / width))))
    n_down = -(-n_units // n_across)
    tiles = np.full((n_down, n_across, height + GAP, width + GAP), np.nan)
    for number, column in enumerate(weights.T):
        tiles[number // n_across, number % n_across, GAP:, GAP:] = column.reshape(image_shape)
    joined = tiles.swapaxes(1, 2).reshape(n_down * (height + GAP), n_across * (width + GAP))
    return np.pad(joined, ((0, GAP), (0, GAP)), constant_values=np.nan)


def _check_index(name, index, length):
    if not isinstance(index, Integral) or not -length <= index < length:
        raise ValueError(f"{name}={index!r} does not exist: there are {length}, counted from 0.")


def _pixel_weights(network, weights, is_first, image_shape):
    """Return the weights of each column of X, shape (n_features, fan_out)."""
    if not is_first:
        raise ValueError(
            "image_shape is for the first layer, whose inputs are pixels; leave it out to plot a "
            "heat map of another layer."
        )
    weights = sum_by_column(network, weights.T).T
    sides = np.asarray(image_shape)
    are_sides = sides.shape == (2,) and sides.dtype.kind in "iu" and (sides > 0).all()
    if not are_sides or sides.prod() != len(weights):
        raise ValueError(
            f"image_shape={image_shape!r} must be two positive integers, height and width of "
            f"images of {len(weights)} pixels, the number of columns of X, or of inputs if the "
            "encoder does not provide the columns they come from."
        )
    return weights


def _largest_units(weights, n_units, most=None):
    """Return the numbers of the units with the largest weights, in ascending order."""
    if n_units is not None and (not isinstance(n_units, Integral) or n_units < 1):
        raise ValueError(f"n_units must be None or an integer > 0, got {n_units!r}.")
    n_shown = most if n_units is None else n_units
    return np.sort(np.argsort(-np.linalg.norm(weights, axis=0), kind="stable")[:n_shown])
