"""The rounds of a fit: which partitions take local steps together, and on which of their rows."""

from typing import NamedTuple

import numpy as np

from skdnn.core.random_bits import entropy_for


class RoundLimits(NamedTuple):
    """The parameters of the classifier that limit a round."""

    partitions_per_round: int
    steps_per_round: int


class Turn(NamedTuple):
    """What a partition does in a round: train on a piece of its rows, in the order of the epoch.

    The rows are cut into ``n_pieces``; ``piece`` is the number of one of them, from 0. The round is
    ``number``, from 0, of the ``n_rounds`` of the fit.
    """

    partition: int
    epoch: int
    piece: int
    n_pieces: int
    number: int
    n_rounds: int


class Rounds(NamedTuple):
    """How epochs are divided into rounds; it depends on the data and the parameters only.

    Attributes
    ----------
    n_rows : ndarray of shape (n_partitions,)
        Training rows of each partition.
    n_groups : int
        Groups of partitions that train one after the other.
    n_pieces : int
        Rounds in which a group goes through its rows.
    n_epochs : int
    seed : int
    """

    n_rows: np.ndarray
    n_groups: int
    n_pieces: int
    n_epochs: int
    seed: int

    @property
    def n_rounds(self):
        """Number of rounds of all epochs, also of those in which no partition has a row left."""
        return self.n_epochs * self.n_groups * self.n_pieces

    def of_epoch(self, epoch):
        """Yield the rounds of an epoch, each a list of Turns in the order of the partitions."""
        rng = np.random.default_rng(entropy_for("groups of partitions", self.seed, epoch))
        order = rng.permutation(np.flatnonzero(self.n_rows))
        number = epoch * self.n_groups * self.n_pieces
        for group in np.array_split(order, self.n_groups):
            for piece in range(self.n_pieces):
                turn = Turn(0, epoch, piece, self.n_pieces, number, self.n_rounds)
                trained = np.sort(group[self.n_rows[group] > piece])  # the others have no such row
                if len(trained):
                    yield [turn._replace(partition=int(partition)) for partition in trained]
                number += 1


# A fit that would have fewer rounds than FEWEST_ROUNDS has fewer steps in each, but at least
# FEWEST_STEPS.
FEWEST_ROUNDS, FEWEST_STEPS = 64, 16


def plan_rounds(n_rows, partitions_per_round, batch_size, steps_per_round, n_epochs, seed):
    """Return the Rounds of a fit.

    ``n_rows`` are the training rows of each partition, ``batch_size`` are the rows of a partition
    in a step, and the seed is that of the order of the partitions.
    """
    n_groups = -(-int(np.count_nonzero(n_rows)) // partitions_per_round)
    steps_of_epoch = n_rows.max() / batch_size
    for_rounds = n_epochs * n_groups * steps_of_epoch / FEWEST_ROUNDS
    n_steps = min(steps_per_round, max(FEWEST_STEPS, for_rounds))
    return Rounds(n_rows, n_groups, max(1, round(steps_of_epoch / n_steps)), n_epochs, seed)
