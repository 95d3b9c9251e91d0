"""A table in, probabilities and a picture out.

The lesson: hand over the DataFrame as it is. DeepNetClassifier takes categories, dates and
gaps without a pipeline around it; the two models it is compared with each need one, which
here leaves out the date. One small table says little about which model is best in general.

The data are real measurements of cell nuclei (Breast Cancer Wisconsin, 569 rows, bundled with
scikit-learn), made into the kind of table one meets at work by a seeded generator. We leave
out every measure of the nuclei's size, which would make the task too easy, turn two columns
into categories, invent a clinic and a visit date that tell nothing, and make gaps.
"""

import time

import numpy as np
import pandas as pd
from common import BLUE, GRAY, GREEN, ORANGE, plt, quick, save
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.metrics import accuracy_score, classification_report, log_loss
from sklearn.model_selection import cross_val_predict, train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from threadpoolctl import threadpool_limits

from skdnn import DeepNetClassifier

SIZES = ("radius", "perimeter", "area", "concav")  # concavity goes with size


def make_table(seed=0):
    """Return the table described above, and the diagnosis."""
    rng = np.random.default_rng(seed)
    frame = load_breast_cancer(as_frame=True).frame
    y = frame.pop("target").map({0: "malignant", 1: "benign"})
    X = frame[[name for name in frame if not any(size in name for size in SIZES)]].copy()
    for name, labels in {
        "worst texture": ["fine", "medium", "coarse", "very coarse"],
        "worst smoothness": ["smooth", "even", "rough"],
    }.items():
        X[name] = pd.qcut(X[name], len(labels), labels=labels)
    X["clinic"] = rng.choice(["north", "south", "east"], len(X))
    X["visit"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 700, len(X)), "D")
    for name in ("mean texture", "mean symmetry", "worst texture", "visit"):
        X.loc[rng.random(len(X)) < 0.1, name] = None
    return X, y


def make_models():
    """Return the network, and the two models that it is compared with."""
    words = make_column_selector(dtype_include=["category", "object", "string"])
    numbers = make_column_selector(dtype_include="number")
    for_trees = make_column_transformer(
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), words),
        ("passthrough", numbers),
    )
    for_mlp = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), words),
        (make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), numbers),
    )
    return {
        "DeepNetClassifier()": DeepNetClassifier(max_iter=quick("auto", 3), random_state=0),
        "HistGradientBoosting": make_pipeline(
            for_trees, HistGradientBoostingClassifier(max_iter=quick(100, 5), random_state=0)
        ),
        "MLPClassifier": make_pipeline(for_mlp, MLPClassifier(max_iter=1000, random_state=0)),
    }


def compare(models, X, y):
    """Return out-of-fold probabilities of each model, and print their scores."""
    print("Five-fold cross-validation, every row predicted once, each model on one thread:")
    print(f"{'':22}log-loss  accuracy  seconds")
    probabilities = {}
    classes = np.unique(y)
    for name, model in models.items():
        start = time.perf_counter()
        with threadpool_limits(1):  # a small table: more threads would wait for each other
            proba = cross_val_predict(model, X, y, cv=5, method="predict_proba")
        seconds = time.perf_counter() - start
        loss, accuracy = log_loss(y, proba), accuracy_score(y, classes[proba.argmax(axis=1)])
        print(f"{name:22}{loss:8.3f}  {accuracy:8.3f}  {seconds:7.1f}")
        probabilities[name] = proba
    return probabilities


def draw_reliability(axes, probabilities, y):
    """Draw how often each model is right against how sure it is."""
    axes.plot([0, 1], [0, 1], color=GRAY, linestyle=":", label="perfect")
    is_malignant = (y == "malignant").to_numpy()
    styles = zip((BLUE, ORANGE, GREEN), ("o", "s", "^"), probabilities.items(), strict=True)
    for color, marker, (name, proba) in styles:
        bins = np.array_split(np.argsort(proba[:, 1]), 8)
        said = [proba[rows, 1].mean() for rows in bins]
        was = [is_malignant[rows].mean() for rows in bins]
        axes.plot(said, was, color=color, marker=marker, label=name, linewidth=1.5)
    axes.set(
        xlabel="probability of malignant, as predicted",
        ylabel="share that was malignant",
        title="Can the probabilities be believed?",
    )
    axes.legend(loc="upper left")


def draw_training(axes, net):
    """Draw the losses of the members, each up to where it stopped."""
    held_out, trained = net.member_validation_loss_curves_, net.member_loss_curves_
    epochs = np.arange(1, net.n_iter_ + 1)
    axes.plot(epochs, trained.T, color=ORANGE, alpha=0.5, linewidth=1)
    axes.plot(epochs, held_out.T, color=BLUE, alpha=0.5, linewidth=1)
    axes.plot([], color=ORANGE, label="rows it trains on")
    axes.plot([], color=BLUE, label="rows it holds out")
    best = held_out[np.arange(len(held_out)), net.best_iter_ - 1]
    axes.plot(net.best_iter_, best, "o", color="black", markersize=4, label="epoch that was kept")
    axes.set(
        xlabel="epoch",
        ylabel="loss, labels smoothed",
        title=f"{len(held_out)} members, each with rows of its own",
    )
    axes.set_ylim(0, 1.3 * held_out[:, 0].max())
    axes.legend(loc="upper right")


def main():
    """Fit, report, compare, draw."""
    X, y = make_table()
    print(X.head(3).T.to_string(), "\n")
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

    net = DeepNetClassifier(max_iter=quick("auto", 3), random_state=0).fit(X_train, y_train)

    print(f"Test rows: {len(X_test)}. Single members, out of fold: accuracy {net.oof_score_:.3f}.")
    print(classification_report(y_test, net.predict(X_test)))
    probabilities = compare(make_models(), X, y)

    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4))
    draw_reliability(left, probabilities, y)
    draw_training(right, net)
    save(figure, "01_first_table")


if __name__ == "__main__":
    main()
