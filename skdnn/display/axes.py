"""Where displays draw, and in which colors."""

# Three colors that the color-blind can tell apart (Okabe & Ito), and gray.
BLUE, ORANGE, GREEN, GRAY = "#0072B2", "#D55E00", "#009E73", "#767676"


def axes_for(display, ax, **figure_options):
    """Set ``ax_`` and ``figure_`` of a display, and return the former.

    Parameters
    ----------
    display : object
    ax : matplotlib.axes.Axes or None
        None makes a new figure.
    **figure_options : dict
        Of the new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{type(display).__name__} draws with matplotlib, which is not installed. Install the "
            'extra "plot": pip install "skdnn[plot]".'
        ) from error
    if ax is None:
        _, ax = plt.subplots(layout="constrained", **figure_options)
    display.ax_, display.figure_ = ax, ax.figure
    return ax
