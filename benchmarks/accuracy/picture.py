"""The picture of the report: on each data set, our log-loss over that of two others."""

import math

import matplotlib as mpl

mpl.use("Agg")  # pictures go to files; no window is needed
import matplotlib.pyplot as plt
from matplotlib.ticker import FuncFormatter, NullFormatter
from PIL import Image

from benchmarks.accuracy.compare import by_set, log_ratios, ratio
from benchmarks.accuracy.peers import PEERS
from benchmarks.picture import BLUE, GRAY, ORANGE, STYLE

MARKS = {"catboost": (BLUE, "o", 52), "mlp": (ORANGE, "D", 22)}  # the smaller one in front
TICKS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.4, 2, 3, 5)


def draw(scores, path):
    """Draw the ratios by data set; tell whether there were any."""
    ratios = {peer: by_set(log_ratios(scores, peer)) for peer in MARKS}
    names = sorted(set().union(*ratios.values()), key=lambda name: _place(ratios, name))
    if not names:
        return False
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=(8.4, 1.6 + 0.23 * len(names)), dpi=110)
        heights = {name: -i for i, name in enumerate(names)}
        for peer, found in ratios.items():
            _draw_peer(axes, peer, found, heights, ratio(scores, peer))
        _label(axes, heights)
        figure.savefig(path)
        plt.close(figure)
    # 256 colors are plenty for a chart, and make the file three times smaller.
    Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)
    return True


def _place(ratios, name):
    """Return what sets are sorted by: the ratio to CatBoost, else (last) to the other."""
    known = ratios["catboost"].get(name)
    return (known is None, ratios["mlp"].get(name, 0.0) if known is None else known)


def _draw_peer(axes, peer, found, heights, mean):
    if not found:
        return
    color, marker, size = MARKS[peer]
    look = {"color": color, "marker": marker, "linewidth": 0, "zorder": 3}
    label = f"{PEERS[peer].label} (geometric mean {mean:.2f})"
    points = [math.exp(value) for value in found.values()]
    rows = [heights[name] for name in found]
    axes.scatter(points, rows, size, label=label, **look)
    axes.axvline(mean, color=color, linewidth=1.2, linestyle="--")


def _label(axes, heights):
    axes.axvline(1, color=GRAY, linewidth=1)
    axes.hlines(list(heights.values()), 0, 1, GRAY, linewidth=0.3, transform=_across(axes))
    axes.set(
        xscale="log",
        xlabel="(skdnn's log-loss + 0.01) / (theirs + 0.01); left of 1, skdnn is better",
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
    axes.legend(ncols=2, loc="lower right", bbox_to_anchor=(1.0, 1.0))


def _across(axes):
    """Return coordinates that go from 0 to 1 across, and are those of the data upwards."""
    return axes.get_yaxis_transform()
