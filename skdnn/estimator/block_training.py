"""Training on blocks of rows, where there is no memory for all rows at once."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from skdnn.core.batches import Blocks
from skdnn.core.training import Split, train


class PartOfSchedule(NamedTuple):
    """A part of a schedule, for training in several calls: from one fraction to another.

    Attributes
    ----------
    schedule : callable
    start, stop : float in [0, 1]
    """

    schedule: Callable
    start: float
    stop: float

    def __call__(self, progress):
        """Return the factor."""
        fraction = self.start + progress.fraction * (self.stop - self.start)
        return self.schedule(progress._replace(fraction=fraction))


def plan_for_part(plan, start, stop):
    """Return the Plan of one pass over a block of rows.

    Parameters
    ----------
    plan : Plan
        Of the whole training.
    start, stop : float in [0, 1]
        Which part of the learning-rate schedule the pass is.
    """
    return plan._replace(
        schedule=PartOfSchedule(plan.schedule, start, stop),
        n_epochs=1,
        patience=np.inf,
        keep_best=False,
        keep_memory=True,
        temperatures=(),
        score=None,
    )


def train_block(network, data, mean_weight, state, plan, rngs):
    """Train all members on a block of rows, once.

    The result depends on the arguments only, except that the generators move on.

    Parameters
    ----------
    network : Network
    data : Data
        The rows of the block.
    mean_weight : float
        Mean weight of all training rows.
    state : State
        Not changed.
    plan : Plan
        See :func:`plan_for_part`.
    rngs : list of Generator
        One a member.

    Returns
    -------
    state : State
        With the memory of the update rule.
    losses : ndarray of shape (n_members,)
        Mean training loss.
    """
    rows = np.arange(len(data.targets))
    blocks = Blocks(n_rows=len(rows), mean_weight=mean_weight)
    split = Split(data, [rows] * len(state.params), blocks=blocks)
    state, history = train(network, split, state, plan, rngs)
    return state, history.train_loss[:, 0]
