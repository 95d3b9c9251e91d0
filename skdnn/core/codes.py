"""Numbers by which compiled loops know the pieces: they cannot see Python's functions."""

from enum import IntEnum
from typing import NamedTuple


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


# Most units of a layer whose products are not BLAS's work. The loops of skdnn.core.fused.narrow are
# written for four: with more, BLAS is about as fast.
NARROW = 4


class LayerColumns(NamedTuple):
    """Columns of the table of dense layers.

    ``WEIGHTS`` and ``BIAS`` are places in the flat parameters; ``OUTPUTS``, ``SLOPES`` and
    ``GRADS`` in the scratch, each (n_rows, fan_out). ``SUMS`` is the place there of the sum of the
    first share of the rows of ``GRADS``, ``SUMS_STEP`` how far it is to the next. ``THRESHOLD`` is
    what 16 random bits must reach for a unit to be kept, ``DRAW`` the place of the random key among
    those of a step. ``BY_UNIT``, -1 where products are BLAS's work, is the place in the scratch of
    the first share's copy of the weights, (NARROW, fan_in), and later of its part of their
    gradient; ``BY_UNIT_STEP`` is how far it is to the next.
    """

    FAN_IN: int = 0
    FAN_OUT: int = 1
    WEIGHTS: int = 2
    BIAS: int = 3
    ACTIVATION: int = 4
    THRESHOLD: int = 5
    DRAW: int = 6
    OUTPUTS: int = 7
    SLOPES: int = 8
    GRADS: int = 9
    SUMS: int = 10
    SUMS_STEP: int = 11
    BY_UNIT: int = 12
    BY_UNIT_STEP: int = 13


Layer = LayerColumns()


class BlockColumns(NamedTuple):
    """Columns of the table of knot coordinates and codes.

    ``FIRST`` is the first input of the wide layer that the column stands for, ``SIZE`` how many
    there are; ``KNOTS`` is the place of the first of ``SIZE + 1`` knots, or -1 for codes.
    """

    FIRST: int = 0
    SIZE: int = 1
    KNOTS: int = 2


Column = BlockColumns()


class RunColumns(NamedTuple):
    """Columns of the table of runs, neighboring columns of the data that are treated alike.

    ``START`` and ``STOP`` are columns of the data; ``PLACE`` is where they go in a row of the
    scratch, or -1 if they are mostly zero: of these a row keeps those that are not.
    """

    START: int = 0
    STOP: int = 1
    PLACE: int = 2


Run = RunColumns()
