"""The few loops worth compiling, each with a NumPy twin that agrees to rounding.

Compiled loops run on the thread that calls them, without Python's lock. Neither they nor
their twins assume that numbers are finite: NaN and infinity pass through, and whoever calls
a kernel checks.

Conventions: arrays have the members axis in front and, unless it is said, are C-contiguous;
all floating arrays and scalars of a call have one type.
"""

import math

import numpy as np
from scipy.special import expit

from skdnn.core.compiling import kernel

BLOCK = 2**14  # parameters that Adam's NumPy twin updates at a time: they stay in the cache


def _adam_twin(params, grads, first, second, rates, first_shares, second_shares, scale, epsilon):
    scratch = np.empty((len(params), min(BLOCK, params.shape[1])), params.dtype)
    for start in range(0, params.shape[1], BLOCK):
        span = np.s_[:, start : start + BLOCK]
        grad, mean, square = grads[span], first[span], second[span]
        work = scratch[:, : grad.shape[1]]
        mean *= first_shares[0]
        mean += np.multiply(grad, first_shares[1], out=work)
        square *= second_shares[0]
        grad *= grad
        square += np.multiply(grad, second_shares[1], out=grad)
        np.sqrt(np.multiply(square, scale, out=work), out=work)
        work += epsilon
        np.divide(mean, work, out=work)
        work *= rates
        params[span] -= work


@kernel(_adam_twin)
def adam(params, grads, first, second, rates, first_shares, second_shares, scale, epsilon):
    """Take a step of Adam, which may overwrite the gradients.

    Parameters
    ----------
    params, grads, first, second : ndarray of shape (n_members, n_parameters)
        Parameters, gradients and both moments; all but the gradients are updated.
    rates : ndarray of shape (n_members, 1)
        Rates over the correction of the first moment.
    first_shares, second_shares : (float, float)
        The share of itself that a moment keeps, and that of the gradient.
    scale : float
        One over the correction of the second moment.
    epsilon : float
    """
    for member in range(params.shape[0]):
        rate = rates[member, 0]
        for i in range(params.shape[1]):
            grad = grads[member, i]
            mean = first_shares[0] * first[member, i] + first_shares[1] * grad
            square = second_shares[0] * second[member, i] + second_shares[1] * grad * grad
            first[member, i] = mean
            second[member, i] = square
            params[member, i] -= rate * mean / (math.sqrt(square * scale) + epsilon)


def _add_bias_twin(outputs, bias):
    outputs += bias


@kernel(_add_bias_twin)
def add_bias(outputs, bias):
    """Add a bias (n_members, 1, width), which may be strided, to all rows of the outputs."""
    for member in range(outputs.shape[0]):
        member_bias = bias[member, 0]
        for row in range(outputs.shape[1]):
            line = outputs[member, row]
            for k in range(line.size):
                line[k] += member_bias[k]


def _relu_twin(z, out):
    np.maximum(z, 0, out=out)


@kernel(_relu_twin)
def relu(z, out):
    """Write max(z, 0) into ``out``; three-dimensional arrays."""
    flat_z, flat_out = z.reshape(z.size), out.reshape(out.size)
    for i in range(flat_z.size):
        # Written so that NaN stays NaN.
        flat_out[i] = 0 if flat_z[i] < 0 else flat_z[i]


def _relu_slope_twin(a, out):
    np.greater(a, 0, out=out)


@kernel(_relu_slope_twin)
def relu_slope(a, out):
    """Write 1 where a > 0, else 0, into ``out``; three-dimensional arrays."""
    flat_a, flat_out = a.reshape(a.size), out.reshape(out.size)
    for i in range(flat_a.size):
        flat_out[i] = 1 if flat_a[i] > 0 else 0


def _drop_twin(inputs, words, threshold, scale, outputs):
    n_units = inputs[0].size
    draws = words.view(np.uint16)[:, :n_units].reshape(inputs.shape)
    np.multiply(inputs, scale, out=outputs)
    outputs *= draws >= threshold


@kernel(_drop_twin)
def drop(inputs, words, threshold, scale, outputs):
    """Scale the inputs whose 16 bits reach the threshold; set the others to 0.

    Parameters
    ----------
    inputs, outputs : ndarray of shape (n_members, n_rows, width)
        May be one array.
    words : uint64 ndarray of shape (n_members, n_words)
        Random bits, 16 for a unit.
    threshold : uint16
    scale : float
    """
    draws = words.view(np.uint16)
    for member in range(inputs.shape[0]):
        flat_inputs = inputs[member].reshape(inputs[member].size)
        flat_outputs = outputs[member].reshape(flat_inputs.size)
        for i in range(flat_inputs.size):
            kept = scale if draws[member, i] >= threshold else scale - scale
            flat_outputs[i] = flat_inputs[i] * kept


