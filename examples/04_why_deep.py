"""Networks of different depth on two spirals.

Logistic regression separates classes by a straight line, hidden layers by a curve. A single layer
can separate the spirals if it is wide enough, but three narrow layers do better with half the
parameters.

Only `hidden_layer_sizes` differs between the panels; `()` is logistic regression. Each network is
trained from four random initializations, because results vary; the panels show the first.
"""

import numpy as np
from common import BLUE, ORANGE, PALE, plt, quick, save

from skdnn import DeepNetClassifier

NETWORKS = {
    "no hidden layer": (),
    "one layer of 80": (80,),
    "one layer of 160": (160,),
    "three layers of 11": (11, 11, 11),
}


def two_spirals(n_rows, turns=2.5, noise=0.02, seed=0):
    """Return the points of two interleaved spirals, and the spiral of each point."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_rows) % 2
    along = np.sqrt(rng.random(n_rows))
    angle = 2 * np.pi * turns * along + np.pi * y
    points = along[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    return points + rng.normal(scale=noise, size=points.shape), y


def count_parameters(net):
    """Return the number of weights and biases."""
    return sum(array.size for array in (*net.coefs_, *net.intercepts_))


def draw(axes, net, X, y, title):
    """Draw the probabilities as colors, with the points on top."""
    ticks = np.linspace(-1.15, 1.15, 240)
    grid = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    proba = net.predict_proba(grid)[:, 1].reshape(len(ticks), -1)
    axes.contourf(ticks, ticks, proba, levels=np.linspace(0, 1, 9), cmap=PALE)
    for label, color in enumerate((BLUE, ORANGE)):
        points = X[y == label][:200]
        axes.plot(*points.T, ".", color=color, markersize=5, mec="white", mew=0.3)
    axes.set_aspect("equal")
    axes.axis("off")
    axes.set_title(title, fontsize=9)


def make_network(sizes, seed):
    """Return a network; only its hidden layers differ between panels."""
    return DeepNetClassifier(
        hidden_layer_sizes=sizes,
        learning_rate_init=0.01,
        max_iter=quick(300, 3),
        n_members=1,
        early_stopping=False,
        dropout=0.0,
        random_state=seed,
    )


def main():
    """Train the networks, print their scores and draw them side by side."""
    X, y = two_spirals(2000)
    X_test, y_test = two_spirals(2000, seed=1)
    figure, panels = plt.subplots(1, len(NETWORKS), figsize=(9.6, 2.75))
    print(f"{'':20}parameters  test accuracy for four initializations")
    for axes, (name, sizes) in zip(panels, NETWORKS.items(), strict=True):
        nets = [make_network(sizes, seed).fit(X, y) for seed in range(quick(4, 1))]
        scores = [net.score(X_test, y_test) for net in nets]
        n_parameters = count_parameters(nets[0])
        print(f"{name:20}{n_parameters:10}  {'  '.join(f'{score:.3f}' for score in scores)}")
        title = f"{name}\n{n_parameters} parameters, accuracy {scores[0]:.2f}"
        draw(axes, nets[0], X, y, title)
    save(figure, "04_why_deep")


if __name__ == "__main__":
    main()
