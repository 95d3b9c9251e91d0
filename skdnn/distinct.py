"""Distinct rows in an order of their own.

Training on distinct rows with summed weights makes a weight of two the same thing as a row
that occurs twice, bit for bit, whatever the order of the input. A hash brings rows together
that may be equal, and gives the order; their content then decides, so the result is exact.

The hash of a row is the sum of its 32-bit words, each times an odd 64-bit number that belongs
to its place, modulo 2**64 (Lemire and Kaser, "Strongly universal string hashing is fast", 2014,
https://arxiv.org/abs/1202.4961). Words of 64 bits would be half the work, but a product keeps
the zeros that floats of few digits end in: of two words that differ in their first bits only,
little would be left. Words of 32 bits leave 33 bits of difference at least. The first word of a
number is that of its nearest float32, so that rows have the same order in either type.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse

from skdnn.tables import spans

WORDS = 3  # of a number, at most
BLOCK = 2**17  # words read at a time, so that they stay in the cache
GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # constants of splitmix64 (Steele et al., 2014)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)


class DistinctRows(NamedTuple):
    """Which rows of a table stand for the distinct ones.

    Attributes
    ----------
    rows : ndarray of shape (n_distinct,)
        First occurrence of each distinct row.
    first : ndarray of shape (n_rows,)
        First occurrence of each row of the table.
    weights : ndarray of shape (n_rows,)
        Summed weights at ``rows``, 0 elsewhere.
    fingerprint : int
        Identifies the distinct rows and their weights.
    """

    rows: np.ndarray
    first: np.ndarray
    weights: np.ndarray
    fingerprint: int


def distinct_rows(inputs, keys, weights, by_content=True):
    """Merge rows that agree in inputs and keys.

    Parameters
    ----------
    inputs : C-contiguous float ndarray or CSR of shape (n_rows, n_columns)
        Without NaN.
    keys : ndarray of int of shape (n_rows, n_keys)
        Whatever else tells rows apart, below 2**32.
    weights : ndarray of shape (n_rows,)
        Weight of each row.
    by_content : bool, default=True
        Order the distinct rows by hash, those that share one by content; False keeps the
        order of first occurrence.

    Returns
    -------
    DistinctRows
    """
    hashes = _hashes(inputs, keys)
    rows, first = _merge(inputs, keys, hashes)
    if len(rows) < len(first):
        weights = np.bincount(first, weights, len(first))
    if not by_content:
        rows.sort()
    return DistinctRows(rows, first, weights, _fingerprint(hashes, weights))


def _merge(inputs, keys, hashes):
    """Return the distinct rows by hash and content, and each row's first occurrence."""
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
    """Tell which of the rows ``left`` differ from those ``right``."""
    found = np.empty(len(left), bool)
    for span in spans(len(left), BLOCK // max(inputs.shape[1], 1)):
        # Sparse rows compare to sparse rows, which hold the differences only.
        unequal = inputs[left[span]] != inputs[right[span]]
        found[span] = np.diff(unequal.indptr) > 0 if issparse(inputs) else unequal.any(axis=1)
        found[span] |= (keys[left[span]] != keys[right[span]]).any(axis=1)
    return found


def _tell_apart(inputs, keys, first, clashing):
    """Correct ``first`` for rows that only share a hash; return their ranks by content."""
    suspects = np.flatnonzero(np.isin(first, first[clashing]))
    content = inputs[suspects]
    content = np.hstack([content.toarray() if issparse(inputs) else content, keys[suspects]])
    _, earliest, rank = np.unique(content + 0.0, axis=0, return_index=True, return_inverse=True)
    rank = rank.ravel()  # NumPy 2.0 has a second axis here
    first[suspects] = suspects[earliest[rank]]
    ranks = np.zeros(len(first), np.intp)
    ranks[suspects] = rank
    return ranks


def _fingerprint(hashes, weights):
    total = 0
    for span in spans(len(hashes), BLOCK):
        mixed = _mix(hashes[span] ^ _mix(weights[span].view(np.uint64)))
        total += int(mixed.sum(where=weights[span] > 0))
    return total % 2**64


def hash_columns(columns, hashes=0):
    """Return a hash of each row of some columns of numbers, times or codes.

    ``hashes`` are those of other columns of the same rows, if there are any.
    """
    for values in columns:
        numbers = values.astype(np.float64) + 0.0  # -0.0 becomes 0.0
        hashes = _mix(hashes ^ numbers.view(np.uint64))
    return hashes


def _hashes(inputs, keys):
    """Return the hash of each row, the same for dense and sparse rows and for their types."""
    n_keys, n_numbers = keys.shape[1], inputs.shape[1]
    numbers = np.arange(1, n_keys + WORDS * n_numbers + 1, dtype=np.uint64)
    multipliers = _mix(numbers * GOLDEN) | np.uint64(1)
    hash_inputs = _hash_sparse if issparse(inputs) else _hash_dense
    hashes = hash_inputs(inputs, multipliers[n_keys:].reshape(WORDS, n_numbers))
    hashes += _hash_dense(keys, multipliers[None, :n_keys])
    return hashes


def _hash_dense(array, multipliers):
    hashes = np.empty(len(array), np.uint64)
    for span in spans(len(array), BLOCK // max(array.shape[1], 1)):
        pairs = zip(_words(array[span]), multipliers, strict=False)
        hashes[span] = sum(np.einsum("ij,j->i", words, factors) for words, factors in pairs)
    return hashes


def _hash_sparse(matrix, multipliers):
    """Hash CSR rows; entries that are stored though they are 0 add nothing."""
    hashes = np.empty(matrix.shape[0], np.uint64)
    for span in spans(len(hashes), BLOCK * len(hashes) // max(matrix.nnz, 1)):
        ends = matrix.indptr[span.start : span.stop + 1]
        entries = slice(ends[0], ends[-1])
        pairs = zip(_words(matrix.data[entries]), multipliers, strict=False)
        columns = matrix.indices[entries]
        products = sum(words * factors[columns] for words, factors in pairs)
        totals = np.append(np.uint64(0), np.cumsum(products, dtype=np.uint64))
        hashes[span] = np.diff(totals[ends - ends[0]])
    return hashes


def _words(numbers):
    """Yield arrays of words, which equal numbers share, of the shape of the numbers.

    The first is that of the nearest float32, the others, if there are any, what is left: float32
    and float64 of the same numbers have the same hash.
    """
    if numbers.dtype.kind != "f":
        yield numbers.astype(np.uint64)
        return
    with np.errstate(over="ignore"):
        nearest = numbers.astype(np.float32, copy=False)
    bits = nearest.view(np.int32)
    if bits.min(initial=0) == np.iinfo(bits.dtype).min:
        bits = (nearest + np.float32(0)).view(np.int32)  # -0.0 becomes 0.0
    yield bits.view(np.uint32)
    if numbers.dtype != np.float32:
        rest = numbers - nearest
        if rest.any():
            halves = rest.view(np.uint32).reshape(*rest.shape, 2)
            yield halves[..., 0]
            yield halves[..., 1]


def _mix(words):
    """Scramble words as splitmix64 does."""
    words = words ^ (words >> np.uint64(30))
    words *= MIX_1
    words ^= words >> np.uint64(27)
    words *= MIX_2
    words ^= words >> np.uint64(31)
    return words
