"""What the levels of large columns say about y, as numbers beside their one-hot blocks.

A one-hot block has inputs for frequent levels only; of a column with thousands of identifiers it
tells next to nothing. The numbers of a level tell, for each class, the logarithm of its share
among the rows of that level, shrunk towards its share among all rows, over the latter.

A row must not see its own y in its inputs, not even as the difference to rows that see it. So a
row in training has the numbers of the rows before it in a random order (ordered target
statistics: Prokhorenkova et al., 2018, https://arxiv.org/abs/1706.09516).
"""

from typing import NamedTuple

import numpy as np

MANY_CATEGORIES = 30  # from which on a column is large
MAX_CLASSES = 10  # each class makes a number for each large column
SHRINKAGE = 5.0  # weight of the shares of all rows, in rows of average weight


class TargetStatistics(NamedTuple):
    """Numbers of the levels of large columns.

    Attributes
    ----------
    tables : tuple of ndarray of shape (n_codes, n_numbers)
        One a column. The last code is that of levels not seen in training, with zeros.
    """

    tables: tuple = ()

    @property
    def n_numbers(self):
        """Numbers of a row."""
        return sum(table.shape[1] for table in self.tables)

    def numbers(self, codes):
        """Return the numbers (n_rows, n_numbers) of codes (n_rows, n_large_columns)."""
        columns = zip(self.tables, codes.T, strict=True)
        return np.hstack([table[codes] for table, codes in columns])


class LabelledCategories(NamedTuple):
    """Rows of large columns with their classes.

    Attributes
    ----------
    codes : ndarray of int of shape (n_rows, n_large_columns)
    classes : ndarray of int of shape (n_rows,)
    n_classes : int
    weights : ndarray of shape (n_rows,)
    """

    codes: np.ndarray
    classes: np.ndarray
    n_classes: int
    weights: np.ndarray


def count_numbers(n_classes):
    """Return the numbers of a level: one for two classes, else one a class."""
    return 1 if n_classes == 2 else n_classes


def empty_statistics(n_codes, n_classes):
    """Return TargetStatistics that know of no level yet."""
    return TargetStatistics(tuple(np.zeros((n, count_numbers(n_classes))) for n in n_codes))


def learn_statistics(empty, labelled, rows):
    """Return the TargetStatistics of some rows, given empty ones."""
    shares, n_classes = _shares(labelled, rows), labelled.n_classes
    tables = []
    for codes, table in zip(labelled.codes[rows].T, empty.tables, strict=True):
        cells = codes * n_classes + labelled.classes[rows]
        totals = np.bincount(cells, labelled.weights[rows], len(table) * n_classes)
        tables.append(_log_ratios(totals.reshape(len(table), n_classes), shares))
    return TargetStatistics(tuple(tables))


def ordered_statistics(labelled, rows, rng):
    """Return the numbers of rows by what came before them in a random order.

    Parameters
    ----------
    labelled : LabelledCategories
    rows : ndarray of int of shape (n_some_rows,)
        Which rows; only these are counted.
    rng : Generator

    Returns
    -------
    ndarray of shape (n_some_rows, n_numbers)
    """
    shares, order = _shares(labelled, rows), rng.permutation(len(rows))
    numbers = []
    for codes in labelled.codes[rows].T:
        by_category = order[np.argsort(codes[order], kind="stable")]
        before = _before(labelled, rows[by_category], codes[by_category])
        of_column = np.empty((len(rows), count_numbers(labelled.n_classes)))
        of_column[by_category] = _log_ratios(before, shares)
        numbers.append(of_column)
    return np.hstack(numbers)


def _before(labelled, rows, codes):
    """Return the weight of each class before each row, in rows that lie together by code."""
    weights = np.zeros((len(rows), labelled.n_classes))
    weights[np.arange(len(rows)), labelled.classes[rows]] = labelled.weights[rows]
    before = np.cumsum(weights, axis=0) - weights
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    return before - np.repeat(before[starts], np.diff(starts, append=len(codes)), axis=0)


def _shares(labelled, rows):
    totals = np.bincount(labelled.classes[rows], labelled.weights[rows], labelled.n_classes)
    return np.maximum(totals / totals.sum(), 1e-6)


def _log_ratios(totals, shares):
    """Return the numbers for weights by class, (n, n_classes)."""
    shrunk = np.maximum(totals, 0) + SHRINKAGE * shares
    logs = np.log(shrunk / shrunk.sum(axis=1, keepdims=True)) - np.log(shares)
    return logs[:, 1:] - logs[:, :1] if len(shares) == 2 else logs
