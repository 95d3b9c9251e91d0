"""
The lecture notes' network, on pictures of cats
===============================================

Courses on deep learning often end with this network: ``[linear -> relu]`` for each hidden layer,
then ``linear -> sigmoid``, trained by gradient descent on all pictures at once. Is it a cat?

Their first step is to draw the weights as ``0.01 * randn``. With several hidden layers this fails,
and why it fails explains how weights are initialized today.
"""

# %%
# 209 training pictures of 64 x 64 pixels in three colors, where ``SKDNN_DATA`` has them.
import os

import matplotlib.pyplot as plt
import numpy as np
from example_data import load_pictures

from skdnn import DeepNetClassifier

QUICK = os.environ.get("SKDNN_QUICK") == "1"  # a short run, for the project's tests
plt.style.use("tableau-colorblind10")

cats = load_pictures("catvnoncat")
share = cats.y_train.mean()
prior_cost = -share * np.log(share) - (1 - share) * np.log(1 - share)
print(f"{len(cats.y_train)} training pictures; {share:.1%} are of class 1 (cats)")
print(f"Cost of predicting {share:.1%} for every picture: {prior_cost:.4f}")

# %%
# The notes' network, exactly
# ---------------------------
# With the inputs and the output counted, it has five layers. ``init="lecun_normal"`` is
# ``randn / sqrt(fan_in)``.
starts = {
    "0.01 * randn": {"init": "normal", "init_scale": 0.01},
    "randn / sqrt(fan_in)": {"init": "lecun_normal"},
}
nets = {
    name: DeepNetClassifier(
        hidden_layer_sizes=(20, 7, 5),
        activation="relu",
        solver="gd",
        learning_rate="constant",
        learning_rate_init=0.0075,
        max_iter=60 if QUICK else 3000,
        tol=0.0,
        n_members=1,
        early_stopping=False,
        encoder="passthrough",
        dtype="float64",
        random_state=1,
        **start,
    ).fit(cats.X_train, cats.y_train)
    for name, start in starts.items()
}
for name, net in nets.items():
    costs = ", ".join(f"{cost:.4f}" for cost in net.loss_curve_[:: max(1, net.n_iter_ // 6)])
    print(f"\nFrom {name}: cost {costs}")
    print(f"    training accuracy {net.score(cats.X_train, cats.y_train):.3f}")
    print(f"    test accuracy     {net.score(cats.X_test, cats.y_test):.3f}")

# %%
# Why
# ---
# A layer of weights 0.01 * randn makes the signal smaller, and four of them leave nothing: the last
# layer sees the same for every picture, so the best it can do is to predict the share of cats. The
# gradients, multiplied by the same small weights on their way back, do not change that. With
# randn / sqrt(fan_in) the signal keeps its size.
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for (name, start), color in zip(starts.items(), ("C1", "C0"), strict=True):
    rng = np.random.default_rng(1)
    signal, sizes = cats.X_train, [cats.X_train.std()]
    for width in (20, 7, 5):
        fan_in = signal.shape[1]
        scale = 0.01 if start["init"] == "normal" else fan_in**-0.5
        signal = np.maximum(signal @ rng.normal(scale=scale, size=(fan_in, width)), 0)
        sizes.append(signal.std())
    left.semilogy(sizes, "o-", color=color, label=name)
    right.plot(nets[name].loss_curve_, color=color, label=name)
left.set_xticks(range(4), ["pixels", "hidden\nlayer 1", "hidden\nlayer 2", "hidden\nlayer 3"])
left.set(ylabel="standard deviation of the outputs", title="Before training: the signal")
left.legend(title="initial weights")
right.axhline(prior_cost, color="black", linewidth=1, linestyle=":")
right.text(0, prior_cost + 0.01, "predicting the share of cats for all", va="bottom")
right.set(xlabel="iteration", ylabel="cost", ylim=(0, None), title="Training: the cost")
plt.show()
