"""
A first fit, on a DataFrame
===========================

``DeepNetClassifier`` takes a table as it is: numbers, strings, categories, dates and missing
values. One call of ``fit`` trains an ensemble of networks, stops each at its best epoch and
calibrates the probabilities.

The table is made up, so that we know the true probability of every row, and can see how close a
model comes to it. It is as smooth as nature often is, which suits networks;
:ref:`sphx_glr_auto_examples_plot_boosted_trees.py` compares on real tables.
"""

# %%
# A table of customers
# --------------------
# Who cancels the contract? That depends on the bill beyond what is usual for the plan, on calls of
# the hotline, on the city, and on the time since sign-up. Some bills are missing.
import os

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from skdnn import DeepNetClassifier

QUICK = os.environ.get("SKDNN_QUICK") == "1"  # a short run, for the project's tests
plt.style.use("tableau-colorblind10")

rng = np.random.default_rng(0)
n_rows = 5000
X = pd.DataFrame(
    {
        "plan": pd.Categorical(rng.choice(["basic", "family", "business"], n_rows)),
        "city": rng.choice(["Bern", "Graz", "Lyon", "Oslo", "Porto", "Ulm"], n_rows),
        "signed_up": pd.Timestamp("2021-01-01")
        + pd.to_timedelta(rng.integers(0, 1500, n_rows), "D"),
        "monthly_bill": rng.gamma(9, 5, n_rows).round(2),
        "hotline_calls": rng.poisson(1.5, n_rows),
    }
)
usual_bill = X["plan"].map({"basic": 30, "family": 45, "business": 60}).astype(float)
months = (pd.Timestamp("2025-03-01") - X["signed_up"]).dt.days / 30
logit = (
    0.08 * (X["monthly_bill"] - usual_bill)
    + np.where(months < 24, 0.9, -0.3) * (X["hotline_calls"] - 1.5)
    + X["city"].map({"Bern": 0, "Graz": 0.5, "Lyon": -0.5, "Oslo": 1, "Porto": -1, "Ulm": 0})
    + np.cos(months * 2 * np.pi / 12)  # contracts end after a year
)
true_proba = expit(logit)
y = np.where(rng.random(n_rows) < true_proba, "leaves", "stays")
X.loc[rng.random(n_rows) < 0.1, "monthly_bill"] = np.nan

X_train, X_test, y_train, y_test, _, true_test = train_test_split(
    X, y, true_proba, test_size=0.5, random_state=0
)
print(X.head(4).to_string())

# %%
# The network
# -----------
# ``oof_score_`` estimates the accuracy without a test set: each member of the ensemble is scored on
# rows that it was not trained on.
net = DeepNetClassifier(max_iter=3 if QUICK else "auto", random_state=0)
net.fit(X_train, y_train)
print(f"Accuracy, estimated in training: {net.oof_score_:.3f}")
print(f"Accuracy on {len(X_test)} test rows:  {net.score(X_test, y_test):.3f}")

# %%
# Compared with other models
# --------------------------
# The other two models need their columns prepared: dates as numbers, categories one-hot, and for
# logistic regression also scaling and no missing values.
to_days = FunctionTransformer(lambda dates: dates.astype("int64") / (24 * 3600 * 10**9))
to_columns = make_column_transformer(
    (OneHotEncoder(sparse_output=False), ["plan", "city"]),
    (to_days, ["signed_up"]),
    remainder="passthrough",
)
trees = HistGradientBoostingClassifier(random_state=0)
models = {
    "logistic regression": make_pipeline(
        to_columns, SimpleImputer(), StandardScaler(), LogisticRegression()
    ).fit(X_train, y_train),
    "gradient boosting": make_pipeline(to_columns, trees).fit(X_train, y_train),
    "DeepNetClassifier": net,
}
for name, model in models.items():
    loss = log_loss(y_test, model.predict_proba(X_test))
    print(f"{name:20} log-loss {loss:.3f}")
best_loss = log_loss(y_test, np.column_stack([true_test, 1 - true_test]))
print(f"{'true probabilities':20} log-loss {best_loss:.3f}")

# %%
# Each dot is a test row. The closer to the line, the closer a model came to the true probability,
# of which it only saw who left. Where the bill is missing (pale dots), nobody can come close.
figure, panels = plt.subplots(1, 3, figsize=(12, 5), layout="constrained", sharey=True)
for axes, (name, model), color in zip(panels, models.items(), ("C2", "C1", "C0"), strict=True):
    proba = model.predict_proba(X_test)[:, 0]
    error = np.abs(proba - true_test).mean()
    has_bill = X_test["monthly_bill"].notna()
    axes.plot(true_test[has_bill], proba[has_bill], ".", color=color, markersize=3)
    axes.plot(true_test[~has_bill], proba[~has_bill], ".", color=color, markersize=3, alpha=0.3)
    axes.plot([0, 1], [0, 1], color="black", linewidth=1)
    axes.set(aspect="equal", xlim=(0, 1), ylim=(0, 1), xlabel="true probability of leaving")
    axes.set_title(f"{name}\nmean error {error:.3f}")
figure.suptitle(
    "Each dot is a customer. On the line, a prediction is exactly right.", weight="bold"
)
panels[0].set_ylabel("predicted probability")
figure.savefig("first_table.png")
print("Picture: first_table.png")
plt.show()
