"""The values of "auto": batch size, epochs, layers, members and other parameters.

Tables of thresholds hold pairs (n_rows, value): the value applies up to n_rows distinct rows.
"""

import math
from typing import NamedTuple

import numpy as np

from skdnn.core.activations import ACTIVATIONS, check_activation, is_activation
from skdnn.estimator.solvers import solver_of

HIDDEN_LAYER_SIZES = (256, 256)
SMALL = 2500  # rows up to which narrow layers are enough, and too few to compare variants by
# Of "adamw". For small data, fewer units are about as accurate in half of the time; but not in the
# last layer if it tells apart many classes.
LAYERS = ((SMALL, (128, 128)), (10_000, (256, 128)), (np.inf, HIDDEN_LAYER_SIZES))
FEW_CLASSES = 10
MANY = 50_000  # distinct rows above which a small part of them is enough for validation
# More members improve the probabilities. USUAL is the number where the rows are not known.
MEMBERS, USUAL = ((SMALL, 16), (MANY, 8), (np.inf, 2)), 8
FOLDS = ((MANY, 2), (np.inf, 40))  # minimum number of folds
# (n_inputs, (width, n_members)): the largest width and number of members for up to so many inputs.
# Training keeps some ten arrays of the size of all weights, nearly all of which are in the first
# layers: so these have at most 2**24 together, unless there are more than 2**17 inputs.
AT_MOST = (
    (4096, (np.inf, np.inf)),
    (8192, (128, 16)),
    (16_384, (64, 16)),
    (32_768, (64, 8)),
    (65_536, (64, 4)),
    (np.inf, (64, 2)),
)
# Batch size and number of epochs of "adamw".
SIZES = (
    (1024, (64, 50)),
    (30_000, (128, 50)),
    (100_000, (256, 20)),
    (300_000, (512, 15)),
    (np.inf, (1024, 3)),
)
DROPOUT, SMOOTHING = ((8192, 0.3), (np.inf, 0.1)), ((SMALL, 0.0), (np.inf, 0.05))  # by rows
# Small data are trained for more epochs, to take this many steps. A quarter is enough, and better,
# with many more inputs than rows: such rows are learnt within few epochs.
MIN_STEPS, MIN_STEPS_WIDE, INPUTS_PER_ROW = 2000, 500, 5
PART = 1 / 4  # of the epochs, which may be enough for other small data
WIDE, WIDE_DROPOUT = 100, 0.2  # encoded columns; inputs dropped above, as many are redundant
# Many rows are enough to learn which of many columns matter: a wider layer with all connections, at
# a lower learning rate.
WIDE_AND_MANY = {
    "hidden_layer_sizes": (448, 256),
    "learning_rate_init": 3e-3,
    "connectivity": None,
    "weight_decay": 0.3,
    "label_smoothing": 0.02,
}
CONNECTIVITY, FEWEST = 0.3, 4  # fraction of columns connected to a unit, and their minimum number
OUTPUT_SCALE = 0.2  # factor on the initial output weights, as large initial logits slow training


class DataSize(NamedTuple):
    """The properties of the data on which "auto" depends.

    Attributes
    ----------
    n_rows : int
        Distinct rows that a member trains on.
    has_all_rows : bool
        Whether these are all rows; False in ``partial_fit``, where more may follow.
    n_columns : int
        Number of columns of an encoded row.
    n_binned : int
        How many of them are positions in bins.
    n_inputs : int
        Number of inputs of the network, bins not counted.
    is_sparse : bool
        Whether the rows are sparse.
    n_members : int
        Number of members to train.
    n_outputs : int
        Number of outputs of the network.
    needs_part : bool
        Whether a pilot fit has found that PART of the epochs is enough.
    """

    n_rows: int
    has_all_rows: bool
    n_columns: int
    n_binned: int
    n_inputs: int
    is_sparse: bool
    n_members: int
    n_outputs: int = 1
    needs_part: bool = False


