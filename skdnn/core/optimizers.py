"""Update rules: each takes the step that its gradients ask for.

Conventions: all arrays are flat, ``(n_members, n_parameters)``. A rule changes ``params`` in
place and may overwrite ``grads``; its memory is in ``rule.state``, a dict of arrays with the
members axis in front, so that members can be dropped, restarted and saved without knowing
the rule. The rate, decay and clipping are not the rule's business.
"""

import numpy as np

from skdnn.core import kernels


def descend(params, directions, rates):
    """Take the step ``params -= rates * directions``; overwrites ``directions``.

    Parameters
    ----------
    params, directions : ndarray of shape (n_members, n_parameters)
    rates : ndarray of shape (n_members, 1)
        Learning rate of each member.
    """
    directions *= rates
    params -= directions


class GradientDescent:
    """Along the gradient itself.

    Parameters
    ----------
    shape : (n_members, n_parameters)
    dtype : dtype
    """

    def __init__(self, shape, dtype):
        self.state = {}

    def step(self, params, grads, rates, number):
        """Take step ``number``, counted from 1."""
        descend(params, grads, rates)


class Momentum:
    """Gradient descent with momentum (Sutskever et al., 2013).

    Parameters
    ----------
    shape : (n_members, n_parameters)
    dtype : dtype
    momentum : float in [0, 1)
        Share of the velocity that each step keeps.
    nesterov : bool
        Whether to look ahead along the velocity.
    """

    def __init__(self, shape, dtype, momentum=0.9, nesterov=True):
        self.momentum = momentum
        self.nesterov = nesterov
        self.state = {"velocity": np.zeros(shape, dtype)}
        self._scratch = np.empty(shape, dtype)

    def step(self, params, grads, rates, number):
        """Follow the velocity, one step further if ``nesterov``."""
        velocity, scratch = self.state["velocity"], self._scratch[: len(grads)]
        velocity *= self.momentum
        velocity += grads
        if self.nesterov:
            grads += np.multiply(velocity, self.momentum, out=scratch)
        else:
            np.copyto(grads, velocity)
        descend(params, grads, rates)


class Adam:
    """Adaptive moments (Kingma & Ba, 2015, https://arxiv.org/abs/1412.6980).

    With decoupled decay it is AdamW (Loshchilov & Hutter, 2019,
    https://arxiv.org/abs/1711.05101).

    Parameters
    ----------
    shape : (n_members, n_parameters)
    dtype : dtype
    beta_1, beta_2 : float in [0, 1)
        Decay of the first and second moment.
    epsilon : float
        Added to the root of the second moment.
    """

    def __init__(self, shape, dtype, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
        real = np.dtype(dtype).type
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, real(epsilon)
        self._first_shares = real(beta_1), real(1 - beta_1)
        self._second_shares = real(beta_2), real(1 - beta_2)
        self.state = {"first": np.zeros(shape, dtype), "second": np.zeros(shape, dtype)}

    def step(self, params, grads, rates, number):
        """Follow the corrected first moment over the root of the corrected second one."""
        real = params.dtype.type
        rates = rates[:, 0] * real(1 / (1 - self.beta_1**number))
        scale = real(1 / (1 - self.beta_2**number))
        moments = self.state["first"], self.state["second"]
        for member in zip(params, grads, *moments, rates, strict=True):
            kernels.adam(*member, self._first_shares, self._second_shares, scale, self.epsilon)


def decay(weights, rates, strength):
    """Shrink weights by ``rates * strength`` of themselves, decoupled from the gradient.

    Parameters
    ----------
    weights : list of ndarray of shape (n_members, ...)
        Changed in place.
    rates : ndarray of shape (n_members, 1)
    strength : float
    """
    kept = (1 - rates * rates.dtype.type(strength))[:, None]
    for layer_weights in weights:
        layer_weights *= kept


def clip_by_norm(grads, max_norm):
    """Shrink each member's gradient to the norm ``max_norm`` where it is longer.

    Parameters
    ----------
    grads : ndarray of shape (n_members, n_parameters)
        Changed in place.
    max_norm : float
        Largest Euclidean norm (Pascanu et al., 2013, https://arxiv.org/abs/1211.5063).
    """
    norms = np.sqrt(np.einsum("kp,kp->k", grads, grads, dtype=np.float64))
    too_long = norms > max_norm
    grads[too_long] *= (max_norm / norms[too_long])[:, None].astype(grads.dtype)


OPTIMIZERS = {
    "gd": GradientDescent,
    "sgd": Momentum,
    "adam": Adam,
    "adamw": Adam,
}
