"""The base class of displays, their colors, and what they show of many or long names."""

import numpy as np

BLUE, ORANGE, GRAY = "#0072B2", "#D55E00", "#767676"  # for the color-blind, after Okabe & Ito


class Display:
    """Base class of displays; subclasses implement ``_draw``, which plots on ``ax_``."""

    _figsize = None  # inches; None is matplotlib's default

    def plot(self, ax=None, **style):
        """Plot the display.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Axes to plot on; None makes a new figure.
        **style : dict
            For :class:`WeightsDisplay` only: ``cmap``, a colormap whose middle is 0.

        Returns
        -------
        Display
            The display itself, with its attributes set.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        self.ax_ = self._new_axes() if ax is None else ax
        self.figure_ = self.ax_.figure
        self._draw(**style)
        return self

    def _new_axes(self):
        try:
            import matplotlib.pyplot as plt
        except ImportError as error:
            raise ImportError(
                f"{type(self).__name__} draws with matplotlib, which is not installed. Install "
                'the extra "plot": `pip install "skdnn[plot]"`.'
            ) from error
        return plt.subplots(layout="constrained", figsize=self._figsize)[1]


def largest(sizes, most):
    """Return the positions of the largest sizes, in descending order, and those of the others.

    If only one would be left over, it is returned with the largest: it needs no more room than a
    line for the others.
    """
    order = np.argsort(-sizes, kind="stable").tolist()
    n_shown = len(order) if len(order) <= most + 1 else most
    return order[:n_shown], order[n_shown:]


def shortened(text, width=28):
    """Return the text on one line of at most ``width`` characters; its middle is left out."""
    text, half = " ".join(str(text).split()), (width - 1) // 2
    return text if len(text) <= width else f"{text[:half]}…{text[-half:]}"