def resolve(settings, data_size, validates, before=None):
    """Return the values of all parameters that may be "auto" in training.

    ``validates`` tells whether early stopping uses a validation loss. ``before`` has the values in
    the training that is continued, whose network keeps its shape.
    """
    solver = solver_of(settings)
    recipe = {"hidden_layer_sizes": HIDDEN_LAYER_SIZES, "activation": None, **solver.recipe}
    if solver.adapts:
        recipe |= _recipe_for(data_size)
    widest, _ = _up_to(data_size.n_inputs, AT_MOST)
    recipe["hidden_layer_sizes"] = tuple(min(n, widest) for n in recipe["hidden_layer_sizes"])
    if before is not None:
        recipe["hidden_layer_sizes"] = before["hidden_layer_sizes"]
    if not validates or settings.loss != "log_loss":
        recipe["label_smoothing"] = 0.0  # it biases probabilities unless they are calibrated
    batch_size = min(_given(settings, "batch_size", recipe), data_size.n_rows)
    if solver.takes_all_rows:
        batch_size = data_size.n_rows
    if solver.adapts:
        n_batches = -(-data_size.n_rows // batch_size)
        is_wide = data_size.n_inputs > INPUTS_PER_ROW * data_size.n_rows
        n_steps = MIN_STEPS_WIDE if is_wide else MIN_STEPS
        n_epochs = max(recipe["max_iter"], -(-n_steps // n_batches))
        part = n_epochs if is_wide else math.ceil(PART * n_epochs)
        is_enough = data_size.needs_part or (before is not None and before["max_iter"] == part)
        recipe["max_iter"] = part if is_enough else n_epochs
    max_iter = _given(settings, "max_iter", recipe)
    recipe["n_iter_no_change"] = _patience(solver, max_iter, validates)
    resolved = {name: _given(settings, name, recipe) for name in recipe}
    resolved |= {"batch_size": batch_size, "n_members": data_size.n_members}
    sizes, activation = check_layers(settings, recipe)
    resolved |= {"hidden_layer_sizes": sizes, "activation": activation}
    if before is not None:  # otherwise connections or scale factors would be missing
        resolved |= {name: before[name] for name in ("connectivity", "n_members")}
    return resolved


def _recipe_for(data_size):
    """Return the "auto" values that depend on the size of the data."""
    most_rows = data_size.n_rows if data_size.has_all_rows else np.inf
    first, last = _up_to(most_rows, LAYERS)
    last = first if data_size.n_outputs > FEW_CLASSES else last
    recipe = {"hidden_layer_sizes": (first, last), "label_smoothing": _up_to(most_rows, SMOOTHING)}
    recipe["batch_size"], recipe["max_iter"] = _up_to(data_size.n_rows, SIZES)
    recipe["dropout"] = _up_to(data_size.n_rows, DROPOUT)
    # With few rows, inputs are counted instead: rare categories are redundant.
    n_columns = data_size.n_columns - data_size.n_binned
    is_wide = (data_size.n_inputs if most_rows <= SMALL else n_columns) > WIDE
    if not data_size.is_sparse:
        recipe["input_dropout"] = WIDE_DROPOUT if is_wide else 0.0
        recipe["connectivity"] = connectivity_of(data_size.n_columns)
        if is_wide and data_size.n_rows > MANY:
            recipe |= WIDE_AND_MANY
    return recipe


def connectivity_of(n_columns):
    """Return the probability of a connection, if units can be connected to so many columns."""
    return min(max(CONNECTIVITY, FEWEST / n_columns), 1.0)


def count_members(settings, n_rows=None, n_inputs=0):
    """Return the number of members, given the numbers of distinct rows and of inputs if known."""
    if not is_auto(settings.n_members):
        return settings.n_members
    usual = USUAL if n_rows is None else _up_to(n_rows, MEMBERS)
    return min(usual, _up_to(n_inputs, AT_MOST)[1])


def _up_to(number, entries):
    """Return the value of the first entry whose limit is at least ``number``."""
    return next(value for limit, value in entries if number <= limit)


def count_folds(n_members, n_rows):
    """Return the number of folds for ``n_rows`` distinct rows."""
    return max(n_members, _up_to(n_rows, FOLDS))


def _patience(solver, max_iter, validates):
    if validates:
        return max(8, -(-max_iter // 8))
    return 10 if solver.has_patience else max_iter


def is_auto(value):
    """Return whether the value of a parameter is "auto"."""
    return isinstance(value, str) and value == "auto"


def _given(settings, name, recipe):
    value = getattr(settings, name)
    return recipe[name] if is_auto(value) else value


def check_layers(settings, recipe):
    """Return the widths and activations of the hidden layers; raise an error if invalid."""
    sizes = np.atleast_1d(_given(settings, "hidden_layer_sizes", recipe)).tolist()
    if any(type(size) is not int or size < 1 for size in sizes):
        raise ValueError(
            f"hidden_layer_sizes must be integers > 0, got {settings.hidden_layer_sizes!r}."
        )
    return tuple(sizes), _check_activations(settings.activation, len(sizes))


def _check_activations(given, n_layers):
    items = (given,) * n_layers if is_activation(given) else tuple(given)
    names = {item for item in items if isinstance(item, str)}
    others = {id(item): item for item in items if not isinstance(item, str)}.values()
    are_known = names <= set(ACTIVATIONS) and all(map(is_activation, others))
    if not are_known or len(items) != n_layers:
        raise ValueError(
            f"activation must be one, or one for each of the {n_layers} hidden layers, of "
            f"{sorted(ACTIVATIONS)!r} or custom activations; got {given!r}."
        )
    for item in others:
        check_activation(item)
    return items
