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


def _normal(variance, rng, *fans):
    return normal(rng, *fans) * np.sqrt(variance(*fans))


def _uniform(variance, rng, *fans):
    bound = np.sqrt(3 * variance(*fans))
    return rng.uniform(-bound, bound, fans)


# Variances by He et al., 2015, https://arxiv.org/abs/1502.01852; Glorot & Bengio, 2010; LeCun et
# al., 1998.
VARIANCES = {
    "he": lambda fan_in, _: 2 / fan_in,
    "glorot": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "lecun": lambda fan_in, _: 1 / fan_in,
}
INITIALIZERS = {"orthogonal": orthogonal, "normal": normal, "zeros": zeros}
INITIALIZERS |= {f"{name}_normal": partial(_normal, of) for name, of in VARIANCES.items()}
INITIALIZERS |= {f"{name}_uniform": partial(_uniform, of) for name, of in VARIANCES.items()}
