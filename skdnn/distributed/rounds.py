"""The rounds of a fit: which partitions take local steps together, and on which of their rows."""

from typing import NamedTuple

import numpy as np


class Turn(NamedTuple):
    """What a partition does in a round.

    Attributes
    ----------
    partition : int
    epoch : int
    piece, n_pieces : int
        Which piece of its rows, in the order of this epoch, it trains on.
    number, n_rounds : int
        Number of the round, and of all rounds of the fit.
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
        """Number of rounds of all epochs."""
        return self.n_epochs * self.n_groups * self.n_pieces

    def of_epoch(self, epoch):
        """Yield the rounds of an epoch, each a list of Turns in the order of the partitions."""
        rng = np.random.default_rng([self.seed, epoch])
        order = rng.permutation(np.flatnonzero(self.n_rows))
        number = epoch * self.n_groups * self.n_pieces
        for group in np.array_split(order, self.n_groups):
            for piece in range(self.n_pieces):
                turn = Turn(0, epoch, piece, self.n_pieces, number, self.n_rounds)
                trained = np.sort(group[self.n_rows[group] > piece])  # the others have no such row
                yield [turn._replace(partition=int(partition)) for partition in trained]
                number += 1


def plan_rounds(n_rows, partitions_per_round, rows_per_round, n_epochs, seed):
    """Return the Rounds of a fit.

    Parameters
    ----------
    n_rows : ndarray of shape (n_partitions,)
        Training rows of each partition.
    partitions_per_round : int
        Largest number of partitions that train together.
    rows_per_round : int
        About how many rows a partition trains on in a round.
    n_epochs, seed : int

    Returns
    -------
    Rounds
    """
    n_groups = -(-int(np.count_nonzero(n_rows)) // partitions_per_round)
    n_pieces = max(1, round(n_rows.max() / rows_per_round))
    return Rounds(n_rows, n_groups, n_pieces, n_epochs, seed)
