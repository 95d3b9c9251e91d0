"""Rows of data, and which of them each member sees in each batch."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse

TOGETHER = 2**15  # rows assigned to batches in one go: less work a batch, little memory


class DenseRows:
    """Rows of a dense array.

    Parameters
    ----------
    array : ndarray of shape (n_rows, n_columns)
    """

    def __init__(self, array):
        # NumPy would copy any other array as a whole whenever some of its rows are taken.
        self.array = np.require(array, requirements=["C", "ALIGNED"])

    def gather(self, tape, rows):
        """Add the call that reads the rows of each member.

        Parameters
        ----------
        tape : Tape
        rows : ndarray of shape (n_members, n_batch_rows)
            Read at every replay.

        Returns
        -------
        ndarray of shape (n_members, n_batch_rows, n_columns)
        """
        return take(tape, self.array, rows)

    def slice(self, span):
        """Return some of the rows for all members, shape (1, n_rows, n_columns)."""
        return self.array[None, span]

    def astype(self, dtype):
        """Return these rows in another type."""
        return DenseRows(self.array.astype(dtype, copy=False))


def take(tape, array, rows):
    """Add the call that reads rows of an array, and return where they are written."""
    out = tape.empty((*rows.shape, array.shape[1]), array.dtype)
    # "clip" never clips here: it is the mode that does not copy the output.
    tape.call(array.take, rows, 0, out, "clip")
    return out


class SparseBatch:
    """Sparse rows of a batch, a CSR array for each member, or one for all.

    Parameters
    ----------
    n_rows : int
    arrays : list of CSR array, default=()
        Replaced at every replay.

    Attributes
    ----------
    shape : (int, int)
        Number of arrays, 0 where they are not read yet, and of rows.
    """

    def __init__(self, n_rows, arrays=()):
        self.shape, self.arrays = (len(arrays), n_rows), arrays

    def of_members(self, n_members):
        """Return an array for each of so many members."""
        return self.arrays * n_members if len(self.arrays) == 1 else self.arrays


class SparseRows:
    """Rows of a CSR array.

    Parameters
    ----------
    array : CSR array or matrix of shape (n_rows, n_columns)
    """

    def __init__(self, array):
        self.array = array

    def gather(self, tape, rows):
        """Add the call that reads the rows of each member; return the SparseBatch."""
        batch = SparseBatch(rows.shape[1])

        def read():
            batch.arrays = [self.array[member_rows] for member_rows in rows]

        tape.call(read)
        return batch

    def slice(self, span):
        """Return some of the rows, shared by all members."""
        rows = self.array[span]
        return SparseBatch(rows.shape[0], [rows])

    def astype(self, dtype):
        """Return these rows in another type."""
        return SparseRows(self.array.astype(dtype, copy=False))


def as_rows(array):
    """Return the DenseRows or SparseRows of an array or CSR."""
    return SparseRows(array) if issparse(array) else DenseRows(array)


class Data(NamedTuple):
    """Rows with what is known about them.

    Attributes
    ----------
    rows : DenseRows or SparseRows
    targets : ndarray of shape (n_rows, n_target_columns)
        One column of class indices for softmax, else 0 or 1 for each sigmoid.
    weights : ndarray of shape (n_rows,)
        Any scale. A row of weight 0 is one that no member refers to.
    """

    rows: DenseRows | SparseRows
    targets: np.ndarray
    weights: np.ndarray


def train_on_all(ensemble, epoch, report):
    """Train for an epoch on the training data, which are all rows."""
    ensemble.train_block(epoch, report)


class Blocks(NamedTuple):
    """Where the training rows are, if there is no memory for all of them.

    Attributes
    ----------
    number : int
        Blocks of an epoch.
    train : callable
        ``train(ensemble, epoch, report)`` trains the members of an Ensemble for an epoch, and adds
        their training losses to ``report[0]``. By default, the training data are all rows.
    n_rows : int or None
        Rows of all blocks of an epoch; None if the data are all rows.
    mean_weight : float or None
        Mean weight of these rows; None if the data are all rows.
    """

    number: int = 1
    train: Callable = train_on_all
    n_rows: int | None = None
    mean_weight: float | None = None


class Layout(NamedTuple):
    """Shape of an epoch, the same for all members.

    Attributes
    ----------
    n_batches : int
    width : int
        Rows of the largest batch. Smaller ones are filled up with rows of weight 0, so
        that a member's arithmetic does not depend on the members it shares a thread with.
    """

    n_batches: int
    width: int


def plan_batches(member_rows, batch_size):
    """Return the layout that shows each row once an epoch in nearly equal batches.

    Parameters
    ----------
    member_rows : list of ndarray
        Rows of each member.
    batch_size : int
        Largest number of rows in a batch.

    Returns
    -------
    Layout
    """
    largest = max(len(rows) for rows in member_rows)
    n_batches = -(-largest // batch_size)
    return Layout(n_batches, -(-largest // n_batches))


class Batches:
    """Batches of a few members.

    Parameters
    ----------
    member_rows : list of ndarray
        Rows of each member.
    weights : ndarray of shape (n_rows,)
        Weight of every row of the data.
    layout : Layout
    dtype : dtype
        Type of the batch weights.
    mean_weight : float, optional
        Mean weight of all training rows, if these are only a block of them.

    Attributes
    ----------
    orders : list of ndarray
        The members' rows in the order that shuffling has left them in.
    """

    def __init__(self, member_rows, weights, layout, dtype, mean_weight=None):
        self.orders = [rows.astype(np.intp) for rows in member_rows]
        self.layout = layout
        self.counts = np.array([len(rows) for rows in member_rows])
        self.weights = weights
        # Weights are divided by the mean over all rows of the member, not over those of a batch, so
        # that a batch of rows with small weights counts less.
        self.means = np.array([mean_weight or weights[rows].mean() for rows in member_rows])
        self.dtype = dtype
        # An epoch whose rows are looked up in one go takes the same places every time.
        self._n_together = max(1, TOGETHER // (len(member_rows) * layout.width))
        is_short = layout.n_batches <= self._n_together
        self._places = self._find_places(np.arange(layout.n_batches + 1)) if is_short else None

    def epoch(self, rngs=None):
        """Yield the batches of an epoch, shuffled if there are generators.

        Yields
        ------
        rows : ndarray of shape (n_members, width)
        weights : ndarray of shape (n_members, width)
            Sum to about 1; 0 where a smaller batch was filled up.
        shares : ndarray of shape (n_members,)
            This batch's share of the member's rows.
        """
        for rng, order in zip(rngs or (), self.orders, strict=rngs is not None):
            rng.shuffle(order)
        for start in range(0, self.layout.n_batches, self._n_together):
            stop = min(start + self._n_together, self.layout.n_batches)
            places = self._places or self._find_places(np.arange(start, stop + 1))
            yield from zip(*self._look_up(*places), strict=True)

    def _find_places(self, edges):
        """Return where the rows of the batches between ``edges`` are in the members' orders.

        Returns
        -------
        slots : ndarray of shape (n_batches, n_members, width)
        factors : ndarray of shape (n_batches, n_members, width)
            On the weights of the rows; 0 where a smaller batch is filled up.
        shares : ndarray of shape (n_batches, n_members)
        """
        bounds = self.counts * edges[:, None] // self.layout.n_batches
        slots = bounds[:-1, :, None] + np.arange(self.layout.width)
        counts = np.diff(bounds, axis=0)
        factors = 1 / (np.maximum(counts, 1) * self.means)
        are_rows = slots < bounds[1:, :, None]
        last = self.counts[:, None] - 1
        return np.minimum(slots, last), factors[..., None] * are_rows, counts / self.counts

    def _look_up(self, slots, factors, shares):
        """Return rows, weights and shares of the batches in some places."""
        rows = np.stack([order[slots[:, k]] for k, order in enumerate(self.orders)], axis=1)
        return rows, (self.weights[rows] * factors).astype(self.dtype), shares
