"""The first layer on columns that are mostly zero.

The scratch has a list of entries for each row of a batch: how many there are, then for each the
column and its number. What an entry gives is a row of weights times its number, so that the
products of zeros are left out; :mod:`skdnn.core.zeros` decides for which columns this is faster.
"""

import numpy as np

from skdnn.core.codes import Layer
from skdnn.core.fused.factors import factor_of
from skdnn.core.fused.machine import compiled, piece
from skdnn.core.fused.rows import entries_of, run_of, span


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
