"""Pipelines, hyperparameter search, calibration and feature importance with scikit-learn.

DeepNetClassifier works wherever scikit-learn expects a classifier, and a search can set all its
parameters. `max_iter` is a good resource for successive halving: all candidates are trained for a
few epochs, and only the better ones for more.

The data are the Breast Cancer Wisconsin measurements, bundled with scikit-learn.
"""

import numpy as np
from common import BLUE, GRAY, ORANGE, plt, quick, save
from matplotlib.ticker import NullFormatter
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer
from sklearn.decomposition import PCA
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - makes the next import work
from sklearn.inspection import permutation_importance
from sklearn.metrics import log_loss
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    cross_val_predict,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdnn import DeepNetClassifier

EPOCHS = quick(40, 4)


def small_network(**params):
    """Return a small network, which can be trained many times."""
    defaults = {"hidden_layer_sizes": 32, "n_members": 2, "max_iter": EPOCHS, "random_state": 0}
    return DeepNetClassifier(**{**defaults, **params})


def search_in_a_pipeline(X, y):
    """Search over parameters of a pipeline step and of the network."""
    pipeline = make_pipeline(StandardScaler(), PCA(random_state=0), small_network())
    grid = {
        "pca__n_components": [5, 15],
        "deepnetclassifier__hidden_layer_sizes": [(), (32,), (32, 32)],
    }
    search = GridSearchCV(pipeline, grid, cv=quick(3, 2), scoring="neg_log_loss").fit(X, y)
    print(f"GridSearchCV: {search.best_params_}, log-loss {-search.best_score_:.3f}")


def search_by_halving(X, y):
    """Search by successive halving over the number of epochs."""
    grid = {"learning_rate_init": [1e-4, 1e-3, 1e-2, 1e-1], "activation": ["relu", "silu"]}
    search = HalvingGridSearchCV(
        small_network(),
        grid,
        resource="max_iter",
        min_resources=EPOCHS // 4,
        max_resources=EPOCHS,
        factor=2,
        cv=quick(3, 2),
        scoring="neg_log_loss",
        random_state=0,
    ).fit(X, y)
    print(f"HalvingGridSearchCV: {search.best_params_}, log-loss {-search.best_score_:.3f}")
    return search


def compare_calibration(X, y):
    """Print whether CalibratedClassifierCV improves the calibrated probabilities."""
    net = small_network(n_members=4)
    models = {
        "as it is": net,
        "CalibratedClassifierCV": CalibratedClassifierCV(net, cv=quick(3, 2)),
    }
    for name, model in models.items():
        proba = cross_val_predict(model, X, y, cv=quick(3, 2), method="predict_proba")
        print(f"Log-loss of cross_val_predict, {name}: {log_loss(y, proba):.3f}")


def draw_halving(axes, search):
    """Draw the log-loss of the candidates by the number of epochs."""
    results = search.cv_results_
    epochs, losses = results["n_resources"], -results["mean_test_score"]
    rates = results["param_learning_rate_init"].astype(float)
    names = results["param_activation"]
    for rate in np.unique(rates):
        for name, style in (("relu", "o-"), ("silu", "s--")):
            chosen = (rates == rate) & (names == name)
            is_best = chosen[search.best_index_]
            color = ORANGE if is_best else BLUE
            axes.plot(epochs[chosen], losses[chosen], style, color=color, markersize=5)
            last = np.flatnonzero(chosen)[-1]
            if is_best:
                label = f"  {name}, {rate:g}"
                axes.annotate(label, (epochs[last], losses[last]), color=ORANGE, va="center")
    axes.plot([], "o-", color=GRAY, label="relu")
    axes.plot([], "s--", color=GRAY, label="silu")
    axes.set(
        xlabel="epochs (max_iter)",
        ylabel="log-loss in cross-validation",
        title="HalvingGridSearchCV: more epochs for the best",
        xticks=np.unique(epochs),
        yscale="log",
        yticks=[0.1, 0.2, 0.4],
    )
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlim(None, 1.3 * EPOCHS)
    axes.legend()


def draw_importance(axes, net, X, y, n_shown=10):
    """Draw the permutation importance of the columns, for the test log-loss."""
    result = permutation_importance(
        net, X, y, scoring="neg_log_loss", n_repeats=quick(10, 2), random_state=0
    )
    order = np.argsort(result.importances_mean)[-n_shown:]
    means, spreads = result.importances_mean[order], result.importances_std[order]
    axes.barh(X.columns[order], means, xerr=spreads, color=BLUE, ecolor=GRAY)
    axes.set(
        xlabel="increase of the test log-loss", title="permutation importance, top ten columns"
    )


def main():
    """Run the searches, compare calibration, and plot."""
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
    search_in_a_pipeline(X_train, y_train)
    search = search_by_halving(X_train, y_train)
    compare_calibration(X_train, y_train)
    accuracy = search.best_estimator_.score(X_test, y_test)
    print(f"Test accuracy of the network found by halving: {accuracy:.3f}")

    figure, (left, right) = plt.subplots(1, 2, figsize=(9.6, 4))
    draw_halving(left, search)
    draw_importance(right, search.best_estimator_, X_test, y_test)
    save(figure, "05_pipelines_and_search")


if __name__ == "__main__":
    main()
