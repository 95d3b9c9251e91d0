"""The picture of the report: on each data set, our log-loss over that of two others."""

import math

import matplotlib as mpl

mpl.use("Agg")  # pictures go to files; no window is needed
import matplotlib.pyplot as plt
from matplotlib.ticker import FuncFormatter, NullFormatter
from PIL import Image

from benchmarks.accuracy.compare import by_set, finished, log_ratios, ratio
from benchmarks.accuracy.peers import PEERS
from benchmarks.picture import BLUE, GRAY, ORANGE, STYLE

MARKS = {"catboost": (BLUE, "o", 52), "mlp": (ORANGE, "D", 22)}  # the smaller one in front
TICKS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.4, 2, 3, 5)


def draw(rows, path):
    """Draw the ratios by data set; tell whether there were any."""
    with plt.rc_context(STYLE):
        figure = figure_of(rows)
        if figure is None:
            return False
        figure.savefig(path)
        plt.close(figure)
    # 256 colors are plenty for a chart, and make the file three times smaller.
    Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)
    return True


def figure_of(rows):
    """Return the figure, or None if there is nothing to compare."""
    scores = finished(rows)
    ratios = {peer: by_set(log_ratios(scores, peer)) for peer in MARKS}
    names = sorted(set().union(*ratios.values()), key=lambda name: _place(ratios, name))
    if not names:
        return None
    figure, axes = plt.subplots(figsize=(8.4, 1.6 + 0.23 * len(names)), dpi=110)
    heights = {name: -i for i, name in enumerate(names)}
    for peer, found in ratios.items():
        _draw_peer(axes, peer, found, heights, ratio(scores, peer))
    _label(axes, heights)
    for peer, found in ratios.items():
        _explain_missing(axes, peer, [name for name in names if name not in found], heights, rows)
    return figure


def _place(ratios, name):
    """Return what sets are sorted by: the ratio to CatBoost, else (last) to the other."""
    known = ratios["catboost"].get(name)
    return (known is None, ratios["mlp"].get(name, 0.0) if known is None else known)


def _draw_peer(axes, peer, found, heights, mean):
    if not found:
        return
    color, marker, size = MARKS[peer]
    look = {"color": color, "marker": marker, "linewidth": 0, "zorder": 3}
    points = [math.exp(value) for value in found.values()]
    axes.scatter(points, [heights[name] for name in found], size, label=_name(peer), **look)
    axes.axvline(mean, color=color, linewidth=1.2, linestyle="--")
    above = {"xytext": (0, 4), "textcoords": "offset points", "ha": "center", "color": color}
    axes.annotate(f"{mean:.2f}", (mean, 1), xycoords=axes.get_xaxis_transform(), **above)


def _explain_missing(axes, peer, names, heights, rows):
    """Write, where a point is missing, what happened."""
    errors = {row["data"]: row["error"] for row in rows if row["model"] == peer and "error" in row}
    for name in names:
        text = f"{_name(peer)}: {errors.get(name, 'not run')}"
        look = {"color": MARKS[peer][0], "size": 8, "va": "center", "backgroundcolor": "white"}
        axes.text(0.01, heights[name], text, transform=_across(axes), **look)


def _name(peer):
    return PEERS[peer].label


def _label(axes, heights):
    axes.axvline(1, color=GRAY, linewidth=1)
    axes.hlines(list(heights.values()), 0, 1, GRAY, linewidth=0.3, transform=_across(axes))
    axes.set(
        xscale="log",
        xlabel="(skdnn's log-loss + 0.01) / (the other's + 0.01); left of 1, skdnn is better",
        yticks=list(heights.values()),
        yticklabels=list(heights),
        ylim=(-len(heights) + 0.3, 0.7),
    )
    lowest, highest = axes.get_xlim()
    lowest, highest = min(lowest, 0.8), max(highest, 1.25)
    axes.set_xlim(lowest, highest)
    axes.set_xticks([tick for tick in TICKS if lowest < tick < highest])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="y", length=0)
    axes.plot([], [], "--", color=GRAY, linewidth=1.2, label="geometric mean")
    axes.legend(ncols=3, loc="lower right", bbox_to_anchor=(1.0, 1.02))


def _across(axes):
    """Return coordinates that go from 0 to 1 across, and are those of the data upwards."""
    return axes.get_yaxis_transform()
