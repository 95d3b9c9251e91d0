"""What compiled loops are given: named tuples of numbers and arrays.

Numba compiles a loop anew for every combination of types, so all of these are the same for
all networks of a floating type: what differs between networks stands in integer tables.
"""

from typing import NamedTuple

import numpy as np


class Net(NamedTuple):
    """A network; its arrays come first.

    Attributes
    ----------
    layers : int64 ndarray of shape (n_layers, n_properties)
        See :class:`skdnn.core.codes.LayerColumns`.
    columns : int64 ndarray of shape (n_columns, n_properties)
        Knot coordinates and codes; see :class:`skdnn.core.codes.BlockColumns`.
    runs : int64 ndarray of shape (n_runs, n_properties)
        See :class:`skdnn.core.codes.RunColumns`.
    n_plain : int
        Numbers in front of ``columns`` in a row.
    n_inputs : int
        Columns of a row in the scratch: wide ones if rows are widened, else those of the data
        that are not mostly zero.
    n_numbers, n_compact : int
        How many of these are multiplied by weights, and how many of ``columns`` the first layer
        takes as they are.
    n_sparse : int
        Columns of the data that are mostly zero.
    inputs : int
        Place of a batch's rows in the scratch.
    entries : int
        Place of the lists of what is not zero in columns that mostly are; see
        :mod:`skdnn.core.fused.entries`.
    knots, grad_knots : int
        Places in the scratch of the first layer's outputs at all knots, and of the gradients at
        those of one column.
    factors : int
        Place in the parameters of those that scale the columns of a row, or -1.
    scaled : int
        Place in the scratch of a copy of the weights of the numbers, scaled and without those of
        columns that are mostly zero, and later of its gradient; -1 if weights are taken as they
        are.
    input_threshold : int
        What 16 random bits must reach for an input to be kept.
    n_words : int
        Most words of random bits that a row needs.
    loss : int
        One of :class:`skdnn.core.codes.LossCode`.
    smoothing : float
        Label smoothing.
    n_shares : int
        Shares that a batch is cut into.
    gemm : int
        Address of BLAS's matrix product.
    """

    layers: np.ndarray
    columns: np.ndarray
    runs: np.ndarray
    n_plain: int
    n_inputs: int
    n_numbers: int
    n_compact: int
    n_sparse: int
    inputs: int
    entries: int
    knots: int
    grad_knots: int
    factors: int
    scaled: int
    input_threshold: int
    n_words: int
    loss: int
    smoothing: float
    n_shares: int
    gemm: int


class Rule(NamedTuple):
    """How a gradient becomes a step.

    Attributes
    ----------
    code : int
        One of :class:`skdnn.core.codes.RuleCode`.
    share_1, share_2, epsilon : float
        What the rule makes of them: for Adam its betas.
    decay : float
        Decoupled decay of weights, per unit of rate.
    alpha : float
        L2 penalty, times the number of rows.
    max_norm : float
        Longest gradient; infinite without clipping.
    """

    code: int
    share_1: float
    share_2: float
    epsilon: float
    decay: float
    alpha: float
    max_norm: float


class Rows(NamedTuple):
    """Rows of data, with their targets and weights; all arrays are flat."""

    array: np.ndarray
    targets: np.ndarray
    n_targets: int
    weights: np.ndarray


class Orders(NamedTuple):
    """Which rows each member sees, one member after the other.

    Attributes
    ----------
    rows : intp ndarray
    starts, counts : int64 ndarray of shape (n_members,)
        Where a member's rows start, and how many there are.
    means : float64 ndarray of shape (n_members,)
        Mean weight of a member's rows.
    """

    rows: np.ndarray
    starts: np.ndarray
    counts: np.ndarray
    means: np.ndarray


class Steps(NamedTuple):
    """The steps of an epoch.

    Attributes
    ----------
    rates : float64 ndarray of shape (n_steps,)
    n_before : int
        Steps taken before.
    keys : uint64 ndarray of shape (n_members, n_steps, n_layers with dropout)
    """

    rates: np.ndarray
    n_before: int
    keys: np.ndarray


class Members(NamedTuple):
    """C-contiguous arrays of a few members, (n_members, n_parameters), and what they share.

    ``first`` and ``second`` are the memory of the update rule, or anything if it has none;
    ``grads`` and ``scratch`` are flat; ``sums`` is (3, n_shares) in float64.
    """

    params: np.ndarray
    first: np.ndarray
    second: np.ndarray
    grads: np.ndarray
    scratch: np.ndarray
    sums: np.ndarray


class Member(NamedTuple):
    """The same of one member; all but ``sums`` are flat."""

    params: np.ndarray
    first: np.ndarray
    second: np.ndarray
    grads: np.ndarray
    scratch: np.ndarray
    sums: np.ndarray


class Team(NamedTuple):
    """Threads that share a batch.

    Attributes
    ----------
    thread, n_threads : int
    counter : int64 ndarray of shape (1,)
        The same array for all of them, 0 to begin with.
    give_way : int
        Address of a C function that lets other threads run.
    """

    thread: int
    n_threads: int
    counter: np.ndarray
    give_way: int
