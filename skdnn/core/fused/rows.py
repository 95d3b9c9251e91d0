"""The rows of a batch gathered, and random bits for dropout."""

import numpy as np

from skdnn.core.bits import FACTORS, GOLDEN, SHIFTS
from skdnn.core.codes import Column
from skdnn.core.expansion import MIDDLE
from skdnn.core.fused.entries import copy_runs, drop_columns, entries_of
from skdnn.core.fused.machine import compiled, fetch, piece

AHEAD = 4  # rows: time enough for what is far from the cache
NEAR = 2**17  # numbers: a table that is no larger is in the cache anyway

_G, _M1, _M2 = np.uint64(GOLDEN), np.uint64(FACTORS[0]), np.uint64(FACTORS[1])
_S1, _S2, _S3 = (np.uint64(shift) for shift in SHIFTS)


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
    """Drop units of a row.

    Parameters
    ----------
    line, slopes : ndarray of shape (n_units,)
        Multiplied by 0, or by what makes up for those that are.
    place : int
        Number of the row's first word among the key's.
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
def drop_inputs(net, row, line, entries, key, words):
    """Drop numbers of a row, as :func:`drop` does units."""
    real = line.dtype.type
    n_words = (net.n_inputs + net.n_sparse + 3) // 4
    draw(key, row * n_words, words[:n_words])
    draws, least = words.view(np.uint16), np.uint16(net.input_threshold)
    kept = real(2**16 / (2**16 - net.input_threshold))
    if net.n_sparse:
        drop_columns(net.runs, line, entries, draws, least, kept)
    else:
        for k in range(line.size):
            line[k] *= kept if draws[k] >= least else real(0)


@compiled
def gather(net, array, batch, first, last, scratch, keys, words):
    """Copy some of the batch's rows to the scratch, and drop some of their numbers."""
    n_columns = net.n_plain + len(net.columns)
    n_to_fetch = last - AHEAD if array.size > NEAR else 0
    for row in range(first, last):
        if row < n_to_fetch:
            fetch(array, batch[row + AHEAD] * n_columns, n_columns)
        source = piece(array, batch[row] * n_columns, n_columns)
        line = piece(scratch, net.inputs + row * net.n_inputs, net.n_inputs)
        entries = entries_of(net, row, scratch)
        if net.n_sparse:
            copy_runs(net.runs, source, line, entries)
        else:  # without a look at the table, which takes time that small networks do not
            for k in range(min(line.size, source.size)):
                line[k] = source[k]
        if net.n_compact < len(net.columns):
            widen(net, source, line)
        if keys.size and net.input_threshold:
            drop_inputs(net, row, line, entries, keys[0], words)


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
