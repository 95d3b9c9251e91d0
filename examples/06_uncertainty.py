"""Uncertainty of predictions, and the out-of-fold score.

The ensemble members were trained on different rows, so their spread is a measure of uncertainty;
`predict_proba_members` returns the probabilities of each. The spread grows along the class boundary
outside the data, and test rows with a large spread are misclassified more often. It does not detect
all unusual rows: far from the data and far from the boundary, all members agree.

Since each member holds out a part of the rows, `oof_score_` estimates the accuracy without a test
set. It is the accuracy of *single* members, which tends to be a little lower than that of the
ensemble; on a few hundred rows, random variation is larger than this difference.
"""

import numpy as np
from common import BLUE, ORANGE, PALE, plt, quick, save
from sklearn.datasets import load_breast_cancer, load_digits, load_wine, make_moons
from sklearn.model_selection import train_test_split

from skdnn import DeepNetClassifier


def network():
    """Return a network with the defaults: 16 members for few rows."""
    return DeepNetClassifier(max_iter=quick("auto", 3), random_state=0)


def spread_of(net, X):
    """Return the spread of the members: the largest standard deviation over the classes."""
    return net.predict_proba_members(X).std(axis=0).max(axis=1)


def draw_moons(left, right):
    """Draw the mean and the spread of the members on two moons."""
    X, y = make_moons(300, noise=0.2, random_state=0)
    net = network().fit(X, y)
    extent = (-3, 4, -2.6, 3)
    across, up = np.linspace(*extent[:2], 140), np.linspace(*extent[2:], 112)
    grid = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    maps = {
        "mean of the members": (left, net.predict_proba(grid)[:, 1], PALE, 1),
        "spread of the members": (right, spread_of(net, grid), "Greys", None),
    }
    for title, (axes, values, colors, highest) in maps.items():
        levels = np.linspace(0, highest or values.max(), 13)
        shown = axes.contourf(across, up, values.reshape(len(up), -1), levels, cmap=colors)
        axes.figure.colorbar(shown, ax=axes, shrink=0.8, ticks=levels[::4], format="%.2f")
        for label, color in enumerate((BLUE, ORANGE)):
            points = X[y == label]
            axes.plot(*points.T, ".", color=color, markersize=4, mec="white", mew=0.3)
        axes.axis("off")
        axes.set_title(title)


def compare_scores():
    """Print oof_score_ beside the test score; return each network with its test rows."""
    print(f"{'':15}oof_score_  test accuracy  (test rows)")
    fitted = {}
    for load in (load_wine, load_breast_cancer, load_digits):
        X, y = load(return_X_y=True)
        split = train_test_split(X, y, test_size=0.4, stratify=y, random_state=0)
        X_train, X_test, y_train, y_test = split
        net = network().fit(X_train, y_train)
        name = load.__name__.removeprefix("load_")
        accuracy = net.score(X_test, y_test)
        print(f"{name:15}{net.oof_score_:10.3f}  {accuracy:13.3f}  ({len(y_test)})")
        fitted[name] = net, X_test, y_test
    return fitted


def draw_mistakes(axes, fitted):
    """Draw the number of misclassified test rows by the spread of the members."""
    print("\nMisclassified test rows by fifths of the spread, from lowest to highest:")
    places = np.arange(5)
    for shift, color, name in ((-0.2, BLUE, "breast_cancer"), (0.2, ORANGE, "digits")):
        net, X, y = fitted[name]
        fifths = np.array_split(np.argsort(spread_of(net, X)), 5)
        is_wrong = net.predict(X) != y
        counts = [int(is_wrong[rows].sum()) for rows in fifths]
        print(f"{name:15}{counts}")
        bars = axes.bar(places + shift, counts, width=0.4, color=color, label=name)
        axes.bar_label(bars)
    axes.set(
        xticks=places,
        xticklabels=["lowest", "", "", "", "highest"],
        xlabel="test rows by fifths of the spread",
        ylabel="misclassified rows",
        title="errors by spread",
    )
    axes.legend(loc="upper left")


def main():
    """Compare scores and plot the spread."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(10.5, 3.3))
    draw_moons(left, middle)
    draw_mistakes(right, compare_scores())
    save(figure, "06_uncertainty")


if __name__ == "__main__":
    main()
