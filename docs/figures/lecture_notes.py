"""The figures of docs/lecture-notes.md: ``python docs/figures/lecture_notes.py [folder]``."""

import sys
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")  # pictures go to files; no window is needed
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from skdnn import DeepNetClassifier
from skdnn.core.losses import LOSSES
from skdnn.core.network import build, initialize
from skdnn.core.tape import Tape

WIDTHS = (64, 20, 7, 5, 1)
N_NETWORKS = 200  # whose mean squares are averaged
FOLDER = Path(__file__).parents[1] / "images"
BLUE, ORANGE, GREEN, GRAY, PALE = "#0072B2", "#D55E00", "#009E73", "#767676", "#eef3f7"
STARTS = {
    "0.01 * randn": (ORANGE, lambda fan_in: 0.01),
    "randn / sqrt(fan_in)": (BLUE, lambda fan_in: fan_in**-0.5),
    "randn * sqrt(2 / fan_in)": (GREEN, lambda fan_in: (2 / fan_in) ** 0.5),
}
STYLE = {
    "figure.constrained_layout.use": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "legend.frameon": False,
    "mathtext.fontset": "cm",
}


def load_pictures():
    """Return pictures of the digits 3 and 8, pixels between 0 and 1, and whether each is an 8."""
    X, y = load_digits(return_X_y=True)
    is_3_or_8 = np.isin(y, (3, 8))
    return X[is_3_or_8] / 16, (y[is_3_or_8] == 8).astype(int)


def draw_passes():
    """Draw both passes: layers as boxes, arrays and their shapes on the arrows between them."""
    figure, axes = plt.subplots(figsize=(9.2, 2.6))
    _draw_layer(axes, 1, "1", ("n_0", "n_1"), "relu")
    _draw_layer(axes, 5, "2", ("n_1", "n_2"), "relu")
    _draw_layer(axes, 10.2, "L", ("n_{L-1}", "n_L"), "sigmoid")
    _draw_arrows(axes, 0, "A^{[0]} = X", "n_0")
    for center, layer, width in ((4, "1", "n_1"), (8, "2", "n_2"), (9.2, "L-1", "n_{L-1}")):
        _draw_arrows(axes, center, f"A^{{[{layer}]}}", width, has_gradient=True)
    _draw_arrows(axes, 13.2, "A^{[L]}", "n_L", has_gradient=True)
    axes.text(8.6, 0, r"$\cdots$", ha="center", va="center", fontsize=16)
    _draw_box(axes, 14.2, "cost $J$")
    axes.text(-1.5, 0.15, "forward", color=BLUE, weight="bold", va="center")
    axes.text(-1.5, -0.15, "backward", color=ORANGE, weight="bold", va="center")
    axes.set(xlim=(-1.6, 14.9), ylim=(-1.5, 0.9))
    axes.axis("off")
    return figure


def _draw_layer(axes, left, layer, widths, activation):
    n_inputs, n_outputs = widths
    _draw_box(axes, left, f"$W^{{[{layer}]}} A + b^{{[{layer}]}}$")
    _draw_arrows(axes, left + 1.1, f"Z^{{[{layer}]}}", n_outputs, has_gradient=True)
    _draw_box(axes, left + 2.05, activation)
    gradients = (
        rf"$\mathrm{{d}}W^{{[{layer}]}}$: $({n_outputs}, {n_inputs})$",
        rf"$\mathrm{{d}}b^{{[{layer}]}}$: $({n_outputs}, 1)$",
    )
    place = {"ha": "center", "va": "top", "color": ORANGE}
    axes.text(left, -0.95, "\n".join(gradients), **place)
    down = {"arrowstyle": "->", "color": ORANGE}
    axes.annotate("", (left, -0.95), (left, -0.22), arrowprops=down)


def _draw_box(axes, center, text):
    box = {"boxstyle": "round,pad=0.45", "facecolor": PALE, "edgecolor": GRAY}
    axes.text(center, 0, text, ha="center", va="center", bbox=box)


def _draw_arrows(axes, center, array, width, has_gradient=False):
    """Draw an arrow forward with an array and its shape, and one back with its gradient."""
    ends = center - 0.28, center + 0.28
    ahead = {"arrowstyle": "->", "color": BLUE}
    axes.annotate("", (ends[1], 0.15), (ends[0], 0.15), arrowprops=ahead)
    axes.text(center, 0.3, f"${array}$\n$({width}, m)$", color=BLUE, ha="center", va="bottom")
    if has_gradient:
        back = {"arrowstyle": "->", "color": ORANGE}
        axes.annotate("", (ends[0], -0.15), (ends[1], -0.15), arrowprops=back)
        axes.text(center, -0.3, rf"$\mathrm{{d}}{array}$", color=ORANGE, ha="center", va="top")


