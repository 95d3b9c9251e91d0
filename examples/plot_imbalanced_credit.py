"""
Imbalanced classes: whom to give credit
=======================================

Of the applicants for a credit, one in fifteen will not pay it back. A classifier that refuses
nobody is right in 93 % of the cases, and useless. Two remedies are common: to give the rare class
more weight in training (``class_weight``), or to keep the calibrated probabilities and to refuse
from a lower probability on. What mistakes cost decides from which.
"""

# %%
# 150,000 borrowers of the competition "Give me some credit", where ``SKDNN_DATA`` has them; 15,000
# are used for training here.
import os

import matplotlib.pyplot as plt
import numpy as np
from example_data import load_table
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss
from sklearn.model_selection import FixedThresholdClassifier, train_test_split

from skdnn import DeepNetClassifier

QUICK = os.environ.get("SKDNN_QUICK") == "1"  # a short run, for the project's tests
plt.style.use("tableau-colorblind10")

X, y = load_table("give_me_some_credit")
print(f"{y.mean():.1%} of {len(y):,} borrowers did not pay back.")
X, X_test, y, y_test = train_test_split(
    X, y, train_size=2000 if QUICK else 15_000, stratify=y, random_state=0
)

# %%
# With and without class weights
# ------------------------------
n_epochs = 3 if QUICK else "auto"
plain = DeepNetClassifier(max_iter=n_epochs, random_state=0).fit(X, y)
balanced = DeepNetClassifier(class_weight="balanced", max_iter=n_epochs, random_state=0).fit(X, y)

# %%
# A threshold from costs
# ----------------------
# Say a credit that is not paid back costs ten times what a refused good customer would have
# brought. Giving credit then pays as long as ``probability * 10 < (1 - probability) * 1``, that is
# below a probability of 1 / 11. This needs no search, but probabilities that mean what they say.
COST_UNPAID, COST_REFUSED = 10, 1
threshold = COST_REFUSED / (COST_REFUSED + COST_UNPAID)


def mean_cost(refuse):
    """Return the mean cost of a test applicant."""
    unpaid = COST_UNPAID * ((y_test == 1) & ~refuse)
    return np.mean(unpaid + COST_REFUSED * ((y_test == 0) & refuse))


with_threshold = FixedThresholdClassifier(
    FrozenEstimator(plain), threshold=threshold, pos_label=1, response_method="predict_proba"
).fit(X, y)
choices = {
    "refuse nobody": np.zeros(len(y_test), bool),
    "plain, from 1/2": plain.predict(X_test) == 1,
    "class weights, from 1/2": balanced.predict(X_test) == 1,
    "plain, from 1/11": with_threshold.predict(X_test) == 1,
}
for name, refuse in choices.items():
    found = refuse[y_test == 1].mean()
    print(f"{name:24} cost {mean_cost(refuse):.3f}, {found:4.0%} of the unpaid found")
for name, net in {"plain": plain, "class weights": balanced}.items():
    proba = net.predict_proba(X_test)
    mean_risk = proba[:, 1].mean()
    print(f"{name:14} log-loss {log_loss(y_test, proba):.3f}, mean probability {mean_risk:.3f}")

# %%
# Left: without class weights, of the applicants with a predicted risk of 20 %, about 20 % did not
# pay. With them, the probabilities are far too high. Right: both networks can be used at the same
# lowest cost, so class weights have not taught anything new; they only moved the threshold. Without
# them it is where the costs say, with them it would have to be searched for.
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
left.plot([0, 1], [0, 1], color="black", linewidth=1, linestyle=":")
thresholds = np.geomspace(0.005, 0.95, 150)
for name, net, color, marker in (
    ("without class weights", plain, "C0", "o"),
    ('class_weight="balanced"', balanced, "C1", "s"),
):
    proba = net.predict_proba(X_test)[:, 1]
    bins = np.array_split(np.argsort(proba), 15)
    predicted = [proba[rows].mean() for rows in bins]
    left.plot(predicted, [y_test.iloc[rows].mean() for rows in bins], color=color, marker=marker)
    costs = [mean_cost(proba >= level) for level in thresholds]
    right.plot(thresholds, costs, color=color, label=name)
    right.plot(0.5, mean_cost(proba >= 0.5), marker, color=color)
left.set(xlim=(0, 1), ylim=(0, 1), xlabel="predicted probability", ylabel="share that did not pay")
left.set_title("What do the probabilities mean?")
right.axvline(threshold, color="black", linewidth=1, linestyle=":")
right.text(threshold, right.get_ylim()[1], " 1/11, from the costs", va="top")
right.set(xscale="log", xlabel="refuse from this probability on", ylabel="cost of an applicant")
right.set_xticks([0.01, 0.1, 0.5], ["1 %", "10 %", "50 %"])
right.set_title("What do the decisions cost?")
right.plot([], "o", color="black", label="decisions of predict, at 50 %")
figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=3)
plt.show()
