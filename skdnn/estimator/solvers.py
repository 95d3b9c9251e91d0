"""The solvers: an update rule, the options it takes, and what "auto" stands for beside it."""

from typing import NamedTuple

from skdnn.core.optimizers import OPTIMIZERS


class Solver(NamedTuple):
    """How a value of ``solver`` trains.

    Attributes
    ----------
    recipe : dict
        What "auto" becomes for some parameters.
    rule : callable or None
        A class of :mod:`skdnn.core.optimizers`; None is SciPy's line search.
    options : dict of str to str
        Arguments of the rule, and the parameters of the estimator that give them.
    takes_all_rows : bool
        Whether every step is over all rows.
    has_patience : bool
        Whether training without validation rows may stop early by default.
    adapts : bool
        Whether batches, epochs, layers, dropout and connections follow the size of the data, bins
        are made of numbers, and the last layer starts with small weights, all by default.
    """

    recipe: dict
    rule: type | None = None
    options: dict = {}  # noqa: RUF012 - never written to
    takes_all_rows: bool = False
    has_patience: bool = True
    adapts: bool = False


PLAIN = {"batch_size": 200, "learning_rate": "constant", "max_iter": 200, "connectivity": None}
PLAIN |= dict.fromkeys(("dropout", "input_dropout", "weight_decay", "label_smoothing"), 0.0)
REGULARIZED = {**PLAIN, "weight_decay": 1e-2, "label_smoothing": 0.05}
SGD_OPTIONS = {"momentum": "momentum", "nesterov": "nesterovs_momentum"}
ADAM_OPTIONS = {name: name for name in ("beta_1", "beta_2", "epsilon")}

# AdamW is the recipe that regularizes; the others are as plain as they are in MLPClassifier
# until they are told otherwise.
SOLVERS = {
    "adamw": Solver(
        {**REGULARIZED, "learning_rate": "cosine", "learning_rate_init": 5e-3},
        OPTIMIZERS["adamw"],
        ADAM_OPTIONS,
        adapts=True,
    ),
    "adam": Solver({**PLAIN, "learning_rate_init": 1e-3}, OPTIMIZERS["adam"], ADAM_OPTIONS),
    "sgd": Solver({**PLAIN, "learning_rate_init": 1e-2}, OPTIMIZERS["sgd"], SGD_OPTIONS),
    "gd": Solver(
        {**PLAIN, "learning_rate_init": 0.1, "max_iter": 1000},
        OPTIMIZERS["gd"],
        takes_all_rows=True,
        has_patience=False,
    ),
    "lbfgs": Solver({**PLAIN, "learning_rate_init": 1.0}, takes_all_rows=True),
}
