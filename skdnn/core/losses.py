"""Losses over raw network outputs.

Conventions: ``logits`` is (n_members, n_rows, n_outputs); ``weights`` is (n_members,
n_rows), non-negative, and already divided by what turns the sum over a batch into a mean.
``loss(logits, targets, weights, smoothing)`` returns the weighted sum for each member, in
nats and float64, and its gradient, which overwrites ``logits``. Working from logits, no
loss takes the logarithm of zero.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import expit

from skdnn.core.codes import LossCode


class Loss(NamedTuple):
    """A loss and what turns its logits into log-probabilities.

    Attributes
    ----------
    value_and_gradient : callable
        ``(logits, targets, weights, smoothing) -> (value, grad_logits)``.
    log_proba : callable
        ``logits -> log-probabilities``, one column a class or label.
    is_hit : callable
        ``(logits, targets) -> bool (n_members, n_rows)``: whether the prediction is right.
    columns_are_independent : bool
        Whether each column of probabilities is one of two outcomes of its own, instead of all
        columns summing to 1.
    code : LossCode or None
        Its compiled loop; without one, networks train layer by layer.
    """

    value_and_gradient: Callable
    log_proba: Callable
    is_hit: Callable
    columns_are_independent: bool = False
    code: LossCode | None = None


def softmax_cross_entropy(logits, targets, weights, smoothing=0.0):
    """Return the cross-entropy of softmax(logits) with one class a row.

    Parameters
    ----------
    logits : ndarray of shape (n_members, n_rows, n_classes)
        Overwritten with the gradient.
    targets : ndarray of shape (n_members, n_rows, 1)
        Class indices.
    weights : ndarray of shape (n_members, n_rows)
        Weight of each row.
    smoothing : float in [0, 1), default=0.0
        Share of the target that is spread evenly over all classes
        (Szegedy et al., 2016, https://arxiv.org/abs/1512.00567).

    Returns
    -------
    value : ndarray of shape (n_members,)
    grad_logits : ndarray of shape (n_members, n_rows, n_classes)
    """
    logits -= logits.max(axis=2, keepdims=True)
    levels = np.take_along_axis(logits, targets, axis=2)[..., 0]
    if smoothing:
        levels += smoothing * (logits.mean(axis=2) - levels)
    powers = np.exp(logits, out=logits)
    total = powers.sum(axis=2, keepdims=True)
    values = np.log(total[..., 0], dtype=np.float64) - levels
    powers /= total
    powers -= smoothing / powers.shape[2]
    hit = np.take_along_axis(powers, targets, axis=2) - (1 - smoothing)
    np.put_along_axis(powers, targets, hit, axis=2)
    powers *= weights[..., None]
    return np.einsum("kr,kr->k", values, weights), powers


def sigmoid_cross_entropy(logits, targets, weights, smoothing=0.0):
    """Return the summed cross-entropy of independent sigmoids.

    Parameters
    ----------
    logits : ndarray of shape (n_members, n_rows, n_outputs)
        Overwritten with the gradient. One output is the binary case, more are labels.
    targets : ndarray of shape (n_members, n_rows, n_outputs)
        0 or 1.
    weights : ndarray of shape (n_members, n_rows)
        Weight of each row.
    smoothing : float in [0, 1), default=0.0
        Targets become ``target * (1 - smoothing) + smoothing / 2``.

    Returns
    -------
    value : ndarray of shape (n_members,)
    grad_logits : ndarray of shape (n_members, n_rows, n_outputs)
    """
    soft = (targets * (1 - smoothing) + smoothing / 2).astype(logits.dtype)
    values = (np.logaddexp(0, logits) - soft * logits).sum(axis=2, dtype=np.float64)
    expit(logits, out=logits)
    logits -= soft
    logits *= weights[..., None]
    return np.einsum("kr,kr->k", values, weights), logits


def log_softmax(logits):
    """Return the log-probabilities of classes, shape (..., n_classes)."""
    logits = logits - logits.max(axis=-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def log_sigmoid_pair(logits):
    """Return log(1 - p) and log(p) of one sigmoid as two columns."""
    return np.concatenate([-np.logaddexp(0, logits), -np.logaddexp(0, -logits)], axis=-1)


def log_sigmoid(logits):
    """Return log(p) of independent sigmoids."""
    return -np.logaddexp(0, -logits)


def highest_is_target(logits, targets):
    """Tell whether the highest logit is the target's."""
    return logits.argmax(axis=2) == targets[..., 0]


def signs_are_targets(logits, targets):
    """Tell whether every sigmoid is on the right side of one half."""
    return ((logits > 0) == (targets > 0)).all(axis=2)


LOSSES = {
    "softmax": Loss(softmax_cross_entropy, log_softmax, highest_is_target, code=LossCode.SOFTMAX),
    "sigmoid": Loss(
        sigmoid_cross_entropy, log_sigmoid_pair, signs_are_targets, code=LossCode.SIGMOID
    ),
    "multilabel": Loss(
        sigmoid_cross_entropy, log_sigmoid, signs_are_targets, True, LossCode.SIGMOID
    ),
}
