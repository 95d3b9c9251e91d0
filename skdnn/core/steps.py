"""Training steps of a group of members: recorded once, and repeated for each batch."""

import math
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np

from skdnn.core.batches import Batches, Blocks, Data, Layout, take
from skdnn.core.evaluation import Evaluation
from skdnn.core.layers import Dense
from skdnn.core.optimizers import clip_by_norm
from skdnn.core.sparse_layer import RowGradients
from skdnn.core.tape import Tape
from skdnn.core.workers import Workers

# A batch of a single network is cut into slices, which threads share. Each pair is a number of
# products of a row and a weight in a batch, and the number of slices from there on: matrix products
# of small slices are slower. A slice has at least SLICE_ROWS rows. The slices depend on shapes
# alone, so that sums over them have the same rounding errors for any number of threads.
SLICES, SLICE_ROWS = ((2**28, 8), (2**26, 4), (2**24, 2), (0, 1)), 16


class Job(NamedTuple):
    """The network, data and settings of a training, which all members have in common.

    Attributes
    ----------
    network : Network
    plan : Plan
    data : Data
    valid_data : Data or None
    layout : Layout
    valid_width : int
        Most validation rows of any member.
    is_compiled : bool
        Whether kernels are compiled.
    is_alone : bool
        Whether there is a single member, whose batches threads share; otherwise they share members.
    updates_rows : bool
        Whether a step updates only the weights of inputs that the batch has entries for.
    workers : Workers
    blocks : Blocks
        How ``data`` is filled, if it has room for only a block of the rows.
    """

    network: object
    plan: object
    data: Data
    valid_data: Data | None
    layout: Layout
    valid_width: int
    is_compiled: bool
    is_alone: bool
    updates_rows: bool
    workers: Workers
    blocks: Blocks = Blocks()


class Members(NamedTuple):
    """The parameters, random generators and rows of some members.

    Attributes
    ----------
    params : ndarray of shape (n_members, n_parameters)
        Changed by every step.
    memory : list of ndarray of shape (n_members, n_parameters)
        Of the update rule.
    rates : ndarray of shape (n_members, 1)
        Factors on the rates.
    smoothing : float64 ndarray of shape (n_members,)
        Label smoothing.
    rngs : list of Generator
    train_rows, valid_rows : list of ndarray
        The second is empty without validation.
    """

    params: np.ndarray
    memory: list
    rates: np.ndarray
    smoothing: np.ndarray
    rngs: list
    train_rows: list
    valid_rows: list


class Gradient(NamedTuple):
    """The recorded loss of a batch, or of a slice of it, and its gradient.

    Attributes
    ----------
    tape : Tape
        Its calls write into ``tape.grads``.
    values : float64 ndarray of shape (n_members,)
        The weighted loss of each member, after a replay.
    """

    tape: Tape
    values: np.ndarray


def record_gradient(job, params, smoothing, rows, weights):
    """Return the recorded Gradient of the loss of a batch.

    ``rows`` and ``weights`` (n_members, n_batch_rows) are read at every replay; but if all steps
    are over one batch, its rows are read here, once.
    """
    has_one_batch = job.layout.n_batches == 1 and not job.plan.shuffle
    # Unlike zeros_like, this takes no memory where nothing is written, as with row updates.
    grads = np.zeros(params.shape, params.dtype)
    row_grads = RowGradients() if job.updates_rows else None
    tape = Tape(params, grads, job.is_compiled, row_grads=row_grads)
    row_tape = Tape(params) if has_one_batch else tape
    inputs, targets = job.data.rows.gather(row_tape, rows), take(row_tape, job.data.targets, rows)
    if has_one_batch:
        row_tape.play()
    logits, backward = job.network.forward(tape, inputs)
    values = np.zeros(len(params))
    loss = job.plan.loss.value_and_gradient
    tape.call(loss, logits, targets, weights, smoothing, values)
    backward(logits)
    return Gradient(tape, values)


def add_penalty(views, grad_views, strengths, values):
    """Add ``strength / 2 * ||W||^2`` of each member to the losses, and its gradient."""
    for weights, grad in zip(views, grad_views, strict=True):
        grad += weights * strengths.astype(grad.dtype)[:, None, None]
        values += 0.5 * strengths * np.einsum("kio,kio->k", weights, weights)


def decay_bounds(network):
    """Return where runs of parameters that decay in turn begin and end; see the update rules."""
    sizes = []
    for layer in network.layers:
        counts = [math.prod(shape) for shape in layer.shapes]
        n_weights = counts[0] if isinstance(layer, Dense) else 0
        sizes += [n_weights, sum(counts) - n_weights]
    return np.array([0, *accumulate(sizes)])


