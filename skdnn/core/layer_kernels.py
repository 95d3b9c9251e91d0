"""Passes over the outputs of a layer: bias, activation, slope and dropout in one go, and back.

Conventions: arrays have the members axis in front: outputs, slopes and gradients are ``(n_members,
n_rows, width)``; parameters and their gradients are flat, ``(n_members, n_parameters)``, and
``start`` is the place in a row of theirs where the biases of the layer begin. ``keys`` and
``threshold`` are those of :mod:`skdnn.core.dropout`. All numbers of a call have one floating type.
NaN and infinity pass through: whoever calls a kernel checks.
"""

from functools import cache
from types import FunctionType

import numpy as np

from skdnn.core.compiling import Kernel, kernel
from skdnn.core.dropout import draw, dropout_factors
from skdnn.core.random_bits import scramble


def _finish(outputs, params, start, slopes, keys, threshold):
    """Add the biases, activate, write the slopes, and drop units.

    ``value`` and ``slope`` are those of an activation: each has a loop of its own. The twin may be
    given an empty array of slopes: then it writes none, and drops nothing.
    """
    real = outputs.dtype.type
    n_members, n_rows, width = outputs.shape
    words = np.empty((width + 3) // 4, np.uint64)
    least, kept = np.uint16(threshold), real(2**16 / (2**16 - threshold))
    for k in range(n_members):
        bias = params[k, start : start + width]
        for r in range(n_rows):
            line = outputs[k, r]
            line_slopes = slopes[k, r]
            for i in range(width):
                z = line[i] + bias[i]
                line[i] = value(z, real)  # noqa: F821
                line_slopes[i] = slope(z, line[i], real)  # noqa: F821
            if keys.size:
                draws = draw(keys[k], r, words)
                for i in range(width):
                    factor = kept if draws[i] >= least else real(0)
                    line[i] *= factor
                    line_slopes[i] *= factor


def _finish_twin(value, slope):
    def finish(outputs, params, start, slopes, keys, threshold):
        real = outputs.dtype.type
        outputs += params[:, None, start : start + outputs.shape[2]]
        a = value(outputs, real)
        if slopes.size:
            slopes[...] = slope(outputs, a, real)
            if keys.size:
                factors = dropout_factors(keys, threshold, outputs.shape, outputs.dtype)
                slopes *= factors
                a = np.multiply(a, factors, out=outputs)
        outputs[...] = a

    return finish


def finisher(activation):
    """Return what ends a layer with an activation.

    Parameters
    ----------
    activation : Activation

    Returns
    -------
    Kernel or callable
        ``(outputs, params, start, slopes, keys, threshold)``, see :func:`_finish`. A Kernel if the
        activation is compiled; a compiled loop writes slopes in any case.
    """
    functions = activation.value, activation.slope
    return _finish_kernel(*functions) if activation.is_compiled else _finish_twin(*functions)


@cache
def _finish_kernel(value, slope):
    names = {**globals(), "value": value, "slope": slope}
    loop = FunctionType(_finish.__code__, names, f"finish_{value.__name__}")
    loop.__qualname__, loop.__doc__ = loop.__name__, _finish.__doc__
    # What is kept on disk is found by name and file; those of others say nothing of their content.
    is_ours = value.__module__.startswith("skdnn.")
    return Kernel(
        loop, _finish_twin(value, slope), (scramble, draw, value, slope), is_cached=is_ours
    )


def _outer_twin(grad_outputs, flat, start, grad_inputs):
    weights = flat[:, None, start : start + grad_inputs.shape[2]]
    np.multiply(grad_outputs, weights, out=grad_inputs)


@kernel(_outer_twin)
def multiply_outer(grad_outputs, flat, start, grad_inputs):
    """Write the gradient of the inputs of a single unit: the product that BLAS is slow at.

    ``flat`` has its weights, those of a member from ``start`` on in a row.
    """
    n_members, n_rows, width = grad_inputs.shape
    for k in range(n_members):
        weights = flat[k, start : start + width]
        for r in range(n_rows):
            grad, line = grad_outputs[k, r, 0], grad_inputs[k, r]
            for i in range(width):
                line[i] = grad * weights[i]


def _backward_twin(grad_outputs, slopes, grads, start):
    grad_outputs *= slopes
    # Several times faster than a sum over the middle axis.
    ones = np.ones((1, 1, grad_outputs.shape[1]), grad_outputs.dtype)
    np.matmul(ones, grad_outputs, grads[:, None, start : start + grad_outputs.shape[2]])


@kernel(_backward_twin)
def backward(grad_outputs, slopes, grads, start):
    """Multiply gradients by slopes, and write the gradient of the biases: their sum over rows."""
    real = grad_outputs.dtype.type
    n_members, n_rows, width = grad_outputs.shape
    for k in range(n_members):
        total = grads[k, start : start + width]
        for i in range(width):
            total[i] = real(0)
        for r in range(n_rows):
            line, line_slopes = grad_outputs[k, r], slopes[k, r]
            for i in range(width):
                line[i] *= line_slopes[i]
                total[i] += line[i]
