"""Starting weights.

Conventions: ``initializer(rng, fan_in, fan_out)`` returns float64 weights of shape
``(fan_in, fan_out)``. The estimator multiplies them with ``init_scale``, so that
``init="normal", init_scale=0.01`` is ``0.01 * randn``.
"""

import numpy as np


def he_normal(rng, fan_in, fan_out):
    """Draw from N(0, 2 / fan_in) (He et al., 2015, https://arxiv.org/abs/1502.01852)."""
    return normal(rng, fan_in, fan_out) * np.sqrt(2 / fan_in)


def he_uniform(rng, fan_in, fan_out):
    """Draw from U(-b, b) with the variance 2 / fan_in."""
    return _uniform(rng, fan_in, fan_out, 2 / fan_in)


def glorot_normal(rng, fan_in, fan_out):
    """Draw from N(0, 2 / (fan_in + fan_out)) (Glorot & Bengio, 2010)."""
    return normal(rng, fan_in, fan_out) * np.sqrt(2 / (fan_in + fan_out))


def glorot_uniform(rng, fan_in, fan_out):
    """Draw from U(-b, b) with the variance 2 / (fan_in + fan_out)."""
    return _uniform(rng, fan_in, fan_out, 2 / (fan_in + fan_out))


def lecun_normal(rng, fan_in, fan_out):
    """Draw from N(0, 1 / fan_in) (LeCun et al., 1998)."""
    return normal(rng, fan_in, fan_out) * np.sqrt(1 / fan_in)


def lecun_uniform(rng, fan_in, fan_out):
    """Draw from U(-b, b) with the variance 1 / fan_in."""
    return _uniform(rng, fan_in, fan_out, 1 / fan_in)


def orthogonal(rng, fan_in, fan_out):
    """Draw orthonormal rows or columns (Saxe et al., 2014, https://arxiv.org/abs/1312.6120)."""
    tall = normal(rng, max(fan_in, fan_out), min(fan_in, fan_out))
    q, r = np.linalg.qr(tall)
    # Without the signs, QR's own convention would bias the draw.
    q *= np.sign(np.diag(r))
    return q if fan_in >= fan_out else q.T


def normal(rng, fan_in, fan_out):
    """Draw from N(0, 1)."""
    return rng.standard_normal((fan_in, fan_out))


def zeros(rng, fan_in, fan_out):
    """Return zeros."""
    return np.zeros((fan_in, fan_out))


def _uniform(rng, fan_in, fan_out, variance):
    bound = np.sqrt(3 * variance)
    return rng.uniform(-bound, bound, (fan_in, fan_out))


INITIALIZERS = {
    "he_normal": he_normal,
    "he_uniform": he_uniform,
    "glorot_normal": glorot_normal,
    "glorot_uniform": glorot_uniform,
    "lecun_normal": lecun_normal,
    "lecun_uniform": lecun_uniform,
    "orthogonal": orthogonal,
    "normal": normal,
    "zeros": zeros,
}
