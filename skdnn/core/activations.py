"""Activation functions and their slopes.

Conventions: ``value(z, real)`` returns the activation of ``z``, ``slope(z, a, real)`` returns da/dz
given the input ``z`` and the output ``a``. ``real`` is the floating type: ``real(1)`` is a 1 that
leaves the type as it is. The functions are written for arrays; where numba is installed the same
source is compiled for single numbers, so they consist of operators, of NumPy's elementwise
functions and of those in :mod:`skdnn.core.elementary`. Lambdas could not be pickled.

A custom activation is converted to an :class:`Activation`, and checked numerically. It is

- a function of ``z`` that returns ``(a, slope)``, two arrays of its shape, or ``a`` alone,
  whose slope then is a central difference;
- two functions, a tuple ``(value, slope)`` or an object with these attributes: ``value(z)``,
  and ``slope(z)`` or ``slope(z, a)``;
- or an :class:`Activation`.
"""

import inspect
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np

from skdnn.core.elementary import erf, exp, expit, expm1, softplus, tanh

LEAK = 0.01  # slope of leaky_relu below zero (Maas, Hannun & Ng, 2013)
SELU_ALPHA = 1.6732632423543772  # Klambauer et al., 2017, https://arxiv.org/abs/1706.02515
SELU_SCALE = 1.0507009873554805
STEP = 1e-5  # of differences in float64: errors of the order of 1e-10
CHECK_POINTS = np.linspace(-3, 3, 61) + 0.0123  # beside where kinks usually are
TOLERANCE, KINK = 1e-4, 1e-3


class Activation(NamedTuple):
    """An elementwise function and its derivative.

    Attributes
    ----------
    value : callable
        ``value(z, real) -> a``.
    slope : callable
        ``slope(z, a, real) -> da/dz``.
    init : str
        The initializer that keeps the variance of signals through a deep stack.
    is_compiled : bool
        Whether numba, where it is installed, compiles the two. False keeps to NumPy.
    """

    value: Callable
    slope: Callable
    init: str = "he_normal"
    is_compiled: bool = True


def identity(z, real):
    """Return z."""
    return z


def identity_slope(z, a, real):
    """Return 1."""
    return real(1)


def logistic(z, real):
    """Return 1 / (1 + exp(-z))."""
    return expit(z)


def logistic_slope(z, a, real):
    """Return a (1 - a)."""
    return a * (real(1) - a)


def hyperbolic_tangent(z, real):
    """Return the hyperbolic tangent of z."""
    return tanh(z)


def hyperbolic_tangent_slope(z, a, real):
    """Return 1 - a^2."""
    return real(1) - a * a


def relu(z, real):
    """Return max(z, 0) (Nair & Hinton, 2010)."""
    return np.maximum(z, real(0))


def relu_slope(z, a, real):
    """Return 1 where a > 0, else 0."""
    return a > real(0)


def leaky_relu(z, real):
    """Return max(z, 0.01 z)."""
    return np.maximum(z, real(LEAK) * z)


def leaky_relu_slope(z, a, real):
    """Return 1 where a > 0, else 0.01."""
    return np.maximum(np.sign(a), real(LEAK))


def elu(z, real):
    """Return z above zero, exp(z) - 1 below (Clevert et al., 2016)."""
    return np.maximum(z, real(0)) + expm1(np.minimum(z, real(0)))


def elu_slope(z, a, real):
    """Return 1 above zero, a + 1 below."""
    return np.minimum(a, real(0)) + real(1)


def selu(z, real):
    """Return the self-normalizing ELU (Klambauer et al., 2017)."""
    below = real(SELU_SCALE * SELU_ALPHA) * expm1(np.minimum(z, real(0)))
    return real(SELU_SCALE) * np.maximum(z, real(0)) + below


def selu_slope(z, a, real):
    """Return the scale above zero, a + scale * alpha below."""
    above = np.maximum(np.sign(a), real(0)) * real(SELU_SCALE - SELU_SCALE * SELU_ALPHA)
    return np.minimum(a, real(0)) + real(SELU_SCALE * SELU_ALPHA) + above


def silu(z, real):
    """Return z * logistic(z) (Elfwing et al., 2018)."""
    return z * expit(z)


def silu_slope(z, a, real):
    """Return s (1 - a) + a, with s = logistic(z)."""
    return expit(z) * (real(1) - a) + a


def gelu(z, real):
    """Return z * Phi(z), Phi the normal distribution function (Hendrycks & Gimpel, 2016)."""
    return z * (real(0.5) * (real(1) + erf(z * real(0.5**0.5))))


def gelu_slope(z, a, real):
    """Return Phi(z) + z * phi(z)."""
    density = exp(real(-0.5) * z * z) * real((2 * np.pi) ** -0.5)
    return real(0.5) * (real(1) + erf(z * real(0.5**0.5))) + z * density


def mish(z, real):
    """Return z * tanh(softplus(z)) (Misra, 2019)."""
    return z * tanh(softplus(z))


def mish_slope(z, a, real):
    """Return t + z * s * (1 - t^2), with s = logistic(z) and t = tanh(softplus(z))."""
    gate = tanh(softplus(z))
    return gate + z * expit(z) * (real(1) - gate * gate)


def log1p_exp(z, real):
    """Return log(1 + exp(z))."""
    return softplus(z)


