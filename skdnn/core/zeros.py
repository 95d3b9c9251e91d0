"""Columns that are mostly zero: margins of pictures, counts of words, codes that are spread out.

Compiled loops leave out the products of their zeros. That pays for columns with few other numbers:
a number by itself costs as much as some eight in a matrix product.
"""

import numpy as np

from skdnn.core.codes import Run

SAMPLE = 1000  # rows that are looked at
FEWEST_COLUMNS = 64  # of a row, with which it is worth a look
COST = 8  # of a number by itself, in those of a matrix product
LEAST = 0.25  # share of the products to be saved


def shares_of_nonzeros(array, rows):
    """Return the share of numbers in each column that are not zero, None for few columns.

    Parameters
    ----------
    array : ndarray of shape (n_rows, n_columns)
    rows : ndarray of int
        The first of these rows are looked at. If they are distinct, and their order that of
        their content, then the order of the table does not matter, and weights equal repeated
        rows.
    """
    if array.shape[1] < FEWEST_COLUMNS:
        return None
    return np.count_nonzero(array[rows[:SAMPLE]], axis=0) / len(rows[:SAMPLE])


def are_sparse(shares):
    """Tell which columns with these shares of nonzeros to take number by number: perhaps none."""
    are_few = shares * COST < 1
    saved = (1 - COST * shares).sum(where=are_few)
    return are_few & (len(shares) >= FEWEST_COLUMNS and saved >= LEAST * len(shares))


def find_runs(is_sparse):
    """Return the table of runs of columns that are treated alike.

    Parameters
    ----------
    is_sparse : bool ndarray of shape (n_columns,)

    Returns
    -------
    int64 ndarray of shape (n_runs, 3)
        See :class:`skdnn.core.codes.RunColumns`.
    """
    begins = np.ones(len(is_sparse), bool)
    begins[1:] = is_sparse[1:] != is_sparse[:-1]
    starts = np.flatnonzero(begins)
    places = np.cumsum(~is_sparse) - 1
    runs = np.empty((len(starts), len(Run)), np.int64)
    runs[:, Run.START] = starts
    runs[:, Run.STOP] = np.append(starts, len(is_sparse))[1:]
    runs[:, Run.PLACE] = np.where(is_sparse[starts], -1, places[starts])
    return runs
