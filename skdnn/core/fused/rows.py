"""From the rows of a batch to the outputs of the first layer, and random bits for dropout."""

import numpy as np

from skdnn.core.bits import FACTORS, GOLDEN, SHIFTS
from skdnn.core.codes import Column
from skdnn.core.expansion import MIDDLE
from skdnn.core.fused.machine import compiled, piece

TOGETHER = 16  # units whose numbers share a line of the cache

_G, _M1, _M2 = np.uint64(GOLDEN), np.uint64(FACTORS[0]), np.uint64(FACTORS[1])
_S1, _S2, _S3 = (np.uint64(shift) for shift in SHIFTS)


@compiled
def span(length, share, n_shares):
    """Return where a share of so many units or rows starts and ends."""
    most = (length + n_shares - 1) // n_shares
    most = (most + TOGETHER - 1) // TOGETHER * TOGETHER
    return min(length, share * most), min(length, (share + 1) * most)


@compiled
def draw(key, first, words):
    """Fill words with the random bits of a key, from number ``first`` on."""
    start = key + np.uint64(first) * _G
    for i in range(words.size):
        word = start + np.uint64(i + 1) * _G
        word = (word ^ (word >> _S1)) * _M1
        word = (word ^ (word >> _S2)) * _M2
        words[i] = word ^ (word >> _S3)


@compiled
def drop(line, slopes, place, key, threshold, words):
    """Drop units of a part of a row, which starts at a multiple of four units.

    Parameters
    ----------
    line, slopes : ndarray of shape (n_units,)
        Multiplied by 0, or by what makes up for those that are.
    place : int
        Number of the part's first word among the key's.
    key : uint64
    threshold : int
    words : uint64 ndarray
        Scratch.
    """
    real = line.dtype.type
    draw(key, place, words[: (line.size + 3) // 4])
    draws, least = words.view(np.uint16), np.uint16(threshold)
    kept = real(2**16 / (2**16 - threshold))
    for k in range(line.size):
        factor = kept if draws[k] >= least else real(0)
        line[k] *= factor
        slopes[k] *= factor


@compiled
def drop_inputs(line, place, key, threshold, words):
    """Drop numbers of a row, as :func:`drop` does units."""
    real = line.dtype.type
    draw(key, place, words[: (line.size + 3) // 4])
    draws, least = words.view(np.uint16), np.uint16(threshold)
    kept = real(2**16 / (2**16 - threshold))
    for k in range(line.size):
        line[k] *= kept if draws[k] >= least else real(0)


@compiled
def gather(net, array, batch, scratch, keys, words, share):
    """Copy a share of the batch's rows to the scratch, and drop some of their numbers."""
    first, last = span(batch.size, share, net.n_shares)
    n_columns = net.n_plain + len(net.columns)
    for row in range(first, last):
        start = net.inputs + row * net.n_inputs
        line = piece(scratch, start, net.n_inputs)
        source = piece(array, batch[row] * n_columns, n_columns)
        n_copied = min(net.n_inputs, source.size)
        for k in range(n_copied):
            line[k] = source[k]
        if net.n_compact < len(net.columns):
            widen(net, source, line)
        if keys.size and net.input_threshold:
            place = row * ((net.n_inputs + 3) // 4)
            drop_inputs(line, place, keys[0], net.input_threshold, words)


@compiled
def widen(net, source, line):
    """Write the inputs that knot coordinates and codes stand for."""
    real = line.dtype.type
    for j in range(len(net.columns)):
        value, size = source[net.n_plain + j], net.columns[j, Column.SIZE]
        first = net.columns[j, Column.FIRST]
        inputs = piece(line, first, size)
        if net.columns[j, Column.KNOTS] >= 0:
            for t in range(size):
                inside = value - real(t)
                inside = real(1) if inside > real(1) else inside  # written so that NaN stays NaN
                inputs[t] = (real(0) if inside < real(0) else inside) - real(MIDDLE)
        else:
            inputs[:] = 0
            if value >= 0 and value < size:
                inputs[np.intp(value)] = real(1)
