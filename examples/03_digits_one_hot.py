"""Multiclass labels, and why not to one-hot encode them.

The lecture notes encode each digit as ten dummy variables and train a network with hidden layers
of 256 and 128 units. Here the labels 0 to 9 are enough: with more than two classes the output is a
softmax, and its cross-entropy uses one-hot targets internally.

Do not one-hot encode y yourself: in scikit-learn a matrix of zeros and ones means multilabel
classification. Each column is then predicted by its own sigmoid, and the ten probabilities need
not sum to 1. Convert one-hot labels with argmax.

The pictures are scikit-learn's digits (1,797 of 8 x 8 pixels). To use MNIST, pass the path of
Keras's mnist.npz (x_train, y_train, x_test, y_test) as the second argument, after the folder.
"""

import warnings

import numpy as np
from common import argument, plt, quick, save
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelBinarizer

from skdnn import DeepNetClassifier


def load_pictures():
    """Return training and test pixels between 0 and 1, and their labels."""
    path = argument(2)
    if path is None:
        X, y = load_digits(return_X_y=True)
        return train_test_split(X / 16, y, test_size=500, stratify=y, random_state=0)
    with np.load(path) as file:
        X_train, X_test = (file[name].reshape(-1, 784) / 255 for name in ("x_train", "x_test"))
        return X_train, X_test, file["y_train"], file["y_test"]


def digits_network():
    """Return one network with the notes' hidden layers and otherwise default training."""
    return DeepNetClassifier(
        hidden_layer_sizes=(256, 128),
        max_iter=quick("auto", 5),
        n_members=1,
        encoder="passthrough",
        random_state=0,
    )


def draw_mistakes(net, X, y, n_shown=10):
    """Draw misclassified test digits, those with the highest confidence first."""
    proba = net.predict_proba(X)
    predicted = proba.argmax(axis=1)
    wrong = np.flatnonzero(predicted != y)
    wrong = wrong[np.argsort(-proba[wrong].max(axis=1))][:n_shown]
    n_rows = max(1, -(-len(wrong) // 5))
    figure, grid = plt.subplots(n_rows, 5, figsize=(7, 0.5 + 1.9 * n_rows), squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    side = int(np.sqrt(X.shape[1]))
    for axes, row in zip(grid.flat, wrong, strict=False):
        axes.imshow(X[row].reshape(side, side), cmap="gray_r")
        says = f"says {predicted[row]} ({proba[row].max():.0%})"
        axes.set_title(f"{says}\nis {y[row]}", fontsize=10)
    figure.suptitle(f"The mistakes it was surest of ({(predicted != y).sum()} of {len(y)} wrong)")
    return figure


def main():
    """Train on labels and on one-hot labels, print the difference, draw misclassified digits."""
    X_train, X_test, y_train, y_test = load_pictures()

    by_label = digits_network().fit(X_train, y_train)
    shapes = " -> ".join(str(width) for width in (X_train.shape[1], 256, 128, 10))
    print(f"{shapes}, {by_label.out_activation_}")
    print(f"Labels:           test accuracy {by_label.score(X_test, y_test):.3f}")
    sums = by_label.predict_proba(X_test).sum(axis=1)
    print(
        f"                  probabilities of a row sum to {sums.min():.2f} ... {sums.max():.2f}\n"
    )

    one_hot = LabelBinarizer().fit_transform(y_train)
    print("A 5, one-hot:    ", one_hot[np.flatnonzero(y_train == 5)[0]])
    with warnings.catch_warnings(action="ignore"):  # "for classes, pass y.argmax(axis=1)"
        by_column = digits_network().fit(X_train, one_hot)
    proba = by_column.predict_proba(X_test)
    accuracy = np.mean(proba.argmax(axis=1) == y_test)
    print(f"One-hot matrix:   ten sigmoids ({by_column.out_activation_}), not a softmax")
    print(f"                  test accuracy {accuracy:.3f} by the highest probability")
    sums = proba.sum(axis=1)
    print(f"                  probabilities of a row sum to {sums.min():.2f} ... {sums.max():.2f}")

    again = digits_network().fit(X_train, one_hot.argmax(axis=1))
    same = np.array_equal(again.predict_proba(X_test), by_label.predict_proba(X_test))
    print(f"one_hot.argmax(axis=1) trains the same network as the labels: {same}")

    save(draw_mistakes(by_label, X_test, y_test), "03_digits_one_hot")


if __name__ == "__main__":
    main()
