"""Passes over many rows without gradients."""

import numpy as np

from skdnn.core.batches import take
from skdnn.core.prediction import LARGEST_BLOCK, block_size_of, predict_logits
from skdnn.core.tape import Tape


class Evaluation:
    """Loss and accuracy of a few members, each on its own validation rows.

    The loss uses the smoothed targets of training: with other targets, training towards smoothed
    probabilities would look worse the better it succeeds. An instance is used by one thread only.

    Parameters
    ----------
    job : Job
    params : ndarray of shape (n_members, n_parameters)
        Read anew at every call.
    smoothing : float64 ndarray of shape (n_members,)
    member_rows : list of ndarray
        Rows of each member in ``job.valid_data``.
    """

    def __init__(self, job, params, smoothing, member_rows):
        self._job, self._params, self._smoothing, self._passes = job, params, smoothing, {}
        size = block_size_of(job.network, len(params))
        self._blocks = list(blocks(member_rows, job.valid_data.weights, job.valid_width, size))

    def __call__(self):
        """Return the weighted mean loss, the accuracy, and the losses at further temperatures.

        Returns
        -------
        ndarray of shape (2 + n_temperatures, n_members)
        """
        report = np.zeros((2 + len(self._job.plan.temperatures), len(self._params)))
        for rows, weights in self._blocks:
            if rows.shape not in self._passes:
                self._passes[rows.shape] = self._record(rows.shape)
            tape, inputs, values = self._passes[rows.shape]
            for array, of_block in zip(inputs, (rows, weights, weights), strict=True):
                np.copyto(array, of_block, casting="same_kind")
            tape.play()
            report += values
        return report

    def _record(self, shape):
        """Return a tape for blocks of a shape, with the arrays that it reads and writes."""
        data, loss, params = self._job.valid_data, self._job.plan.loss, self._params
        tape = Tape(params, is_compiled=self._job.is_compiled)
        rows, exact = np.zeros(shape, np.intp), np.zeros(shape)
        temperatures = self._job.plan.temperatures
        weights, values = np.zeros(shape, params.dtype), np.zeros((2 + len(temperatures), shape[0]))
        logits, _ = self._job.network.forward(tape, data.rows.gather(tape, rows))
        targets = take(tape, data.targets, rows)
        tape.call(_count_hits, loss.is_hit, logits, targets, exact, values[1])
        given = targets, weights, self._smoothing
        for temperature, losses in zip(temperatures, values[2:], strict=True):
            tape.call(_losses_at, temperature, loss.value_and_gradient, logits, *given, losses)
        tape.call(loss.value_and_gradient, logits, *given, values[0])
        return tape, (rows, exact, weights), values


def blocks(member_rows, weights, width, size):
    """Yield the row numbers and weights (n_members, block size) of blocks of up to ``size`` rows.

    Members that have fewer than ``width`` rows are filled up with rows of weight 0. The weights of
    a member sum to 1 over all blocks.
    """
    last = np.array([len(rows) - 1 for rows in member_rows])
    totals = np.array([weights[rows].sum() for rows in member_rows])
    for start in range(0, width, size):
        slots = np.arange(start, min(start + size, width))
        pairs = zip(member_rows, last, strict=True)
        block_rows = np.stack([rows[np.minimum(slots, end)] for rows, end in pairs])
        block_weights = weights[block_rows] * (slots <= last[:, None]) / totals[:, None]
        yield block_rows, block_weights


def _losses_at(temperature, value_and_gradient, logits, *given):
    value_and_gradient(logits / temperature, *given)


def _count_hits(is_hit, logits, targets, weights, out):
    np.einsum("kr,kr->k", is_hit(logits, targets), weights, out=out)


def held_out_logits(network, params, data, member_rows, run=map):
    """Return each member's logits of its held-out rows, a list of (n_member_rows, n_outputs).

    ``run`` is like ``map``.
    """

    def blocks_of(params, rows):
        for portion in _portions(rows):
            source = type(data.rows)(data.rows.array[portion])
            for _, logits in predict_logits(network, params, source, len(portion)):
                yield logits[0]

    def of_member(member):
        return np.concatenate(list(blocks_of(params[member : member + 1], member_rows[member])))

    return list(run(of_member, range(len(params))))


def _portions(rows):
    """Split row numbers into the blocks of predictions, the last two of which are one portion.

    The last block may have so few rows that, alone, it would be computed in float64.
    """
    return np.split(rows, LARGEST_BLOCK * np.arange(1, len(rows) // LARGEST_BLOCK))