def sizes(X, y, scale):
    """Return the root mean square of the outputs and of the weights' gradients of each layer."""
    network = build(WIDTHS, ["relu"] * 3)
    params = np.zeros((N_NETWORKS, network.n_parameters))
    rngs = [np.random.default_rng(seed) for seed in range(N_NETWORKS)]
    initialize(network, params, rngs, ["normal"] * 4, [scale(fan_in) for fan_in in WIDTHS[:-1]])
    outputs, backs, squares = X[None], [], [np.mean(X**2)]
    tape = Tape(params, np.empty_like(params))
    for layer, start in zip(network.layers, network.starts, strict=True):
        outputs, back = layer.forward(tape, start, outputs)
        backs.append(back)
        tape.play()
        tape.calls.clear()
        squares.append(np.mean(outputs**2))
    targets = np.broadcast_to(y[:, None], (N_NETWORKS, len(y), 1))
    weights = np.full((N_NETWORKS, len(y)), 1 / len(y))
    _, grad = LOSSES["sigmoid"].evaluate(outputs, targets, weights)
    for index in reversed(range(len(backs))):
        grad = backs[index](grad, index > 0)
    tape.play()
    of_weights = [np.mean(grads**2) for grads in network.weights(tape.grads)]
    return np.sqrt(squares), np.sqrt(of_weights)


def draw_signal():
    """Plot the size of outputs and gradients in each layer before training."""
    X, y = load_pictures()
    figure, (forward, backward) = plt.subplots(1, 2, figsize=(9, 3.6))
    for name, (color, scale) in STARTS.items():
        of_outputs, of_grads = sizes(X, y, scale)
        forward.plot(range(5), of_outputs, "o-", color=color, label=name)
        backward.plot(range(1, 5), of_grads, "o-", color=color, label=name)
    forward.set(
        title="Outputs, from the pixels to the logits",
        xticks=range(5),
        xticklabels=["pixels", "layer 1", "layer 2", "layer 3", "logits"],
        ylabel="root mean square",
        yscale="log",
    )
    backward.set(
        title="Gradients of the weights",
        xticks=range(1, 5),
        xticklabels=[f"layer {number}" for number in range(1, 5)],
        yscale="log",
    )
    forward.legend(title="initial weights", loc="lower left", alignment="left")
    return figure


def draw_cost():
    """Plot the cost in 3,000 iterations from two starts."""
    X, y = load_pictures()
    share = y.mean()
    prior = -share * np.log(share) - (1 - share) * np.log(1 - share)
    figure, axes = plt.subplots(figsize=(6, 3.6))
    for name, (color, scale) in list(STARTS.items())[:2]:
        rng = np.random.default_rng(1)
        start = [rng.standard_normal(shape) * scale(shape[0]) for shape in pairwise(WIDTHS)]
        net = DeepNetClassifier(
            WIDTHS[1:-1], activation="relu", solver="gd", learning_rate="constant",
            learning_rate_init=0.0075, max_iter=3000, tol=0.0, alpha=0.0, weight_decay=0.0,
            dropout=0.0, n_members=1, early_stopping=False, encoder="passthrough",
            dtype="float64", coefs_init=start, init="zeros",
        ).fit(X, y)  # fmt: skip
        axes.plot(net.loss_curve_, color=color, label=name)
    axes.axhline(prior, color=GRAY, linestyle=":", label="entropy of the classes")
    axes.set(xlabel="iteration", ylabel="cost", ylim=(0, None))
    axes.legend(title="initial weights", loc="lower left", alignment="left")
    return figure


def main():
    """Save all figures as small PNG files, and print their paths."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    plt.rcParams.update(STYLE)
    for draw in (draw_passes, draw_signal, draw_cost):
        path = folder / f"lecture_notes_{draw.__name__.removeprefix('draw_')}.png"
        draw().savefig(path, bbox_inches="tight", pad_inches=0.1)
        # 64 colors are enough for lines on white, and make the file smaller.
        Image.open(path).convert("RGB").quantize(64).save(path, optimize=True)
        print(path)


if __name__ == "__main__":
    main()
