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
from common import BLUE, GRAY, ORANGE, plt, quick, save
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.inspection import permutation_importance
from sklearn.model_selection import train_test_split

from skdnn import DeepNetClassifier, integrated_gradients

SHOWN = 8  # columns


def draw_one_row(axes, attributions, row):
    """Draw a waterfall plot from the log-odds of the typical row to those of one row."""
    values = attributions.values[row]
    order = np.argsort(-np.abs(values))
    labels = [*attributions.feature_names[order[:SHOWN]], "all others"]
    parts = np.append(values[order[:SHOWN]], values[order[SHOWN:]].sum())
    start, stop = attributions.baseline_log_odds[row], attributions.log_odds[row]
    lefts = start + np.cumsum(parts) - parts
    places = np.arange(len(parts))
    axes.barh(places, parts, left=lefts, color=np.where(parts > 0, ORANGE, BLUE))
    axes.set_yticks(places, labels)
    axes.invert_yaxis()
    for value, name in ((start, "typical row"), (stop, "this row")):
        axes.axvline(value, color=GRAY, linewidth=1, linestyle="--")
        axes.annotate(f"{name}\n{value:.1f}", (value, -0.6), ha="center", va="bottom", color=GRAY)
    axes.set_title("waterfall plot of one tumor", pad=34)
    axes.set_xlabel("log-odds of being malignant")
    print(
        f"Row {row}: typical row {start:.2f} + attributions {parts.sum():.2f} = "
        f"{start + parts.sum():.2f}; log-odds of this row {stop:.2f}"
    )


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

    figure = plt.figure(figsize=(13, 4.4))
    left, middle, right = figure.subfigures(1, 3, width_ratios=(1.1, 1, 0.75))
    row = int(np.abs(attributions.log_odds - 2).argmin())
    draw_one_row(left.subplots(), attributions, row)
    draw_importance(middle.subplots(), net, X_test, y_test, attributions)
    draw_digits(right.subplots(2, 2))
    save(figure, "09_explain")


if __name__ == "__main__":
    main()
