"""Where to look for better parameters: ranges for random searches, grids, and Optuna.

The one table ``SPACE`` serves all; the parameters that make the largest difference come first.
"""

from typing import NamedTuple

FIRST = ("learning_rate_init", "hidden_layer_sizes", "dropout", "weight_decay")


class Range(NamedTuple):
    """Numbers from ``low`` to ``high``, evenly spread, on a logarithmic scale if ``log``."""

    low: float
    high: float
    grid: tuple
    log: bool = False

    def distribution(self):
        """Return a distribution of SciPy."""
        from scipy.stats import loguniform, uniform  # takes longer to import than all of skdnn

        if self.log:
            return loguniform(self.low, self.high)
        return uniform(self.low, self.high - self.low)

    def suggest(self, trial, name):
        """Return a value that Optuna chooses."""
        return trial.suggest_float(name, self.low, self.high, log=self.log)


class Choice(NamedTuple):
    """One of a few values; ``grid`` has those to begin with."""

    options: tuple
    grid: tuple

    def distribution(self):
        """Return the list to draw from."""
        return list(self.options)

    def suggest(self, trial, name):
        """Return a value that Optuna chooses."""
        # Optuna stores numbers and texts only.
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
    """Return parameters worth searching over, for scikit-learn's searches.

    Parameters
    ----------
    kind : {"distributions", "grid"}, default="distributions"
        "distributions" is for ``RandomizedSearchCV`` and ``HalvingRandomSearchCV``, "grid" a few
        values each for ``GridSearchCV`` and ``HalvingGridSearchCV``.
    names : sequence of str, default=("learning_rate_init", "hidden_layer_sizes", "dropout", \
            "weight_decay")
        Which parameters; "activation", "batch_size", "label_smoothing", "input_dropout" and
        "connectivity" are known too. A grid of all four defaults has 36 points, of the first two 9.
    prefix : str, default=""
        Name of the step in a pipeline with two underscores, such as "deepnetclassifier__".

    Returns
    -------
    dict of str to distribution or list
        What a search takes as ``param_distributions`` or ``param_grid``.

    Raises
    ------
    ValueError
        If a name or the kind is not known.

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
    """Return parameters that a trial of Optuna chooses from the space of :func:`search_space`.

    Parameters
    ----------
    trial : optuna.trial.Trial or optuna.trial.FrozenTrial
        A running trial, or a finished one, such as ``study.best_trial``, whose parameters are to
        be had again.
    names : sequence of str, default=("learning_rate_init", "hidden_layer_sizes", "dropout", \
            "weight_decay")
        Which parameters.

    Returns
    -------
    dict of str to value
        For ``DeepNetClassifier(**params)``.

    Raises
    ------
    ValueError
        If a name is not known.
    """
    return {name: entry.suggest(trial, name) for name, entry in _known(names).items()}


def _known(names):
    unknown = [name for name in names if name not in SPACE]
    if unknown:
        raise ValueError(f"names holds {unknown!r}; known are {list(SPACE)!r}.")
    return {name: SPACE[name] for name in names}