def _shift_logits_twin(logits, targets, smoothing, levels):
    logits -= logits.max(axis=2, keepdims=True)
    levels[...] = np.take_along_axis(logits, targets, axis=2)[..., 0]
    if smoothing:
        levels += smoothing * (logits.mean(axis=2) - levels)


@kernel(_shift_logits_twin)
def shift_logits(logits, targets, smoothing, levels):
    """Subtract the highest logit of each row; write the targets' mean of the rest.

    Parameters
    ----------
    logits : ndarray of shape (n_members, n_rows, n_classes)
        Overwritten.
    targets : int ndarray of shape (n_members, n_rows, 1)
    smoothing : float
        Share of the target spread over all classes.
    levels : ndarray of shape (n_members, n_rows)
        Written to.
    """
    n_members, n_rows, n_classes = logits.shape
    for member in range(n_members):
        for row in range(n_rows):
            line = logits[member, row]
            highest = line[0]
            for k in range(1, n_classes):
                if line[k] > highest or line[k] != line[k]:  # NaN, once found, stays
                    highest = line[k]
            total = 0 * highest
            for k in range(n_classes):
                line[k] -= highest
                total += line[k]
            levels[member, row] = line[targets[member, row, 0]]
            if smoothing > 0:
                levels[member, row] += smoothing * (total / n_classes - levels[member, row])


def _softmax_gradient_twin(powers, targets, weights, smoothing, levels, values):
    total = powers.sum(axis=2, keepdims=True)
    rows_value = np.log(total[..., 0], dtype=np.float64)
    rows_value -= levels
    powers /= total
    powers -= smoothing / powers.shape[2]
    hit = np.take_along_axis(powers, targets, axis=2) - (1 - smoothing)
    np.put_along_axis(powers, targets, hit, axis=2)
    powers *= weights[..., None]
    np.einsum("kr,kr->k", rows_value, weights, out=values)


@kernel(_softmax_gradient_twin)
def softmax_gradient(powers, targets, weights, smoothing, levels, values):
    """Turn the exponentials of shifted logits into the gradient of the cross-entropy.

    Parameters
    ----------
    powers : ndarray of shape (n_members, n_rows, n_classes)
        Overwritten.
    targets, smoothing, levels
        As for :func:`shift_logits`.
    weights : ndarray of shape (n_members, n_rows)
    values : float64 ndarray of shape (n_members,)
        Overwritten with the weighted sums of the loss.
    """
    n_members, n_rows, n_classes = powers.shape
    for member in range(n_members):
        values[member] = 0
        for row in range(n_rows):
            line, weight = powers[member, row], weights[member, row]
            total = 0 * weight
            for k in range(n_classes):
                total += line[k]
            values[member] += weight * (math.log(np.float64(total)) - levels[member, row])
            scale, even = weight / total, weight * smoothing / n_classes
            for k in range(n_classes):
                line[k] = line[k] * scale - even
            line[targets[member, row, 0]] -= weight * (1 - smoothing)


def _sigmoid_gradient_twin(logits, targets, weights, smoothing, values):
    soft = targets * (1 - smoothing) + smoothing / 2
    rows_value = (np.logaddexp(0, logits) - soft * logits).sum(axis=2, dtype=np.float64)
    np.einsum("kr,kr->k", rows_value, weights, out=values)
    expit(logits, out=logits)
    logits -= soft
    logits *= weights[..., None]


@kernel(_sigmoid_gradient_twin)
def sigmoid_gradient(logits, targets, weights, smoothing, values):
    """Turn logits into the gradient of the summed cross-entropies of their sigmoids.

    Parameters
    ----------
    logits : ndarray of shape (n_members, n_rows, n_outputs)
        Overwritten.
    targets : ndarray of shape (n_members, n_rows, n_outputs)
        0 or 1.
    weights : ndarray of shape (n_members, n_rows)
    smoothing : float
        Targets become ``target * (1 - smoothing) + smoothing / 2``.
    values : float64 ndarray of shape (n_members,)
        Overwritten with the weighted sums of the loss.
    """
    n_members, n_rows, n_outputs = logits.shape
    one = smoothing * 0 + 1
    for member in range(n_members):
        values[member] = 0
        for row in range(n_rows):
            weight = weights[member, row]
            for k in range(n_outputs):
                z = logits[member, row, k]
                soft = targets[member, row, k] * (one - smoothing) + smoothing / (one + one)
                power = math.exp(-abs(z))
                above = max(z, 0 * one)
                values[member] += weight * np.float64(above - soft * z + math.log1p(power))
                probability = (one if z >= 0 else power) / (one + power)
                logits[member, row, k] = weight * (probability - soft)
