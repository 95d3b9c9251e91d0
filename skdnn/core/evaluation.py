"""Passes over many rows without gradients."""

import numpy as np

from skdnn.core.batches import blocks
from skdnn.core.prediction import predict_logits


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

    def of_member(member):
        rows = member_rows[member]
        held_out = type(data.rows)(data.rows.array[rows])
        blocks_of = predict_logits(network, params[member : member + 1], held_out, len(rows))
        return np.concatenate([logits[0] for _, logits in blocks_of])

    return list(run(of_member, range(len(params))))
