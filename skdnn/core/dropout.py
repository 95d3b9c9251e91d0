"""Dropout: which units are dropped, drawn from counters by SplitMix64.

Conventions: ``keys`` has a random key for each member, or none, and then nothing is dropped. A unit
is dropped if its 16 random bits are below ``threshold``; the others are scaled up to make up for it
(inverted dropout: Srivastava et al., 2014), so that prediction needs no scaling.
"""

import numpy as np

from skdnn.core.compiling import kernel
from skdnn.core.random_bits import GOLDEN, random_words, scramble

NO_KEYS = np.empty(0, np.uint64)


def dropout_factors(keys, threshold, shape, dtype):
    """Return a factor for each unit: 0, or what makes up for those that are dropped."""
    n_members, n_rows, width = shape
    n_words = -(-width // 4)  # 16 bits a unit; each row begins with a new word
    draws = random_words(keys, n_rows * n_words).view(np.uint16)
    kept = draws.reshape(n_members, n_rows, 4 * n_words)[..., :width] >= threshold
    return kept * dtype.type(2**16 / (2**16 - threshold))


def draw(key, row, words):
    """Return the 16 random bits of each unit of a row, written into ``words``."""
    for w in range(words.size):
        words[w] = scramble(key + np.uint64(row * words.size + w + 1) * GOLDEN)
    return words.view(np.uint16)


def threshold_of(rate):
    """Return what 16 random bits must reach for a unit to be kept."""
    return min(round(rate * 2**16), 2**16 - 1)


def _drop_twin(inputs, keys, threshold, outputs):
    np.multiply(inputs, dropout_factors(keys, threshold, inputs.shape, inputs.dtype), out=outputs)


@kernel(_drop_twin, calls=(scramble, draw))
def drop_inputs(inputs, keys, threshold, outputs):
    """Write the inputs with some of them dropped."""
    real = inputs.dtype.type
    n_members, n_rows, width = outputs.shape
    words = np.empty((width + 3) // 4, np.uint64)
    least, kept = np.uint16(threshold), real(2**16 / (2**16 - threshold))
    for k in range(n_members):
        for r in range(n_rows):
            draws, line, into = draw(keys[k], r, words), inputs[k, r], outputs[k, r]
            for i in range(width):
                into[i] = line[i] * (kept if draws[i] >= least else real(0))
