"""Widen encoded rows into the network's inputs, a batch at a time.

An encoded row holds ``n_numbers`` numbers followed by one code per categorical column.
Its expansion holds the same numbers followed by one-hot blocks, one per column. A code
outside ``[0, n_levels)`` (unseen, or missing where training had no gaps) gives a block
of zeros. Keeping rows narrow until a batch needs them is what stops a wide encoding
from multiplying the memory of the data.
"""

from typing import NamedTuple

import numpy as np


class Expansion(NamedTuple):
    """Layout of encoded rows.

    Attributes
    ----------
    n_numbers : int
        Leading columns that are copied as they are.
    n_levels : tuple of int
        Levels of each categorical column that follows.
    """

    n_numbers: int
    n_levels: tuple = ()

    @property
    def n_inputs(self):
        """Columns of an encoded row."""
        return self.n_numbers + len(self.n_levels)

    @property
    def n_outputs(self):
        """Columns of an expanded row."""
        return self.n_numbers + sum(self.n_levels)

    def __call__(self, rows, out=None):
        """Expand ``rows``.

        Parameters
        ----------
        rows : ndarray of shape (..., n_inputs)
            Encoded rows; codes are whole numbers stored as floats.
        out : C-contiguous ndarray of shape (..., n_outputs), optional
            Where to write.

        Returns
        -------
        ndarray of shape (..., n_outputs)
            ``rows`` itself when there is nothing to expand.
        """
        if not self.n_levels:
            return rows
        if out is None:
            out = np.empty((*rows.shape[:-1], self.n_outputs), rows.dtype)
        out[..., : self.n_numbers] = rows[..., : self.n_numbers]
        out[..., self.n_numbers :] = 0
        codes = rows[..., self.n_numbers :].reshape(-1, len(self.n_levels)).astype(np.intp)
        known = (codes >= 0) & (codes < self.n_levels)
        starts = self.n_numbers + np.cumsum((0, *self.n_levels[:-1]))
        positions = np.arange(len(codes))[:, None] * self.n_outputs + starts + codes
        out.reshape(-1)[positions[known]] = 1
        return out
