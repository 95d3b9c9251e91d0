"""A part of a learning-rate schedule, for the rounds in which a fit is trained."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class PartOfSchedule(NamedTuple):
    """A part of a schedule, for training in several calls: from one fraction to another.

    ``n_rows_before`` is the number of rows seen up to the start of this epoch.
    """

    schedule: Callable
    start: float
    stop: float
    n_rows_before: int

    def __call__(self, progress):
        """Return the factor."""
        fraction = self.start + progress.fraction * (self.stop - self.start)
        progress = progress._replace(fraction=fraction, n_rows_seen=self.n_rows_before)
        return self.schedule(progress)


def plan_for_part(plan, part, n_rows_before):
    """Return the Plan of one pass over some of the rows, given that of the whole training.

    ``part`` is where in the learning-rate schedule the pass begins and ends.
    """
    return plan._replace(
        schedule=PartOfSchedule(plan.schedule, *part, n_rows_before),
        n_epochs=1,
        patience=np.inf,
        keep_best=False,
        keep_memory=True,
        temperatures=(),
        score=None,
    )
