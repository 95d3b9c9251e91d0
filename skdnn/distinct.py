"""Distinct rows in an order of their own.

Training on distinct rows with summed weights makes a weight of two the same thing as a row
that occurs twice, bit for bit, whatever the order of the input. Rows are told apart by 128
bits computed from their content: for a billion rows the chance that any two different ones
meet is below 1e-20.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse

BLOCK = 4096  # rows hashed at a time, so that intermediate words stay in the cache
GOLDEN = 0x9E3779B97F4A7C15  # odd constants of splitmix64 (Steele et al., 2014)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)


class DistinctRows(NamedTuple):
    """Which input rows stand for the distinct ones.

    Attributes
    ----------
    rows : ndarray of shape (n_distinct,)
        First occurrence of each distinct row.
    weights : ndarray of shape (n_distinct,)
        Summed weights.
    group_of : ndarray of shape (n_rows,)
        Position in ``rows`` of each input row's representative.
    """

    rows: np.ndarray
    weights: np.ndarray
    group_of: np.ndarray


def distinct_rows(inputs, targets, weights, by_content=True):
    """Merge rows that agree in inputs and targets.

    Parameters
    ----------
    inputs : ndarray or CSR of shape (n_rows, n_columns)
        Without NaN.
    targets : ndarray of shape (n_rows, n_target_columns)
        Whatever else tells rows apart.
    weights : ndarray of shape (n_rows,)
        Weight of each row.
    by_content : bool, default=True
        Order the distinct rows by their hash; False keeps the order of first occurrence.

    Returns
    -------
    DistinctRows
    """
    first, second = _hashes(inputs, targets)
    order = np.lexsort((np.arange(len(first)), second, first))
    is_new = np.ones(len(order), bool)
    is_new[1:] = (np.diff(first[order]) != 0) | (np.diff(second[order]) != 0)
    group_of = np.empty(len(order), np.intp)
    group_of[order] = np.cumsum(is_new) - 1
    rows = order[is_new]
    if not by_content:
        by_occurrence = np.argsort(rows)
        rank = np.empty_like(by_occurrence)
        rank[by_occurrence] = np.arange(len(rows))
        rows, group_of = rows[by_occurrence], rank[group_of]
    return DistinctRows(rows, np.bincount(group_of, weights, len(rows)), group_of)


def fingerprint(distinct, inputs, targets):
    """Return a number that identifies the distinct rows and their weights."""
    first, second = _hashes(inputs, targets)
    weights = _words(distinct.weights[:, None])[:, 0]
    mixed = _mix(first[distinct.rows] ^ second[distinct.rows] ^ _mix(weights))
    return int(np.bitwise_xor.reduce(mixed))


def _hashes(inputs, targets):
    hash_inputs = _hash_sparse if issparse(inputs) else _hash_dense
    first, second = hash_inputs(inputs)
    more_first, more_second = _hash_dense(np.asarray(targets, np.float64))
    return _mix(first ^ _mix(more_first)), second + np.uint64(GOLDEN) * more_second


def _hash_dense(array):
    """Return two 64-bit hashes of each row."""
    first, second = np.empty((2, len(array)), np.uint64)
    for start in range(0, len(array), BLOCK):
        words = _words(array[start : start + BLOCK])
        words ^= _salts(np.arange(words.shape[1]))
        _mix_in_place(words)
        first[start : start + BLOCK] = words.sum(axis=1)
        second[start : start + BLOCK] = (words * words).sum(axis=1)
    return first, second


def _hash_sparse(matrix):
    """Return two 64-bit hashes of each CSR row; explicit zeros do not count."""
    values = _words(matrix.data.astype(np.float64)[:, None])[:, 0]
    words = _mix(values ^ _salts(matrix.indices))
    words[matrix.data == 0] = 0
    return _row_sums(words, matrix.indptr), _row_sums(words * words, matrix.indptr)


def _row_sums(words, ends):
    totals = np.zeros(len(words) + 1, np.uint64)
    np.cumsum(words, out=totals[1:])
    return np.diff(totals[ends])


def _words(array):
    """Return rows as 64-bit words of their own; -0.0 becomes 0.0."""
    array = array + array.dtype.type(0)
    odd = array.shape[1] * array.itemsize % 8
    if odd:
        array = np.pad(array, ((0, 0), (0, (8 - odd) // array.itemsize)))
    return np.ascontiguousarray(array).view(np.uint64)


def _salts(columns):
    return _mix((columns.astype(np.uint64) + np.uint64(1)) * np.uint64(GOLDEN))


def _mix(words):
    words = words.copy()
    _mix_in_place(words)
    return words


def _mix_in_place(words):
    """Scramble words as splitmix64 does."""
    words ^= words >> np.uint64(30)
    words *= MIX_1
    words ^= words >> np.uint64(27)
    words *= MIX_2
    words ^= words >> np.uint64(31)
