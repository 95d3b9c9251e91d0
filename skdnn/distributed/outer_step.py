"""The outer step: along the mean difference of all partitions, with Nesterov's momentum.

In a round, all partitions start from the same parameters, and each takes steps on its own rows. The
difference of a partition is its parameters after these steps minus those at the start. The outer
step updates the parameters by the mean difference, with momentum from round to round (DiLoCo:
Douillard et al., 2023, https://arxiv.org/abs/2311.08105).
"""

# DiLoCo's 0.7 and 0.9 are for hundreds of rounds; with tens of them, less momentum is better.
RATE, MOMENTUM = 1.0, 0.5


def outer_step(params, change, velocity, rate=RATE, momentum=MOMENTUM):
    """Take a step along the mean difference ``change``; ``velocity`` is zero before the first one.

    Parameters and velocity are changed in place. All arrays are (n_members, n_parameters).
    """
    step = rate * change
    velocity *= momentum
    velocity += step
    params += step + momentum * velocity
