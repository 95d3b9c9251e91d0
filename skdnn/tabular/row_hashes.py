"""Hashes of rows, the same for dense and sparse rows and for float32 and float64.

The hash of a row is the sum, modulo 2**64, of its 32-bit words, each multiplied by an odd 64-bit
number for its position (Lemire and Kaser, "Strongly universal string hashing is fast", 2014,
https://arxiv.org/abs/1202.4961). Words of 64 bits would be faster but collide: floats of few
digits end in zero bits, so two of them may differ in the leading bits only, most of which the
product modulo 2**64 drops. With words of 32 bits, at least 33 differing bits remain. The first
word of a number is its nearest float32, so that equal rows of both types have the same hash.
"""

import numpy as np
from scipy.sparse import issparse

from skdnn.core.random_bits import random_words, scramble
from skdnn.tabular.dataframes import spans
from skdnn.tabular.read_columns import read_column

WORDS = 3  # maximum number of words of a number
HASH_BLOCK = 2**17  # words read at a time, so that they stay in the cache


def _multipliers(key, n_words):
    return random_words(np.array([key], np.uint64), n_words)[0] | np.uint64(1)


def hash_columns(columns):
    """Return a hash of each row of an iterable of columns: numbers, times or codes."""
    floats = (values.astype(np.float64)[:, None] for values in columns)
    return sum(_hash_dense(x, _multipliers(n, WORDS)[:, None]) for n, x in enumerate(floats))


def distinct_rows(table, targets):
    """Return the first occurrences of distinct rows of X, and of X and targets together."""
    hashes = hash_columns(table.column(position).values for position in range(len(table.names)))
    targets = np.asarray(targets).reshape(table.n_rows, -1).T
    both = scramble(hashes) + hash_columns(read_column(target).values for target in targets)
    return [np.unique(of_rows, return_index=True)[1] for of_rows in (hashes, both)]


def hash_rows(inputs, keys):
    """Return the hash of each row of inputs and keys."""
    n_keys, n_numbers = keys.shape[1], inputs.shape[1]
    multipliers = _multipliers(0, n_keys + WORDS * n_numbers)
    hash_inputs = _hash_sparse if issparse(inputs) else _hash_dense
    hashes = hash_inputs(inputs, multipliers[n_keys:].reshape(WORDS, n_numbers))
    return hashes + _hash_dense(keys, multipliers[None, :n_keys])


def _hash_dense(array, multipliers):
    hashes = np.empty(len(array), np.uint64)
    for span in spans(len(array), HASH_BLOCK // max(array.shape[1], 1)):
        pairs = zip(_words(array[span]), multipliers, strict=False)
        hashes[span] = sum(np.einsum("ij,j->i", words, factors) for words, factors in pairs)
    return hashes


def _hash_sparse(matrix, multipliers):
    """Return the hashes of CSR rows; explicitly stored zeros do not change them."""
    hashes = np.empty(matrix.shape[0], np.uint64)
    for span in spans(len(hashes), HASH_BLOCK * len(hashes) // max(matrix.nnz, 1)):
        ends = matrix.indptr[span.start : span.stop + 1]
        entries = slice(ends[0], ends[-1])
        pairs = zip(_words(matrix.data[entries]), multipliers, strict=False)
        columns = matrix.indices[entries]
        products = sum(words * factors[columns] for words, factors in pairs)
        totals = np.append(np.uint64(0), np.cumsum(products, dtype=np.uint64))
        hashes[span] = np.diff(totals[ends - ends[0]])
    return hashes


def _words(numbers):
    """Yield arrays of words, equal for equal numbers, of the shape of the numbers.

    The first are the bits of the nearest float32, the others those of the difference to it, if
    that is not 0 everywhere.
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
        with np.errstate(invalid="ignore"):
            # Numbers that are too large for float32 are used in full.
            rest = np.where(np.isinf(nearest), numbers, numbers - nearest)
        if rest.any():
            halves = rest.view(np.uint32).reshape(*rest.shape, 2)
            yield halves[..., 0]
            yield halves[..., 1]
