"""Activations with their slopes, a row at a time."""

import math
from functools import cache
from types import FunctionType

import numpy as np
from numba import carray, from_dtype, njit, types
from numba.extending import overload

from skdnn.core.activations import LEAK, SELU_ALPHA, SELU_SCALE
from skdnn.core.codes import ActivationCode
from skdnn.core.fused.machine import address_after, compiled, to_c


def _expm1_in(real, whole, n_mantissa_bits, n_terms, low, high):
    """Return exp(x) - 1 for one type, from additions and multiplications alone.

    Unlike the C library's it becomes vector instructions. ``x = n log(2) + r``, and a Taylor
    polynomial of r; log(2) comes in two parts, so that n times the first one is exact.
    """
    log2_e, half, one = real(1 / math.log(2)), real(0.5), real(1)
    log_2_head = real(0.693359375)
    log_2_tail = real(-2.12194440054690582767878542e-4)
    low, high = real(low), real(high)
    shift, offset = whole(n_mantissa_bits), whole(-np.finfo(real).minexp + 1)
    terms = tuple(real(1 / math.factorial(k)) for k in range(n_terms, 0, -1))

    @njit
    def expm1_in(x):
        x = low if x < low else x  # written so that NaN stays NaN
        x = high if x > high else x
        n = np.floor(x * log2_e + half)
        r = (x - n * log_2_head) - n * log_2_tail
        q = real(0)
        for term in terms:
            q = (q + term) * r
        power = whole((whole(n) + offset) << shift).view(real)
        return power * q + (power - one)

    return expm1_in


_expm1 = {
    types.float32: _expm1_in(np.float32, np.int32, 23, 8, -87.0, 88.0),
    types.float64: _expm1_in(np.float64, np.int64, 52, 15, -708.0, 709.0),
}


def expm1(x):
    """Return exp(x) - 1."""
    return np.expm1(x)


@overload(expm1, inline="always")
def _expm1_overload(x):
    of_type = _expm1[x]
    return lambda x: of_type(x)


@compiled
def _expit(z, real):
    return real(1) / (real(2) + expm1(-z))


@compiled
def _identity(z, real):
    return z, real(1)


@compiled
def _logistic(z, real):
    value = _expit(z, real)
    return value, value * (real(1) - value)


@compiled
def _tanh(z, real):
    value = _tanh_of(z, real)
    return value, real(1) - value * value


@compiled
def _tanh_of(z, real):
    # From the negative side, where nothing overflows.
    power = expm1(real(-2) * abs(z))
    value = -power / (power + real(2))
    return value if z >= real(0) else -value


@compiled
def _relu(z, real):
    # Written so that NaN stays NaN.
    return (real(0) if z < real(0) else z), (real(1) if z > real(0) else real(0))


@compiled
def _leaky_relu(z, real):
    slope = real(1) if z > real(0) else real(LEAK)
    return (z if z > real(0) else z * real(LEAK)), slope


@compiled
def _elu(z, real):
    below = expm1(z if z < real(0) else real(0) * z)
    return (z if z > real(0) else below), (real(1) if z > real(0) else below + real(1))


@compiled
def _selu(z, real):
    below = real(SELU_SCALE * SELU_ALPHA) * expm1(z if z < real(0) else real(0) * z)
    slope = real(SELU_SCALE) if z > real(0) else below + real(SELU_SCALE * SELU_ALPHA)
    return (real(SELU_SCALE) * z if z > real(0) else below), slope


@compiled
def _silu(z, real):
    gate = _expit(z, real)
    return z * gate, gate * (real(1) - z * gate) + z * gate


@compiled
def _gelu(z, real):
    cdf = real(0.5) * (real(1) + real(math.erf(z * real(math.sqrt(0.5)))))
    density = real(math.exp(real(-0.5) * z * z)) * real(1 / math.sqrt(2 * math.pi))
    return z * cdf, cdf + z * density


@compiled
def _mish(z, real):
    # With e = exp(-|z|): tanh(log(1 + exp(z))) without overflow.
    power = expm1(-abs(z)) + real(1)
    above, below = real(1) + real(2) * power, power * (power + real(2))
    rest = real(2) * power * power
    gate = above / (above + rest) if z > real(0) else below / (below + real(2))
    expit = real(1) / (real(1) + power) if z > real(0) else power / (real(1) + power)
    return z * gate, z * expit * (real(1) - gate * gate) + gate


@compiled
def _softplus(z, real):
    power = expm1(-abs(z)) + real(1)
    expit = real(1) / (real(1) + power) if z > real(0) else power / (real(1) + power)
    return (z if z > real(0) else real(0) * z) + real(math.log1p(power)), expit


def _activate(outputs, bias, slopes, n_rows, n_units):
    """Add the bias to some rows; turn them into activations, and write their slopes.

    ``pair`` is one of the functions above: each gets a loop of its own, compiled when a network
    wants it.

    Parameters
    ----------
    outputs, bias, slopes : pointer
        To the first row.
    n_rows, n_units : int
    """
    biases = carray(bias, n_units)
    for row in range(n_rows):
        line = carray(address_after(outputs, row * n_units), n_units)
        line_slopes = carray(address_after(slopes, row * n_units), n_units)
        for k in range(n_units):
            line[k], line_slopes[k] = pair(line[k] + biases[k], real)  # noqa: F821


PAIRS = {
    ActivationCode.IDENTITY: _identity,
    ActivationCode.LOGISTIC: _logistic,
    ActivationCode.TANH: _tanh,
    ActivationCode.RELU: _relu,
    ActivationCode.LEAKY_RELU: _leaky_relu,
    ActivationCode.ELU: _elu,
    ActivationCode.SELU: _selu,
    ActivationCode.SILU: _silu,
    ActivationCode.GELU: _gelu,
    ActivationCode.MISH: _mish,
    ActivationCode.SOFTPLUS: _softplus,
}


@cache
def activation(code, dtype):
    """Return the address of the loop of an activation for a floating type.

    Parameters
    ----------
    code : ActivationCode
    dtype : dtype
    """
    return _loop(code, dtype).address


@cache
def _loop(code, dtype):
    scope = {**globals(), "pair": PAIRS[code], "real": dtype.type}
    loop = FunctionType(_activate.__code__, scope, f"{code.name.lower()}_{dtype.name}")
    numbers, whole = types.CPointer(from_dtype(dtype)), types.int64
    signature = types.void(numbers, numbers, numbers, whole, whole)
    return to_c(signature, loop)
