"""Feature attributions, a waterfall plot and feature importance.

`integrated_gradients` attributes the log-odds of each row to the columns of the table. The
attributions of a row add up to the difference between its log-odds and those of a typical row
(medians, most frequent categories). It takes milliseconds a row, where explaining by resampling
takes seconds.

Left: waterfall plot of one tumor of the Breast Cancer Wisconsin data. Middle: feature importance,
as the mean absolute attribution and by `permutation_importance`, which shuffles one column at a
time. They need not agree: correlated columns share the attribution, while shuffling one of them
changes the score little. Right: pixels for (red) or against (blue) the predicted digit, compared
with the mean image. The data are bundled with scikit-learn.
"""

import time

import numpy as np
from common import GRAY, ORANGE, plt, quick, save
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.inspection import permutation_importance
from sklearn.model_selection import train_test_split

from skdnn import DeepNetClassifier, WaterfallDisplay, integrated_gradients

SHOWN = 8  # columns


def draw_importance(axes, net, X, y, attributions):
    """Draw the mean absolute attribution and permutation importance, each as a fraction."""
    shuffled = permutation_importance(
        net, X, y, scoring="neg_log_loss", n_repeats=quick(10, 1), random_state=0
    ).importances_mean
    importance = attributions.importance().to_numpy()
    measures = {"mean |attribution|": importance, "permutation": shuffled.clip(0)}
    order = np.argsort(-importance)[:SHOWN]
    places = np.arange(len(order))
    for shift, color, (name, values) in zip(
        (-0.2, 0.2), (ORANGE, GRAY), measures.items(), strict=True
    ):
        axes.barh(places + shift, values[order] / values.sum(), 0.4, color=color, label=name)
    axes.set_yticks(places, X.columns[order])
    axes.invert_yaxis()
    axes.set(xlabel="fraction of the total", title="feature importance")
    axes.legend()


def draw_digits(axes):
    """Draw the attributions of pixels to the predicted class of some test digits."""
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X / 16, y, random_state=1)
    net = DeepNetClassifier((32,), encoder="passthrough", max_iter=quick(100, 3), random_state=0)
    net.fit(X_train, y_train)
    some = [int(np.flatnonzero(y_test == digit)[0]) for digit in (0, 3, 4, 7)]
    attributions = integrated_gradients(net, X_test[some], baseline=X_train)
    limit = np.abs(attributions.values).max()
    for ax, image, values, label in zip(
        axes.flat, X_test[some], attributions.values, attributions.target, strict=True
    ):
        ax.imshow(values.reshape(8, 8), "RdBu_r", vmin=-limit, vmax=limit)
        ax.contour(image.reshape(8, 8), [0.5], colors="black", linewidths=1)
        ax.set_axis_off()
        ax.set_title(f"why a {label}?")


def main():
    """Compute and plot attributions for tumors and digits."""
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    y = np.where(y == 0, "malignant", "benign")  # the second class is explained
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    net = DeepNetClassifier(max_iter=quick(60, 3), random_state=0).fit(X_train, y_train)
    start = time.perf_counter()
    attributions = integrated_gradients(net, X_test)
    seconds = time.perf_counter() - start
    error = np.abs(attributions.residual / (attributions.log_odds - attributions.baseline_log_odds))
    print(
        f"{len(X_test)} rows explained in {seconds * 1000:.0f} ms; for 99 % of them the "
        f"sum of the attributions has a relative error of at most {np.quantile(error, 0.99):.2%}"
    )

    figure = plt.figure(figsize=(14, 4.4))
    left, middle, right = figure.subfigures(1, 3, width_ratios=(1.3, 1, 0.75))
    row = int(np.abs(attributions.log_odds - 2).argmin())
    display = WaterfallDisplay(attributions=attributions, row=row, max_columns=SHOWN)
    display.plot(ax=left.subplots())
    start, sums = attributions.baseline_log_odds[row], attributions.values[row].sum()
    print(
        f"Row {row}: typical row {start:.2f} + attributions {sums:.2f} = {start + sums:.2f}; "
        f"log-odds of this row {attributions.log_odds[row]:.2f}"
    )
    draw_importance(middle.subplots(), net, X_test, y_test, attributions)
    draw_digits(right.subplots(2, 2))
    save(figure, "09_explain")


if __name__ == "__main__":
    main()
