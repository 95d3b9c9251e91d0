"""What each parameter may be, and what "auto" becomes."""

from numbers import Integral, Real
from typing import NamedTuple

import numpy as np
from sklearn.metrics import get_scorer_names
from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions

from skdnn.core.activations import ACTIVATIONS
from skdnn.core.custom_activations import check_activation, is_activation
from skdnn.core.initializers import INITIALIZERS
from skdnn.core.schedules import SCHEDULES
from skdnn.solvers import SOLVERS

AUTO = StrOptions({"auto"})
POSITIVE_INT = Interval(Integral, 1, None, closed="left")
POSITIVE = Interval(Real, 0, None, closed="neither")
NON_NEGATIVE = Interval(Real, 0, None, closed="left")
BELOW_ONE = Interval(Real, 0, 1, closed="left")

CONSTRAINTS = {
    "hidden_layer_sizes": ["array-like", POSITIVE_INT, AUTO],
    "activation": [
        StrOptions(set(ACTIVATIONS)),
        "array-like",
        callable,
        HasMethods(["value", "slope"]),
    ],
    "solver": [StrOptions(set(SOLVERS))],
    "alpha": [NON_NEGATIVE],
    "batch_size": [AUTO, POSITIVE_INT],
    "learning_rate": [StrOptions({*SCHEDULES, "auto"})],
    "learning_rate_init": [AUTO, POSITIVE],
    "power_t": [NON_NEGATIVE],
    "max_iter": [AUTO, POSITIVE_INT],
    "shuffle": ["boolean"],
    "random_state": ["random_state"],
    "tol": [NON_NEGATIVE],
    "verbose": ["verbose"],
    "warm_start": ["boolean"],
    "momentum": [Interval(Real, 0, 1, closed="both")],
    "nesterovs_momentum": ["boolean"],
    "early_stopping": ["boolean"],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "beta_1": [BELOW_ONE],
    "beta_2": [BELOW_ONE],
    "epsilon": [POSITIVE],
    "n_iter_no_change": [AUTO, POSITIVE_INT, Options(Real, {np.inf})],
    "max_fun": [POSITIVE_INT],
    "loss": [StrOptions({"log_loss"}), callable, HasMethods(["value_and_gradient"])],
    "scoring": [StrOptions(set(get_scorer_names())), callable, None],
    "init": [StrOptions({*INITIALIZERS, "auto"})],
    "init_scale": [POSITIVE],
    "coefs_init": ["array-like", None],
    "intercepts_init": ["array-like", None],
    "connectivity": [AUTO, Interval(Real, 0, 1, closed="right"), None],
    "dropout": [AUTO, BELOW_ONE],
    "input_dropout": [AUTO, BELOW_ONE],
    "weight_decay": [AUTO, NON_NEGATIVE],
    "label_smoothing": [AUTO, BELOW_ONE],
    "max_grad_norm": [POSITIVE, None],
    "warmup_fraction": [BELOW_ONE],
    "class_weight": [dict, StrOptions({"balanced"}), None],
    "n_members": [AUTO, POSITIVE_INT],
    "cv": ["cv_object"],
    "store_oof": ["boolean"],
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
SIZES = ((1024, 64, 50), (30_000, 128, 50), (100_000, 256, 20), (np.inf, 512, 15))
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


class Resolved(NamedTuple):
    """The parameters that may be "auto", with what they became."""

    hidden_layer_sizes: tuple
    activation: tuple
    batch_size: int
    learning_rate: str
    learning_rate_init: float
    max_iter: int
    n_iter_no_change: int
    connectivity: float | None
    dropout: float
    input_dropout: float
    weight_decay: float
    label_smoothing: float
    n_members: int


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


def resolve(estimator, extent, validates, before=None):
    """Return the parameters with "auto" replaced.

    Parameters
    ----------
    estimator : DeepNetClassifier
    extent : Extent
        Of the data.
    validates : bool
        Whether patience watches a validation loss.
    before : dict, optional
        What the parameters were in the training that goes on: its network keeps its shape.

    Returns
    -------
    Resolved
    """
    solver = SOLVERS[estimator.solver]
    recipe = solver.recipe | {"hidden_layer_sizes": HIDDEN_LAYER_SIZES}
    size, epochs = next(sizes for limit, *sizes in SIZES if extent.n_rows <= limit)
    if solver.adapts:
        recipe["batch_size"] = size
    batch_size = min(_given(estimator, "batch_size", recipe), extent.n_rows)
    if solver.takes_all_rows:
        batch_size = extent.n_rows
    if solver.adapts:
        n_batches = -(-extent.n_rows // batch_size)
        recipe["max_iter"] = max(epochs, -(-MIN_STEPS // n_batches))
        recipe |= _recipe_for(extent)
    if before is not None:
        recipe["hidden_layer_sizes"] = before["hidden_layer_sizes"]
    if not validates or estimator.loss != "log_loss":
        recipe["label_smoothing"] = 0.0  # no temperature will undo its modesty
    sizes, activation = check_layers(estimator, recipe)
    recipe["max_iter"] = max_iter = _given(estimator, "max_iter", recipe)
    recipe["n_iter_no_change"] = _patience(solver, max_iter, validates)
    recipe["n_members"] = extent.n_members
    names = Resolved._fields[3:]
    values = {name: _given(estimator, name, recipe) for name in names}
    if before is not None:  # else weights would be missing, or factors of columns
        values["connectivity"] = before["connectivity"]
    return Resolved(sizes, activation, batch_size, **values)


def _recipe_for(extent):
    """Return the part of the recipe that follows the rows, and how many inputs they are."""
    most_rows = extent.n_rows if extent.has_all_rows else np.inf
    recipe = {
        "hidden_layer_sizes": next(sizes for limit, sizes in LAYERS if most_rows <= limit),
        "dropout": next(rate for limit, rate in DROPOUT if extent.n_rows <= limit),
    }
    is_wide = extent.n_inputs > WIDE
    if not extent.is_sparse:
        recipe["input_dropout"] = WIDE_DROPOUT if is_wide else 0.0
        recipe["connectivity"] = min(max(CONNECTIVITY, FEWEST / extent.n_columns), 1.0)
        if is_wide and extent.n_rows > MANY:
            recipe |= WIDE_AND_MANY
    return recipe


def count_members(estimator, n_rows=None):
    """Return the number of members to train on so many distinct rows, if they are known."""
    if not isinstance(estimator.n_members, str):
        return estimator.n_members
    if estimator.warm_start and hasattr(estimator, "_params"):
        return len(estimator._params)
    if n_rows is None:
        return USUAL
    return next(n_members for limit, n_members in MEMBERS if n_rows <= limit)


def count_folds(n_members, n_rows):
    """Return the number of folds that so many distinct rows are dealt into."""
    return max(n_members, next(n_folds for limit, n_folds in FOLDS if n_rows <= limit))


def _patience(solver, max_iter, validates):
    if validates:
        return max(8, -(-max_iter // 8))
    return 10 if solver.has_patience else max_iter


def _given(estimator, name, recipe):
    value = getattr(estimator, name)
    if isinstance(value, str) and value == "auto":
        return recipe[name]
    # A search over a NumPy array gives NumPy's numbers, of which small types overflow.
    return value.item() if isinstance(value, np.generic) else value


def check_layers(estimator, recipe):
    """Return the widths and the activations of the hidden layers, one each.

    Raises
    ------
    ValueError
        If a width is not positive, or activations are unknown or of another number.
    """
    sizes = np.atleast_1d(_given(estimator, "hidden_layer_sizes", recipe)).tolist()
    if any(type(size) is not int or size < 1 for size in sizes):
        raise ValueError(
            f"hidden_layer_sizes must be whole numbers > 0, got {estimator.hidden_layer_sizes!r}."
        )
    return tuple(sizes), _check_activations(estimator.activation, len(sizes))


def _check_activations(given, n_layers):
    items = (given,) * n_layers if is_activation(given) else tuple(given)
    known = [
        item in ACTIVATIONS if isinstance(item, str) else is_activation(item) for item in items
    ]
    if not all(known) or len(items) != n_layers:
        raise ValueError(
            f"activation must be one name, or one for each of the {n_layers} hidden layers, "
            f"of {sorted(ACTIVATIONS)!r}, or functions of your own; got {given!r}."
        )
    for item in {id(item): item for item in items if not isinstance(item, str)}.values():
        check_activation(item)
    return items


def check_together(estimator, resolved, is_sparse):
    """Refuse parameters that contradict each other.

    Raises
    ------
    ValueError
        If a full-batch line search, or sparse rows, meet what they cannot have.
    """
    for name in ("dropout", "input_dropout"):
        rate = getattr(resolved, name)
        if SOLVERS[estimator.solver].rule is None and rate:
            raise ValueError(
                f"solver={estimator.solver!r} needs the same loss at every call, but "
                f"{name}={rate!r} makes it random. Set {name}=0, or choose another solver."
            )
    for name, plain in (("input_dropout", 0.0), ("connectivity", None)):
        if is_sparse and getattr(resolved, name) != plain:
            raise ValueError(
                f"{name}={getattr(resolved, name)!r} needs dense rows, but X is sparse. "
                f"Set {name}={plain!r}, or pass X.toarray()."
            )
