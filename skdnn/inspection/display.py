"""What displays have in common: where they draw, and in which colors."""

BLUE, ORANGE, GRAY = "#0072B2", "#D55E00", "#767676"  # of Okabe & Ito: the color-blind see them


class Display:
    """A picture that can be drawn again: ``_draw`` draws into ``ax_``."""

    _figsize = None  # inches; None is matplotlib's own

    def plot(self, ax=None, **style):
        """Draw it, perhaps again.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, default=None
            Where to draw; None is a new figure.
        **style : dict
            ``cmap``, for a :class:`WeightsDisplay`; its middle is 0.

        Returns
        -------
        Display
            This one, with the attributes set.

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
                'the extra "plot": pip install "skdnn[plot]".'
            ) from error
        return plt.subplots(layout="constrained", figsize=self._figsize)[1]
