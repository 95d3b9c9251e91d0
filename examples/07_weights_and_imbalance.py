"""Sample weights, imbalanced classes and incremental training.

A sample weight of 2 is the same as repeating the row, to the last bit. `class_weight="balanced"`
improves the recall of a rare class, but the probabilities no longer match the class frequencies; if
you need calibrated probabilities, change the decision threshold instead. `partial_fit` trains for
one epoch on the rows it is given, so data can be passed in chunks.

The data are generated: 6,000 rows, of which about 5 % are of the rare class.
"""

import numpy as np
from common import BLUE, GRAY, ORANGE, plt, quick, save
from sklearn.datasets import make_classification
from sklearn.metrics import log_loss, precision_score, recall_score
from sklearn.model_selection import FixedThresholdClassifier, train_test_split

from skdnn import DeepNetClassifier

PASSES = quick(40, 2)


def make_rows():
    """Return training and test rows, about 5 % of which are of class 1."""
    X, y = make_classification(
        6000, 20, n_informative=8, weights=[0.96], class_sep=0.8, flip_y=0.02, random_state=0
    )
    return train_test_split(X, y, test_size=0.5, stratify=y, random_state=0)


def network(**params):
    """Return a network that trains in seconds."""
    defaults = {
        "hidden_layer_sizes": 64,
        "n_members": 4,
        "max_iter": quick("auto", 2),
        "random_state": 0,
    }
    return DeepNetClassifier(**{**defaults, **params})


def repeat_rows(X, y):
    """Compare training with sample weights and with repeated rows."""
    times = np.random.default_rng(0).integers(0, 4, len(y))
    weighted = network().fit(X, y, sample_weight=times)
    repeated = network().fit(np.repeat(X, times, axis=0), np.repeat(y, times))
    same = np.array_equal(weighted.predict_proba(X), repeated.predict_proba(X))
    print(f"Sample weights 0 to 3 give the same probabilities as repeated rows: {same}\n")


def compare_class_weights(X_train, X_test, y_train, y_test):
    """Print the effect of class_weight and of the threshold; return the models."""
    plain = network().fit(X_train, y_train)
    models = {
        "plain": plain,
        'class_weight="balanced"': network(class_weight="balanced").fit(X_train, y_train),
        "plain, threshold 0.05": FixedThresholdClassifier(
            plain, threshold=0.05, response_method="predict_proba"
        ).fit(X_train, y_train),
    }
    print(f"{'':25}recall  precision  log-loss  mean probability")
    for name, model in models.items():
        predicted, proba = model.predict(X_test), model.predict_proba(X_test)
        recall, precision = (
            recall_score(y_test, predicted),
            precision_score(y_test, predicted, zero_division=0),
        )
        scores = f"{recall:6.2f}  {precision:9.2f}  {log_loss(y_test, proba):8.3f}"
        print(f"{name:25}{scores}  {proba[:, 1].mean():16.3f}")
    print(f"{'frequency of the class':25}{y_test.mean():45.3f}\n")
    return models


def train_in_pieces(X_train, X_test, y_train, y_test):
    """Train with partial_fit on six chunks, in several passes; return the test losses."""
    net, losses = network(learning_rate_init=1e-3), []
    pieces = np.array_split(np.arange(len(y_train)), 6)
    for _ in range(PASSES):
        for rows in pieces:
            net.partial_fit(X_train[rows], y_train[rows], classes=[0, 1])
        losses.append(log_loss(y_test, net.predict_proba(X_test)))
    print(f"partial_fit on six chunks: log-loss {losses[0]:.3f} after one pass,", end=" ")
    print(f"{min(losses):.3f} at best (pass {np.argmin(losses) + 1}), {losses[-1]:.3f} at the end")
    return losses


def draw_reliability(axes, models, X, y):
    """Draw a reliability diagram."""
    axes.plot([0, 1], [0, 1], color=GRAY, linestyle=":", label="perfect")
    for name, color, marker in (("plain", BLUE, "o"), ('class_weight="balanced"', ORANGE, "s")):
        proba = models[name].predict_proba(X)[:, 1]
        bins = np.array_split(np.argsort(proba), 12)
        said, was = zip(*((proba[rows].mean(), y[rows].mean()) for rows in bins), strict=True)
        axes.plot(said, was, color=color, marker=marker, markersize=5, label=name)
    axes.set(
        xlabel="predicted probability of the rare class",
        ylabel="fraction that was of the rare class",
        title="Class weights shift the probabilities",
    )
    axes.legend()


def main():
    """Run the three parts and plot."""
    X_train, X_test, y_train, y_test = split = make_rows()
    repeat_rows(X_train, y_train)
    models = compare_class_weights(*split)
    losses = train_in_pieces(*split)

    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4))
    draw_reliability(left, models, X_test, y_test)
    right.plot(np.arange(1, len(losses) + 1), losses, color=BLUE, label="partial_fit on six chunks")
    at_once = log_loss(y_test, models["plain"].predict_proba(X_test))
    right.axhline(at_once, color=ORANGE, linestyle="--", label="fit on all rows")
    right.set(xlabel="passes over the data", ylabel="test log-loss", title="Incremental training")
    right.xaxis.get_major_locator().set_params(integer=True)
    right.legend()
    save(figure, "07_weights_and_imbalance")


if __name__ == "__main__":
    main()
