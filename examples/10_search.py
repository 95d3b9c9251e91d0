"""Hyperparameter search with scikit-learn and Optuna.

`search_space()` returns ranges or a small grid for the most important hyperparameters. The three
searches minimize the log-loss on the same training rows:

- `RandomizedSearchCV` draws from the ranges;
- `HalvingGridSearchCV` trains all points of a grid for a few epochs (`max_iter`), the better ones
  for more;
- Optuna trains epoch by epoch with `partial_fit` and prunes bad trials. It is skipped if it is not
  installed (`pip install optuna`).

They are compared with the default hyperparameters. On these data none of the searches finds any
that are better on test rows: with few candidates and two folds, scores vary by chance. The data are
the digits bundled with scikit-learn, with added noise to make the task harder.
"""

import importlib.util
import warnings

import numpy as np
from common import BLUE, GRAY, ORANGE, plt, quick, save
from matplotlib.ticker import NullFormatter
from sklearn.datasets import load_digits
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - makes the next import work
from sklearn.metrics import log_loss
from sklearn.model_selection import HalvingGridSearchCV, RandomizedSearchCV, train_test_split

from skdnn import DeepNetClassifier, search_space, suggest_params

EPOCHS = quick(16, 2)
FAST = {"n_members": 2, "max_iter": EPOCHS, "encoder": "passthrough", "random_state": 0}
SHARED = {"cv": 2, "scoring": "neg_log_loss", "random_state": 0}


def noisy_digits():
    """Return training and test rows of digits with added noise."""
    X, y = load_digits(return_X_y=True)
    X = X / 16 + np.random.default_rng(0).normal(scale=0.35, size=X.shape)
    return train_test_split(X, y, train_size=600, stratify=y, random_state=0)


def by_scikit_learn(X, y):
    """Return a fitted random search and a fitted halving search."""
    net = DeepNetClassifier(**FAST)
    drawn = RandomizedSearchCV(net, search_space(), n_iter=quick(12, 2), **SHARED).fit(X, y)
    grid = search_space("grid", names=["learning_rate_init", "hidden_layer_sizes"])
    halved = HalvingGridSearchCV(
        net,
        grid,
        resource="max_iter",
        min_resources=EPOCHS // 2,
        max_resources=EPOCHS,
        factor=2,
        **SHARED,
    ).fit(X, y)
    return {"RandomizedSearchCV": drawn, "HalvingGridSearchCV": halved}


def by_optuna(X, y):
    """Return a study whose trials report after every epoch, or None without Optuna."""
    if importlib.util.find_spec("optuna") is None:
        print("Optuna is not installed and is skipped (pip install optuna).")
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Optuna's dependencies
        import optuna
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    X, X_valid, y, y_valid = train_test_split(X, y, test_size=0.4, stratify=y, random_state=0)

    def objective(trial):
        net = DeepNetClassifier(**{**FAST, **suggest_params(trial)})
        for epoch in range(EPOCHS):
            net.partial_fit(X, y, classes=np.arange(10))
            loss = log_loss(y_valid, net.predict_proba(X_valid))
            trial.report(loss, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned
        return loss

    pruner = optuna.pruners.MedianPruner(n_startup_trials=quick(4, 1), n_warmup_steps=2)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0), pruner=pruner)
    study.optimize(objective, n_trials=quick(20, 3))
    return study


def draw_searches(axes, searches, default):
    """Draw the log-loss of the candidates trained for all epochs, by learning rate."""
    for (name, search), color, marker in zip(searches.items(), (BLUE, ORANGE), "os", strict=True):
        results = search.cv_results_
        full = results.get("n_resources", np.full(len(results["params"]), EPOCHS)) == EPOCHS
        rates = results["param_learning_rate_init"].astype(float)[full]
        losses = -results["mean_test_score"][full]
        axes.plot(
            rates, losses, marker, color=color, label=f"{name} ({full.sum()} at {EPOCHS} epochs)"
        )
    axes.axhline(default, color=GRAY, linestyle="--", linewidth=1, label="default parameters")
    axes.set(
        xscale="log",
        xlabel="learning_rate_init",
        ylabel="log-loss in cross-validation",
        title="scikit-learn's searches",
        xticks=[5e-4, 1e-3, 2e-3, 5e-3],
    )
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(None, 2.6)
    axes.legend()


def draw_trials(axes, study):
    """Draw the loss of every trial by epoch; pruned trials are gray."""
    axes.set(xlabel="epoch", ylabel="log-loss of validation rows", title="Optuna's trials")
    if study is None:
        axes.text(0.5, 0.5, "Optuna is not installed", ha="center", transform=axes.transAxes)
        return
    for trial in study.trials:
        epochs, losses = zip(*trial.intermediate_values.items(), strict=True)
        kept = trial.state.name == "COMPLETE"
        color = ORANGE if trial == study.best_trial else BLUE if kept else GRAY
        axes.plot(np.array(epochs) + 1, losses, color=color, linewidth=2 if color == ORANGE else 1)
        axes.plot(epochs[-1] + 1, losses[-1], "o" if kept else "x", color=color)
    for label, color, marker in (
        ("best", ORANGE, "o"),
        ("finished", BLUE, "o"),
        ("pruned", GRAY, "x"),
    ):
        axes.plot([], color=color, marker=marker, label=label)
    axes.legend()


def main():
    """Run the three searches, print test scores and plot."""
    X, X_test, y, y_test = noisy_digits()
    searches, study = by_scikit_learn(X, y), by_optuna(X, y)
    found = {name: search.best_params_ for name, search in searches.items()}
    if study is not None:
        # partial_fit uses a constant learning rate, so the final fit does too.
        found["Optuna"] = {**suggest_params(study.best_trial), "learning_rate": "constant"}
        n_epochs = sum(len(trial.intermediate_values) for trial in study.trials)
        print(f"Optuna: {n_epochs} epochs with pruning, instead of {len(study.trials) * EPOCHS}")
    # All are fitted with the same number of epochs.
    for name, params in {"default parameters": {}, **found}.items():
        net = DeepNetClassifier(**{**FAST, **params}).fit(X, y)
        loss = log_loss(y_test, net.predict_proba(X_test))
        shown = ", ".join(
            f"{key}={value:.2g}" if isinstance(value, float) else f"{key}={value}"
            for key, value in params.items()
            if key != "max_iter"
        )
        print(f"{name:20} test log-loss {loss:.3f}  {shown}")

    default = RandomizedSearchCV(
        DeepNetClassifier(**FAST), {"shuffle": [True]}, n_iter=1, **SHARED
    ).fit(X, y)
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    draw_searches(left, searches, -default.best_score_)
    draw_trials(right, study)
    save(figure, "10_search")


if __name__ == "__main__":
    main()
