"""Loss and gradient of a few members over a batch, in buffers that are used again."""

from itertools import pairwise

import numpy as np

from skdnn.core.buffers import Buffers

# A slice has at least so many rows, and so many products of a row and a weight; there are at
# most so many slices. All this depends on shapes alone: sums over slices round the same
# however many threads share them.
SLICE_ROWS, SLICE_WORK, MAX_SLICES = 100, 2**23, 8


class LossGradient:
    """Loss over a batch, and its gradient in ``grads``.

    An instance belongs to one thread.

    Parameters
    ----------
    network : Network
    data : Data
    params : ndarray of shape (n_members, n_parameters)
        Read anew at every call.
    plan : Plan
    rngs : list of Generator, optional
        One a member; None for a network without dropout.
    has_one_batch : bool, default=False
        Whether all calls are with the same rows, which then are gathered once.
    """

    def __init__(self, network, data, params, plan, rngs=None, has_one_batch=False):
        self.network, self.data, self.plan, self.rngs = network, data, plan, rngs
        self.grads = np.zeros_like(params)
        self._views, self._grad_views = network.views(params), network.views(self.grads)
        self._buffers, self._workspace = Buffers(params.dtype), network.workspace(params.dtype)
        self._has_one_batch, self._inputs = has_one_batch, None

    def __call__(self, rows, weights):
        """Return the weighted loss of each member, and write ``grads``.

        Parameters
        ----------
        rows : ndarray of shape (n_members, n_batch_rows)
        weights : ndarray of shape (n_members, n_batch_rows)

        Returns
        -------
        ndarray of shape (n_members,)
        """
        if self._inputs is None or not self._has_one_batch:
            self._inputs = self.data.rows.take(rows, self._buffers)
        logits, trace = self.network.forward(self._views, self._inputs, self._workspace, self.rngs)
        targets = self.data.targets
        targets = targets.take(
            rows,
            axis=0,
            out=self._buffers("targets", (*rows.shape, targets.shape[1]), targets.dtype),
            mode="clip",
        )
        values, grad_logits = self.plan.loss.value_and_gradient(
            logits, targets, weights, self.plan.label_smoothing
        )
        self.network.backward(trace, grad_logits, self._grad_views)
        return values


class Slices:
    """The same for a single member, whose batches are cut into slices that threads share.

    Parameters
    ----------
    parts : list of LossGradient
        One a slice.
    width : int
        Rows of a batch.
    run : callable
        Like ``map``.
    """

    def __init__(self, parts, width, run):
        self.parts, self.run = parts, run
        self.grads = parts[0].grads
        edges = width * np.arange(len(parts) + 1) // len(parts)
        self._spans = [np.s_[:, start:stop] for start, stop in pairwise(edges)]

    def __call__(self, rows, weights):
        """Return the weighted loss of the member, and write ``grads``."""

        def differentiate(slot):
            span = self._spans[slot]
            with np.errstate(over="ignore", invalid="ignore"):
                return self.parts[slot](rows[span], weights[span])

        values = sum(self.run(differentiate, range(len(self.parts))))
        for part in self.parts[1:]:
            self.grads += part.grads
        return values


def count_slices(is_alone, n_batch_rows, n_parameters):
    """Return the number of slices that a batch is cut into, for threads to share."""
    if not is_alone:
        return 1  # members are what threads share
    largest = min(n_batch_rows // SLICE_ROWS, n_batch_rows * n_parameters // SLICE_WORK)
    return max(1, min(largest, MAX_SLICES))


def add_penalty(weights, grad_weights, strengths, buffers):
    """Add the gradient of ``strength / 2 * ||W||^2`` of each member.

    Parameters
    ----------
    weights, grad_weights : list of ndarray of shape (n_members, ...)
        The second is changed in place.
    strengths : ndarray of shape (n_members,)
    buffers : Buffers

    Returns
    -------
    ndarray of shape (n_members,)
        The penalties.
    """
    squares = 0.0
    for layer_weights, grad in zip(weights, grad_weights, strict=True):
        scratch = buffers("penalty", layer_weights.shape)
        factors = strengths.astype(grad.dtype)[:, None, None]
        grad += np.multiply(layer_weights, factors, out=scratch)
        squares = squares + np.einsum("kio,kio->k", layer_weights, layer_weights)
    return 0.5 * strengths * squares
