"""What "auto" becomes: batch size, epochs, layers, members and the other parameters."""

from typing import NamedTuple

import numpy as np

from skdnn.core.activations import ACTIVATIONS, check_activation, is_activation
from skdnn.estimator.solvers import SOLVERS

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


class DataSize(NamedTuple):
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


def resolve(settings, data_size, validates, before=None):
    """Return the parameters with "auto" replaced.

    Parameters
    ----------
    settings : SimpleNamespace
        The parameters of the estimator.
    data_size : DataSize
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
        recipe |= _recipe_for(data_size)
    if before is not None:
        recipe["hidden_layer_sizes"] = before["hidden_layer_sizes"]
    if not validates or settings.loss != "log_loss":
        recipe["label_smoothing"] = 0.0  # no temperature will undo its modesty
    batch_size = min(_given(settings, "batch_size", recipe), data_size.n_rows)
    if solver.takes_all_rows:
        batch_size = data_size.n_rows
    if solver.adapts:
        n_batches = -(-data_size.n_rows // batch_size)
        recipe["max_iter"] = max(recipe["max_iter"], -(-MIN_STEPS // n_batches))
    max_iter = _given(settings, "max_iter", recipe)
    recipe["n_iter_no_change"] = _patience(solver, max_iter, validates)
    recipe["n_members"] = data_size.n_members
    resolved = {name: _given(settings, name, recipe) for name in recipe}
    sizes, activation = check_layers(settings, recipe)
    resolved |= {"hidden_layer_sizes": sizes, "activation": activation, "batch_size": batch_size}
    if before is not None:  # else weights would be missing, or factors of columns
        resolved["connectivity"] = before["connectivity"]
    return resolved


def _recipe_for(data_size):
    """Return the part of the recipe that follows the rows, and how many inputs they are."""
    most_rows = data_size.n_rows if data_size.has_all_rows else np.inf
    recipe = {"hidden_layer_sizes": _up_to(most_rows, LAYERS)}
    recipe["batch_size"], recipe["max_iter"] = _up_to(data_size.n_rows, SIZES)
    recipe["dropout"] = _up_to(data_size.n_rows, DROPOUT)
    is_wide = data_size.n_inputs > WIDE
    if not data_size.is_sparse:
        recipe["input_dropout"] = WIDE_DROPOUT if is_wide else 0.0
        recipe["connectivity"] = min(max(CONNECTIVITY, FEWEST / data_size.n_columns), 1.0)
        if is_wide and data_size.n_rows > MANY:
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
