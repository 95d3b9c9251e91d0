"""Losses over raw network outputs.

Conventions: ``logits`` is (n_members, n_rows, n_outputs); ``weights`` is (n_members,
n_rows), non-negative, and already divided by what turns the sum over a batch into a mean.
``loss(logits, targets, weights, smoothing, values)`` writes the weighted sum for each member, in
nats and float64, into ``values`` (n_members,), and overwrites ``logits`` with its gradient. Working
from logits, no loss takes the logarithm of zero.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import expit, logit

from skdnn.core import averaging
from skdnn.core.averaging import log_sigmoid, softmax_log_odds
from skdnn.core.compiling import kernel
from skdnn.core.elementary import exp


def log_softmax(logits):
    """Return the log-probabilities of classes, shape (..., n_classes)."""
    logits = logits - logits.max(axis=-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def softmax_scores(logits, weights):
    """Return the logarithms of the members' mean probabilities."""
    return averaging.log_mean_proba(log_softmax(logits), weights)


def log_shares(targets, weights, n_outputs):
    """Return the logarithm of each class's share."""
    shares = np.bincount(targets[:, 0], weights, n_outputs) / weights.sum()
    return np.log(np.maximum(shares, 1e-4))


def logit_shares(targets, weights, n_outputs):
    """Return the log-odds of each label's share."""
    return logit(np.clip(weights @ targets / weights.sum(), 1e-4, 1 - 1e-4))


class Loss(NamedTuple):
    """A loss and what turns its logits into log-probabilities.

    Attributes
    ----------
    value_and_gradient : Kernel or callable
        ``(logits, targets, weights, smoothing, values)``; a Kernel is compiled where numba is
        installed.
    log_proba : callable
        ``logits -> log-probabilities``, one column a class or label.
    is_hit : callable
        ``(logits, targets) -> bool (n_members, n_rows)``: whether the prediction is right.
    columns_are_independent : bool
        Whether each column has a probability between 0 and 1 independent of the others, instead
        of all columns summing to 1.
    out_activation : {"softmax", "logistic"}
        What turns logits into probabilities.
    scores : callable
        ``(logits, member_weights)`` to decision scores by all members' mean probability, shape
        (n_rows, n_outputs).
    member_log_odds : callable
        ``(logits, classes)`` to each member's log-odds of a class, and their gradient.
    prior_logits : callable
        ``(targets, weights, n_outputs)`` to the logits that predict the classes' shares.
    """

    value_and_gradient: Callable
    log_proba: Callable
    is_hit: Callable
    columns_are_independent: bool = False
    out_activation: str = "softmax"
    scores: Callable = softmax_scores
    member_log_odds: Callable = softmax_log_odds
    prior_logits: Callable = log_shares

    def evaluate(self, logits, targets, weights, smoothing=0.0):
        """Return the weighted sum for each member, and its gradient, which overwrites logits."""
        values, smoothing = np.empty(len(logits)), np.full(len(logits), smoothing)
        self.value_and_gradient(logits, targets, weights, smoothing, values)
        return values, logits


def _softmax_twin(logits, targets, weights, smoothing, values):
    logits -= logits.max(axis=2, keepdims=True)
    of_target = np.take_along_axis(logits, targets, axis=2)[..., 0]
    if smoothing.any():
        of_target += smoothing[:, None] * (logits.mean(axis=2) - of_target)
    powers = np.exp(logits, out=logits)
    total = powers.sum(axis=2, keepdims=True)
    losses = np.log(total[..., 0], dtype=np.float64) - of_target
    powers /= total
    smoothing = smoothing[:, None, None].astype(powers.dtype)
    powers -= smoothing / powers.shape[2]
    hit = np.take_along_axis(powers, targets, axis=2) - (1 - smoothing)
    np.put_along_axis(powers, targets, hit, axis=2)
    powers *= weights[..., None]
    np.einsum("kr,kr->k", losses, weights, out=values)


