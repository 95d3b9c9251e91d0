"""The picture of the report: a bar for each ratio, a mark where it was wanted to be."""

import matplotlib as mpl

mpl.use("Agg")  # pictures go to files; no window is needed
import matplotlib.pyplot as plt
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import NullFormatter
from matplotlib.transforms import blended_transform_factory
from PIL import Image

from benchmarks.cases import CASES

# Colors that the color-blind can tell apart (Okabe & Ito), and gray.
BLUE, ORANGE, GRAY = "#0072B2", "#D55E00", "#767676"
TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
STYLE = {
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "legend.frameon": False,
}


def draw(judged, path):
    """Draw all ratios that were measured; tell whether there were any."""
    with plt.rc_context(STYLE):
        figure = figure_of(judged)
        if figure is None:
            return False
        figure.savefig(path)
        plt.close(figure)
    # 256 colors are plenty for a chart, and make the file three times smaller.
    Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)
    return True


def figure_of(judged):
    """Return the figure, or None if no ratio was measured."""
    drawn = [verdict for verdict in judged if verdict.is_ratio and verdict.figure is not None]
    if not drawn:
        return None
    heights, headings = _heights(drawn)
    figure, axes = plt.subplots(figsize=(8.4, 1.4 + 0.27 * -heights[-1]), dpi=110)
    for verdict, height in zip(drawn, heights, strict=True):
        _draw_bar(axes, verdict, height)
    _label(axes, drawn, heights)
    from_left = blended_transform_factory(figure.transFigure, axes.transData)
    for case, height in headings.items():
        text = f"{case}. {CASES[case].heading()}"
        heading = axes.text(0.01, height, text, transform=from_left, va="center", weight="bold")
        heading.set_in_layout(False)  # it stands beside and on the axes
    return figure


def _heights(drawn):
    """Return where the bars go, from 0 down, and the heading of each case."""
    heights, headings, height = [], {}, 0.0
    for verdict in drawn:
        if verdict.case not in headings:
            headings[verdict.case] = height - 0.3
            height -= 1.3
        heights.append(height)
        height -= 1.0
    return heights, headings


def _draw_bar(axes, verdict, height):
    color = BLUE if verdict.is_met else ORANGE
    # The axis is logarithmic: half the time and twice the time are bars of the same length.
    axes.barh(height, verdict.figure - 1, left=1, height=0.72, color=color)
    limits = [limit for limit in verdict.limits if limit > 0]
    axes.vlines(limits, height - 0.46, height + 0.46, color="black", linewidth=2.5, zorder=3)
    points = [verdict.figure, *limits, 1]
    if verdict.without_numba is not None:
        axes.plot(verdict.without_numba, height, "D", color="white", mec=GRAY, markersize=5)
        points.append(verdict.without_numba)
    axes.annotate(
        f"{verdict.figure:#.2g}".rstrip("."),
        (max(points), height),
        xytext=(8, 0),
        textcoords="offset points",
        va="center",
        color=color,
        weight="bold",
    )


def _label(axes, drawn, heights):
    axes.axvline(1, color=GRAY, linewidth=1)
    axes.set(
        xscale="log",
        xlabel="skdnn's time / that of what is named (left of 1, skdnn takes less time)",
        yticks=heights,
        yticklabels=[verdict.against for verdict in drawn],
        ylim=(heights[-1] - 0.7, 0.2),
    )
    lowest, highest = axes.get_xlim()
    axes.set_xlim(lowest, highest * 1.3)  # room for the numbers
    axes.set_xticks([tick for tick in TICKS if lowest < tick < highest])
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="y", length=0)
    handles = [
        Patch(color=BLUE, label="met"),
        Patch(color=ORANGE, label="not met"),
        Line2D([], [], color="black", linewidth=2.5, label="target: at most this, or between two"),
        Line2D([], [], color="white", marker="D", mec=GRAY, markersize=5, label="without numba"),
    ]
    axes.legend(handles=handles, ncols=4, loc="lower right", bbox_to_anchor=(1.0, 1.0))
