"""Fit a network for each group of a DataFrame, and one for all rows.

Since DataFrames need no preprocessing, `groupby(...).apply` fits a network for each group in one
line, and `oof_score_` estimates the accuracy of each without a test set. They are compared with one
network for all rows, which has the group as a column. On 150 rows an accuracy of 0.75 has a
standard error of 0.035, so the differences seen here may be due to chance.

The data are the 442 diabetes patients bundled with scikit-learn: does the disease progress by
more than the median within a year? The groups are thirds by age. If polars is installed, the same
rows are also passed as a polars DataFrame, which gives the same probabilities to the last bit.
"""

import importlib.util

import numpy as np
import pandas as pd
from common import BLUE, GRAY, ORANGE, plt, quick, save
from sklearn.datasets import load_diabetes

from skdnn import DeepNetClassifier


def patients():
    """Return a DataFrame: measurements, sex, age group, and whether the disease progressed."""
    frame = load_diabetes(as_frame=True, scaled=False).frame
    frame["sex"] = frame["sex"].map({1: "one", 2: "two"})  # the source does not say which is which
    frame["age group"] = pd.qcut(frame["age"], 3, labels=["youngest", "middle", "oldest"])
    frame["progressed"] = np.where(frame["target"] > frame["target"].median(), "yes", "no")
    return frame.drop(columns="target")


def fit(part):
    """Return a network fitted on some rows of the DataFrame."""
    net = DeepNetClassifier((32, 32), store_oof=True, max_iter=quick(60, 4), random_state=0)
    return net.fit(part.drop(columns="progressed"), part["progressed"])


def own_scores(frame):
    """Return the out-of-fold accuracy of a network for each group."""
    nets = frame.groupby("age group", observed=True)[list(frame.columns)].apply(fit)
    scores = nets.map(lambda net: net.oof_score_)
    print(scores.round(3).to_string())
    return scores


def shared_scores(frame, net):
    """Return, group by group, the out-of-fold accuracy of one network for all."""
    predicted = net.classes_[net.oof_proba_.argmax(axis=1)]
    hits = pd.Series(predicted == frame["progressed"], index=frame.index)
    return hits.groupby(frame["age group"], observed=True).mean()


def compare_polars(frame, net):
    """Print whether a polars DataFrame gives the same probabilities."""
    if importlib.util.find_spec("polars") is None:
        print("polars is not installed; the comparison is skipped.")
        return
    import polars as pl

    other = fit_polars(pl.DataFrame({name: column.tolist() for name, column in frame.items()}))
    rows = frame.drop(columns="progressed")
    is_same = np.array_equal(other.predict_proba(rows), net.predict_proba(rows))
    print(f"The polars DataFrame gives the same probabilities: {is_same}")


def fit_polars(frame):
    """Return a network fitted on a polars DataFrame."""
    net = DeepNetClassifier((32, 32), max_iter=quick(60, 4), random_state=0)
    return net.fit(frame.drop("progressed"), frame["progressed"])


def main():
    """Fit networks by group, and one for all."""
    frame = patients()
    net = fit(frame)
    own, shared = own_scores(frame), shared_scores(frame, net)
    counts = frame["age group"].value_counts()[own.index]
    majority = frame.groupby("age group", observed=True)["progressed"].agg(
        lambda labels: labels.value_counts(normalize=True).max()
    )
    print(f"One network for all rows: {net.oof_score_:.3f}")
    compare_polars(frame, net)

    figure, axes = plt.subplots(figsize=(7, 4))
    places = np.arange(len(own))
    for shift, scores, color, label in (
        (-0.27, majority, GRAY, "more frequent class"),
        (0, own, BLUE, "one per group"),
        (0.27, shared, ORANGE, "one for all groups"),
    ):
        bars = axes.bar(places + shift, scores, 0.27, color=color, label=label)
        axes.bar_label(bars, fmt="%.2f")
    axes.set_xticks(places, [f"{name} third ({counts[name]})" for name in own.index])
    axes.set(
        ylim=(0, 1), ylabel="out-of-fold accuracy", title="a network for each group, or one for all"
    )
    axes.legend(loc="upper center", ncols=3)
    save(figure, "11_dataframes")


if __name__ == "__main__":
    main()
