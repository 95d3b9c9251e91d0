"""Starting weights.

Conventions: ``initializer(rng, fan_in, fan_out)`` returns float64 weights of shape
``(fan_in, fan_out)``. The estimator multiplies them with ``init_scale``, so that
``init="normal", init_scale=0.01`` is ``0.01 * randn``.
"""

from functools import partial

import numpy as np


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


def he_variance(fan_in, fan_out):
    """Return 2 / fan_in (He et al., 2015, https://arxiv.org/abs/1502.01852)."""
    return 2 / fan_in


def glorot_variance(fan_in, fan_out):
    """Return 2 / (fan_in + fan_out) (Glorot & Bengio, 2010)."""
    return 2 / (fan_in + fan_out)


def lecun_variance(fan_in, fan_out):
    """Return 1 / fan_in (LeCun et al., 1998)."""
    return 1 / fan_in


def _normal(variance, rng, fan_in, fan_out):
    return normal(rng, fan_in, fan_out) * np.sqrt(variance(fan_in, fan_out))


def _uniform(variance, rng, fan_in, fan_out):
    bound = np.sqrt(3 * variance(fan_in, fan_out))
    return rng.uniform(-bound, bound, (fan_in, fan_out))


INITIALIZERS = {"orthogonal": orthogonal, "normal": normal, "zeros": zeros}
VARIANCES = {"he": he_variance, "glorot": glorot_variance, "lecun": lecun_variance}
for _name, _variance in VARIANCES.items():
    INITIALIZERS[f"{_name}_normal"] = partial(_normal, _variance)
    INITIALIZERS[f"{_name}_uniform"] = partial(_uniform, _variance)
