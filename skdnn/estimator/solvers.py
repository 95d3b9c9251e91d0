"""The solvers: their update rules, options, and values of "auto"."""

from inspect import signature
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
    takes_all_rows: bool = False
    has_patience: bool = True
    adapts: bool = False


PLAIN = {"batch_size": 200, "learning_rate": "constant", "max_iter": 200, "connectivity": None}
PLAIN |= dict.fromkeys(("dropout", "input_dropout", "weight_decay", "label_smoothing"), 0.0)
REGULARIZED = {**PLAIN, "weight_decay": 1e-2}

# By default, only "adamw" regularizes; the others have the defaults of MLPClassifier.
SOLVERS = {
    "adamw": Solver(
        {**REGULARIZED, "learning_rate": "cosine", "learning_rate_init": 5e-3},
        OPTIMIZERS["adamw"],
        adapts=True,
    ),
    "adam": Solver({**PLAIN, "learning_rate_init": 1e-3}, OPTIMIZERS["adam"]),
    "sgd": Solver({**PLAIN, "learning_rate_init": 1e-2}, OPTIMIZERS["sgd"]),
    "gd": Solver(
        {**PLAIN, "learning_rate_init": 0.1, "max_iter": 1000},
        OPTIMIZERS["gd"],
        takes_all_rows=True,
        has_patience=False,
    ),
    "lbfgs": Solver({**PLAIN, "learning_rate_init": 1.0}, takes_all_rows=True),
}


def solver_of(settings):
    """Return the Solver of the parameters; an update rule without an entry is used like "adam"."""
    name = settings.solver
    return SOLVERS[name] if name in SOLVERS else SOLVERS["adam"]._replace(rule=OPTIMIZERS[name])


def make_rule(settings):
    """Return the update rule, or None for L-BFGS.

    Arguments named like parameters of the estimator have their values.
    """
    if (rule := solver_of(settings).rule) is None:
        return None
    names = [name for name in signature(rule).parameters if hasattr(settings, name)]
    return rule(**{name: getattr(settings, name) for name in names})


def takes_steps(estimator):
    """Return True if the solver has ``partial_fit``; raise an AttributeError if it has not."""
    # An unknown solver gets the error of scikit-learn's validation, when partial_fit is called.
    if estimator.solver in SOLVERS and SOLVERS[estimator.solver].rule is None:
        raise AttributeError(
            f"partial_fit is not available with solver={estimator.solver!r}, which needs all rows "
            "at once. Choose another solver, such as 'adamw'."
        )
    return True
