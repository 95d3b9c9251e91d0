"""The solvers: their update rules, options, and values of "auto"."""

from typing import NamedTuple

from skdnn.core.optimizers import OPTIMIZERS


class Solver(NamedTuple):
    """One of the values of the parameter ``solver``.

    Attributes
    ----------
    recipe : dict
        Values of "auto" with this solver.
    rule : callable or None
        A class of :mod:`skdnn.core.optimizers`; None stands for SciPy's L-BFGS.
    options : dict of str to str
        Arguments of the rule, and the parameters of the estimator for them.
    takes_all_rows : bool
        Whether every step uses all rows (full batch).
    has_patience : bool
        Whether training without validation rows has early stopping by default.
    adapts : bool
        Whether, by default, batch size, epochs, layers, dropout and connectivity depend on the
        size of the data, numbers have bins, and the initial output weights are small.
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

# By default, only "adamw" regularizes; the others have the defaults of MLPClassifier.
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
