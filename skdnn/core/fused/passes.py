"""Forward and backward passes of a batch, a share at a time."""

import math

import numpy as np

from skdnn.core.codes import Layer, LossCode
from skdnn.core.fused.elementwise import expm1
from skdnn.core.fused.machine import call, compiled, multiply, piece
from skdnn.core.fused.narrow import grad_narrow_inputs, grad_narrow_weights, multiply_narrow
from skdnn.core.fused.rows import drop
from skdnn.core.fused.shares import FEW_ROWS, LINE, span

LARGE = 1e200  # of a product: one more factor, a sum of numbers up to 1, leaves it finite
FEW = 16  # logits a row: fewer sum up faster one by one than row by row


@compiled
def inputs_of(net, depth):
    """Return where the inputs of a layer that is not the first are, and their number."""
    return net.layers[depth - 1, Layer.OUTPUTS], net.layers[depth, Layer.FAN_IN]


@compiled
def multiply_inputs(net, depth, first, last, share, params, scratch):
    """Write some rows of the products of a layer that is not the first."""
    layer = net.layers[depth]
    width = layer[Layer.FAN_OUT]
    if layer[Layer.BY_UNIT] >= 0:
        multiply_narrow(net, depth, first, last, share, params, scratch)
        return
    inputs, n_inputs = inputs_of(net, depth)
    multiply(
        net.gemm,
        (last - first, width, n_inputs),
        (scratch, inputs + first * n_inputs, n_inputs, False),
        (params, layer[Layer.WEIGHTS], width, False),
        (scratch, layer[Layer.OUTPUTS] + first * width, width),
    )


