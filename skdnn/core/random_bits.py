"""Random bits from a counter: each can be computed without those before it.

Word ``i`` of a key is the SplitMix64 scramble (Steele, Lea & Flood, 2014,
https://doi.org/10.1145/2714064.2660195) of ``key + (i + 1) * GOLDEN``.
"""

import zlib

import numpy as np

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FACTORS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
SHIFTS = np.uint64(30), np.uint64(27), np.uint64(31)


def scramble(words):
    """Return scrambled words, of an array or, compiled, of one number."""
    words = (words ^ (words >> SHIFTS[0])) * FACTORS[0]
    words = (words ^ (words >> SHIFTS[1])) * FACTORS[1]
    return words ^ (words >> SHIFTS[2])


def random_words(keys, n_words):
    """Return the first words of each key.

    Parameters
    ----------
    keys : uint64 ndarray of shape (n_keys,)
    n_words : int

    Returns
    -------
    uint64 ndarray of shape (n_keys, n_words)
    """
    return scramble(keys[:, None] + np.arange(1, n_words + 1, dtype=np.uint64) * GOLDEN)


def entropy_for(purpose, *numbers):
    """Return the entropy of random numbers for a purpose, for which no other has the same.

    NumPy ignores zeros at the end of an entropy, so that numbers alone could be those of another
    purpose. Its spawned seeds have small numbers at the end, unlike these.

    Parameters
    ----------
    purpose : str
    *numbers : int
        The seed of a fit, the number of an epoch, and so on.

    Returns
    -------
    list of int
    """
    return [*numbers, zlib.crc32(purpose.encode())]
