"""Activation functions and their slopes.

Conventions: ``value(z, real)`` returns the activation of ``z``, ``slope(z, a, real)`` returns da/dz
given the input ``z`` and the output ``a``. ``real`` is the floating type: ``real(1)`` is a 1 that
leaves the type as it is. The functions are written for arrays; where numba is installed the same
source is compiled for single numbers, so they consist of operators, of NumPy's elementwise
functions and of those in :mod:`skdnn.core.elementary`. They are named, never lambdas: a fitted
network must pickle.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from skdnn.core.elementary import erf, exp, expit, expm1, softplus, tanh

LEAK = 0.01  # slope of leaky_relu below zero (Maas, Hannun & Ng, 2013)
SELU_ALPHA = 1.6732632423543772  # Klambauer et al., 2017, https://arxiv.org/abs/1706.02515
SELU_SCALE = 1.0507009873554805


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
