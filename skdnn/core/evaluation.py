"""Passes over many rows without gradients."""

import numpy as np

from skdnn.core.batches import blocks
from skdnn.core.buffers import Buffers
from skdnn.core.prediction import BLOCK, predict_logits


class Evaluation:
    """Loss and accuracy of a few members, each on rows of its own.

    An instance belongs to one thread.

    Parameters
    ----------
    network : Network
    params : ndarray of shape (n_members, n_parameters)
        Read anew at every call.
    data : Data
    member_rows : list of ndarray
        Rows of each member.
    width : int
        Number of rows to fill every member up to.
    loss : Loss
    smoothing : float, default=0.0
        That of training: judged by other targets, training towards modest probabilities would
        look the worse the better it succeeds.
    """

    def __init__(self, network, params, data, member_rows, width, loss, smoothing=0.0):
        self.network, self.data, self.loss, self.smoothing = network, data, loss, smoothing
        self._views = network.views(params)
        self._buffers, self._workspace = Buffers(params.dtype), network.workspace(params.dtype)
        self._blocks = list(blocks(member_rows, data.weights, width))

    def __call__(self):
        """Return the weighted mean loss and accuracy.

        Returns
        -------
        ndarray of shape (2, n_members)
        """
        report = 0.0
        for rows, weights in self._blocks:
            inputs = self.data.rows.take(rows, self._buffers)
            logits, _ = self.network.forward(self._views, inputs, self._workspace)
            targets = self.data.targets[rows]
            scores = (self.loss.is_hit(logits, targets) * weights).sum(axis=1)
            weights = weights.astype(logits.dtype)
            losses, _ = self.loss.value_and_gradient(logits, targets, weights, self.smoothing)
            report += np.stack([losses, scores])
        return report


def held_out_logits(network, params, data, member_rows, run=map):
    """Return each member's logits of its own rows.

    Parameters
    ----------
    network : Network
    params : ndarray of shape (n_members, n_parameters)
    data : Data
    member_rows : list of ndarray
    run : callable, default=map
        Like ``map``.

    Returns
    -------
    list of ndarray of shape (n_member_rows, n_outputs)
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
    """Cut row numbers where predictions cut rows into blocks, but keep the last block whole.

    A rest of few rows alone would be computed in another type than as part of many.
    """
    bounds = BLOCK * np.arange(1, len(rows) // BLOCK)
    return np.split(rows, bounds)
