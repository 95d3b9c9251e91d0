"""The outer step: the mean difference of all partitions, with Nesterov's momentum.

In a round, each partition starts from the same parameters and takes steps on its own rows. Its
difference is what these have changed. The mean difference is the direction of the outer step, with
momentum from round to round (DiLoCo: Douillard et al., 2023, https://arxiv.org/abs/2311.08105).
"""

import numpy as np

from skdnn.core.optimizers import Momentum

# DiLoCo's 0.7 and 0.9 are for hundreds of rounds; with tens of them, less momentum is better.
RATE, MOMENTUM = 1.0, 0.5


def outer_step(params, change, velocity, rate=RATE, momentum=MOMENTUM):
    """Take a step along a mean difference.

    Parameters
    ----------
    params : ndarray of shape (n_members, n_parameters)
        Changed in place.
    change : ndarray of shape (n_members, n_parameters)
        Mean difference.
    velocity : ndarray of shape (n_members, n_parameters)
        Changed in place; zeros before the first step.
    rate, momentum : float
    """
    rule = Momentum(momentum)
    columns = np.broadcast_arrays(1.0, *rule.numbers(rate, 1))  # the first: no weight decay
    numbers = np.tile(np.stack(columns), (len(params), 1)).astype(params.dtype)
    rule.step(params, -change, velocity, np.array([0, params.shape[1]]), numbers)
