"""
Handwritten digits, and what the first layer learned
====================================================

The digits network of many courses: 784 pixels, hidden layers of 256 and 128 units, and 10 outputs.
Textbooks turn the label 5 into the one-hot target (0, 0, 0, 0, 0, 1, 0, 0, 0, 0). Pass the labels
themselves: with more than two classes the output is a softmax, and its cross-entropy compares it
with one-hot targets. (A matrix of zeros and ones as ``y`` means something else in scikit-learn:
ten labels, of which several may be true.)
"""

# %%
# The pictures are MNIST's, 60,000 for training, where ``SKDNN_DATA`` has them.
import os
from itertools import product

import matplotlib.pyplot as plt
import numpy as np
from example_data import load_pictures
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelBinarizer

from skdnn import DeepNetClassifier, WeightsDisplay

QUICK = os.environ.get("SKDNN_QUICK") == "1"  # a short run, for the project's tests

digits = load_pictures("mnist")
print(f"{len(digits.y_train)} training pictures, {len(digits.y_test)} test pictures")

# %%
# More pictures for nothing
# -------------------------
# A 5 that is moved by one pixel is still a 5, which a network of dense layers cannot know. So each
# training picture comes a second time, moved in a random direction. A thirtieth of the pictures is
# kept apart for early stopping; their moved copies must not be trained on.
rng = np.random.default_rng(0)
X, X_val, y, y_val = train_test_split(
    digits.X_train, digits.y_train, test_size=1 / 30, stratify=digits.y_train, random_state=0
)
pictures = X.reshape(-1, *digits.shape)
directions = rng.integers(8, size=len(X))
moved = np.empty_like(pictures)
for number, step in enumerate(step for step in product((-1, 0, 1), repeat=2) if any(step)):
    chosen = directions == number
    moved[chosen] = np.roll(pictures[chosen], step, axis=(1, 2))

net = DeepNetClassifier(
    hidden_layer_sizes=(256, 128),
    encoder="passthrough",
    n_members=4,
    max_iter=3 if QUICK else "auto",
    random_state=0,
)
net.fit(np.concatenate([X, moved.reshape(X.shape)]), np.tile(y, 2), X_val=X_val, y_val=y_val)
print("Weights of a member:", " ".join(str(weights.shape[1:]) for weights in net.coefs_))
print(f"Test accuracy: {net.score(digits.X_test, digits.y_test):.4f}")

# %%
# What one-hot targets have to do with it
# ---------------------------------------
# The probabilities of a picture sum to 1, and the mean of -log(probability of the true digit) is
# the cross-entropy with the one-hot targets.
proba = net.predict_proba(digits.X_test)
one_hot = LabelBinarizer().fit_transform(digits.y_test)
print("First test picture, target:     ", one_hot[0])
print("First test picture, probability:", proba[0].round(3))
print(f"Cross-entropy on test pictures: {-np.mean(np.sum(one_hot * np.log(proba), axis=1)):.4f}")

# %%
# The first layer
# ---------------
# Each small picture shows the weights of one hidden unit: ink switches the unit on where it is
# orange and off where it is blue. Most units look for a stroke or an edge of some direction at some
# place. The next layers combine these into digits.
figure, axes = plt.subplots(figsize=(8, 6), layout="constrained")
WeightsDisplay.from_estimator(
    net, image_shape=digits.shape, n_units=30, ax=axes, title="First layer: 30 of 256 hidden units"
)
plt.show()

# %%
# The mistakes it was surest of
# -----------------------------
predicted = proba.argmax(axis=1)
wrong = np.flatnonzero(predicted != digits.y_test)
wrong = wrong[np.argsort(-proba[wrong].max(axis=1))][:12]
figure, panels = plt.subplots(2, 6, figsize=(9, 4), layout="constrained")
for axes in panels.flat:
    axes.axis("off")
for axes, row in zip(panels.flat, wrong, strict=False):
    axes.imshow(digits.X_test[row].reshape(digits.shape), cmap="gray_r")
    guess = f"says {predicted[row]} ({proba[row].max():.0%})"
    axes.set_title(f"{guess}\nlabel is {digits.y_test[row]}")
plt.show()
