"""Rows of data, and which of them each member sees in each batch."""

from typing import NamedTuple

import numpy as np

TOGETHER = 2**15  # rows assigned to batches in one go: less work a batch, little memory


class DenseRows:
    """Rows of a dense array.

    Parameters
    ----------
    array : C-contiguous ndarray of shape (n_rows, n_columns)
    shares_of_nonzeros : ndarray of shape (n_columns,), optional
        Of the numbers in each column, about; see :mod:`skdnn.core.zeros`.
    """

    def __init__(self, array, shares_of_nonzeros=None):
        self.array, self.shares_of_nonzeros = array, shares_of_nonzeros

    def take(self, rows, buffers):
        """Return the rows for each member, shape (n_members, n_batch_rows, n_columns)."""
        out = buffers("rows", (*rows.shape, self.array.shape[1]), self.array.dtype)
        # "clip" never clips here: it is the mode that does not copy the output.
        return self.array.take(rows, axis=0, out=out, mode="clip")

    def slice(self, span):
        """Return some of the rows for all members, shape (1, n_rows, n_columns)."""
        return self.array[None, span]

    def astype(self, dtype):
        """Return these rows in another type."""
        return DenseRows(self.array.astype(dtype, copy=False), self.shares_of_nonzeros)


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
        Any scale. A row of weight 0 is one that no member refers to.
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


class Frame(NamedTuple):
    """Some batches of an epoch, before it is known which rows they hold.

    Attributes
    ----------
    slots : ndarray of shape (n_members, n_batches, width)
        Places in the order of the member's rows.
    factors : ndarray of shape (n_batches, n_members, width)
        On the weights of the rows; 0 where a smaller batch is filled up.
    shares : ndarray of shape (n_batches, n_members)
        Of all rows of the member.
    """

    slots: np.ndarray
    factors: np.ndarray
    shares: np.ndarray


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
        self.orders = [rows.astype(np.intp) for rows in member_rows]
        self.layout = layout
        self.counts = np.array([len(rows) for rows in member_rows])
        self.weights = weights
        # Over the mean weight of all a member sees: a batch of light rows counts less.
        self.means = np.array([weights[rows].mean() for rows in member_rows])
        self.dtype = dtype
        # An epoch that fits into one frame has the same one every time.
        fits = len(self.orders) * layout.width * layout.n_batches <= TOGETHER
        self._frames = list(self._make_frames()) if fits else None

    def __len__(self):
        return self.layout.n_batches

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
        for frame in self._frames or self._make_frames():
            yield from zip(*self._fill(frame), strict=True)

    def _make_frames(self):
        n_together = max(1, TOGETHER // (len(self.orders) * self.layout.width))
        for start in range(0, len(self), n_together):
            yield self._make_frame(np.arange(start, min(start + n_together, len(self)) + 1))

    def _make_frame(self, edges):
        """Return the Frame of the batches between ``edges``."""
        bounds = self.counts[:, None] * edges // len(self)
        slots = bounds[:, :-1, None] + np.arange(self.layout.width)
        are_rows = slots < bounds[:, 1:, None]
        counts = np.diff(bounds)
        factors = are_rows / (np.maximum(counts, 1) * self.means[:, None])[..., None]
        slots = np.minimum(slots, self.counts[:, None, None] - 1)
        return Frame(slots, factors.swapaxes(0, 1), (counts / self.counts[:, None]).T)

    def _fill(self, frame):
        """Return the rows, weights and shares of the batches of a frame."""
        rows = np.empty(frame.factors.shape, np.intp)
        for order, slots, member_rows in zip(
            self.orders, frame.slots, rows.swapaxes(0, 1), strict=True
        ):
            member_rows[...] = order[slots]
        weights = self.weights[rows] * frame.factors
        return rows, weights.astype(self.dtype), frame.shares


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
        yield block_rows, block_weights
