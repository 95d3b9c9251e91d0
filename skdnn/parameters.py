"""What each parameter may be, and what "auto" becomes."""

from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
from sklearn.metrics import get_scorer_names

from skdnn._compat import HasMethods, Interval, Options, StrOptions
from skdnn.core.activations import ACTIVATIONS
from skdnn.core.custom_activations import check_activation, is_activation
from skdnn.core.initializers import INITIALIZERS
from skdnn.core.schedules import SCHEDULES
from skdnn.solvers import SOLVERS

AUTO = StrOptions({"auto"})
POSITIVE_INT = Interval(Integral, 1, None, closed="left")
POSITIVE = Interval(Real, 0, None, closed="neither")
NON_NEGATIVE = Interval(Real, 0, None, closed="left")
VALUE_AND_SLOPE = HasMethods(["value", "slope"])
BELOW_ONE = Interval(Real, 0, 1, closed="left")

CONSTRAINTS = {
    **{name: [NON_NEGATIVE] for name in ("alpha", "power_t", "tol")},
    **{name: [BELOW_ONE] for name in ("beta_1", "beta_2", "warmup_fraction")},
    **{name: [POSITIVE] for name in ("epsilon", "init_scale")},
    **{name: [AUTO, POSITIVE_INT] for name in ("batch_size", "max_iter", "n_members")},
    **{name: [AUTO, BELOW_ONE] for name in ("dropout", "input_dropout", "label_smoothing")},
    **{name: ["boolean"] for name in ("shuffle", "warm_start", "early_stopping", "store_oof")},
    **{name: ["array-like", None] for name in ("coefs_init", "intercepts_init")},
    "nesterovs_momentum": ["boolean"],
    "hidden_layer_sizes": ["array-like", POSITIVE_INT, AUTO],
    "activation": [StrOptions(set(ACTIVATIONS)), "array-like", callable, VALUE_AND_SLOPE],
    "solver": [StrOptions(set(SOLVERS))],
    "learning_rate": [StrOptions({*SCHEDULES, "auto"})],
    "learning_rate_init": [AUTO, POSITIVE],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": [AUTO, POSITIVE_INT, Options(Real, {np.inf})],
    "max_fun": [POSITIVE_INT],
    "loss": [StrOptions({"log_loss"}), callable, HasMethods(["value_and_gradient"])],
    "scoring": [StrOptions(set(get_scorer_names())), callable, None],
    "init": [StrOptions({*INITIALIZERS, "auto"})],
    "connectivity": [AUTO, Interval(Real, 0, 1, closed="right"), None],
    "weight_decay": [AUTO, NON_NEGATIVE],
    "max_grad_norm": [POSITIVE, None],
    "class_weight": [dict, StrOptions({"balanced"}), None],
    "cv": ["cv_object"],
    "encoder": [StrOptions({"auto", "passthrough"}), HasMethods(["fit", "transform"])],
    "target_statistics": [AUTO, POSITIVE_INT, None],
    "dtype": [StrOptions({"float32", "float64", "input"})],
    "n_jobs": [POSITIVE_INT, Interval(Integral, None, -1, closed="right"), None],
}

HIDDEN_LAYER_SIZES = (256, 256)
# Rows up to which layers hold for "adamw": few rows are learnt about as well by fewer units, in
# two fifths of the time.
LAYERS = ((1024, (128, 128)), (np.inf, HIDDEN_LAYER_SIZES))
MANY = 50_000  # distinct rows above which a part of them is enough to validate on
# Rows up to which a number of members holds: of few rows, more cost little and tell more.
MEMBERS, USUAL = ((2500, 16), (MANY, 8), (np.inf, 2)), 8
FOLDS = ((MANY, 2), (np.inf, 40))  # rows up to which these are the fewest folds
# Rows up to which a batch size and a number of epochs hold.
SIZES = ((1024, (64, 50)), (30_000, (128, 50)), (100_000, (256, 20)), (np.inf, (512, 15)))
DROPOUT = ((8192, 0.3), (np.inf, 0.1))  # rows up to which it holds: many regularize by themselves
MIN_STEPS = 2000  # small data needs more epochs, to take this many
WIDE, WIDE_DROPOUT = 100, 0.2  # many inputs share what they tell: dropping some costs little
# Many rows tell by themselves which of many inputs matter, to a wide layer, slowly.
WIDE_AND_MANY = {
    "hidden_layer_sizes": (448, 256),
    "learning_rate_init": 3e-3,
    "connectivity": None,
    "weight_decay": 0.3,
    "label_smoothing": 0.02,
}
CONNECTIVITY, FEWEST = 0.3, 4  # share of the columns that a unit sees, and how many at least
OUTPUT_SCALE = 0.2  # small starting logits: the first steps then are not spent on shrinking them


class Extent(NamedTuple):
    """What "auto" looks at in the data.

    Attributes
    ----------
    n_rows : int
        Distinct rows that a member trains on.
    has_all_rows : bool
        Whether no more are to come, as they do with ``partial_fit``.
    n_columns : int
        Columns of an encoded row.
    n_inputs : int
        Inputs of the network, without the bins of numbers.
    is_sparse : bool
        Whether the rows are sparse.
    n_members : int
        Networks that are trained.
    """

    n_rows: int
    has_all_rows: bool
    n_columns: int
    n_inputs: int
    is_sparse: bool
    n_members: int


