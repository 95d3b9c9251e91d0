"""Shared by the examples: where plots are saved, colors, and the quick mode of the tests."""

import os
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")  # pictures go to files; no window is needed
import matplotlib.pyplot as plt
from matplotlib.colors import LinearSegmentedColormap
from PIL import Image

QUICK = os.environ.get("SKDNN_QUICK") == "1"
# A color-blind safe palette (Okabe & Ito), and gray.
BLUE, ORANGE, GREEN, GRAY = "#0072B2", "#D55E00", "#009E73", "#767676"
# Paler tones of the same colors, for areas behind points.
PALE = LinearSegmentedColormap.from_list("pale", ["#7fb8d9", "#ffffff", "#eaae7f"])

plt.rcParams.update(
    {
        "figure.dpi": 100,
        "figure.constrained_layout.use": True,
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlesize": 11,
        "legend.frameon": False,
    }
)


def quick(value, instead):
    """Return ``instead`` in quick mode, which the tests use, else ``value``."""
    return instead if QUICK else value


def argument(number):
    """Return a command-line argument, or None."""
    return sys.argv[number] if len(sys.argv) > number else None


def save(figure, name):
    """Save a small PNG in the folder given as the first argument, and print its path."""
    folder = Path(argument(1) or Path(__file__).parent / "output")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.png"
    figure.savefig(path, bbox_inches="tight", pad_inches=0.1)
    # 256 colors are plenty for a chart, and make the file three times smaller.
    Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)
    print(f"\nPicture: {path}")
