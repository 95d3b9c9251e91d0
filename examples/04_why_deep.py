"""Why deep? Two spirals, and what each network can make of them.

Logistic regression draws a straight line. A hidden layer bends it; later layers bend again what
the earlier ones have bent. A single layer that is wide enough can follow the spirals too, but
it pays for it: three narrow layers do better with half the parameters.

The lesson: `hidden_layer_sizes` is all that differs between the panels, and `()` is logistic
regression. Each network is trained from four random starts, because one start proves nothing;
the panels show the first.
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
    """Return points of two arms that wind around each other, and which arm each is of."""
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
    """Draw the probabilities as colors, and the points over them."""
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
    """Return one network, the same for all panels but for its hidden layers."""
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
    """Train the networks, report and draw them side by side."""
    X, y = two_spirals(2000)
    X_test, y_test = two_spirals(2000, seed=1)
    figure, panels = plt.subplots(1, len(NETWORKS), figsize=(9.6, 2.75))
    print(f"{'':20}parameters  test accuracy from four starts")
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
