"""Forward and backward passes of a batch, a share at a time."""

import math

import numpy as np

from skdnn.core.codes import Layer, LossCode
from skdnn.core.fused.elementwise import expm1
from skdnn.core.fused.machine import call, compiled, multiply, piece
from skdnn.core.fused.rows import drop, span


@compiled
def inputs_of(net, depth):
    """Return where the inputs of a layer are in the scratch, and their number."""
    if depth == 0:
        return net.inputs, net.n_inputs
    return net.layers[depth - 1, Layer.OUTPUTS], net.layers[depth, Layer.FAN_IN]


@compiled
def multiply_inputs(net, depth, n_rows, params, scratch, share):
    """Write a share of the products of a layer that is not the first."""
    layer = net.layers[depth]
    width = layer[Layer.FAN_OUT]
    low, high = span(width, share, net.n_shares)
    inputs, n_inputs = inputs_of(net, depth)
    multiply(
        net.gemm,
        (n_rows, high - low, n_inputs),
        (scratch, inputs, n_inputs, False),
        (params, layer[Layer.WEIGHTS] + low, width, False),
        (scratch, layer[Layer.OUTPUTS] + low, width),
    )


@compiled
def finish(net, depth, n_rows, params, scratch, keys, words, share):
    """Turn a share of a layer's products into outputs and slopes; drop units if there are keys."""
    layer = net.layers[depth]
    width, threshold = layer[Layer.FAN_OUT], layer[Layer.THRESHOLD]
    low, high = span(width, share, net.n_shares)
    size = scratch.itemsize
    call(
        layer[Layer.ACTIVATION],
        (
            scratch.ctypes.data + (layer[Layer.OUTPUTS] + low) * size,
            params.ctypes.data + (layer[Layer.BIAS] + low) * size,
            scratch.ctypes.data + (layer[Layer.SLOPES] + low) * size,
            n_rows,
            high - low,
            width,
        ),
    )
    if threshold and keys.size:
        key = keys[layer[Layer.DRAW]]
        for row in range(n_rows):
            start = layer[Layer.OUTPUTS] + row * width
            line = piece(scratch, start + low, high - low)
            start = layer[Layer.SLOPES] + row * width
            slopes = piece(scratch, start + low, high - low)
            place = row * ((width + 3) // 4) + low // 4
            drop(line, slopes, place, key, threshold, words)


@compiled
def shift_row(line, target, smoothing):
    """Subtract the highest logit of a row from all; return the target's, smoothed."""
    real = line.dtype.type
    highest = line[0]
    for k in range(1, line.size):
        highest = line[k] if line[k] > highest else highest
    mean = real(0)
    for k in range(line.size):
        line[k] -= highest
        mean += line[k]
    level = line[target]
    if smoothing > real(0):
        level += smoothing * (mean / real(line.size) - level)
    return level


@compiled
def exponentiate(logits):
    """Turn shifted logits into their exponentials."""
    for k in range(logits.size):
        logits[k] = expm1(logits[k]) + logits.dtype.type(1)


@compiled
def normalize_row(line, target, weight, smoothing):
    """Turn a row of exponentials into the gradient of its logits; return the log of their sum."""
    real = line.dtype.type
    total = real(0)
    for k in range(line.size):
        total += line[k]
    scale, even = weight / total, weight * smoothing / real(line.size)
    for k in range(line.size):
        line[k] = line[k] * scale - even
    line[target] -= weight * (real(1) - smoothing)
    return math.log(total)


@compiled
def softmax_row(line, target, weight, smoothing):
    """Return the weighted cross-entropy of a row of logits, and turn them into its gradient."""
    level = shift_row(line, target, smoothing)
    exponentiate(line)
    log_total = normalize_row(line, target, weight, smoothing)
    return np.float64(weight) * (log_total - np.float64(level))


@compiled
def sigmoid_row(line, targets, weight, smoothing):
    """Return the summed cross-entropies of a row, and turn its logits into their gradient."""
    real = line.dtype.type
    value = 0.0
    for k in range(line.size):
        z = line[k]
        soft = real(targets[k]) * (real(1) - smoothing) + smoothing / real(2)
        power = expm1(-abs(z)) + real(1)
        above = z if z >= real(0) else real(0) * z
        value += np.float64(above - soft * z + real(math.log1p(power)))
        probability = (real(1) if z >= real(0) else power) / (real(1) + power)
        line[k] = weight * (probability - soft)
    return np.float64(weight) * value


@compiled
def loss_of_row(code, line, targets, weight, smoothing):
    """Return the loss of a row of logits, and turn them into its gradient."""
    if code == LossCode.SOFTMAX:
        return softmax_row(line, np.intp(targets[0]), weight, smoothing)
    return sigmoid_row(line, targets, weight, smoothing)


@compiled
def is_hit(code, line, targets):
    """Tell whether a row of logits predicts its targets."""
    if code == LossCode.SOFTMAX:
        best = 0
        for k in range(1, line.size):
            if line[k] > line[best] or (line[k] != line[k] and line[best] == line[best]):
                best = k
        return best == targets[0]
    n_hits = 0
    for k in range(line.size):
        n_hits += (line[k] > 0) == (targets[k] > 0)
    return n_hits == line.size


@compiled
def targets_of(data, row):
    """Return the targets of a row."""
    return piece(data.targets, row * data.n_targets, data.n_targets)


@compiled
def loss(net, data, batch, factor, scratch, share):
    """Return the loss of a share of a batch's rows; logits become gradients."""
    if net.loss == LossCode.SOFTMAX:
        return softmax_loss(net, data, batch, factor, scratch, share)
    real, width = scratch.dtype.type, net.layers[-1, Layer.FAN_OUT]
    first, last = span(batch.size, share, net.n_shares)
    value = 0.0
    for row in range(first, last):
        line = piece(scratch, net.layers[-1, Layer.OUTPUTS] + row * width, width)
        weight = real(data.weights[batch[row]] * factor)
        value += sigmoid_row(line, targets_of(data, batch[row]), weight, real(net.smoothing))
    return value


@compiled
def softmax_loss(net, data, batch, factor, scratch, share):
    """Do the same for a softmax, with one loop over the exponentials of all rows."""
    real, width = scratch.dtype.type, net.layers[-1, Layer.FAN_OUT]
    first, last = span(batch.size, share, net.n_shares)
    start, smoothing = net.layers[-1, Layer.OUTPUTS] + first * width, real(net.smoothing)
    value = 0.0
    for i in range(last - first):
        line, row = piece(scratch, start + i * width, width), batch[first + i]
        level = shift_row(line, np.intp(targets_of(data, row)[0]), smoothing)
        value -= np.float64(real(data.weights[row] * factor)) * np.float64(level)
    exponentiate(piece(scratch, start, (last - first) * width))
    for i in range(last - first):
        line, row = piece(scratch, start + i * width, width), batch[first + i]
        weight, target = real(data.weights[row] * factor), np.intp(targets_of(data, row)[0])
        value += np.float64(weight) * normalize_row(line, target, weight, smoothing)
    return value


@compiled
def grad_weights(net, depth, n_rows, grads, scratch, share):
    """Write a share of the gradient of a layer's weights."""
    layer = net.layers[depth]
    width = layer[Layer.FAN_OUT]
    inputs, n_inputs = inputs_of(net, depth)
    low, high = span(n_inputs, share, net.n_shares)
    multiply(
        net.gemm,
        (high - low, width, n_rows),
        (scratch, inputs + low, n_inputs, True),
        (scratch, layer[Layer.GRADS], width, False),
        (grads, layer[Layer.WEIGHTS] + low * width, width),
    )


@compiled
def grad_inputs(net, depth, n_rows, params, grads, scratch, share):
    """Write a share of the gradient of what the activation before a layer was given, and its sum.

    The sum over rows is the gradient of the biases of the layer before.
    """
    layer, before = net.layers[depth], net.layers[depth - 1]
    width, n_inputs = layer[Layer.FAN_OUT], layer[Layer.FAN_IN]
    low, high = span(n_inputs, share, net.n_shares)
    multiply(
        net.gemm,
        (n_rows, high - low, width),
        (scratch, layer[Layer.GRADS], width, False),
        (params, layer[Layer.WEIGHTS] + low * width, width, True),
        (scratch, before[Layer.GRADS] + low, n_inputs),
    )
    total = piece(grads, before[Layer.BIAS] + low, high - low)
    total[:] = 0
    for row in range(n_rows):
        start = row * n_inputs + low
        line = piece(scratch, before[Layer.GRADS] + start, high - low)
        slopes = piece(scratch, before[Layer.SLOPES] + start, high - low)
        for k in range(line.size):
            line[k] *= slopes[k]
            total[k] += line[k]


@compiled
def sum_rows(net, n_rows, grads, scratch, share):
    """Write a share of the gradient of the last layer's biases."""
    layer = net.layers[-1]
    width = layer[Layer.FAN_OUT]
    first, last = span(width, share, net.n_shares)
    total = piece(grads, layer[Layer.BIAS] + first, last - first)
    total[:] = 0
    for row in range(n_rows):
        start = layer[Layer.GRADS] + row * width
        line = piece(scratch, start + first, last - first)
        for k in range(line.size):
            total[k] += line[k]
