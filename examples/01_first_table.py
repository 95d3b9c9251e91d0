"""Classify a DataFrame with categories, dates and missing values.

DeepNetClassifier takes the DataFrame without preprocessing. The two models it is compared with
need a pipeline, which here leaves out the date. One small table says little about which model is
best in general.

The data are measurements of cell nuclei (Breast Cancer Wisconsin, 569 rows, bundled with
scikit-learn). To make a more typical table of them, we drop the measures of the nuclei's size,
which would make the task too easy, turn two columns into categories, add a clinic and a visit date
that carry no information, and remove some values at random.
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
    """Return the network and the two models it is compared with."""
    categorical = make_column_selector(dtype_include=["category", "object", "string"])
    numbers = make_column_selector(dtype_include="number")
    for_trees = make_column_transformer(
        (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), categorical),
        ("passthrough", numbers),
    )
    for_mlp = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), categorical),
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
    """Return cross-validated probabilities of each model, and print their scores."""
    print("Five-fold cross-validation, each model on one thread:")
    print(f"{'':22}log-loss  accuracy  seconds")
    probabilities = {}
    classes = np.unique(y)
    for name, model in models.items():
        start = time.perf_counter()
        with threadpool_limits(1):  # more threads do not help on a small table
            proba = cross_val_predict(model, X, y, cv=5, method="predict_proba")
        seconds = time.perf_counter() - start
        loss, accuracy = log_loss(y, proba), accuracy_score(y, classes[proba.argmax(axis=1)])
        print(f"{name:22}{loss:8.3f}  {accuracy:8.3f}  {seconds:7.1f}")
        probabilities[name] = proba
    return probabilities


def draw_reliability(axes, probabilities, y):
    """Draw a reliability diagram."""
    axes.plot([0, 1], [0, 1], color=GRAY, linestyle=":", label="perfect")
    is_malignant = (y == "malignant").to_numpy()
    styles = zip((BLUE, ORANGE, GREEN), ("o", "s", "^"), probabilities.items(), strict=True)
    for color, marker, (name, proba) in styles:
        bins = np.array_split(np.argsort(proba[:, 1]), 8)
        said = [proba[rows, 1].mean() for rows in bins]
        was = [is_malignant[rows].mean() for rows in bins]
        axes.plot(said, was, color=color, marker=marker, label=name, linewidth=1.5)
    axes.set(
        xlabel="predicted probability of malignant",
        ylabel="fraction that was malignant",
        title="Calibration: reliability diagram",
    )
    axes.legend(loc="upper left")


def draw_training(axes, net):
    """Draw the loss curves of the ensemble members, each up to where it stopped."""
    held_out, trained = net.member_validation_loss_curves_, net.member_loss_curves_
    epochs = np.arange(1, net.n_iter_ + 1)
    axes.plot(epochs, trained.T, color=ORANGE, alpha=0.5, linewidth=1)
    axes.plot(epochs, held_out.T, color=BLUE, alpha=0.5, linewidth=1)
    axes.plot([], color=ORANGE, label="training loss")
    axes.plot([], color=BLUE, label="validation loss (held-out rows)")
    best = held_out[np.arange(len(held_out)), net.best_iter_ - 1]
    axes.plot(net.best_iter_, best, "o", color="black", markersize=4, label="best epoch")
    axes.set(
        xlabel="epoch",
        ylabel="loss with label smoothing",
        title=f"Early stopping of {len(held_out)} ensemble members",
    )
    axes.set_ylim(0, 1.3 * held_out[:, 0].max())
    axes.legend(loc="upper right")


def main():
    """Fit the network, compare it with other models, and plot."""
    X, y = make_table()
    print(X.head(3).T.to_string(), "\n")
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

    net = DeepNetClassifier(max_iter=quick("auto", 3), random_state=0).fit(X_train, y_train)

    print(f"Out-of-fold accuracy of single members: {net.oof_score_:.3f}")
    print(f"On {len(X_test)} test rows:")
    print(classification_report(y_test, net.predict(X_test)))
    probabilities = compare(make_models(), X, y)

    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4))
    draw_reliability(left, probabilities, y)
    draw_training(right, net)
    save(figure, "01_first_table")


if __name__ == "__main__":
    main()