def log1p_exp_slope(z, a, real):
    """Return logistic(z)."""
    return expit(z)


ACTIVATIONS = {
    "identity": Activation(identity, identity_slope, "glorot_uniform"),
    "logistic": Activation(logistic, logistic_slope, "glorot_uniform"),
    "tanh": Activation(hyperbolic_tangent, hyperbolic_tangent_slope, "glorot_uniform"),
    "relu": Activation(relu, relu_slope),
    "leaky_relu": Activation(leaky_relu, leaky_relu_slope),
    "elu": Activation(elu, elu_slope),
    "selu": Activation(selu, selu_slope, "lecun_normal"),
    "silu": Activation(silu, silu_slope),
    "gelu": Activation(gelu, gelu_slope),
    "mish": Activation(mish, mish_slope),
    "softplus": Activation(log1p_exp, log1p_exp_slope),
}


def is_activation(item):
    """Tell whether something can be one activation (a name, or a custom one)."""
    return isinstance(item, str | Activation) or callable(item) or _is_pair(item)


def _is_pair(item):
    if isinstance(item, tuple):
        return len(item) == 2 and all(map(callable, item))
    return callable(getattr(item, "value", None)) and callable(getattr(item, "slope", None))


def as_activation(item):
    """Return the Activation of a name, or of what :func:`is_activation` allows."""
    if isinstance(item, str):
        return ACTIVATIONS[item]
    if isinstance(item, Activation):
        return item
    if _is_pair(item):
        value, slope = item if isinstance(item, tuple) else (item.value, item.slope)
        value, slope = partial(_value, value), partial(_slope_of_pair, slope, _takes_output(slope))
    else:
        value, slope = partial(_value, item), partial(_slope_of_function, item)
    return Activation(value, slope, is_compiled=False)


def _takes_output(slope):
    """Return whether a slope is a function of the input and the output, not of the input alone."""
    if isinstance(slope, np.ufunc):  # its signature, if it has one, also names an array to write to
        return slope.nin == 2
    try:
        parameters = inspect.signature(slope).parameters.values()
    except ValueError:  # some functions written in C have no signature
        return False
    positional = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
    return sum(p.kind in positional and p.default is p.empty for p in parameters) > 1


def _value(function, z, real):
    return _value_and_slope(function(z))[0]


def _slope_of_pair(slope, takes_output, z, a, real):
    return slope(z, a) if takes_output else slope(z)


def _slope_of_function(function, z, a, real):
    _, slope = _value_and_slope(function(z))
    return _difference(function, z) if slope is None else slope


def _value_and_slope(result):
    if not isinstance(result, tuple):
        return result, None
    if len(result) != 2:
        raise ValueError(f"it returns a tuple of {len(result)} items.")
    return result


def _difference(function, z):
    z = z.astype(np.float64)
    step = STEP * np.maximum(np.abs(z), 1)
    return (function(z + step) - function(z - step)) / (2 * step)


def check_activation(item):
    """Compare a custom activation with its slope.

    Raises
    ------
    ValueError
        If it returns other shapes than that of its input, is not a function of each element by
        itself, changes its input, is not finite, or its slope is not its derivative.
    """
    z = CHECK_POINTS[None, :, None]
    activation = as_activation(item)
    value, slope = activation.value, activation.slope
    a, given = _evaluate(item, value, slope, z)
    above, below = value(z + STEP, np.float64), value(z - STEP, np.float64)
    left, right = (a - below) / STEP, (above - a) / STEP
    numeric = (left + right) / 2
    allowed = 1 + np.abs(numeric)
    wrong = ~(np.abs(given - numeric) <= TOLERANCE * allowed)
    wrong &= ~(np.abs(right - left) > KINK * allowed)
    if wrong.any():
        where = np.unravel_index(wrong.argmax(), z.shape)
        raise ValueError(
            f"the slope of activation {item!r} is wrong: at z={z[where]:.4g} it gives "
            f"{given[where]:.6g}, but the value there rises by {numeric[where]:.6g}. Return the "
            "derivative of the value (a tuple of two functions is a value and its slope; give a "
            "list to have one activation for each layer)."
        )


def _evaluate(item, value, slope, z):
    """Return the values and slopes at z, after simple checks."""
    a, given, of_value, of_slope = np.empty_like(z), np.empty_like(z), z.copy(), z.copy()
    try:
        a[...] = value(of_value, np.float64)
        part = value(z[:, :7].copy(), np.float64)
        output = a.copy()
        given[...] = slope(of_slope, output, np.float64)
    except (TypeError, ValueError, IndexError) as error:
        raise ValueError(
            f"activation {item!r} must return its value, or its value and its slope, in the shape "
            f"of z, here {z.shape}: {error}"
        ) from error
    if not np.isfinite(a).all():
        raise ValueError(f"activation {item!r} is not finite at z={z[~np.isfinite(a)][0]:.4g}.")
    if not all(map(np.array_equal, (of_value, of_slope, output), (z, z, a))):
        raise ValueError(
            f"activation {item!r} changes an array that it is given; the value and the slope must "
            "be new arrays."
        )
    if not np.allclose(part, a[:, :7]):
        raise ValueError(f"activation {item!r} must work on each element by itself.")
    return a, given
