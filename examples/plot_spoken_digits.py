"""
Spoken digits: from sound to a picture to a word
================================================

A mel spectrogram turns sound into a picture: time from left to right, pitch from low to high, and
loudness as brightness. Then recognizing a spoken digit is a task like recognizing a written one.
"""

# %%
# 3,000 recordings of six speakers as 32 pitches x 32 time steps, where ``SKDNN_DATA`` has them
# (made of the Free Spoken Digit Dataset, https://github.com/Jakobovski/free-spoken-digit-dataset).
import os

import matplotlib.pyplot as plt
import numpy as np
from example_data import load_pictures
from sklearn.metrics import ConfusionMatrixDisplay

from skdnn import DeepNetClassifier

QUICK = os.environ.get("SKDNN_QUICK") == "1"  # a short run, for the project's tests
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]

sounds = load_pictures("spoken_digits_melspec")

# %%
# A word spoken a little earlier or later, higher or lower, is the same word. So each recording
# comes a second time, moved by a step or two. ``groups`` keeps the two together: no member of the
# ensemble is validated on a recording whose copy it was trained on.
rng = np.random.default_rng(0)
moved = [
    np.roll(picture, (rng.integers(-1, 2), rng.integers(-2, 3)), axis=(0, 1)).ravel()
    for picture in sounds.X_train.reshape(-1, *sounds.shape)
]
numbers = np.arange(len(sounds.X_train))
net = DeepNetClassifier(max_iter=3 if QUICK else "auto", random_state=0)
net.fit(
    np.concatenate([sounds.X_train, moved]),
    np.tile(sounds.y_train, 2),
    groups=np.tile(numbers, 2),
)
accuracy = net.score(sounds.X_test, sounds.y_test)
print(f"Accuracy on {len(sounds.y_test)} test recordings: {accuracy:.3f}")

# %%
# What the words look like
# ------------------------
figure, panels = plt.subplots(
    2, 5, figsize=(10, 4.4), layout="constrained", sharex=True, sharey=True
)
for digit, axes in enumerate(panels.flat):
    row = np.flatnonzero(sounds.y_test == digit)[0]
    proba = net.predict_proba(sounds.X_test[[row]])[0]
    axes.imshow(sounds.X_test[row].reshape(sounds.shape), cmap="magma", origin="lower")
    axes.set_title(f'"{WORDS[digit]}" heard as\n"{WORDS[proba.argmax()]}" ({proba.max():.0%})')
    axes.set(xticks=[], yticks=[])
panels[1, 0].set_xlabel("time")
panels[1, 0].set_ylabel("pitch")
plt.show()

# %%
# Which are mistaken for which
# ----------------------------
figure, axes = plt.subplots(figsize=(6, 5), layout="constrained")
display = ConfusionMatrixDisplay.from_estimator(
    net, sounds.X_test, sounds.y_test, display_labels=WORDS, cmap="Blues", ax=axes, colorbar=False
)
for text in display.text_.flat:
    text.set_visible(text.get_text() != "0")  # the mistakes are easier to see without zeros
axes.tick_params("x", rotation=45)
axes.set(
    xlabel="heard",
    ylabel="spoken",
    title=f"{accuracy:.1%} of {len(sounds.y_test)} recordings are understood",
)
plt.show()