def resolve(settings, extent, validates, before=None):
    """Return the parameters with "auto" replaced.

    Parameters
    ----------
    settings : SimpleNamespace
        The parameters of the estimator.
    extent : Extent
        Of the data.
    validates : bool
        Whether patience watches a validation loss.
    before : dict, optional
        What the parameters were in the training that goes on: its network keeps its shape.

    Returns
    -------
    dict
        The values of all parameters that a recipe names.
    """
    solver = SOLVERS[settings.solver]
    recipe = {"hidden_layer_sizes": HIDDEN_LAYER_SIZES, "activation": None, **solver.recipe}
    if solver.adapts:
        recipe |= _recipe_for(extent)
    if before is not None:
        recipe["hidden_layer_sizes"] = before["hidden_layer_sizes"]
    if not validates or settings.loss != "log_loss":
        recipe["label_smoothing"] = 0.0  # no temperature will undo its modesty
    batch_size = min(_given(settings, "batch_size", recipe), extent.n_rows)
    if solver.takes_all_rows:
        batch_size = extent.n_rows
    if solver.adapts:
        n_batches = -(-extent.n_rows // batch_size)
        recipe["max_iter"] = max(recipe["max_iter"], -(-MIN_STEPS // n_batches))
    max_iter = _given(settings, "max_iter", recipe)
    recipe["n_iter_no_change"] = _patience(solver, max_iter, validates)
    recipe["n_members"] = extent.n_members
    resolved = {name: _given(settings, name, recipe) for name in recipe}
    sizes, activation = check_layers(settings, recipe)
    resolved |= {"hidden_layer_sizes": sizes, "activation": activation, "batch_size": batch_size}
    if before is not None:  # else weights would be missing, or factors of columns
        resolved["connectivity"] = before["connectivity"]
    return resolved


def _recipe_for(extent):
    """Return the part of the recipe that follows the rows, and how many inputs they are."""
    most_rows = extent.n_rows if extent.has_all_rows else np.inf
    batch_size, n_epochs = _up_to(extent.n_rows, SIZES)
    recipe = {
        "batch_size": batch_size,
        "max_iter": n_epochs,
        "hidden_layer_sizes": _up_to(most_rows, LAYERS),
        "dropout": _up_to(extent.n_rows, DROPOUT),
    }
    is_wide = extent.n_inputs > WIDE
    if not extent.is_sparse:
        recipe["input_dropout"] = WIDE_DROPOUT if is_wide else 0.0
        recipe["connectivity"] = min(max(CONNECTIVITY, FEWEST / extent.n_columns), 1.0)
        if is_wide and extent.n_rows > MANY:
            recipe |= WIDE_AND_MANY
    return recipe


def count_members(settings, n_rows=None):
    """Return the number of members to train on so many distinct rows, if they are known."""
    if not is_auto(settings.n_members):
        return settings.n_members
    return USUAL if n_rows is None else _up_to(n_rows, MEMBERS)


def _up_to(n_rows, entries):
    """Return the value of the first entry whose limit is not below so many rows."""
    return next(value for limit, value in entries if n_rows <= limit)


def count_folds(n_members, n_rows):
    """Return the number of folds that so many distinct rows are dealt into."""
    return max(n_members, _up_to(n_rows, FOLDS))


def _patience(solver, max_iter, validates):
    if validates:
        return max(8, -(-max_iter // 8))
    return 10 if solver.has_patience else max_iter


def is_auto(value):
    """Tell whether a value of a parameter leaves it to the data."""
    return isinstance(value, str) and value == "auto"


def _given(settings, name, recipe):
    value = getattr(settings, name)
    if is_auto(value):
        return recipe[name]
    # A search over a NumPy array gives NumPy's numbers, of which small types overflow.
    return value.item() if isinstance(value, np.generic) else value


def check_layers(settings, recipe):
    """Return the widths and the activations of the hidden layers, one each.

    Raises
    ------
    ValueError
        If a width is not positive, or activations are unknown or of another number.
    """
    sizes = np.atleast_1d(_given(settings, "hidden_layer_sizes", recipe)).tolist()
    if any(type(size) is not int or size < 1 for size in sizes):
        raise ValueError(
            f"hidden_layer_sizes must be whole numbers > 0, got {settings.hidden_layer_sizes!r}."
        )
    return tuple(sizes), _check_activations(settings.activation, len(sizes))


def _check_activations(given, n_layers):
    items = (given,) * n_layers if is_activation(given) else tuple(given)
    names = {item for item in items if isinstance(item, str)}
    others = {id(item): item for item in items if not isinstance(item, str)}.values()
    are_known = names <= set(ACTIVATIONS) and all(map(is_activation, others))
    if not are_known or len(items) != n_layers:
        raise ValueError(
            f"activation must be one name, or one for each of the {n_layers} hidden layers, "
            f"of {sorted(ACTIVATIONS)!r}, or functions of your own; got {given!r}."
        )
    for item in others:
        check_activation(item)
    return items


def check_together(settings, resolved, is_sparse):
    """Refuse parameters that contradict each other.

    Raises
    ------
    ValueError
        If a full-batch line search, or sparse rows, meet what they cannot have.
    """
    for name in ("dropout", "input_dropout"):
        if SOLVERS[settings.solver].rule is None and resolved[name]:
            raise ValueError(
                f"solver={settings.solver!r} needs the same loss at every call, but "
                f"{name}={resolved[name]!r} makes it random. Set {name}=0, or choose another "
                "solver."
            )
    for name, plain in (("input_dropout", 0.0), ("connectivity", None)):
        if is_sparse and resolved[name] != plain:
            raise ValueError(
                f"{name}={resolved[name]!r} needs dense rows, but X is sparse. "
                f"Set {name}={plain!r}, or pass X.toarray()."
            )
