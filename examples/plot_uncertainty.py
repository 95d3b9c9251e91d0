"""
Uncertainty: which rows not to answer
=====================================

A classifier that may say "I do not know" makes fewer mistakes on the rest. Two numbers tell how
sure a network is of a row: its **confidence**, the probability of the predicted class, and the
**spread** of the ensemble members, which were trained on different rows and disagree where there
was little to learn from.

The task is made difficult on purpose: 400 pictures of digits for training, 1,397 for testing.
"""

# %%
# The network
# -----------
# ``store_oof=True`` keeps the out-of-fold probabilities: those of each training row by a member
# that was not trained on it. They are used below to choose a threshold without the test rows.
import os

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits, make_moons
from sklearn.model_selection import train_test_split

from skdnn import DeepNetClassifier, UncertaintyDisplay

QUICK = os.environ.get("SKDNN_QUICK") == "1"  # a short run, for the project's tests
plt.style.use("tableau-colorblind10")

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, train_size=400, stratify=y, random_state=0
)
net = DeepNetClassifier(max_iter=5 if QUICK else "auto", store_oof=True, random_state=0)
net.fit(X_train, y_train)
print(f"accuracy on the test rows: {net.score(X_test, y_test):.1%}")

# %%
# Confidence and spread of each row
# ---------------------------------
# Nearly all of the wrong predictions have a low confidence. Where it is low, the members also
# disagree: these are digits that 400 pictures do not teach, rather than digits that nobody can
# read.
UncertaintyDisplay.from_estimator(net, X_test, y_test)
plt.show()

# %%
# Accuracy of the rows that are answered
# --------------------------------------
# Each point of a curve is the accuracy of the network if it answers only that share of the test
# rows, those it is most certain of. By either measure, the accuracy rises as rows are left out; if
# rows were left out at random, it would stay the same.


def accuracy_of_answered(certainty, is_right):
    """Return the accuracy of the most certain row, of the two most certain ones, and so on."""
    order = np.argsort(-certainty, kind="stable")
    return np.cumsum(is_right[order]) / np.arange(1, len(order) + 1)


members = net.predict_proba_members(X_test)
mean = net.predict_proba(X_test)
predicted = mean.argmax(axis=1)
confidence = mean.max(axis=1)
spread = members[:, np.arange(len(X_test)), predicted].std(axis=0)
is_right = net.classes_[predicted] == y_test
answered = np.arange(1, len(X_test) + 1) / len(X_test)
curves = {
    "by confidence": accuracy_of_answered(confidence, is_right),
    "by spread": accuracy_of_answered(-spread, is_right),
}

# %%
# How large must the confidence be, if 99.5 % of the answers should be right? The out-of-fold
# probabilities tell. They are those of single members, which are a little worse than the ensemble,
# so the threshold is on the safe side.
wanted = 0.995
oof_confidence = net.oof_proba_.max(axis=1)
oof_right = net.classes_[net.oof_proba_.argmax(axis=1)] == y_train
oof_accuracy = accuracy_of_answered(oof_confidence, oof_right)
n_answered = max(np.flatnonzero(oof_accuracy >= wanted), default=0) + 1
threshold = np.sort(oof_confidence)[-n_answered]
is_answered = confidence >= threshold
share = is_answered.mean()
accuracy = is_right[is_answered].mean() if is_answered.any() else np.nan
print(f"threshold: {threshold:.3f}; answered: {share:.1%} of the test rows, {accuracy:.2%} right")

figure, axes = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
for label, curve in curves.items():
    axes.plot(answered, curve, label=label)
axes.axhline(is_right.mean(), color="gray", linestyle=":", label="rows left out at random")
axes.plot(share, accuracy, "o", color="black", label=f"confidence of at least {threshold:.2f}")
axes.set(
    xlim=(1, 0.5),
    ylim=(is_right.mean() - 0.005, 1.001),
    xlabel="share of the test rows that are answered",
    ylabel="accuracy of the answers",
    title="Fewer answers, fewer mistakes",
)
axes.xaxis.set_major_formatter("{x:.0%}")
axes.yaxis.set_major_formatter("{x:.1%}")
axes.legend(loc="lower right")
plt.show()

# %%
# What the members cannot tell
# ----------------------------
# On two moons, the members disagree along the class boundary, most of all outside the data. But
# far from the data *and* from the boundary they agree, with a confidence of nearly 100 %: rows
# unlike all training rows are not recognized by either measure.
points, moon = make_moons(300, noise=0.2, random_state=0)
of_moons = DeepNetClassifier(max_iter=5 if QUICK else "auto", random_state=0).fit(points, moon)
across, up = np.linspace(-3, 4, 120), np.linspace(-2.6, 3, 96)
grid = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
maps = {
    "mean of the members": (of_moons.predict_proba(grid)[:, 1], "RdBu_r", 1.0),
    "spread of the members": (
        of_moons.predict_proba_members(grid)[..., 1].std(axis=0),
        "Greys",
        0.5,
    ),
}
figure, panels = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
for axes, (title, (values, cmap, highest)) in zip(panels, maps.items(), strict=True):
    levels = np.linspace(0, highest, 11)
    areas = axes.contourf(across, up, values.reshape(len(up), -1), levels, cmap=cmap, alpha=0.6)
    figure.colorbar(areas, ax=axes, shrink=0.8, ticks=levels[::2])
    for label, color in enumerate(("navy", "darkred")):
        axes.plot(*points[moon == label].T, "o", color=color, mec="white", mew=0.5, ms=5)
    axes.set(aspect="equal", xticks=[], yticks=[], title=title)
plt.show()
