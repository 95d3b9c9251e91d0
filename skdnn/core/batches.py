"""Rows of data, and which of them each member sees in each batch."""

from typing import NamedTuple

import numpy as np


class DenseRows:
    """Rows of a dense array.

    Parameters
    ----------
    array : C-contiguous ndarray of shape (n_rows, n_columns)
    """

    def __init__(self, array):
        self.array = array

    def take(self, rows, buffers):
        """Return the rows for each member, shape (n_members, n_batch_rows, n_columns)."""
        out = buffers("rows", (*rows.shape, self.array.shape[1]))
        # "clip" never clips here: it is the mode that does not copy the output.
        return self.array.take(rows, axis=0, out=out, mode="clip")

    def slice(self, span):
        """Return some of the rows for all members, shape (1, n_rows, n_columns)."""
        return self.array[None, span]

    def astype(self, dtype):
        """Return these rows in another type."""
        return DenseRows(self.array.astype(dtype, copy=False))


class SparseRows:
    """Rows of a CSR array.

    Parameters
    ----------
    array : CSR array or matrix of shape (n_rows, n_columns)
    """

    def __init__(self, array):
        self.array = array

    def take(self, rows, buffers):
        """Return a CSR array for each member."""
        return [self.array[member_rows] for member_rows in rows]

    def slice(self, span):
        """Return some of the rows as a CSR array shared by all members."""
        return [self.array[span]]

    def astype(self, dtype):
        """Return these rows in another type."""
        return SparseRows(self.array.astype(dtype, copy=False))


class Data(NamedTuple):
    """Rows with what is known about them.

    Attributes
    ----------
    rows : DenseRows or SparseRows
    targets : ndarray of shape (n_rows, n_target_columns)
        One column of class indices for softmax, else 0 or 1 for each sigmoid.
    weights : ndarray of shape (n_rows,)
        Positive, any scale.
    """

    rows: DenseRows | SparseRows
    targets: np.ndarray
    weights: np.ndarray


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
    """

    def __init__(self, member_rows, weights, layout, dtype):
        self.member_rows = member_rows
        self.layout = layout
        self.counts = np.array([len(rows) for rows in member_rows])
        self.weights = weights
        # Over the mean weight of all a member sees: a batch of light rows counts less.
        self.means = np.array([weights[rows].mean() for rows in member_rows])
        self.dtype = dtype
        self._slots = [_slots(count, layout) for count in self.counts]

    def __len__(self):
        return self.layout.n_batches

    def epoch(self, rngs=None):
        """Yield the batches of an epoch, shuffled if there are generators.

        Yields
        ------
        rows : ndarray of shape (n_members, width)
        weights : ndarray of shape (n_members, width)
            Sum to about 1; 0 where a smaller batch was filled up.
        share : ndarray of shape (n_members,)
            This batch's share of the member's rows.
        """
        rows, filled = self._assign(rngs)
        for batch_rows, batch_filled in zip(
            rows.swapaxes(0, 1), filled.swapaxes(0, 1), strict=True
        ):
            counts = batch_filled.sum(axis=1)
            scale = 1 / (np.maximum(counts, 1) * self.means)
            weights = self.weights[batch_rows] * batch_filled * scale[:, None]
            yield batch_rows, weights.astype(self.dtype), counts / self.counts

    def _assign(self, rngs):
        orders = self.member_rows
        if rngs is not None:
            orders = [rng.permutation(rows) for rng, rows in zip(rngs, orders, strict=True)]
        rows = [order[slots] for order, (slots, _) in zip(orders, self._slots, strict=True)]
        return np.stack(rows), np.stack([filled for _, filled in self._slots])


def _slots(count, layout):
    """Return positions and whether each is a row of its own, both (n_batches, width)."""
    bounds = count * np.arange(layout.n_batches + 1) // layout.n_batches
    slots = bounds[:-1, None] + np.arange(layout.width)
    return np.minimum(slots, count - 1), slots < bounds[1:, None]


def blocks(member_rows, weights, width, size=2048):
    """Yield all rows in order, for a pass without gradients.

    Parameters
    ----------
    member_rows : list of ndarray
        Rows of each member; may differ in number.
    weights : ndarray of shape (n_rows,)
        Weight of every row of the data.
    width : int
        Number of rows to fill every member up to.
    size : int, default=2048
        Rows of a block.

    Yields
    ------
    span : slice
        Positions of the block.
    rows : ndarray of shape (n_members, block size)
    weights : ndarray of shape (n_members, block size)
        0 where a member has no row left; sum to 1 over all blocks.
    """
    last = np.array([len(rows) - 1 for rows in member_rows])
    totals = np.array([weights[rows].sum() for rows in member_rows])
    for start in range(0, width, size):
        slots = np.arange(start, min(start + size, width))
        chosen = [rows[np.minimum(slots, end)] for rows, end in zip(member_rows, last, strict=True)]
        block_rows = np.stack(chosen)
        block_weights = weights[block_rows] * (slots <= last[:, None]) / totals[:, None]
        yield slice(start, slots[-1] + 1), block_rows, block_weights
