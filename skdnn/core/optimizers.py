"""Update rules (optimizers): how a step changes the parameters, given their gradients.

Conventions: parameters, gradients and the state of a rule (velocity, moments) are flat arrays of
shape ``(n_members, n_parameters)``. A rule is a class with three attributes:

- ``memory``: names of its state arrays, which are zeros at the first step.
- ``numbers(rates, steps)``: the learning rate and other coefficients of a step, as a list of
  numbers and arrays. It is called once an epoch for all steps: ``rates`` is ``(n_steps,
  n_members)`` and ``steps``, which counts from 1, is ``(n_steps, 1)``.
- ``step(params, grads, *memory, bounds, numbers)``: a Kernel or any function that changes
  parameters and state in place, and may overwrite the gradients. Its ``numbers`` are those of one
  step, of shape ``(n_members, 1 + length of the list)``. Column 0 is the factor of weight decay,
  ``1 - rate * weight_decay``; the others are the items of the list, in their order.

Only weights decay, not biases or scale factors. ``bounds`` are the positions where the two
alternate in a row of parameters: ``params[:, bounds[0]:bounds[1]]`` are weights, ``params[:,
bounds[1]:bounds[2]]`` are not, the next are weights again, and so on. Such a slice is called a run.
"""

import math

import numpy as np

from skdnn.core.compiling import kernel

UPDATE_BLOCK = 2**14  # parameters that NumPy updates at a time: they stay in the cache


def decay(params, bounds, kept):
    """Multiply the weights by the factor of weight decay, ``kept`` of shape (n_members, 1)."""
    if (kept != 1).any():
        for low, high in zip(bounds[::2], bounds[1::2], strict=False):
            params[:, low:high] *= kept


def _descend_twin(params, grads, bounds, numbers):
    decay(params, bounds, numbers[:, :1])
    grads *= numbers[:, 1:]
    params -= grads


@kernel(_descend_twin)
def descend(params, grads, bounds, numbers):
    """Take the step ``params -= rate * grads``."""
    for k in range(params.shape[0]):
        for run in range(len(bounds) - 1):
            kept = numbers[k, 0] if run % 2 == 0 else params.dtype.type(1)
            low, high, rate = bounds[run], bounds[run + 1], numbers[k, 1]
            p, g = params[k, low:high], grads[k, low:high]
            for i in range(p.size):
                p[i] = kept * p[i] - rate * g[i]


class GradientDescent:
    """Gradient descent: a step along the negative gradient."""

    memory = ()
    step = descend

    def numbers(self, rates, steps):
        """Return the rates."""
        return [rates]


def _momentum_twin(params, grads, velocity, bounds, numbers):
    decay(params, bounds, numbers[:, :1])
    rate, share, of_grad, of_velocity = np.split(numbers[:, 1:], 4, axis=1)
    velocity *= share
    velocity += grads
    grads *= of_grad * rate
    params -= grads
    params -= np.multiply(velocity, of_velocity * rate, out=grads)


@kernel(_momentum_twin)
def follow_velocity(params, grads, velocity, bounds, numbers):
    """Take a step along the velocity, and perhaps the gradient."""
    for k in range(params.shape[0]):
        rate, share = numbers[k, 1], numbers[k, 2]
        of_grad, of_velocity = numbers[k, 3], numbers[k, 4]
        for run in range(len(bounds) - 1):
            kept = numbers[k, 0] if run % 2 == 0 else params.dtype.type(1)
            low, high = bounds[run], bounds[run + 1]
            p, g, v = params[k, low:high], grads[k, low:high], velocity[k, low:high]
            for i in range(p.size):
                v[i] = share * v[i] + g[i]
                p[i] = kept * p[i] - rate * (of_grad * g[i] + of_velocity * v[i])


class Momentum:
    """Gradient descent with momentum (Sutskever et al., 2013).

    Parameters
    ----------
    momentum : float in [0, 1]
        Share of the velocity that each step keeps.
    nesterovs_momentum : bool
        Whether to look ahead along the velocity.
    """

    memory = ("velocity",)
    step = follow_velocity

    def __init__(self, momentum=0.9, nesterovs_momentum=True):
        self.momentum, self.nesterovs_momentum = momentum, nesterovs_momentum

    def numbers(self, rates, steps):
        """Return the rates, the momentum, and the factors on gradient and velocity in the step."""
        ahead = (1.0, self.momentum) if self.nesterovs_momentum else (0.0, 1.0)
        return [rates, self.momentum, *ahead]


def _adam_twin(params, grads, first, second, bounds, numbers):
    decay(params, bounds, numbers[:, :1])
    for member in zip(params, grads, first, second, numbers[:, 1:], strict=True):
        *arrays, of_member = member
        for start in range(0, params.shape[1], UPDATE_BLOCK):
            _adam_block(*(array[start : start + UPDATE_BLOCK] for array in arrays), of_member)


def _adam_block(params, grads, first, second, numbers):
    rate, scale, keep_first, of_grad, keep_second, of_square, epsilon = numbers
    work = np.multiply(grads, of_grad)
    first *= keep_first
    first += work
    second *= keep_second
    grads *= grads
    grads *= of_square
    second += grads
    np.sqrt(np.multiply(second, scale, out=work), out=work)
    work += epsilon
    np.divide(first, work, out=work)
    work *= rate
    params -= work


@kernel(_adam_twin)
def follow_moments(params, grads, first, second, bounds, numbers):
    """Take a step along the corrected first moment over the root of the corrected second one."""
    for k in range(params.shape[0]):
        rate, scale, epsilon = numbers[k, 1], numbers[k, 2], numbers[k, 7]
        keep_first, of_grad = numbers[k, 3], numbers[k, 4]
        keep_second, of_square = numbers[k, 5], numbers[k, 6]
        for run in range(len(bounds) - 1):
            kept = numbers[k, 0] if run % 2 == 0 else params.dtype.type(1)
            low, high = bounds[run], bounds[run + 1]
            p, g = params[k, low:high], grads[k, low:high]
            m, v = first[k, low:high], second[k, low:high]
            for i in range(p.size):
                mean = keep_first * m[i] + of_grad * g[i]
                square = keep_second * v[i] + of_square * g[i] * g[i]
                m[i] = mean
                v[i] = square
                p[i] = kept * p[i] - rate * mean / (math.sqrt(square * scale) + epsilon)


class Adam:
    """Adaptive moments (Kingma & Ba, 2015, https://arxiv.org/abs/1412.6980).

    With decoupled decay it is AdamW (Loshchilov & Hutter, 2019,
    https://arxiv.org/abs/1711.05101).

    Parameters
    ----------
    beta_1, beta_2 : float in [0, 1)
        Decay of the first and second moment.
    epsilon : float
        Added to the root of the second moment.
    """

    memory = ("first", "second")
    step = follow_moments

    def __init__(self, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def numbers(self, rates, steps):
        """Return the rates over the correction of the first moment, and constants."""
        beta_1, beta_2 = self.beta_1, self.beta_2
        scales = 1 / (1 - beta_2**steps)
        constants = beta_1, 1 - beta_1, beta_2, 1 - beta_2, self.epsilon
        return [rates / (1 - beta_1**steps), scales, *constants]


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


OPTIMIZERS = {"gd": GradientDescent, "sgd": Momentum, "adam": Adam, "adamw": Adam}
