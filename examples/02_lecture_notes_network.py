"""The network of the lecture notes, and the effect of its initial weights.

The notes build [linear -> relu] * (L-1) -> linear -> sigmoid from weights 0.01 * randn and zero
biases, and train it by full-batch gradient descent at the constant rate 0.0075 for 3,000
iterations, printing the cost every 100. Here it is one call. The task: is this digit a 3 or an 8?
(357 pictures of 8 x 8 pixels, bundled with scikit-learn.)

With four layers of small weights the signal that reaches the last layer is tiny, so the network
predicts a probability of about one half for every picture. Its cost stays near 0.693, the entropy
of the class frequencies. Starting from randn / sqrt(fan_in) instead, the same network learns.

To use the notes' cat pictures, pass the path of an .npz file with the arrays train_set_x
(n, 64, 64, 3) and train_set_y as the second argument, after the folder for the plot.
"""

from itertools import pairwise

import numpy as np
from common import BLUE, GRAY, ORANGE, argument, plt, quick, save
from sklearn.datasets import load_digits

from skdnn import DeepNetClassifier

HIDDEN = (20, 7, 5)


def load_pictures():
    """Return pixels between 0 and 1, one row a picture, and labels 0 and 1."""
    path = argument(2)
    if path is not None:
        with np.load(path) as file:
            pictures, labels = file["train_set_x"], file["train_set_y"]
        return pictures.reshape(len(pictures), -1) / 255, labels.ravel()
    X, y = load_digits(return_X_y=True)
    is_3_or_8 = np.isin(y, (3, 8))
    return X[is_3_or_8] / 16, (y[is_3_or_8] == 8).astype(int)


def notes_network(coefs_init=None):
    """Return the network of the notes, exactly."""
    return DeepNetClassifier(
        hidden_layer_sizes=HIDDEN,
        activation="relu",
        init="normal",
        init_scale=0.01,
        solver="gd",
        learning_rate="constant",
        learning_rate_init=0.0075,
        max_iter=quick(3000, 201),
        tol=0.0,
        alpha=0.0,
        weight_decay=0.0,
        dropout=0.0,
        n_members=1,
        early_stopping=False,
        encoder="passthrough",
        dtype="float64",
        random_state=1,
        coefs_init=coefs_init,
    )


def scaled_start(n_inputs, seed=1):
    """Return initial weights randn / sqrt(fan_in), one array for each layer."""
    rng = np.random.default_rng(seed)
    widths = (n_inputs, *HIDDEN, 1)
    return [
        rng.standard_normal((fan_in, fan_out)) / np.sqrt(fan_in)
        for fan_in, fan_out in pairwise(widths)
    ]


def main():
    """Train from both initializations, print and plot the costs."""
    X, y = load_pictures()
    share = y.mean()
    entropy = -share * np.log(share) - (1 - share) * np.log(1 - share)
    small = notes_network().fit(X, y)
    scaled = notes_network(scaled_start(X.shape[1])).fit(X, y)

    print(f"{len(y)} pictures; entropy of the class frequencies: {entropy:.6f}\n")
    print("                       0.01 * randn   randn / sqrt(fan_in)")
    for i in range(0, small.n_iter_, 100):
        costs = small.loss_curve_[i], scaled.loss_curve_[i]
        print(f"Cost after iteration {i:4}: {costs[0]:8.6f}   {costs[1]:8.6f}")
    print(f"Accuracy on these pictures: {small.score(X, y):.3f}      {scaled.score(X, y):.3f}")

    figure, axes = plt.subplots(figsize=(6, 4))
    hundreds = np.arange(0, small.n_iter_, 100)
    axes.plot(np.array(small.loss_curve_)[hundreds], color=ORANGE, label="from 0.01 * randn")
    axes.plot(np.array(scaled.loss_curve_)[hundreds], color=BLUE, label="from randn / sqrt(fan_in)")
    axes.axhline(entropy, color=GRAY, linestyle=":", label="entropy of the classes' shares")
    axes.set(
        xlabel="iterations (per hundreds)",
        ylabel="cost",
        title=f"Learning rate ={small.learning_rate_init}",
        ylim=(0, None),
    )
    axes.legend(loc="lower left")
    save(figure, "02_lecture_notes_network")


if __name__ == "__main__":
    main()
