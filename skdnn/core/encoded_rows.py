"""Widen encoded rows into the network's inputs, a batch at a time.

An encoded row holds ``n_numbers`` numbers, then one position on the bins for each binned column,
then one code for each categorical column. Its expansion holds

- the same numbers;
- the piecewise-linear encoding of each bin position ``u``, whose whole part is the number of the
  bin that the value lies in, of ``n_bins``, and whose fraction is how far in it: input t is
  ``clip(u - t, 0, 1) - 1/2`` (Gorishniy et al., 2022, https://arxiv.org/abs/2203.05556, less
  one half, so that inputs lie around 0);
- a one-hot block for each code. A code outside ``[0, n_categories)`` (unseen, or missing where
  training had no missing values) gives a block of zeros.

Rows are widened batch by batch, so that a wide encoding does not multiply the memory of the data.
"""

from typing import NamedTuple

import numpy as np

from skdnn.core.compiling import kernel

MIDDLE = 0.5  # what a piecewise-linear input is moved down by


def _expand_twin(rows, columns, offsets, n_numbers, n_binned, out):
    out[..., :n_numbers] = rows[..., :n_numbers]
    inside = out[..., n_numbers:n_binned]
    coordinates = rows.take(columns[n_numbers:n_binned], axis=-1)
    np.subtract(coordinates, offsets[n_numbers:n_binned].astype(rows.dtype), out=inside)
    np.clip(inside, 0, 1, out=inside)
    inside -= rows.dtype.type(MIDDLE)
    codes = rows.take(columns[n_binned:], axis=-1)
    np.equal(codes, offsets[n_binned:], out=out[..., n_binned:])


@kernel(_expand_twin)
def expand(rows, columns, offsets, n_numbers, n_binned, out):
    """Widen encoded rows.

    Parameters
    ----------
    rows : ndarray of shape (n_members, n_rows, n_columns)
    columns, offsets : int64 ndarray of shape (n_inputs,)
        The column of the rows that each input comes from, and its number among those inputs.
    n_numbers, n_binned : int
        Where numbers end, and where the inputs of bin positions do.
    out : ndarray of shape (n_members, n_rows, n_inputs)
    """
    real = rows.dtype.type
    for k in range(rows.shape[0]):
        for r in range(rows.shape[1]):
            source, line = rows[k, r], out[k, r]
            for i in range(n_numbers):
                line[i] = source[i]
            for i in range(n_numbers, n_binned):
                inside = source[columns[i]] - real(offsets[i])
                inside = real(1) if inside > real(1) else inside  # NaN stays NaN
                line[i] = (real(0) if inside < real(0) else inside) - real(MIDDLE)
            for i in range(n_binned, line.size):
                line[i] = real(1) if source[columns[i]] == real(offsets[i]) else real(0)


class Expansion(NamedTuple):
    """Layout of encoded rows.

    Attributes
    ----------
    n_numbers : int
        Leading columns that are copied as they are.
    n_categories : tuple of int
        Categories of each categorical column; these columns come last.
    n_bins : tuple of int
        Bins of each binned column; these columns come in between.
    """

    n_numbers: int
    n_categories: tuple = ()
    n_bins: tuple = ()

    @property
    def n_inputs(self):
        """Columns of an encoded row."""
        return self.n_numbers + len(self.n_bins) + len(self.n_categories)

    @property
    def n_outputs(self):
        """Columns of an expanded row."""
        return self.n_numbers + sum(self.n_bins) + sum(self.n_categories)

    @property
    def n_outputs_without_bins(self):
        """Columns of an expanded row, bins not counted."""
        return self.n_numbers + sum(self.n_categories)

    @property
    def column_widths(self):
        """Columns of an expanded row that each column of an encoded row becomes."""
        return (1,) * self.n_numbers + self.n_bins + self.n_categories

    @property
    def is_trivial(self):
        """Whether expanded rows are the encoded ones."""
        return not (self.n_bins or self.n_categories)

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
        expand(rows, *self.places(), out)
        return out

    def places(self):
        """Return the layout as arguments of :func:`expand`."""
        widths = self.column_widths
        columns = np.repeat(np.arange(len(widths)), widths)
        firsts = np.repeat(np.cumsum((0, *widths[:-1])), widths)
        offsets = np.arange(len(columns)) - firsts
        return columns, offsets, self.n_numbers, self.n_numbers + sum(self.n_bins)
