"""
Networks and boosted trees
==========================

Gradient boosting is the usual choice for tables, and a fast one. When is a network worth the wait?
Where good probabilities matter more than seconds, and most on small tables.

Both models have their defaults here, and few tables say little:
the project's accuracy page compares seven models on many.
"""

# %%
# Public tables where ``SKDNN_DATA`` has them, of which at most 4,000 rows are for training; else
# those bundled with scikit-learn.
import os
from time import process_time

import matplotlib.pyplot as plt
import numpy as np
from example_data import find, load_table
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from threadpoolctl import threadpool_limits

from skdnn import DeepNetClassifier

QUICK = os.environ.get("SKDNN_QUICK") == "1"  # a short run, for the project's tests
plt.style.use("tableau-colorblind10")

names = "adult", "bank_churners", "churn", "credit_g", "titanic", "vehicle"
tables = {name: load_table(name) for name in names if find(f"{name}.parquet")}
if not tables:
    print("SKDNN_DATA has none of the tables: those bundled with scikit-learn are used instead.")
    loaders = {"breast cancer": load_breast_cancer, "digits": load_digits, "wine": load_wine}
    tables = {name: load(return_X_y=True, as_frame=True) for name, load in loaders.items()}

# %%
# Gradient boosting gets its categories as numbers, the network the table as it is. Times are those
# of one thread.
categories = make_column_selector(dtype_include=["category", "object"])
to_codes = make_column_transformer(
    (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), categories),
    remainder="passthrough",
)
trees = make_pipeline(
    to_codes, HistGradientBoostingClassifier(max_iter=5 if QUICK else 100, random_state=0)
)
models = {
    "DeepNetClassifier": DeepNetClassifier(max_iter=3 if QUICK else "auto", random_state=0),
    "HistGradientBoostingClassifier": trees,
}
losses, times = np.empty((2, len(models), len(tables)))
for column, (name, (X, y)) in enumerate(tables.items()):
    n_train = min(4000, int(0.75 * len(X)))
    split = train_test_split(X, y, train_size=n_train, stratify=y, random_state=0)
    X_train, X_test, y_train, y_test = split
    for row, model in enumerate(models.values()):
        start = process_time()
        with threadpool_limits(1):
            model.fit(X_train, y_train)
        times[row, column] = process_time() - start
        losses[row, column] = log_loss(y_test, model.predict_proba(X_test))
    shown = ", ".join(
        f"log-loss {loss:.3f} in {time:.1f} s"
        for loss, time in zip(losses[:, column], times[:, column], strict=True)
    )
    print(f"{name:14}{len(X_train):5} rows: {shown}")

# %%
# Left: the lower the log-loss, the better the probabilities. Those of the network are better most
# where rows are few; with thousands of rows the difference gets small. Right: what they cost.
order = np.argsort(losses[0] / losses[1])[::-1]
labels = np.array(list(tables))[order]
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained", sharey=True)
for axes, values in (left, losses), (right, times):
    axes.hlines(labels, *np.sort(values[:, order], axis=0), color="C2", linewidth=3, zorder=1)
    for name, value, color, marker in zip(
        models, values[:, order], ("C0", "C1"), "os", strict=True
    ):
        axes.scatter(value, labels, color=color, marker=marker, s=60, label=name)
left.set(xlabel="log-loss of test rows", title="Better is further left", xlim=(0, None))
right.set_xscale("log")
right.xaxis.set_major_formatter("{x:g}")
right.set(xlabel="seconds of training, on one thread", title="Faster is further left")
left.legend(loc="lower right")
plt.show()
