"""Update rules: gradients -> direction; and the one function that takes the step.

Conventions: all arrays are flat, ``(n_members, n_parameters)``. A rule turns gradients
into the direction to *subtract*, and may overwrite the gradients with it; its memory is in
``rule.state``, a dict of arrays with the members axis in front, so that members can be
dropped, restarted and saved without knowing the rule. The rate, decoupled decay and
clipping are not the rule's business.
"""

import numpy as np


class GradientDescent:
    """The gradient itself.

    Parameters
    ----------
    shape : (n_members, n_parameters)
    dtype : dtype
    """

    def __init__(self, shape, dtype):
        self.state = {}

    def direction(self, grads, step):
        """Return ``grads``."""
        return grads


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

    def direction(self, grads, step):
        """Return the velocity, one step further if ``nesterov``."""
        velocity = self.state["velocity"]
        velocity *= self.momentum
        velocity += grads
        if not self.nesterov:
            np.copyto(grads, velocity)
            return grads
        grads += self.momentum * velocity
        return grads


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
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.state = {"first": np.zeros(shape, dtype), "second": np.zeros(shape, dtype)}
        self._scratch = np.empty(shape, dtype)

    def direction(self, grads, step):
        """Return the corrected first moment over the root of the corrected second one."""
        first, second = self.state["first"], self.state["second"]
        scratch = self._scratch[: len(grads)]
        first *= self.beta_1
        first += np.multiply(grads, 1 - self.beta_1, out=scratch)
        second *= self.beta_2
        np.multiply(grads, grads, out=scratch)
        scratch *= 1 - self.beta_2
        second += scratch
        np.multiply(second, 1 / (1 - self.beta_2**step), out=scratch)
        np.sqrt(scratch, out=scratch)
        scratch += self.epsilon
        np.divide(first, scratch, out=grads)
        grads *= 1 / (1 - self.beta_1**step)
        return grads


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


def descend(params, directions, rates, decay=None):
    """Take the step ``params -= rates * (directions + decay * params)``.

    Parameters
    ----------
    params : ndarray of shape (n_members, n_parameters)
        Changed in place.
    directions : ndarray of shape (n_members, n_parameters)
        Overwritten.
    rates : ndarray of shape (n_members, 1)
        Learning rate of each member.
    decay : ndarray of shape (n_parameters,), optional
        Decoupled decay of each parameter.
    """
    if decay is not None:
        directions += decay * params
    directions *= rates
    params -= directions


OPTIMIZERS = {
    "gd": GradientDescent,
    "sgd": Momentum,
    "adam": Adam,
    "adamw": Adam,
}