def count_slices(is_alone, n_batch_rows, n_parameters):
    """Return the number of slices that a batch is cut into, for threads to share."""
    if not is_alone:
        return 1  # members are what threads share
    work = n_batch_rows * n_parameters
    most = next(n_slices for least, n_slices in SLICES if work >= least)
    return max(1, min(most, n_batch_rows // SLICE_ROWS))


class Steps:
    """Epochs of a few members.

    Parameters
    ----------
    job : Job
    members : Members

    Attributes
    ----------
    orders : list of ndarray
        The members' rows in the order that shuffling has left them in.
    """

    def __init__(self, job, members):
        self.job, self.members = job, members
        params, layout = members.params, job.layout
        given = layout, params.dtype, job.blocks.mean_weight
        self.batches = Batches(members.train_rows, job.data.weights, *given)
        self.orders = self.batches.orders
        self.rows, self.weights, _ = (array.copy() for array in next(self.batches.epoch()))
        is_cut = job.is_alone and not job.updates_rows
        n_slices = count_slices(is_cut, layout.width, params.shape[1])
        edges = np.arange(n_slices + 1) * layout.width // n_slices
        given = job, params, members.smoothing
        self.parts = [
            record_gradient(*given, self.rows[:, low:high], self.weights[:, low:high])
            for low, high in pairwise(edges)
        ]
        self.values = self.parts[0].values
        self.keys = [key for part in self.parts for key in part.tape.keys]
        self.update = self._record_update()
        self.evaluate = None
        if members.valid_rows:
            self.evaluate = Evaluation(job, params, members.smoothing, members.valid_rows)

    def _record_update(self):
        """Record the sum of the slices' gradients, the penalty, clipping and the update."""
        plan, (params, memory, *_), job = self.job.plan, self.members, self.job
        grads = self.parts[0].tape.grads
        tape = Tape(params, grads, job.is_compiled)
        for part in self.parts[1:]:
            tape.call(np.add, grads, part.tape.grads, grads)
            tape.call(np.add, self.values, part.values, self.values)
        if plan.alpha:
            views = job.network.weights(params), job.network.weights(grads)
            n_rows = np.broadcast_to(job.blocks.n_rows or self.batches.counts, len(params))
            tape.call(add_penalty, *views, plan.alpha / n_rows, self.values)
        if plan.max_grad_norm is not None:
            tape.call(clip_by_norm, grads, plan.max_grad_norm)
        self.numbers = self._numbers(np.ones(1), 0)[0].copy()
        arrays, bounds = [params, grads, *memory], decay_bounds(job.network)
        row_grads, shape = self.parts[0].tape.row_grads, job.network.layers[0].shapes[0]
        if row_grads is None:
            tape.call(plan.rule.step, *arrays, bounds, self.numbers)
        else:
            row_grads.record_update(tape, plan.rule.step, arrays, bounds, self.numbers, shape)
        return tape

    def _numbers(self, rates, n_before):
        """Return the numbers of some steps of the rule, shape (n_steps, n_members, n_numbers)."""
        plan, params = self.job.plan, self.members.params
        rates = np.multiply.outer(rates, self.members.rates[:, 0])
        steps = n_before + 1.0 + np.arange(len(rates))[:, None]
        given = [1 - rates * plan.weight_decay, *plan.rule.numbers(rates, steps)]
        numbers = np.empty((*rates.shape, len(given)), params.dtype)
        with np.errstate(over="ignore"):  # enormous rates do not fit into float32
            for place, value in enumerate(given):
                numbers[..., place] = value
        return numbers

    def _draw_keys(self, n_steps):
        """Return random keys for dropout, a list of (n_members,) for each step."""
        shape = n_steps, len(self.keys)
        draws = [rng.bit_generator.random_raw(shape) for rng in self.members.rngs if self.keys]
        return np.stack(draws, axis=-1) if draws else [()] * n_steps

    def epoch(self, rates, n_before):
        """Train for an epoch.

        Parameters
        ----------
        rates : list of float
            One a batch, for all members.
        n_before : int
            Steps taken before.

        Returns
        -------
        ndarray of shape (n_members,)
            Mean training loss.
        """
        members = self.members
        losses, numbers = np.zeros(len(members.params)), self._numbers(rates, n_before)
        keys = self._draw_keys(len(rates))
        batches = self.batches.epoch(members.rngs if self.job.plan.shuffle else None)
        calls = self._calls()
        for step, (rows, weights, shares) in enumerate(batches):
            self.job.workers.check()
            self.rows[...] = rows
            self.weights[...] = weights
            self.numbers[...] = numbers[step]
            for key, drawn in zip(self.keys, keys[step], strict=True):
                key[...] = drawn
            for function, args in calls:
                function(*args)
            losses += shares * self.values
        return losses

    def _calls(self):
        """Return the calls of a step."""
        if len(self.parts) == 1:
            return self.parts[0].tape.calls + self.update.calls

        def play(part):
            with np.errstate(over="ignore", invalid="ignore"):
                part.tape.play()

        return [(self.job.workers.map, (play, self.parts)), *self.update.calls]
