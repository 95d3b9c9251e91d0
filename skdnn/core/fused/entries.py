"""The first layer on columns that are mostly zero.

The scratch has a list of entries for each row of a batch: how many there are, then for each the
column and its number. What an entry gives is a row of weights times its number, so that the
products of zeros are left out; :mod:`skdnn.core.zeros` decides for which columns this is faster.
"""

import numpy as np

from skdnn.core.codes import Layer, Run
from skdnn.core.fused.factors import factor_of
from skdnn.core.fused.machine import bits_of, compiled, piece
from skdnn.core.fused.shares import span

BLOCK = 8  # columns that are looked at in one go


@compiled
def entries_of(net, row, scratch):
    """Return the list of a row of the batch."""
    size = 1 + 2 * net.n_sparse
    return piece(scratch, net.entries + row * size, size)


@compiled
def list_run(numbers, start, entries):
    """List what is not zero in a run of a row's numbers, which starts at a column."""
    n_entries = np.intp(entries[0])
    for first in range(0, numbers.size, BLOCK):
        part = piece(numbers, first, min(BLOCK, numbers.size - first))
        if not is_zero(part):
            n_entries = list_block(part, start + first, entries, n_entries)
    entries[0] = entries.dtype.type(n_entries)


@compiled
def is_zero(numbers):
    """Tell whether all bits of some numbers are 0."""
    bits, total = bits_of(numbers), 0
    for k in range(bits.size):
        total |= bits[k]
    return total == 0


@compiled
def list_block(numbers, start, entries, n_entries):
    """List what is not zero in a few numbers; return how many entries there are then."""
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
def copy_runs(runs, source, line, entries):
    """Copy a row's columns, and list what is not zero in those that mostly are."""
    entries[0] = 0
    for number in range(len(runs)):
        start, stop, place = run_of(runs, number)
        numbers = piece(source, start, stop - start)
        if place < 0:
            list_run(numbers, start, entries)
        else:
            into = piece(line, place, numbers.size)
            for k in range(numbers.size):
                into[k] = numbers[k]


@compiled
def drop_columns(runs, line, entries, draws, least, kept):
    """Multiply each number of a row by 0, or by ``kept``, as the draw of its column says."""
    real = line.dtype.type
    for number in range(len(runs)):
        start, stop, place = run_of(runs, number)
        if place >= 0:
            into, own = piece(line, place, stop - start), piece(draws, start, stop - start)
            for k in range(into.size):
                into[k] *= kept if own[k] >= least else real(0)
    for number in range(np.intp(entries[0])):
        column = np.intp(entries[1 + 2 * number])
        entries[2 + 2 * number] *= kept if draws[column] >= least else real(0)


@compiled
def weights_of(net, entries, number, params):
    """Return the row of weights of an entry, and what it is to be multiplied by."""
    column, width = np.intp(entries[1 + 2 * number]), net.layers[0, Layer.FAN_OUT]
    factor = entries[2 + 2 * number] * factor_of(net, params, column)
    return piece(params, net.layers[0, Layer.WEIGHTS] + column * width, width), factor


@compiled
def add_entries(net, first, last, params, scratch):
    """Add to some rows of outputs what their entries give."""
    width = net.layers[0, Layer.FAN_OUT]
    for row in range(first, last):
        line = piece(scratch, net.layers[0, Layer.OUTPUTS] + row * width, width)
        entries = entries_of(net, row, scratch)
        n_entries = np.intp(entries[0])
        n_fours = n_entries // 4 * 4
        for number in range(0, n_fours, 4):  # four at a time: outputs are read and written less
            a, p = weights_of(net, entries, number, params)
            b, q = weights_of(net, entries, number + 1, params)
            c, r = weights_of(net, entries, number + 2, params)
            d, s = weights_of(net, entries, number + 3, params)
            for k in range(line.size):
                line[k] += (p * a[k] + q * b[k]) + (r * c[k] + s * d[k])
        for number in range(n_fours, n_entries):
            a, p = weights_of(net, entries, number, params)
            for k in range(line.size):
                line[k] += p * a[k]


@compiled
def copy_grads(net, grads, scratch, first, last):
    """Copy some rows of the gradient of the scaled weights to where they belong."""
    weights, width = net.layers[0, Layer.WEIGHTS], net.layers[0, Layer.FAN_OUT]
    for number in range(len(net.runs)):
        start, stop, place = run_of(net.runs, number)
        if place >= 0:
            stop = min(stop, net.n_plain)
            for row in range(max(place, first), min(place + stop - start, last)):
                source = piece(scratch, net.scaled + row * width, width)
                into = piece(grads, weights + (start + row - place) * width, width)
                for k in range(width):
                    into[k] = source[k]


@compiled
def scatter_entries(net, n_rows, grads, scratch, share):
    """Sum what the entries of a share of the columns give to the gradient of their weights."""
    weights, width = net.layers[0, Layer.WEIGHTS], net.layers[0, Layer.FAN_OUT]
    first, last = span(net.n_plain, share, net.n_shares, 1)
    for number in range(len(net.runs)):
        start, stop, place = run_of(net.runs, number)
        if place < 0:
            for column in range(max(start, first), min(stop, last)):
                piece(grads, weights + column * width, width)[:] = 0
    for row in range(n_rows):
        line = piece(scratch, net.layers[0, Layer.GRADS] + row * width, width)
        entries = entries_of(net, row, scratch)
        for number in range(np.intp(entries[0])):
            column = np.intp(entries[1 + 2 * number])
            if first <= column and column < last:
                total = piece(grads, weights + column * width, width)
                value = entries[2 + 2 * number]
                for k in range(width):
                    total[k] += value * line[k]
