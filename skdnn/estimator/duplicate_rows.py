"""Merge duplicate rows and sum their weights; order the distinct rows by content.

A row of weight 2 is therefore equivalent to a repeated row, bit for bit, whatever the order of
the rows. Rows are compared and sorted by a hash first, then by their content, so that the result is
exact.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse

from skdnn.core.random_bits import scramble
from skdnn.tabular.dataframes import spans
from skdnn.tabular.row_hashes import HASH_BLOCK, hash_rows
from skdnn.tabular.sample_weights import sum_by_group


class MergedRows(NamedTuple):
    """The distinct rows of a table, each represented by its first occurrence.

    Attributes
    ----------
    rows : ndarray of shape (n_distinct,)
        First occurrence of each distinct row.
    first : ndarray of shape (n_rows,)
        First occurrence of each row of the table.
    weights : ndarray of shape (n_rows,)
        Summed weights at ``rows``, 0 elsewhere.
    fingerprint : int
        Hash of the distinct rows and their weights.
    """

    rows: np.ndarray
    first: np.ndarray
    weights: np.ndarray
    fingerprint: int


def merge_duplicate_rows(inputs, keys, weights, by_content=True):
    """Return the MergedRows of rows, of which those with equal inputs and keys are merged.

    ``inputs`` are a C-contiguous float array or CSR without NaN. ``keys`` are integers below 2**32,
    (n_rows, n_keys); ``weights`` are float64, (n_rows,). The distinct rows are ordered by hash and
    content or, without ``by_content``, by first occurrence.
    """
    hashes = hash_rows(inputs, keys)
    rows, first = _merge(inputs, keys, hashes)
    if len(rows) < len(first):
        weights = sum_by_group(first, weights, len(first))
    if not by_content:
        rows.sort()
    return MergedRows(rows, first, weights, _fingerprint(hashes, weights))


def _merge(inputs, keys, hashes):
    """Return the distinct rows, sorted by hash and content, and each row's first occurrence."""
    order = np.argsort(hashes, kind="stable")  # by hash, then by number
    is_same = np.append(False, hashes[order[1:]] == hashes[order[:-1]])
    rows, merged, first = order[~is_same], order[is_same], np.arange(len(order))
    first[merged] = rows[np.flatnonzero(is_same) - np.arange(1, len(merged) + 1)]
    clashing = merged[_differ(inputs, keys, merged, first[merged])]
    if len(clashing):
        ranks = _tell_apart(inputs, keys, first, clashing)
        rows = np.flatnonzero(first == np.arange(len(first)))
        rows = rows[np.lexsort((ranks[rows], hashes[rows]))]
    return rows, first


def _differ(inputs, keys, left, right):
    """Return a mask of the rows ``left`` that differ from the rows ``right``."""
    found = np.empty(len(left), bool)
    for span in spans(len(left), HASH_BLOCK // max(inputs.shape[1], 1)):
        # The comparison of sparse rows is sparse, and stores only the differences.
        unequal = inputs[left[span]] != inputs[right[span]]
        found[span] = np.diff(unequal.indptr) > 0 if issparse(inputs) else unequal.any(axis=1)
        found[span] |= (keys[left[span]] != keys[right[span]]).any(axis=1)
    return found


def _tell_apart(inputs, keys, first, clashing):
    """Correct ``first`` for unequal rows with the same hash; return their ranks by content."""
    suspects = np.flatnonzero(np.isin(first, first[clashing]))
    content = inputs[suspects]
    content = np.hstack([content.toarray() if issparse(inputs) else content, keys[suspects]])
    _, earliest, rank = np.unique(content + 0.0, axis=0, return_index=True, return_inverse=True)
    rank = rank.ravel()  # two-dimensional in NumPy 2.0
    first[suspects] = suspects[earliest[rank]]
    ranks = np.zeros(len(first), np.intp)
    ranks[suspects] = rank
    return ranks


def _fingerprint(hashes, weights):
    total = 0
    for span in spans(len(hashes), HASH_BLOCK):
        mixed = scramble(hashes[span] ^ scramble(weights[span].view(np.uint64)))
        total += int(mixed.sum(where=weights[span] > 0))
    return total % 2**64
