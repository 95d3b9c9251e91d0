"""
Why deep? Two spirals
=====================

Logistic regression separates classes by a straight line, and a network with hidden layers by a
curve. How should a number of weights be spent: on one wide layer, or on several narrow ones?

Two interleaved spirals are a classic task for this question. A network gets only the two
coordinates of a point, unencoded (``encoder="passthrough"``).
"""

# %%
# The data
# --------
import os

import matplotlib.pyplot as plt
import numpy as np

from skdnn import DeepNetClassifier

QUICK = os.environ.get("SKDNN_QUICK") == "1"  # a short run, for the project's tests
plt.style.use("tableau-colorblind10")


def two_spirals(n_rows, turns=2.5, noise=0.02, seed=0):
    """Return the points of two interleaved spirals, and the spiral of each point."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_rows) % 2
    along = np.sqrt(rng.random(n_rows))
    angle = 2 * np.pi * turns * along + np.pi * y
    points = along[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    return points + rng.normal(scale=noise, size=points.shape), y


X, y = two_spirals(2000)
X_test, y_test = two_spirals(2000, seed=1)

# %%
# Four networks
# -------------
# Only ``hidden_layer_sizes`` differs; ``()`` is logistic regression. Since results depend on the
# random initialization, each is trained from four of them.
networks = {
    "no hidden layer": (),
    "1 layer of 130": (130,),
    "2 layers of 21": (21, 21),
    "4 layers of 12": (12, 12, 12, 12),
}
seeds = range(1 if QUICK else 4)
fitted = {}
for name, sizes in networks.items():
    nets = [
        DeepNetClassifier(
            hidden_layer_sizes=sizes,
            encoder="passthrough",
            solver="adam",
            learning_rate="cosine",
            learning_rate_init=0.01,
            max_iter=5 if QUICK else 300,
            n_members=1,
            early_stopping=False,
            random_state=seed,
        ).fit(X, y)
        for seed in seeds
    ]
    n_parameters = sum(array.size for array in (*nets[0].coefs_, *nets[0].intercepts_))
    scores = [net.score(X_test, y_test) for net in nets]
    fitted[name] = nets[int(np.argsort(scores)[len(scores) // 2])], n_parameters, scores
    print(f"{name:17}{n_parameters:4} parameters, accuracy", *(f"{s:.3f}" for s in scores))

# %%
# What they learned
# -----------------
# Colors are the predicted probabilities; the second best of the four networks is shown.
ticks = np.linspace(-1.15, 1.15, 240)
grid = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
figure, panels = plt.subplots(1, len(networks), figsize=(12, 4.1), layout="constrained")
for axes, (name, (net, n_parameters, scores)) in zip(panels, fitted.items(), strict=True):
    proba = net.predict_proba(grid)[:, 1].reshape(len(ticks), -1)
    axes.contourf(ticks, ticks, proba, levels=np.linspace(0, 1, 11), cmap="RdBu_r", alpha=0.6)
    for label, color in enumerate(("navy", "darkred")):
        axes.plot(*X_test[y_test == label][:250].T, ".", color=color, markersize=3)
    axes.set(aspect="equal", xticks=[], yticks=[])
    axes.set_title(f"{name}\n{n_parameters} parameters\naccuracy {np.median(scores):.0%}")
plt.show()
