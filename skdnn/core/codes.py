"""Numbers by which compiled loops know the pieces: they cannot see Python's functions."""

from enum import IntEnum


class ActivationCode(IntEnum):
    """Activation functions that have a compiled loop."""

    IDENTITY = 0
    LOGISTIC = 1
    TANH = 2
    RELU = 3
    LEAKY_RELU = 4
    ELU = 5
    SELU = 6
    SILU = 7
    GELU = 8
    MISH = 9
    SOFTPLUS = 10


class LossCode(IntEnum):
    """Losses that have a compiled loop."""

    SOFTMAX = 0
    SIGMOID = 1


class RuleCode(IntEnum):
    """Update rules that have a compiled loop."""

    GRADIENT_DESCENT = 0
    MOMENTUM = 1
    ADAM = 2


class Layer(IntEnum):
    """Columns of the table of dense layers.

    ``WEIGHTS`` and ``BIAS`` are places in the flat parameters; ``OUTPUTS``, ``SLOPES`` and
    ``GRADS`` in the scratch, each (n_rows, fan_out); ``THRESHOLD`` is what 16 random bits must
    reach for a unit to be kept, ``DRAW`` the place of the random key among those of a step.
    """

    FAN_IN = 0
    FAN_OUT = 1
    WEIGHTS = 2
    BIAS = 3
    ACTIVATION = 4
    THRESHOLD = 5
    DRAW = 6
    OUTPUTS = 7
    SLOPES = 8
    GRADS = 9


class Column(IntEnum):
    """Columns of the table of knot coordinates and codes.

    ``FIRST`` is the first input of the wide layer that the column stands for, ``SIZE`` how many
    there are; ``KNOTS`` is the place of the first of ``SIZE + 1`` knots, or -1 for codes.
    """

    FIRST = 0
    SIZE = 1
    KNOTS = 2
