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
from itertools import pairwise

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
# Two starts
# ----------
# The hidden layers have 20, 7 and 5 units, so five layers with the inputs and the output. Random
# numbers are drawn as the course's ``np.random.seed(1)`` draws them.
rng = np.random.RandomState(1)
widths = (cats.X_train.shape[1], 20, 7, 5, 1)
draws = [rng.randn(fan_out, fan_in).T for fan_in, fan_out in pairwise(widths)]
starts = {
    "0.01 * randn": [0.01 * draw for draw in draws],
    "randn / sqrt(fan_in)": [draw / np.sqrt(len(draw)) for draw in draws],
}

# %%
# The notes' network, exactly
# ---------------------------
# From such a start skdnn computes the same as the course's code, to rounding.
nets = {
    name: DeepNetClassifier(
        hidden_layer_sizes=(20, 7, 5),
        activation="relu",
        coefs_init=weights,
        intercepts_init=[np.zeros(width) for width in widths[1:]],
        solver="gd",
        learning_rate="constant",
        learning_rate_init=0.0075,
        max_iter=60 if QUICK else 3000,
        tol=0.0,
        n_members=1,
        early_stopping=False,
        encoder="passthrough",
        dtype="float64",
    ).fit(cats.X_train, cats.y_train)
    for name, weights in starts.items()
}
for name, net in nets.items():
    costs = ", ".join(f"{cost:.4f}" for cost in net.loss_curve_[:: max(1, net.n_iter_ // 6)])
    print(f"\nFrom {name}: cost {costs}")
    print(f"    training accuracy {net.score(cats.X_train, cats.y_train):.3f}")
    print(f"    test accuracy     {net.score(cats.X_test, cats.y_test):.3f}")

# %%
# The second network reaches 82 % on the 50 test pictures. That is a lucky draw: 209 pictures are
# few, the network learns almost all of them by heart, and eight other starts gave 66 to 84 %.
#
# Why the first one fails
# -----------------------
# Each layer of weights 0.01 * randn makes the signal smaller (left), so that the last layer sees
# nearly the same for every picture. The best it can do then is to predict the share of cats for all
# (right). The gradients are multiplied by the same small weights on their way back, so training
# does not change that. With randn / sqrt(fan_in) enough of the signal is left.
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for (name, weights), color in zip(starts.items(), ("C1", "C0"), strict=True):
    signal, sizes = cats.X_train, [cats.X_train.std()]
    for layer in weights[:-1]:
        signal = np.maximum(signal @ layer, 0)
        sizes.append(signal.std())
    left.semilogy(sizes, "o-", color=color, label=name)
    right.plot(nets[name].loss_curve_, color=color, label=f"from {name}")
left.set_xticks(range(4), ["pixels", "hidden\nlayer 1", "hidden\nlayer 2", "hidden\nlayer 3"])
left.set(ylabel="standard deviation of the outputs", title="Before training: size of the signal")
left.legend(title="initial weights")
right.axhline(prior_cost, color="black", linewidth=1, linestyle=":")
right.text(
    right.get_xlim()[1], prior_cost + 0.01, "predicting the share of cats for all ", ha="right"
)
right.set(xlabel="iteration", ylabel="cost", ylim=(0, None), title="Training: the cost")
right.legend(loc="center right", bbox_to_anchor=(1, 0.62))
plt.show()
