"""Random bits by counting: any of them at any time, without those before.

Word ``i`` of a key is the SplitMix64 scramble (Steele, Lea & Flood, 2014,
https://doi.org/10.1145/2714064.2660195) of ``key + (i + 1) * GOLDEN``.
"""

import numpy as np

GOLDEN = 0x9E3779B97F4A7C15
FACTORS = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
SHIFTS = 30, 27, 31


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
    words = np.arange(1, n_words + 1, dtype=np.uint64)
    words *= np.uint64(GOLDEN)
    words = keys[:, None] + words
    scratch = np.empty_like(words)
    for shift, factor in zip(SHIFTS, (*FACTORS, 1), strict=True):
        words ^= np.right_shift(words, np.uint64(shift), out=scratch)
        if factor != 1:
            words *= np.uint64(factor)
    return words
