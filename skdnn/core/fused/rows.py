"""From the rows of a batch to the outputs of the first layer, and random bits for dropout."""

import numpy as np

from skdnn.core.bits import FACTORS, GOLDEN, SHIFTS
from skdnn.core.codes import Column, Run
from skdnn.core.expansion import MIDDLE
from skdnn.core.fused.machine import compiled, fetch, piece, words_of

LINE = 16  # units or parameters whose numbers share a line of the cache
FEW_ROWS = 8  # a matrix product of fewer, or of a part of so many, takes no less time
BLOCK = 8  # columns that are looked at in one go
AHEAD = 4  # rows: time enough for what is far from the cache

_G, _M1, _M2 = np.uint64(GOLDEN), np.uint64(FACTORS[0]), np.uint64(FACTORS[1])
_S1, _S2, _S3 = (np.uint64(shift) for shift in SHIFTS)


@compiled
def span(length, share, n_shares, together):
    """Return where a share of so many units, rows or columns starts and ends.

    A start is a multiple of ``together``.
    """
    most = (length + n_shares - 1) // n_shares
    most = (most + together - 1) // together * together
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
def drop_inputs(line, place, key, threshold, words):
    """Drop numbers of a row, as :func:`drop` does units."""
    real = line.dtype.type
    draw(key, place, words[: (line.size + 3) // 4])
    draws, least = words.view(np.uint16), np.uint16(threshold)
    kept = real(2**16 / (2**16 - threshold))
    for k in range(line.size):
        line[k] *= kept if draws[k] >= least else real(0)


@compiled
def entries_of(net, row, scratch):
    """Return the list of a row of the batch."""
    size = 1 + 2 * net.n_sparse
    return piece(scratch, net.entries + row * size, size)


@compiled
def keep_entries(numbers, start, entries):
    """Append those of a run of numbers of a row of data that are not zero to its list."""
    n_entries = np.intp(entries[0])
    for first in range(0, numbers.size, BLOCK):
        part = piece(numbers, first, min(BLOCK, numbers.size - first))
        if not is_zero(part):
            n_entries = append_entries(part, start + first, entries, n_entries)
    entries[0] = entries.dtype.type(n_entries)


@compiled
def is_zero(numbers):
    """Tell whether all bits of some numbers are 0, most of them two by two."""
    bits = np.int64(0)
    words = words_of(numbers)
    for k in range(words.size):
        bits |= words[k]
    return bits == 0 and (numbers.size == 0 or numbers[numbers.size - 1] == 0)


@compiled
def append_entries(numbers, start, entries, n_entries):
    """Do so without a look at what is all zero; return how many entries there are then."""
    real = entries.dtype.type
    for k in range(numbers.size):
        # Written in any case and counted in some: there is nothing to predict.
        entries[1 + 2 * n_entries] = real(start + k)
        entries[2 + 2 * n_entries] = numbers[k]
        n_entries += numbers[k] != real(0)
    return n_entries


@compiled
def run_of(runs, number):
    """Return where a run of columns starts and stops, and where it goes."""
    return runs[number, Run.START], runs[number, Run.STOP], runs[number, Run.PLACE]


@compiled
def gather(net, array, batch, first, last, scratch, keys, words):
    """Copy some of the batch's rows to the scratch, and drop some of their numbers."""
    n_columns = net.n_plain + len(net.columns)
    for row in range(first, last):
        if row + AHEAD < last:
            fetch(array, batch[row + AHEAD] * n_columns, n_columns)
        source = piece(array, batch[row] * n_columns, n_columns)
        line = piece(scratch, net.inputs + row * net.n_inputs, net.n_inputs)
        if net.n_sparse:
            copy_runs(net.runs, source, line, entries_of(net, row, scratch))
        else:  # one run, without a look at the table
            for k in range(min(line.size, source.size)):
                line[k] = source[k]
        if net.n_compact < len(net.columns):
            widen(net, source, line)
        if keys.size and net.input_threshold:
            place = row * ((net.n_inputs + 3) // 4)
            drop_inputs(line, place, keys[0], net.input_threshold, words)


@compiled
def copy_runs(runs, source, line, entries):
    """Copy a row's columns, and list what is not zero in those that mostly are."""
    entries[0] = 0
    for number in range(len(runs)):
        start, stop, place = run_of(runs, number)
        numbers = piece(source, start, stop - start)
        if place < 0:
            keep_entries(numbers, start, entries)
        else:
            into = piece(line, place, numbers.size)
            for k in range(numbers.size):
                into[k] = numbers[k]


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
