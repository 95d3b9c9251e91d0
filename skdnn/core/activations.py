"""Activation functions and their slopes.

Conventions: ``value(z, out)`` writes the activation of ``z`` into ``out`` (which may be
``z`` itself if ``from_output``) and returns it; ``slope(z, a, out)`` writes da/dz, given
the input ``z`` and the output ``a``, into ``out``. Functions are named, never lambdas: a
fitted network must pickle.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import erf, expit

from skdnn.core.codes import ActivationCode

LEAK = 0.01  # slope of leaky_relu below zero (Maas, Hannun & Ng, 2013)
SELU_ALPHA = 1.6732632423543772  # Klambauer et al., 2017, https://arxiv.org/abs/1706.02515
SELU_SCALE = 1.0507009873554805


class Activation(NamedTuple):
    """An elementwise function and its derivative.

    Attributes
    ----------
    value : callable
        ``value(z, out) -> a``.
    slope : callable
        ``slope(z, a, out) -> da/dz``.
    from_output : bool
        Whether the slope needs only ``a``, so that ``a`` may overwrite ``z``.
    init : str
        The initializer that keeps the variance of signals through a deep stack.
    code : ActivationCode or None
        Its compiled loop; without one, networks train layer by layer.
    """

    value: Callable
    slope: Callable
    from_output: bool
    init: str
    code: ActivationCode | None = None


def identity(z, out):
    """Return z."""
    np.copyto(out, z)
    return out


def identity_slope(z, a, out):
    """Return 1."""
    out.fill(1)
    return out


def logistic(z, out):
    """Return 1 / (1 + exp(-z))."""
    return expit(z, out=out)


def logistic_slope(z, a, out):
    """Return a (1 - a)."""
    np.subtract(1, a, out=out)
    return np.multiply(out, a, out=out)


def tanh(z, out):
    """Return the hyperbolic tangent of z."""
    return np.tanh(z, out=out)


def tanh_slope(z, a, out):
    """Return 1 - a^2."""
    np.multiply(a, a, out=out)
    return np.subtract(1, out, out=out)


def relu(z, out):
    """Return max(z, 0) (Nair & Hinton, 2010)."""
    return np.maximum(z, 0, out=out)


def relu_slope(z, a, out):
    """Return 1 where a > 0, else 0."""
    return np.greater(a, 0, out=out)


def leaky_relu(z, out):
    """Return max(z, 0.01 z)."""
    return np.maximum(z, z * z.dtype.type(LEAK), out=out)


def leaky_relu_slope(z, a, out):
    """Return 1 where a > 0, else 0.01."""
    np.sign(a, out=out)
    return np.maximum(out, LEAK, out=out)


def elu(z, out):
    """Return z above zero, exp(z) - 1 below (Clevert et al., 2016)."""
    below = np.expm1(np.minimum(z, 0))
    np.maximum(z, 0, out=out)
    return np.add(out, below, out=out)


def elu_slope(z, a, out):
    """Return 1 above zero, a + 1 below."""
    np.minimum(a, 0, out=out)
    return np.add(out, 1, out=out)


def selu(z, out):
    """Return the self-normalizing ELU (Klambauer et al., 2017)."""
    below = np.expm1(np.minimum(z, 0))
    below *= SELU_ALPHA
    np.maximum(z, 0, out=out)
    out += below
    return np.multiply(out, SELU_SCALE, out=out)


def selu_slope(z, a, out):
    """Return the scale above zero, a + scale * alpha below."""
    np.add(a, SELU_SCALE * SELU_ALPHA, out=out)
    out[a > 0] = SELU_SCALE
    return out


def silu(z, out):
    """Return z * logistic(z) (Elfwing et al., 2018)."""
    return np.multiply(z, expit(z), out=out)


def silu_slope(z, a, out):
    """Return s (1 - a) + a, with s = logistic(z)."""
    np.subtract(1, a, out=out)
    out *= expit(z)
    return np.add(out, a, out=out)


def gelu(z, out):
    """Return z * Phi(z), Phi the normal distribution function (Hendrycks & Gimpel, 2016)."""
    return np.multiply(z, _normal_cdf(z), out=out)


def gelu_slope(z, a, out):
    """Return Phi(z) + z * phi(z)."""
    np.multiply(z, z, out=out)
    out *= -0.5
    np.exp(out, out=out)
    out *= z
    out *= 1 / np.sqrt(2 * np.pi)
    return np.add(out, _normal_cdf(z), out=out)


def _normal_cdf(z):
    cdf = erf(z * z.dtype.type(np.sqrt(0.5)))
    cdf += 1
    cdf *= 0.5
    return cdf


def mish(z, out):
    """Return z * tanh(softplus(z)) (Misra, 2019)."""
    gate = np.tanh(softplus(z, np.empty_like(z)))
    return np.multiply(z, gate, out=out)


def mish_slope(z, a, out):
    """Return t + z * s * (1 - t^2), with s = logistic(z) and t = tanh(softplus(z))."""
    gate = np.tanh(softplus(z, np.empty_like(z)))
    np.multiply(gate, gate, out=out)
    np.subtract(1, out, out=out)
    out *= z
    out *= expit(z)
    return np.add(out, gate, out=out)


def softplus(z, out):
    """Return log(1 + exp(z)), written so that it cannot overflow."""
    tail = np.log1p(np.exp(-np.abs(z)))
    np.maximum(z, 0, out=out)
    return np.add(out, tail, out=out)


def softplus_slope(z, a, out):
    """Return logistic(z)."""
    return expit(z, out=out)


ACTIVATIONS = {
    "identity": Activation(
        identity, identity_slope, True, "glorot_uniform", ActivationCode.IDENTITY
    ),
    "logistic": Activation(
        logistic, logistic_slope, True, "glorot_uniform", ActivationCode.LOGISTIC
    ),
    "tanh": Activation(tanh, tanh_slope, True, "glorot_uniform", ActivationCode.TANH),
    "relu": Activation(relu, relu_slope, True, "he_normal", ActivationCode.RELU),
    "leaky_relu": Activation(
        leaky_relu, leaky_relu_slope, True, "he_normal", ActivationCode.LEAKY_RELU
    ),
    "elu": Activation(elu, elu_slope, True, "he_normal", ActivationCode.ELU),
    "selu": Activation(selu, selu_slope, True, "lecun_normal", ActivationCode.SELU),
    "silu": Activation(silu, silu_slope, False, "he_normal", ActivationCode.SILU),
    "gelu": Activation(gelu, gelu_slope, False, "he_normal", ActivationCode.GELU),
    "mish": Activation(mish, mish_slope, False, "he_normal", ActivationCode.MISH),
    "softplus": Activation(softplus, softplus_slope, False, "he_normal", ActivationCode.SOFTPLUS),
}
