"""Valid values of each parameter, and combinations of parameters that are not valid."""

from numbers import Integral, Real
from types import SimpleNamespace

import numpy as np
from sklearn.metrics import get_scorer_names

from skdnn.core.activations import ACTIVATIONS
from skdnn.core.initializers import INITIALIZERS
from skdnn.core.optimizers import OPTIMIZERS
from skdnn.core.schedules import SCHEDULES
from skdnn.estimator.solvers import SOLVERS, solver_of
from skdnn.tabular._compat import Choices, HasMethods, Interval, Options

AUTO = Choices({"auto"})
POSITIVE_INT = Interval(Integral, 1, None, closed="left")
POSITIVE = Interval(Real, 0, None, closed="neither")
NON_NEGATIVE = Interval(Real, 0, None, closed="left")
VALUE_AND_SLOPE = HasMethods(["value", "slope"])
BELOW_ONE = Interval(Real, 0, 1, closed="left")

SWITCHES = ("shuffle", "warm_start", "early_stopping", "store_oof", "diverse_members")

CONSTRAINTS = {
    **{name: [NON_NEGATIVE] for name in ("alpha", "power_t", "tol")},
    **{name: [BELOW_ONE] for name in ("beta_1", "beta_2", "warmup_fraction")},
    **{name: [POSITIVE] for name in ("epsilon", "init_scale")},
    **{name: [AUTO, POSITIVE_INT] for name in ("batch_size", "max_iter", "n_members")},
    **{name: [AUTO, BELOW_ONE] for name in ("dropout", "input_dropout", "label_smoothing")},
    **{name: ["boolean"] for name in SWITCHES},
    "refit_fraction": [AUTO, Interval(Real, 0, 1, closed="both")],
    **{name: ["array-like", None] for name in ("coefs_init", "intercepts_init")},
    "nesterovs_momentum": ["boolean"],
    "hidden_layer_sizes": ["array-like", POSITIVE_INT, AUTO],
    "activation": [Choices(ACTIVATIONS), "array-like", callable, VALUE_AND_SLOPE],
    "solver": [Choices(SOLVERS, OPTIMIZERS)],
    "learning_rate": [Choices(SCHEDULES, {"auto"})],
    "learning_rate_init": [AUTO, POSITIVE],
    "random_state": ["random_state"],
    "verbose": [AUTO, "verbose"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": [AUTO, POSITIVE_INT, Options(Real, {np.inf})],
    "max_fun": [POSITIVE_INT],
    "loss": [Choices({"log_loss"}), callable, HasMethods(["value_and_gradient"])],
    "scoring": [Choices(set(get_scorer_names())), callable, None],
    "init": [Choices(INITIALIZERS, {"auto"})],
    "connectivity": [AUTO, Interval(Real, 0, 1, closed="right"), None],
    "weight_decay": [AUTO, NON_NEGATIVE],
    "max_grad_norm": [POSITIVE, None],
    "class_weight": [dict, Choices({"balanced"}), None],
    "cv": ["cv_object"],
    "encoder": [Choices({"auto", "passthrough"}), HasMethods(["fit", "transform"])],
    "target_statistics": [AUTO, POSITIVE_INT, None],
    "dtype": [Choices({"float32", "float64", "input"})],
    "n_jobs": [POSITIVE_INT, Interval(Integral, None, -1, closed="right"), None],
}


def check_together(settings, resolved, is_sparse):
    """Raise an error if parameters contradict each other."""
    for name in ("dropout", "input_dropout"):
        if solver_of(settings).rule is None and resolved[name]:
            raise ValueError(
                f"solver={settings.solver!r} needs a deterministic loss, but {name}="
                f"{resolved[name]!r} makes it random. Set {name}=0, or choose another solver."
            )
    for name, plain in (("input_dropout", 0.0), ("connectivity", None)):
        if is_sparse and resolved[name] != plain:
            raise ValueError(
                f"{name}={resolved[name]!r} needs dense rows, but X is sparse. "
                f"Set {name}={plain!r}, or pass X.toarray()."
            )


# Settings of a call beside the parameters. EPOCH is one epoch of partial_fit, in which no rows are
# held out and the state of the update rule is kept.
WHOLE_FIT = {"is_part": False, "refit_encoder": False}
EPOCH = {"early_stopping": False, "warm_start": True, "max_iter": 1, "learning_rate": "constant"}


def settings_of(estimator, before, epoch=WHOLE_FIT):
    """Return the parameters as a namespace; continued training keeps the number of members."""
    settings = {name: getattr(estimator, name) for name in CONSTRAINTS}
    if before is not None and estimator.n_members in ("auto", before.resolved["n_members"]):
        settings["n_members"] = before.n_members  # some may have been left out
    settings |= epoch
    # A search over a NumPy array passes NumPy scalars, which overflow in small integer types.
    scalars = {name: value for name, value in settings.items() if isinstance(value, np.generic)}
    return SimpleNamespace(**settings | {name: value.item() for name, value in scalars.items()})
