"""Target statistics (target encoding) of categorical columns with many categories.

Most categories of such a column are rare, and have no input in the one-hot encoding. So each
category is also encoded by target statistics, which compare the frequencies of the classes in its
rows with those in all rows. There is one number for each class c::

    log(p_c / q_c),  p_c = (w_c + SHRINKAGE * q_c) / (sum of all w + SHRINKAGE)

where ``q_c`` is the frequency of the class among all rows, and ``w_c`` is the total weight of the
rows with this category and class. ``SHRINKAGE`` pulls ``p_c`` of a rare category towards ``q_c``,
and the number towards 0. For two classes there is only one number, that of the second class minus
that of the first.

Computed from all training rows, the numbers of a training row would depend on its own label, and
the network would learn to read it from them. So in training they are computed from the rows before
it in a random order (ordered target statistics: Prokhorenkova et al., 2018,
https://arxiv.org/abs/1706.09516), and only in prediction from all training rows.
"""

from typing import NamedTuple

import numpy as np

MANY_CATEGORIES = 30  # columns with more categories have target statistics
MAX_CLASSES = 10  # each class adds an input for each of these columns
SHRINKAGE = 5.0  # weight of the overall class frequencies, in rows of average weight


class TargetStatistics(NamedTuple):
    """Target statistics of the categories of high-cardinality columns.

    There is a table (n_codes, n_numbers) for each column. Codes are the ranks of categories by
    frequency, then missing values, then unknown categories, whose values are 0.
    """

    tables: tuple = ()

    @property
    def n_numbers(self):
        """Number of target statistics of a row."""
        return sum(table.shape[1] for table in self.tables)

    def numbers(self, codes):
        """Return the statistics (n_rows, n_numbers) of codes (n_rows, n_large_columns)."""
        return np.hstack([table[codes] for table, codes in zip(self.tables, codes.T, strict=True)])


class LabelledCategories(NamedTuple):
    """The categories of rows in high-cardinality columns, with classes and weights.

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
    """Return the number of statistics of a category: 1 for two classes, else one for each."""
    return 1 if n_classes == 2 else n_classes


def empty_statistics(n_codes, n_classes):
    """Return TargetStatistics of zeros, to be learnt."""
    return TargetStatistics(tuple(np.zeros((n, count_numbers(n_classes))) for n in n_codes))


def learn_statistics(empty, labelled, rows):
    """Return TargetStatistics learnt from some rows, of the shape of ``empty``."""
    shares, n_classes = _shares(labelled, rows), labelled.n_classes
    tables = []
    for codes, table in zip(labelled.codes[rows].T, empty.tables, strict=True):
        cells = codes * n_classes + labelled.classes[rows]
        totals = np.bincount(cells, labelled.weights[rows], len(table) * n_classes)
        tables.append(_log_ratios(totals.reshape(len(table), n_classes), shares))
    return TargetStatistics(tuple(tables))


def ordered_statistics(labelled, rows, rng):
    """Return ordered target statistics: of each row, from the rows before it in a random order.

    They have the shape (n_some_rows, n_numbers); ``rows`` are those to compute them of, and from.
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
    """Return the cumulated weight of each class before each row, for rows sorted by code."""
    weights = np.zeros((len(rows), labelled.n_classes))
    weights[np.arange(len(rows)), labelled.classes[rows]] = labelled.weights[rows]
    before = np.cumsum(weights, axis=0) - weights
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    return before - np.repeat(before[starts], np.diff(starts, append=len(codes)), axis=0)


def _shares(labelled, rows):
    totals = np.bincount(labelled.classes[rows], labelled.weights[rows], labelled.n_classes)
    return np.maximum(totals / totals.sum(), 1e-6)


def _log_ratios(totals, shares):
    """Return the target statistics for the total weights of classes, (n, n_classes)."""
    shrunk = np.maximum(totals, 0) + SHRINKAGE * shares  # rounded totals may be below 0
    logs = np.log(shrunk / shrunk.sum(axis=1, keepdims=True)) - np.log(shares)
    return logs[:, 1:] - logs[:, :1] if len(shares) == 2 else logs
