"""What a worker computes in a round: local steps on the rows of a partition, and their sum."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from skdnn.core.batches import Data, DenseRows
from skdnn.core.ensemble import Ensemble
from skdnn.core.random_bits import entropy_for
from skdnn.core.training import Plan, Split, State, make_job
from skdnn.core.workers import ALONE
from skdnn.estimator.threads import single_threaded_blas


class Training(NamedTuple):
    """What the rounds of a fit have in common; the rows are those of all partitions."""

    network: object
    plan: Plan
    seed: int
    n_rows: int


class Start(NamedTuple):
    """What all partitions start a round from: the state of the members that are in training.

    Attributes
    ----------
    members : ndarray of shape (n_members,)
        Their numbers.
    params : ndarray of shape (n_members, n_parameters)
    memory : list of ndarray of shape (n_members, n_parameters)
        Of the update rule.
    rates : ndarray of shape (n_members, 1)
        Factors on the learning rate.
    smoothing : ndarray of shape (n_members,)
        Label smoothing.
    n_steps : int
        Steps taken before.
    """

    members: np.ndarray
    params: np.ndarray
    memory: list
    rates: np.ndarray
    smoothing: np.ndarray
    n_steps: int

    def of(self, span):
        """Return the Start of some of the members, a slice."""
        arrays = self.members, self.params, self.rates, self.smoothing
        members, params, rates, smoothing = (array[span] for array in arrays)
        memory = [array[span] for array in self.memory]
        return Start(members, params, memory, rates, smoothing, self.n_steps)


class Difference(NamedTuple):
    """What local steps have changed, times the weight of their rows; or the sum of several.

    Attributes
    ----------
    arrays : ndarray of shape (1 + n_memory, n_members, n_parameters)
        Changes of the parameters, then the memory of the update rule itself.
    losses : float64 ndarray of shape (n_members,)
        Training losses; NaN if a member diverged.
    weight : float
        Weight of the rows.
    n_steps : int
        Steps taken; of a sum, the largest number.
    """

    arrays: np.ndarray
    losses: np.ndarray
    weight: float
    n_steps: int


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
        return self.schedule(progress._replace(fraction=fraction, n_rows_seen=self.n_rows_before))


def local_steps(training, start, span, data, turn):
    """Return the Difference that training some members on a partition's rows makes.

    The result depends on the arguments only, and that of a member not on the others. ``span`` is a
    slice of the members in ``start``, ``data`` are the training rows of the partition, and ``turn``
    is the Turn that says which of them to train on.
    """
    data, rows, start = _aligned(data), _rows_of(data, turn, training), start.of(span)
    plan = _plan_of(training, turn, len(rows))._replace(label_smoothing=start.smoothing)
    split = Split(data, [rows] * len(start.params))
    job = make_job(training.network, split, plan, ALONE, is_alone=False)
    memory = dict(zip(plan.rule.memory, start.memory, strict=True))
    with single_threaded_blas():
        state = State(start.params, memory, start.n_steps)
        ensemble = Ensemble(job, split, state, _generators(training.seed, turn, start.members))
        ensemble.rates[...] = start.rates
        losses = ensemble.epoch(0)[0]
    weight = float(data.weights[rows].sum())
    arrays = np.stack([ensemble.params - start.params, *ensemble.memory])
    with np.errstate(over="ignore"):
        arrays *= arrays.dtype.type(weight)
    losses = np.where(ensemble.n_failures, np.nan, losses * weight)
    return Difference(arrays, losses, weight, job.layout.n_batches)


def add_differences(differences):
    """Return the sum of Differences, added in their order, so that it always rounds the same."""
    arrays, losses, weights, n_steps = zip(*differences, strict=True)
    total = arrays[0].copy()
    with np.errstate(over="ignore", invalid="ignore"):  # of members that diverged
        for array in arrays[1:]:
            total += array
    return Difference(total, sum(losses), sum(weights), max(n_steps))


def _aligned(data):
    """Return the Data with aligned arrays; those that came from another worker may not be."""
    targets, weights = (np.require(array, requirements="A") for array in data[1:])
    return Data(DenseRows(data.rows.array), targets, weights)


def _rows_of(data, turn, training):
    """Return the rows to train on in a turn."""
    rows = np.arange(len(data.targets))
    if training.plan.shuffle:
        key = entropy_for("rows of a partition", training.seed, turn.epoch, turn.partition)
        rows = np.random.default_rng(key).permutation(rows)
    return np.array_split(rows, turn.n_pieces)[turn.piece]


def _plan_of(training, turn, n_rows):
    """Return the Plan of a turn: one epoch, with its part of the schedule of the fit."""
    part = turn.number / turn.n_rounds, (turn.number + 1) / turn.n_rounds
    # The penalty is divided by the number of rows trained on.
    alpha = training.plan.alpha * n_rows / training.n_rows
    return plan_for_part(training.plan, part, turn.epoch * training.n_rows)._replace(alpha=alpha)


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


def _generators(seed, turn, members):
    """Return a random generator for each member, by partition and round."""
    key = "members in a round", seed, turn.number, turn.partition
    seeds = [np.random.SeedSequence(entropy_for(*key, member)) for member in members.tolist()]
    return [np.random.Generator(np.random.SFC64(of_member)) for of_member in seeds]