@compiled
def finish(net, depth, first, last, params, scratch, keys, words):
    """Turn rows of a layer's products into outputs and slopes; drop units if there are keys."""
    layer = net.layers[depth]
    width, threshold = layer[Layer.FAN_OUT], layer[Layer.THRESHOLD]
    size = scratch.itemsize
    call(
        layer[Layer.ACTIVATION],
        (
            scratch.ctypes.data + (layer[Layer.OUTPUTS] + first * width) * size,
            params.ctypes.data + layer[Layer.BIAS] * size,
            scratch.ctypes.data + (layer[Layer.SLOPES] + first * width) * size,
            last - first,
            width,
        ),
    )
    if threshold and keys.size:
        key = keys[layer[Layer.DRAW]]
        for row in range(first, last):
            line = piece(scratch, layer[Layer.OUTPUTS] + row * width, width)
            slopes = piece(scratch, layer[Layer.SLOPES] + row * width, width)
            drop(line, slopes, row * ((width + 3) // 4), key, threshold, words)


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
    """Turn a row of exponentials into the gradient of its logits; return the sum of the former."""
    real = line.dtype.type
    total = real(0)
    for k in range(line.size):
        total += line[k]
    scale, even = weight / total, weight * smoothing / real(line.size)
    for k in range(line.size):
        line[k] = line[k] * scale - even
    line[target] -= weight * (real(1) - smoothing)
    return np.float64(total)


@compiled
def softmax_row(line, target, weight, smoothing):
    """Return the weighted cross-entropy of a row of logits, and turn them into its gradient."""
    level = shift_row(line, target, smoothing)
    exponentiate(line)
    total = normalize_row(line, target, weight, smoothing)
    return np.float64(weight) * (math.log(total) - np.float64(level))


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
def loss(net, data, batch, factor, first, last, scratch):
    """Return the loss of some of a batch's rows; logits become gradients."""
    if net.loss == LossCode.SOFTMAX:
        return softmax_loss(net, data, batch, factor, first, last, scratch)
    real, width = scratch.dtype.type, net.layers[-1, Layer.FAN_OUT]
    value = 0.0
    for row in range(first, last):
        line = piece(scratch, net.layers[-1, Layer.OUTPUTS] + row * width, width)
        weight = real(data.weights[batch[row]] * factor)
        value += sigmoid_row(line, targets_of(data, batch[row]), weight, real(net.smoothing))
    return value


@compiled
def softmax_loss(net, data, batch, factor, first, last, scratch):
    """Do the same for a softmax, with one loop over the exponentials of all rows.

    A logarithm takes long: rows of the same weight that follow each other share one, of the
    product of their sums.
    """
    real, width = scratch.dtype.type, net.layers[-1, Layer.FAN_OUT]
    start, smoothing = net.layers[-1, Layer.OUTPUTS] + first * width, real(net.smoothing)
    value = 0.0
    for i in range(last - first):
        line, row = piece(scratch, start + i * width, width), batch[first + i]
        level = shift_row(line, np.intp(targets_of(data, row)[0]), smoothing)
        value -= np.float64(real(data.weights[row] * factor)) * np.float64(level)
    exponentiate(piece(scratch, start, (last - first) * width))
    product, common = 1.0, real(0)
    for i in range(last - first):
        line, row = piece(scratch, start + i * width, width), batch[first + i]
        weight, target = real(data.weights[row] * factor), np.intp(targets_of(data, row)[0])
        if weight != common or product > LARGE:
            value += np.float64(common) * math.log(product)
            product, common = 1.0, weight
        product *= normalize_row(line, target, weight, smoothing)
    value += np.float64(common) * math.log(product)
    return value


@compiled
def grad_weights(net, depth, n_rows, grads, scratch, share):
    """Write a share of the gradient of the weights of a layer that is not the first."""
    layer = net.layers[depth]
    width = layer[Layer.FAN_OUT]
    inputs, n_inputs = inputs_of(net, depth)
    low, high = span(n_inputs, share, net.n_shares, FEW_ROWS)
    if layer[Layer.BY_UNIT] >= 0:
        grad_narrow_weights(net, depth, n_rows, low, high, share, grads, scratch)
        return
    multiply(
        net.gemm,
        (high - low, width, n_rows),
        (scratch, inputs + low, n_inputs, True),
        (scratch, layer[Layer.GRADS], width, False),
        (grads, layer[Layer.WEIGHTS] + low * width, width),
    )


@compiled
def grad_inputs(net, depth, first, last, share, params, scratch):
    """Write rows of the gradient of what the activation before a layer was given, and their sum."""
    layer, before = net.layers[depth], net.layers[depth - 1]
    width, n_inputs = layer[Layer.FAN_OUT], layer[Layer.FAN_IN]
    total = sums_of(net, depth - 1, share, scratch)
    total[:] = 0
    if layer[Layer.BY_UNIT] >= 0:
        grad_narrow_inputs(net, depth, first, last, share, total, scratch)
        return
    multiply(
        net.gemm,
        (last - first, n_inputs, width),
        (scratch, layer[Layer.GRADS] + first * width, width, False),
        (params, layer[Layer.WEIGHTS], width, True),
        (scratch, before[Layer.GRADS] + first * n_inputs, n_inputs),
    )
    for row in range(first, last):
        line = piece(scratch, before[Layer.GRADS] + row * n_inputs, n_inputs)
        slopes = piece(scratch, before[Layer.SLOPES] + row * n_inputs, n_inputs)
        for k in range(line.size):
            line[k] *= slopes[k]
            total[k] += line[k]


@compiled
def sums_of(net, depth, share, scratch):
    """Return where the sum of a share's rows of a layer's gradient is."""
    layer = net.layers[depth]
    width = layer[Layer.FAN_OUT]
    return piece(scratch, layer[Layer.SUMS] + share * layer[Layer.SUMS_STEP], width)


@compiled
def sum_logits(net, first, last, share, scratch):
    """Write the sum of a share's rows of the gradient of the logits."""
    layer = net.layers[-1]
    total = sums_of(net, len(net.layers) - 1, share, scratch)
    width = total.size
    rows = piece(scratch, layer[Layer.GRADS] + first * width, (last - first) * width)
    if width < FEW:
        for k in range(width):
            value = rows.dtype.type(0)
            for i in range(k, rows.size, width):
                value += rows[i]
            total[k] = value
        return
    total[:] = 0
    for row in range(last - first):
        line = piece(rows, row * width, width)
        for k in range(width):
            total[k] += line[k]


@compiled
def grad_bias(net, depth, grads, scratch, share):
    """Write a share of the gradient of a layer's biases: the sum over all shares of rows."""
    layer = net.layers[depth]
    low, high = span(layer[Layer.FAN_OUT], share, net.n_shares, LINE)
    total = piece(grads, layer[Layer.BIAS] + low, high - low)
    total[:] = 0
    for rows_share in range(net.n_shares):
        sums = sums_of(net, depth, rows_share, scratch)
        for k in range(total.size):
            total[k] += sums[low + k]
