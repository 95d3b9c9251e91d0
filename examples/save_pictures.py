"""A matplotlib backend whose ``plt.show()`` saves all figures as small PNG files.

``MPLBACKEND=module://save_pictures python examples/plot_why_deep.py`` saves why_deep.png, and a
second figure as why_deep_2.png, in the folder that SKDNN_PICTURES names or in examples/output.
"""

import itertools
import os
import sys
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg as FigureCanvas  # noqa: F401 - backend
from PIL import Image

NUMBERS = itertools.count(1)  # of the figures of a script


def show(*, block=None):
    """Save and close all figures, and print the paths of their pictures."""
    folder = Path(os.environ.get("SKDNN_PICTURES", Path(__file__).parent / "output"))
    folder.mkdir(parents=True, exist_ok=True)
    lesson = Path(sys.argv[0]).stem.removeprefix("plot_")
    for figure in map(plt.figure, plt.get_fignums()):
        number = next(NUMBERS)
        path = folder / (f"{lesson}.png" if number == 1 else f"{lesson}_{number}.png")
        save_small(figure, path)
        print(f"Picture: {path}")
    plt.close("all")


def save_small(figure, path):
    """Save a figure with 256 colors, which are plenty for a chart and a third of the bytes."""
    figure.savefig(path)
    Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)
