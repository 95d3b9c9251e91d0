"""Elementary functions, of arrays with NumPy and of single numbers in compiled kernels.

A function written with these, with NumPy's operators and with ``real`` around its constants, means
the same for an array and, compiled, for each of its numbers. The C library's exponential, which
numba would call, takes one number at a time; the one here becomes vector instructions.
"""

import math
from functools import cache

import numpy as np
import scipy.special


def exp(x):
    """Return e to the power of x."""
    return np.exp(x)


def expm1(x):
    """Return exp(x) - 1."""
    return np.expm1(x)


def expit(x):
    """Return 1 / (1 + exp(-x))."""
    return scipy.special.expit(x)


def tanh(x):
    """Return the hyperbolic tangent."""
    return np.tanh(x)


def softplus(x):
    """Return log(1 + exp(x)), written so that it does not overflow."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def erf(x):
    """Return the error function."""
    return scipy.special.erf(x)


@cache
def register():
    """Register with numba how these functions are computed for single numbers."""
    from numba.extending import overload

    for function, scalar_of in SCALARS.items():
        overload(function, inline="always")(scalar_of)


def _one(x):
    return np.dtype(str(x)).type(1)


def _exp(x):
    parts, one = _parts_of_exponential(str(x)), _one(x)

    def scalar(x):
        power, rest = parts(x)
        return power * (rest + one)

    return scalar


def _expm1(x):
    parts, one = _parts_of_exponential(str(x)), _one(x)

    def scalar(x):
        power, rest = parts(x)
        return power * rest + (power - one)

    return scalar


def _expit(x):
    one = _one(x)
    return lambda x: one / (one + exp(-x))


def _tanh(x):
    one = _one(x)

    def scalar(x):
        # From the negative side, where nothing overflows.
        power = expm1(-abs(x) - abs(x))
        value = -power / (power + one + one)
        return value if x >= 0 else -value

    return scalar


def _softplus(x):
    zero = _one(x) - _one(x)
    return lambda x: (zero if x < zero else x) + math.log1p(exp(-abs(x)))  # NaN stays NaN


def _erf(x):
    return lambda x: math.erf(x)


SCALARS = {exp: _exp, expm1: _expm1, expit: _expit, tanh: _tanh, softplus: _softplus, erf: _erf}
# Bits of the mantissa, terms of the polynomial, and bounds of what has an exponential.
FORMATS = {
    "float32": (np.float32, np.int32, 23, 8, -87.0, 88.0),
    "float64": (np.float64, np.int64, 52, 15, -708.0, 709.0),
}


@cache
def _parts_of_exponential(name):
    """Return what splits exp(x) into ``2^n`` and ``exp(r) - 1``, with ``x = n log(2) + r``.

    A Taylor polynomial of r; log(2) comes in two parts, so that n times the first is exact.
    """
    from numba import njit

    real, whole, n_mantissa_bits, n_terms, low, high = FORMATS[name]
    log2_e, half, low, high = real(1 / math.log(2)), real(0.5), real(low), real(high)
    log_2_head, log_2_tail = real(0.693359375), real(-2.12194440054690582767878542e-4)
    shift, offset = whole(n_mantissa_bits), whole(-np.finfo(real).minexp + 1)
    terms = tuple(real(1 / math.factorial(k)) for k in range(n_terms, 0, -1))

    # Without reassociation, which would undo the two parts of log(2): of itself numba takes over
    # what the caller allows.
    @njit(fastmath={"contract"})
    def parts(x):
        x = low if x < low else x  # written so that NaN stays NaN
        x = high if x > high else x
        n = np.floor(x * log2_e + half)
        r = (x - n * log_2_head) - n * log_2_tail
        rest = real(0)
        for term in terms:
            rest = (rest + term) * r
        return whole((whole(n) + offset) << shift).view(real), rest

    return parts
