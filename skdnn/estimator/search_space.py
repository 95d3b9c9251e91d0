"""Hyperparameter search: distributions and grids for scikit-learn's searches, and Optuna.

All are made from the table ``SPACE``, in which the most important hyperparameters come first.
"""

from typing import NamedTuple

FIRST = ("learning_rate_init", "hidden_layer_sizes", "dropout", "weight_decay")


class Range(NamedTuple):
    """Numbers from ``low`` to ``high``, distributed uniformly or, if ``log``, log-uniformly."""

    low: float
    high: float
    grid: tuple
    log: bool = False

    def distribution(self):
        """Return a SciPy distribution."""
        from scipy.stats import loguniform, uniform  # slow to import

        if self.log:
            return loguniform(self.low, self.high)
        return uniform(self.low, self.high - self.low)

    def suggest(self, trial, name):
        """Return a value that Optuna chooses."""
        return trial.suggest_float(name, self.low, self.high, log=self.log)


class Choice(NamedTuple):
    """One of a few values, of which ``grid`` has the values for a grid search."""

    options: tuple
    grid: tuple

    def distribution(self):
        """Return the list of values to sample from."""
        return list(self.options)

    def suggest(self, trial, name):
        """Return a value that Optuna chooses."""
        # Optuna stores only numbers and strings.
        by_text = {str(option): option for option in self.options}
        return by_text[trial.suggest_categorical(name, list(by_text))]


SIZES = ((64,), (128, 128), (256, 256))
SPACE = {
    "learning_rate_init": Range(5e-4, 2e-2, (1.5e-3, 5e-3, 1.5e-2), log=True),
    "hidden_layer_sizes": Choice((*SIZES, (128, 128, 128)), SIZES),
    "dropout": Range(0.0, 0.5, (0.1, 0.3)),
    "weight_decay": Range(1e-3, 0.3, (0.01, 0.1), log=True),
    "activation": Choice(("relu", "silu", "gelu", "tanh"), ("relu", "silu")),
    "batch_size": Choice((32, 64, 128, 256), (64, 256)),
    "label_smoothing": Range(0.0, 0.1, (0.0, 0.05)),
    "input_dropout": Range(0.0, 0.3, (0.0, 0.2)),
    "connectivity": Range(0.1, 1.0, (0.3, 1.0)),
}


def search_space(kind="distributions", *, names=FIRST, prefix=""):
    """Return hyperparameter distributions or grids for scikit-learn's searches.

    Parameters
    ----------
    kind : {"distributions", "grid"}, default="distributions"
        "distributions" is for ``RandomizedSearchCV`` and ``HalvingRandomSearchCV``; "grid", a few
        values each, is for ``GridSearchCV`` and ``HalvingGridSearchCV``.
    names : sequence of str, default=("learning_rate_init", "hidden_layer_sizes", "dropout", \
            "weight_decay")
        Hyperparameters to search; also available are "activation", "batch_size",
        "label_smoothing", "input_dropout" and "connectivity". A grid of the four defaults has
        36 points, of the first two 9.
    prefix : str, default=""
        For a pipeline, the name of its step and two underscores, as in ``"deepnetclassifier__"``.

    Returns
    -------
    dict of str to distribution or list
        Argument ``param_distributions`` or ``param_grid`` of a search.

    Raises
    ------
    ValueError
        If a name or the kind is unknown.

    Examples
    --------
    >>> from skdnn import search_space
    >>> search_space("grid", names=["dropout"], prefix="net__")
    {'net__dropout': [0.1, 0.3]}
    """
    if kind not in ("distributions", "grid"):
        raise ValueError(f'kind must be "distributions" or "grid", got {kind!r}.')
    return {
        f"{prefix}{name}": list(entry.grid) if kind == "grid" else entry.distribution()
        for name, entry in _known(names).items()
    }


def suggest_params(trial, *, names=FIRST):
    """Return hyperparameters chosen by an Optuna trial from the space of :func:`search_space`.

    Parameters
    ----------
    trial : optuna.trial.Trial or optuna.trial.FrozenTrial
        A running trial, or a finished one, such as ``study.best_trial``, to get its
        hyperparameters again.
    names : sequence of str, default=("learning_rate_init", "hidden_layer_sizes", "dropout", \
            "weight_decay")
        Hyperparameters to search.

    Returns
    -------
    dict of str to value
        For ``DeepNetClassifier(**params)``.

    Raises
    ------
    ValueError
        If a name is unknown.
    """
    return {name: entry.suggest(trial, name) for name, entry in _known(names).items()}


def _known(names):
    if unknown := [name for name in names if name not in SPACE]:
        raise ValueError(f"names has unknown {unknown!r}; choose from {list(SPACE)!r}.")
    return {name: SPACE[name] for name in names}
