"""
Searching hyperparameters, in a pipeline
========================================

``DeepNetClassifier`` works wherever scikit-learn expects a classifier, as the last step of a
pipeline too. A grid search tries all combinations of the steps' parameters. Successive halving
saves time: it trains all candidates for a few epochs and only the better half for twice as many,
again and again.
"""

# %%
# Noise makes the digits that scikit-learn bundles a harder task.
import os

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - makes the next import work
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline

from skdnn import DeepNetClassifier

QUICK = os.environ.get("SKDNN_QUICK") == "1"  # a short run, for the project's tests
plt.style.use("tableau-colorblind10")

X, y = load_digits(return_X_y=True)
X = X / 16 + np.random.default_rng(0).normal(scale=0.35, size=X.shape)
X, X_test, y, y_test = train_test_split(X, y, train_size=900, stratify=y, random_state=0)

# %%
# Grid search over two steps
# --------------------------
# Names of parameters consist of the step and the parameter, as always in pipelines. In a search a
# small, short network is enough.
small = DeepNetClassifier(
    n_members=2, max_iter=4 if QUICK else 32, encoder="passthrough", random_state=0
)
pipeline = make_pipeline(PCA(random_state=0), small)
components = [5, 40] if QUICK else [5, 10, 20, 40, 64]
sizes = [(), (32,)] if QUICK else [(), (32,), (128,), (128, 128)]
search = GridSearchCV(
    pipeline,
    {"pca__n_components": components, "deepnetclassifier__hidden_layer_sizes": sizes},
    scoring="neg_log_loss",
    cv=2,
).fit(X, y)
print("GridSearchCV found", search.best_params_)
print(f"Test accuracy: {(search.predict(X_test) == y_test).mean():.3f}")

# %%
# Successive halving
# ------------------
# The resource is ``max_iter``, the number of epochs.
rates = np.geomspace(1e-4, 0.1, 4 if QUICK else 16).round(5).tolist()
halving = HalvingGridSearchCV(
    small,
    {"learning_rate_init": rates},
    resource="max_iter",
    min_resources=2 if QUICK else 4,
    max_resources=4 if QUICK else 32,
    factor=2,
    scoring="neg_log_loss",
    cv=2,
    random_state=0,
).fit(X, y)
epochs_used = np.sum(halving.cv_results_["n_resources"])
print("HalvingGridSearchCV found", halving.best_params_)
print(f"It trained for {epochs_used} epochs instead of {len(rates) * halving.max_resources}.")

# %%
# What the searches saw
# ---------------------
figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")

losses = -search.cv_results_["mean_test_score"].reshape(len(sizes), len(components))
left.imshow(losses, cmap="viridis_r", aspect="auto")
for row, column in np.ndindex(losses.shape):
    is_best = losses[row, column] == losses.min()
    is_dark = losses[row, column] > losses.mean()
    left.text(
        column,
        row,
        f"{losses[row, column]:.2f}" + (" best" if is_best else ""),
        ha="center",
        va="center",
        color="black" if is_best or not is_dark else "white",
        weight="bold" if is_best else "normal",
    )
left.set_xticks(range(len(components)), components)
left.set_yticks(range(len(sizes)), [str(size) for size in sizes])
left.set(xlabel="PCA: n_components", ylabel="network: hidden_layer_sizes")
left.set_title("Grid search: log-loss of each combination")

results = halving.cv_results_
for rate in rates:
    chosen = results["param_learning_rate_init"] == rate
    epochs, mean_losses = results["n_resources"][chosen], -results["mean_test_score"][chosen]
    is_best = rate == halving.best_params_["learning_rate_init"]
    color = "C0" if is_best else "C2"
    right.plot(epochs, mean_losses, "-", color=color, zorder=2 + is_best)
    right.plot(epochs[-1], mean_losses[-1], "o" if is_best else "x", color=color)
right.plot([], "C2x-", label="dropped here")
right.plot([], "C0o-", label=f"best: learning rate {halving.best_params_['learning_rate_init']:g}")
right.set_xscale("log", base=2)
right.set_xticks(np.unique(results["n_resources"]), np.unique(results["n_resources"]))
right.set(xlabel="epochs (max_iter)", ylabel="log-loss in cross-validation")
right.set_title(f"Successive halving of {len(rates)} learning rates")
right.legend()
plt.show()
