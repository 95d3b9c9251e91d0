"""A matplotlib backend whose ``plt.show()`` saves all figures as small PNG files.

``MPLBACKEND=module://save_pictures python examples/plot_why_deep.py`` saves why_deep.png, and a
second figure as why_deep_2.png, in the folder that SKDNN_PICTURES names or in examples/output.
"""

import os
import sys
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg as FigureCanvas  # noqa: F401 - backend
from matplotlib.backends.backend_agg import FigureManagerBase
from PIL import Image


class FigureManager(FigureManagerBase):
    """The manager of a figure, for pyplot."""

    @classmethod
    def pyplot_show(cls, *, block=None):
        """Save and close all figures, and print the paths of their pictures."""
        folder = Path(os.environ.get("SKDNN_PICTURES", Path(__file__).parent / "output"))
        folder.mkdir(parents=True, exist_ok=True)
        lesson = Path(sys.argv[0]).stem.removeprefix("plot_")
        for number in plt.get_fignums():
            path = folder / f"{lesson}{f'_{number}' if number > 1 else ''}.png"
            save_small(plt.figure(number), path)
            print(f"Picture: {path}")


def save_small(figure, path):
    """Save a figure with 256 colors, which are plenty for a chart and a third of the bytes."""
    figure.savefig(path)
    Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)
