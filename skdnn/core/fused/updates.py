"""Steps of the update rules, with penalty, clipping and decay, a share at a time."""

import math

import numpy as np

from skdnn.core import kernels
from skdnn.core.codes import Layer, RuleCode
from skdnn.core.fused.machine import compiled
from skdnn.core.fused.shares import FEW_ROWS, LINE, span

BLOCK = 2**11  # parameters at a time: they stay in the first cache

adam = compiled(kernels.adam.loop)


@compiled
def momentum(params, grads, velocity, rate, share, nesterov):
    """Take a step of gradient descent with momentum."""
    real = params.dtype.type
    ahead = share if nesterov else real(1)
    behind = real(1) if nesterov else real(0)
    for i in range(params.size):
        velocity[i] = share * velocity[i] + grads[i]
        params[i] -= rate * (behind * grads[i] + ahead * velocity[i])


@compiled
def corrections(rule, number):
    """Return what step ``number``, from 1, multiplies Adam's moments by: they start from 0."""
    if rule.code != RuleCode.ADAM:
        return 1.0, 1.0
    return 1 / (1 - rule.share_1**number), 1 / (1 - rule.share_2**number)


@compiled
def follow(rule, corrected, rate, params, grads, first, second):
    """Take a step of the rule over some parameters."""
    real = params.dtype.type
    if rule.code == RuleCode.ADAM:
        adam(
            params,
            grads,
            first,
            second,
            rate * real(corrected[0]),
            (real(rule.share_1), real(1 - rule.share_1)),
            (real(rule.share_2), real(1 - rule.share_2)),
            real(corrected[1]),
            real(rule.epsilon),
        )
    elif rule.code == RuleCode.MOMENTUM:
        momentum(params, grads, first, rate, real(rule.share_1), rule.share_2 > 0)
    else:
        for i in range(params.size):
            params[i] -= rate * grads[i]


@compiled
def span_of_weights(net, depth, share):
    """Return where a share of a layer's weights starts and ends: that of their gradients."""
    layer = net.layers[depth]
    first, last = span(layer[Layer.FAN_IN], share, net.n_shares, FEW_ROWS)
    start, width = layer[Layer.WEIGHTS], layer[Layer.FAN_OUT]
    return start + first * width, start + last * width


@compiled
def span_of_others(net, depth, n_params, share):
    """Return the same of what is not decayed: biases, and all else up to the next layer."""
    bias, end = net.layers[depth, Layer.BIAS], n_params
    if depth + 1 < len(net.layers):
        end = net.layers[depth + 1, Layer.WEIGHTS]
    first, last = span(end - bias, share, net.n_shares, LINE)
    return bias + first, bias + last


@compiled
def add_penalty(net, strength, params, grads, share):
    """Add the gradient of ``strength / 2 * ||W||^2``; return the sum of squares of the share."""
    total = 0.0
    if strength == 0:
        return total
    for depth in range(len(net.layers)):
        start, stop = span_of_weights(net, depth, share)
        weights, into = params[start:stop], grads[start:stop]
        factor, squares = params.dtype.type(strength), params.dtype.type(0)
        for i in range(weights.size):
            into[i] += factor * weights[i]
            squares += weights[i] * weights[i]
        total += squares
    return total


@compiled
def squared_norm(array):
    """Return the sum of squares."""
    total = 0.0
    for i in range(array.size):
        total += np.float64(array[i]) * np.float64(array[i])
    return total


@compiled
def sum_of_squares(net, grads, share):
    """Return that of a share of the gradient."""
    total = 0.0
    for depth in range(len(net.layers)):
        start, stop = span_of_weights(net, depth, share)
        total += squared_norm(grads[start:stop])
        start, stop = span_of_others(net, depth, grads.size, share)
        total += squared_norm(grads[start:stop])
    return total


@compiled
def shrinkage(total, largest):
    """Return the factor that shrinks a vector with this sum of squares to a norm."""
    norm = math.sqrt(total)
    return largest / norm if norm > largest else 1.0


@compiled
def update(net, rule, corrected, rate, factor, member, share):
    """Shrink a share of the gradient and of the weights, and take the rule's step.

    Parameters
    ----------
    net : Net
    rule : Rule
    corrected : (float, float)
        See :func:`corrections`.
    rate : float
    factor : float
        On the gradient.
    member : Member
        Its arrays are updated.
    share : int
    """
    real = member.params.dtype.type
    kept = real(1) - real(rate) * real(rule.decay)
    for depth in range(len(net.layers)):
        first, last = span_of_weights(net, depth, share)
        for start in range(first, last, BLOCK):
            stop = min(start + BLOCK, last)
            if rule.decay:
                scale(member.params[start:stop], kept)
            follow_span(rule, corrected, rate, factor, member, start, stop)
        start, stop = span_of_others(net, depth, member.params.size, share)
        follow_span(rule, corrected, rate, factor, member, start, stop)


@compiled
def follow_span(rule, corrected, rate, factor, member, start, stop):
    """Take the rule's step for the parameters from ``start`` to ``stop``."""
    if start >= stop:
        return
    grads = member.grads[start:stop]
    if factor != 1:
        scale(grads, grads.dtype.type(factor))
    params, first, second = member.params, member.first, member.second
    follow(
        rule,
        corrected,
        params.dtype.type(rate),
        params[start:stop],
        grads,
        first[start:stop],
        second[start:stop],
    )


@compiled
def scale(array, factor):
    """Multiply an array by a number."""
    for i in range(array.size):
        array[i] *= factor
