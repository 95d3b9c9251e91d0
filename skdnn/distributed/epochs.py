"""Epochs of training on the partitions of an executor, for the one training loop.

In a round, all partitions start from the same parameters, and each takes steps on its own rows. The
difference of a partition is its parameters after these steps minus those at the start. The outer
step updates the parameters by the mean difference, with momentum from round to round (DiLoCo:
Douillard et al., 2023, https://arxiv.org/abs/2311.08105).
"""

from itertools import pairwise

import numpy as np

from skdnn.distributed.executors import tree_reduce
from skdnn.distributed.local_steps import Start, Training, add_differences, local_steps
from skdnn.distributed.rounds import plan_rounds

FEWEST_ROWS = 64  # of a batch: smaller ones take more time for a row
# DiLoCo's 0.7 and 0.9 are for hundreds of rounds; with tens of them, less momentum is better.
RATE, MOMENTUM = 1.0, 0.5


def local_batch_size(batch_size, n_together):
    """Return the number of rows that each partition has in a mini-batch shared by all of a round.

    So there are as many steps, one after the other, as on one machine.
    """
    return max(batch_size // n_together, min(batch_size, FEWEST_ROWS))


class PartitionEpochs:
    """Trains the members of an Ensemble on partitions, an epoch at a call.

    ``partitions`` are references of the executor to the Data of each, ``n_rows`` its training rows.
    """

    def __init__(self, executor, partitions, n_rows, seed, limits):
        self.executor, self.partitions, self.n_rows = executor, partitions, n_rows
        self.seed, self.limits, self.training = seed, limits, None

    def __call__(self, ensemble, epoch, report):
        """Train the members of an ensemble for an epoch; write their training losses to report."""
        if self.training is None:
            self._start(ensemble)
        losses, weight = 0.0, 0.0
        for turns in self.rounds.of_epoch(epoch):
            total = self._round(ensemble, turns)
            losses, weight = losses + total.losses, weight + total.weight
        report[0] = losses / weight

    def _start(self, ensemble):
        n_together = min(self.limits.partitions_per_round, np.count_nonzero(self.n_rows))
        batch_size = local_batch_size(ensemble.plan.batch_size, n_together)
        # Validation is not done on the workers, so the score, with all validation rows, stays here.
        plan = ensemble.plan._replace(score=None, batch_size=batch_size)
        training = Training(ensemble.job.network, plan, self.seed, int(self.n_rows.sum()))
        self.training = self.executor.share(training)
        self.velocity = np.zeros_like(ensemble.params)
        of_round = n_together, batch_size, self.limits.steps_per_round
        self.rounds = plan_rounds(self.n_rows, *of_round, plan.n_epochs, self.seed)

    def _round(self, ensemble, turns):
        """Train for a round; return the sum of the Differences."""
        np.copyto(ensemble.before, ensemble.params)
        state = {name: getattr(ensemble, name) for name in Start._fields}
        start = self.executor.share(Start(**state))
        totals = []
        for span in self._spans(len(ensemble.params), len(turns)):
            shared = ([each] * len(turns) for each in (self.training, start, span))
            trained = [self.partitions[turn.partition] for turn in turns]
            calls = self.executor.map(local_steps, *shared, trained, turns)
            totals.append(tree_reduce(self.executor, add_differences, calls))
        total = join_members(self.executor.gather(totals))
        self._apply(ensemble, total)
        return total

    def _spans(self, n_members, n_turns):
        """Return slices of the members, several if there would be fewer calls than slots."""
        n_spans = min(n_members, max(1, self.executor.n_slots // n_turns))
        edges = [n_members * k // n_spans for k in range(n_spans + 1)]
        return [slice(low, high) for low, high in pairwise(edges)]

    def _apply(self, ensemble, total):
        """Take the outer step; restore members that diverged, and set their velocity to 0."""
        n_failures = ensemble.n_failures.copy()
        change, *memory = total.arrays / total.arrays.dtype.type(total.weight)
        velocity = self.velocity[ensemble.members]
        outer_step(ensemble.params, change, velocity)
        for array, mean in zip(ensemble.memory, memory, strict=True):
            array[...] = mean
        ensemble.n_steps += total.n_steps
        is_finite = np.isfinite(total.arrays).all(axis=(0, 2))
        ensemble.end_block(slice(None), np.where(is_finite, total.losses / total.weight, np.nan))
        velocity[ensemble.n_failures > n_failures] = 0
        self.velocity[ensemble.members] = velocity


def outer_step(params, change, velocity, rate=RATE, momentum=MOMENTUM):
    """Take a step along the mean difference ``change``; ``velocity`` is zero before the first one.

    Parameters and velocity are changed in place. All arrays are (n_members, n_parameters).
    """
    step = rate * change
    velocity *= momentum
    velocity += step
    params += step + momentum * velocity


def join_members(totals):
    """Return the Difference of all members, from those of some of them each."""
    arrays, losses, *_ = zip(*totals, strict=True)
    joined = np.concatenate(arrays, axis=1), np.concatenate(losses)
    return totals[0]._replace(arrays=joined[0], losses=joined[1])
