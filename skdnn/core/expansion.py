"""Widen encoded rows into the network's inputs, a batch at a time.

An encoded row holds ``n_numbers`` numbers, then one knot coordinate for each binned column,
then one code for each categorical column. Its expansion holds

- the same numbers;
- the piecewise-linear encoding of each knot coordinate ``u``, which tells by its whole part in
  which of the column's ``n_bins`` bins a value lies, and by the rest how far in it: input t is
  ``clip(u - t, 0, 1) - 1/2`` (Gorishniy et al., 2022, https://arxiv.org/abs/2203.05556, less
  one half, so that inputs lie around 0);
- a one-hot block for each code. A code outside ``[0, n_levels)`` (unseen, or missing where
  training had no gaps) gives a block of zeros.

Keeping rows narrow until a batch needs them is what stops a wide encoding from multiplying the
memory of the data.
"""

from itertools import accumulate
from typing import NamedTuple

import numpy as np

MIDDLE = 0.5  # what a piecewise-linear input is moved down by


class Expansion(NamedTuple):
    """Layout of encoded rows.

    Attributes
    ----------
    n_numbers : int
        Leading columns that are copied as they are.
    n_levels : tuple of int
        Levels of each categorical column, the last ones.
    n_bins : tuple of int
        Bins of each knot coordinate, between the two.
    """

    n_numbers: int
    n_levels: tuple = ()
    n_bins: tuple = ()

    @property
    def n_inputs(self):
        """Columns of an encoded row."""
        return self.n_numbers + len(self.n_bins) + len(self.n_levels)

    @property
    def n_outputs(self):
        """Columns of an expanded row."""
        return self.n_numbers + sum(self.n_bins) + sum(self.n_levels)

    @property
    def column_widths(self):
        """Columns of an expanded row that each column of an encoded row becomes."""
        return (1,) * self.n_numbers + self.n_bins + self.n_levels

    @property
    def is_trivial(self):
        """Whether expanded rows are the encoded ones."""
        return not (self.n_bins or self.n_levels)

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
        if self.is_trivial:
            return rows
        if out is None:
            out = np.empty((*rows.shape[:-1], self.n_outputs), rows.dtype)
        out[..., : self.n_numbers] = rows[..., : self.n_numbers]
        self._expand_knots(rows, out)
        self._expand_codes(rows, out)
        return out

    def _expand_knots(self, rows, out):
        starts = accumulate(self.n_bins, initial=self.n_numbers)
        for column, (start, n_bins) in enumerate(
            zip(starts, self.n_bins, strict=False), self.n_numbers
        ):
            block = out[..., start : start + n_bins]
            np.subtract(rows[..., column, None], np.arange(n_bins, dtype=rows.dtype), out=block)
            np.clip(block, 0, 1, out=block)
            block -= rows.dtype.type(MIDDLE)

    def _expand_codes(self, rows, out):
        if not self.n_levels:
            return
        first = self.n_outputs - sum(self.n_levels)
        out[..., first:] = 0
        codes = rows[..., -len(self.n_levels) :].reshape(-1, len(self.n_levels)).astype(np.intp)
        known = (codes >= 0) & (codes < self.n_levels)
        starts = first + np.cumsum((0, *self.n_levels[:-1]))
        positions = np.arange(len(codes))[:, None] * self.n_outputs + starts + codes
        out.reshape(-1)[positions[known]] = 1
