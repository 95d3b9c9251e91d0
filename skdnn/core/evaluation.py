"""Passes over many rows without gradients."""

import numpy as np

from skdnn.core.batches import blocks
from skdnn.core.prediction import BLOCK, predict_logits


def evaluate(network, params, data, loss, member_rows, width, workspace, buffers, smoothing=0.0):
    """Return the weighted mean loss and accuracy of each member on its rows.

    Parameters
    ----------
    network : Network
    params : ndarray of shape (n_members, n_parameters)
    data : Data
    loss : Loss
    member_rows : list of ndarray
        Rows of each member.
    width : int
        Number of rows to fill every member up to.
    workspace : list of Buffers
    buffers : Buffers
        For the gathered rows.
    smoothing : float, default=0.0
        That of training: judged by other targets, training towards modest probabilities would
        look the worse the better it succeeds.

    Returns
    -------
    losses, scores : ndarray of shape (n_members,)
    """
    losses, scores = np.zeros(len(params)), np.zeros(len(params))
    views = network.views(params)
    for _, rows, weights in blocks(member_rows, data.weights, width):
        logits, _ = network.forward(views, data.rows.take(rows, buffers), workspace)
        targets = data.targets[rows]
        scores += (loss.is_hit(logits, targets) * weights).sum(axis=1)
        weights = weights.astype(logits.dtype)
        losses += loss.value_and_gradient(logits, targets, weights, smoothing)[0]
    return losses, scores


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