@kernel(_softmax_twin)
def softmax_cross_entropy(logits, targets, weights, smoothing, values):
    """Compute the cross-entropy of softmax(logits) with one class a row.

    Parameters
    ----------
    logits : ndarray of shape (n_members, n_rows, n_classes)
        Overwritten with the gradient.
    targets : ndarray of shape (n_members, n_rows, 1)
        Class indices.
    weights : ndarray of shape (n_members, n_rows)
        Weight of each row.
    smoothing : float64 ndarray of shape (n_members,)
        Share of the target, in [0, 1), that is spread evenly over all classes
        (Szegedy et al., 2016, https://arxiv.org/abs/1512.00567).
    values : float64 ndarray of shape (n_members,)
        Overwritten with the loss.
    """
    real = logits.dtype.type
    n_members, n_rows, width = logits.shape
    for k in range(n_members):
        mixed = real(smoothing[k])
        values[k], hard = 0.0, real(1) - mixed
        for r in range(n_rows):
            line, total = logits[k, r], real(0)
            highest = line.max()
            for i in range(width):
                line[i] -= highest
                total += line[i]
            of_target = hard * line[targets[k, r, 0]] + mixed * (total / real(width))
            values[k] -= np.float64(weights[k, r]) * np.float64(of_target)
        powers = logits[k].reshape(-1)  # one long loop over short rows
        for i in range(powers.size):
            powers[i] = exp(powers[i])
        for r in range(n_rows):
            line, weight = logits[k, r], weights[k, r]
            total = line.sum()
            values[k] += np.float64(weight) * math.log(np.float64(total))
            scale, even = weight / total, weight * mixed / real(width)
            for i in range(width):
                line[i] = line[i] * scale - even
            line[targets[k, r, 0]] -= weight * hard


def smoothed(targets, smoothing, n_classes):
    """Return probabilities of 0 and 1, of which a share is spread evenly over the classes."""
    smoothing = smoothing[:, None, None]
    return targets * (1 - smoothing) + smoothing / n_classes


def _sigmoid_twin(logits, targets, weights, smoothing, values):
    soft = smoothed(targets, smoothing, 2).astype(logits.dtype)
    losses = (np.logaddexp(0, logits) - soft * logits).sum(axis=2, dtype=np.float64)
    expit(logits, out=logits)
    logits -= soft
    logits *= weights[..., None]
    np.einsum("kr,kr->k", losses, weights, out=values)


@kernel(_sigmoid_twin)
def sigmoid_cross_entropy(logits, targets, weights, smoothing, values):
    """Compute the summed cross-entropy of independent sigmoids.

    Parameters
    ----------
    logits : ndarray of shape (n_members, n_rows, n_outputs)
        Overwritten with the gradient. One output is the binary case, more are labels.
    targets : ndarray of shape (n_members, n_rows, n_outputs)
        0 or 1.
    weights : ndarray of shape (n_members, n_rows)
        Weight of each row.
    smoothing : float64 ndarray of shape (n_members,)
        In [0, 1). Targets become ``target * (1 - smoothing) + smoothing / 2``.
    values : float64 ndarray of shape (n_members,)
        Overwritten with the loss.
    """
    real = logits.dtype.type
    n_members, n_rows, width = logits.shape
    for k in range(n_members):
        mixed = real(smoothing[k])
        values[k], hard = 0.0, real(1) - mixed
        for r in range(n_rows):
            weight = weights[k, r]
            for i in range(width):
                z = logits[k, r, i]
                soft = real(targets[k, r, i]) * hard + mixed * real(0.5)
                power = exp(-abs(z))
                above = real(0) if z < real(0) else z  # NaN stays NaN
                values[k] += np.float64(weight) * np.float64(above + math.log1p(power) - soft * z)
                probability = (real(1) if z > real(0) else power) / (real(1) + power)
                logits[k, r, i] = weight * (probability - soft)


def log_sigmoid_pair(logits):
    """Return log(1 - p) and log(p) of one sigmoid as two columns."""
    return np.concatenate([-np.logaddexp(0, logits), -np.logaddexp(0, -logits)], axis=-1)


def highest_is_target(logits, targets):
    """Tell whether the highest logit is the target's."""
    return logits.argmax(axis=2) == targets[..., 0]


def signs_are_targets(logits, targets):
    """Tell whether every sigmoid is on the right side of one half."""
    return ((logits > 0) == (targets > 0)).all(axis=2)


OF_SIGMOIDS = {
    "value_and_gradient": sigmoid_cross_entropy,
    "is_hit": signs_are_targets,
    "out_activation": "logistic",
    "scores": averaging.mean_log_odds,
    "prior_logits": logit_shares,
}
LOSSES = {
    "softmax": Loss(softmax_cross_entropy, log_softmax, highest_is_target),
    "sigmoid": Loss(
        **OF_SIGMOIDS, log_proba=log_sigmoid_pair, member_log_odds=averaging.sigmoid_log_odds
    ),
    "multilabel": Loss(
        **OF_SIGMOIDS,
        log_proba=log_sigmoid,
        member_log_odds=averaging.label_log_odds,
        columns_are_independent=True,
    ),
}
