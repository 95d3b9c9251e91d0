"""
Explaining predictions
======================

Why did the network predict this, and which columns matter at all? :func:`integrated_gradients
<skdnn.integrated_gradients>` attributes the log-odds of each row to the columns of the table. The
attributions of a row add up to the difference between its log-odds and those of a *baseline*: a
typical row, with the median of each column.

The table has measurements of cell nuclei in 569 tumors. The class is whether a tumor is malignant.
"""

# %%
# The network and the attributions
# --------------------------------
import os

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.inspection import permutation_importance
from sklearn.model_selection import train_test_split

from skdnn import DeepNetClassifier, ImportanceDisplay, WaterfallDisplay, integrated_gradients

QUICK = os.environ.get("SKDNN_QUICK") == "1"  # a short run, for the project's tests
plt.style.use("tableau-colorblind10")

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
y = np.where(y == 0, "malignant", "benign")  # the second class in alphabetical order is explained
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
net = DeepNetClassifier(max_iter=5 if QUICK else 60, random_state=0).fit(X_train, y_train)
attributions = integrated_gradients(net, X_test)
print(attributions)

# %%
# One prediction
# --------------
# The waterfall plot starts at the baseline and ends at the row; each bar is the attribution of one
# column, with its value in this row. Orange bars raise the log-odds of "malignant", blue ones lower
# them. This tumor is one that the network is not sure about.
row = int(np.abs(attributions.log_odds - 1.5).argmin())
WaterfallDisplay(attributions=attributions, row=row, max_columns=8).plot()
plt.show()

# %%
# The sum is that of the log-odds, up to a small error of the integration.
start, total = attributions.baseline_log_odds[row], attributions.values[row].sum()
print(f"baseline {start:.3f} + attributions {total:.3f} = {start + total:.3f}")
print(f"log-odds of the row: {attributions.log_odds[row]:.3f}")

# %%
# All predictions
# ---------------
# Feature importance is the mean absolute attribution over all rows.
ImportanceDisplay(attributions=attributions, max_columns=8).plot()
plt.show()

# %%
# scikit-learn's ``permutation_importance`` answers another question: how much worse is the
# log-loss if a column is shuffled? The two need not agree. Many of these columns are correlated,
# and correlated columns share the attribution, while shuffling only one of them does little harm,
# because the others still tell the class.
shuffled = permutation_importance(
    net, X_test, y_test, scoring="neg_log_loss", n_repeats=1 if QUICK else 10, random_state=0
)
order = np.argsort(attributions.importance().to_numpy())[-8:]
measures = {
    "mean absolute attribution": attributions.importance().to_numpy()[order],
    "increase of the log-loss": shuffled.importances_mean[order],
}
errors = (None, shuffled.importances_std[order])
figure, panels = plt.subplots(1, 2, figsize=(10, 3.6), sharey=True, layout="constrained")
for axes, (label, values), error in zip(panels, measures.items(), errors, strict=True):
    axes.barh(X.columns[order], values, xerr=error, error_kw={"ecolor": "gray"})
    axes.set_xlabel(label)
panels[0].set_title("attribution")
panels[1].set_title("permutation (line: one standard deviation)")
plt.show()

# %%
# Pixels
# ------
# The columns of these rows are pixels. Red pixels speak for the predicted digit, blue ones against
# it, compared with the mean of all pictures. The line is the outline of the digit.
#
# The 0 is recognized by its empty middle, where other digits have ink.
images, digits = load_digits(return_X_y=True)
images = images / 16
X_train, X_test, y_train, y_test = train_test_split(images, digits, random_state=1)
of_digits = DeepNetClassifier(
    (32,), encoder="passthrough", max_iter=5 if QUICK else 100, random_state=0
)
of_digits.fit(X_train, y_train)
some = [int(np.flatnonzero(y_test == digit)[0]) for digit in (0, 3, 4, 7)]
of_pixels = integrated_gradients(of_digits, X_test[some], baseline=X_train)
limit = np.abs(of_pixels.values).max()
scale = {"cmap": "RdBu_r", "vmin": -1.3 * limit, "vmax": 1.3 * limit}  # without its darkest ends
figure, panels = plt.subplots(2, len(some), figsize=(9, 4.8), layout="constrained")
for (above, below), image, values, label in zip(
    panels.T, X_test[some].reshape(-1, 8, 8), of_pixels.values, of_pixels.target, strict=True
):
    above.imshow(image, "Greys")
    above.set_title(f"predicted: {label}")
    shown = below.imshow(values.reshape(8, 8), **scale)
    for axes in (above, below):
        # An empty frame around the picture closes the outline.
        inked = np.pad(image, 1)
        axes.contour(range(-1, 9), range(-1, 9), inked, [0.4], colors="black", linewidths=1.5)
        axes.set(xlim=(-1, 8), ylim=(8, -1), xticks=[], yticks=[])
panels[0, 0].set_ylabel("picture")
panels[1, 0].set_ylabel("attribution")
bar = figure.colorbar(shown, ax=panels[1], label="part of the log-odds")
bar.ax.set_ylim(-limit, limit)
figure.supxlabel("line: outline of the digit", size="medium")
plt.show()
