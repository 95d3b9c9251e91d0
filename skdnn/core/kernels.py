"""The few loops worth compiling, each with a NumPy twin that agrees to rounding.

Compiled loops run on the thread that calls them, without Python's lock. Neither they nor
their twins assume that numbers are finite: NaN and infinity pass through, and whoever calls
a kernel checks.

Conventions: arrays have the members axis in front and, unless it is said, are C-contiguous;
all floating arrays and scalars of a call have one type.
"""

import math

import numpy as np

from skdnn.core.compiling import kernel

BLOCK = 2**14  # parameters that Adam's NumPy twin updates at a time: they stay in the cache


def _adam_twin(params, grads, first, second, rate, first_shares, second_shares, scale, epsilon):
    scratch = np.empty(min(BLOCK, params.size), params.dtype)
    for start in range(0, params.size, BLOCK):
        span = np.s_[start : start + BLOCK]
        grad, mean, square = grads[span], first[span], second[span]
        work = scratch[: grad.size]
        mean *= first_shares[0]
        mean += np.multiply(grad, first_shares[1], out=work)
        square *= second_shares[0]
        grad *= grad
        square += np.multiply(grad, second_shares[1], out=grad)
        np.sqrt(np.multiply(square, scale, out=work), out=work)
        work += epsilon
        np.divide(mean, work, out=work)
        work *= rate
        params[span] -= work


@kernel(_adam_twin)
def adam(params, grads, first, second, rate, first_shares, second_shares, scale, epsilon):
    """Take a step of Adam, which may overwrite the gradients.

    Parameters
    ----------
    params, grads, first, second : ndarray of shape (n_parameters,)
        Parameters, gradients and both moments; all but the gradients are updated.
    rate : float
        Rate over the correction of the first moment.
    first_shares, second_shares : (float, float)
        The share of itself that a moment keeps, and that of the gradient.
    scale : float
        One over the correction of the second moment.
    epsilon : float
    """
    for i in range(params.size):
        grad = grads[i]
        mean = first_shares[0] * first[i] + first_shares[1] * grad
        square = second_shares[0] * second[i] + second_shares[1] * grad * grad
        first[i] = mean
        second[i] = square
        params[i] -= rate * mean / (math.sqrt(square * scale) + epsilon)
