"""The first layer: numbers, and what rows have that are not widened.

A knot coordinate ``u`` stands for the inputs ``clip(u - t, 0, 1) - 1/2`` of n bins t (see
:mod:`skdnn.core.expansion`). Times weights W they sum to a function of u that is linear between
whole numbers: at knot t it is ``sum(W[:t]) - sum(W) / 2``. So a row takes a blend of its two
nearest knots instead of a product with all n inputs; a code takes its row of weights.
"""

import numpy as np

from skdnn.core.codes import Column, Layer
from skdnn.core.expansion import MIDDLE
from skdnn.core.fused.entries import add_entries, copy_grads, run_of, scatter_entries
from skdnn.core.fused.factors import factor_of, scale_weights
from skdnn.core.fused.machine import compiled, multiply, piece
from skdnn.core.fused.shares import FEW_ROWS, LINE, span

ROWS = 32  # rows at a time: they and a column's knots stay in the first cache


@compiled
def prepare(net, params, scratch, share):
    """Write a share of what the first layer needs: scaled weights, and outputs at all knots."""
    if net.scaled >= 0:
        n_columns = net.n_plain + len(net.columns) - net.n_compact
        first, last = span(n_columns, share, net.n_shares, 1)
        for number in range(len(net.runs)):
            start, stop, place = run_of(net.runs, number)
            if place >= 0:
                for column in range(max(start, first), min(stop, last, net.n_plain)):
                    scale_weights(net, column, place + column - start, params, scratch)
        for column in range(max(first, net.n_plain), last):
            place = net.columns[column - net.n_plain, Column.FIRST]
            scale_weights(net, column, place, params, scratch)
    low, high = span(net.layers[0, Layer.FAN_OUT], share, net.n_shares, LINE)
    for j in range(net.n_compact):
        if net.columns[j, Column.KNOTS] >= 0:
            place_knots(net, j, params, scratch, low, high)


@compiled
def place_knots(net, j, params, scratch, low, high):
    """Write the outputs at the knots of a column, for the units from ``low`` to ``high``."""
    layer, column = net.layers[0], net.columns[j]
    width, size = layer[Layer.FAN_OUT], high - low
    place = layer[Layer.WEIGHTS] + column[Column.FIRST] * width + low
    knot = net.knots + column[Column.KNOTS] * width + low
    factor = factor_of(net, params, net.n_plain + j)
    half = factor * params.dtype.type(MIDDLE)
    first = piece(scratch, knot, size)
    first[:] = 0
    for t in range(column[Column.SIZE]):
        weights = piece(params, place + t * width, size)
        for k in range(size):
            first[k] -= half * weights[k]
    for t in range(column[Column.SIZE]):
        weights = piece(params, place + t * width, size)
        before, after = (
            piece(scratch, knot + t * width, size),
            piece(scratch, knot + (t + 1) * width, size),
        )
        for k in range(size):
            after[k] = before[k] + factor * weights[k]


@compiled
def multiply_numbers(net, first, last, params, scratch):
    """Write some rows of the first layer's products with numbers."""
    layer = net.layers[0]
    width = layer[Layer.FAN_OUT]
    weights, place = params, layer[Layer.WEIGHTS]
    if net.scaled >= 0:
        weights, place = scratch, net.scaled
    multiply(
        net.gemm,
        (last - first, width, net.n_numbers),
        (scratch, net.inputs + first * net.n_inputs, net.n_inputs, False),
        (weights, place, width, False),
        (scratch, layer[Layer.OUTPUTS] + first * width, width),
    )


@compiled
def bin_of(u, n_bins, real):
    """Return the whole part of a knot coordinate, and how far it is to the next."""
    # Written so that NaN stays NaN, in bin 0.
    inside = real(n_bins) if u > real(n_bins) else u
    inside = real(0) if inside < real(0) else inside
    whole = min(np.intp(inside), n_bins - 1) if inside > real(0) else 0
    return whole, inside - real(whole)


@compiled
def add_columns(net, first, last, params, scratch):
    """Add to some rows of the first layer's products what all other columns give."""
    for start in range(first, last, ROWS):
        stop = min(start + ROWS, last)
        if net.n_sparse:
            add_entries(net, start, stop, params, scratch)
        for j in range(net.n_compact):
            if net.columns[j, Column.KNOTS] >= 0:
                blend(net, j, start, stop, scratch)
            else:
                add_codes(net, j, start, stop, params, scratch)


@compiled
def add_codes(net, j, first, last, params, scratch):
    """Add the weights of a column's codes to some rows of outputs."""
    layer, column = net.layers[0], net.columns[j]
    width, factor = layer[Layer.FAN_OUT], factor_of(net, params, net.n_plain + j)
    for row in range(first, last):
        value = scratch[net.inputs + row * net.n_inputs + net.n_numbers + j]
        if value >= 0 and value < column[Column.SIZE]:
            line = piece(scratch, layer[Layer.OUTPUTS] + row * width, width)
            place = layer[Layer.WEIGHTS] + (column[Column.FIRST] + np.intp(value)) * width
            weights = piece(params, place, width)
            for k in range(line.size):
                line[k] += factor * weights[k]


@compiled
def blend(net, j, first, last, scratch):
    """Add to some rows of outputs what a column's knot coordinates give."""
    column, width = net.columns[j], net.layers[0, Layer.FAN_OUT]
    knot = net.knots + column[Column.KNOTS] * width
    for row in range(first, last):
        value = scratch[net.inputs + row * net.n_inputs + net.n_numbers + j]
        whole, part = bin_of(value, column[Column.SIZE], scratch.dtype.type)
        line = piece(scratch, net.layers[0, Layer.OUTPUTS] + row * width, width)
        start = knot + whole * width
        before, after = piece(scratch, start, width), piece(scratch, start + width, width)
        for k in range(line.size):
            line[k] += before[k] + part * (after[k] - before[k])


@compiled
def grad_first_weights(net, n_rows, grads, scratch, share):
    """Write a share of the gradient of the first layer's weights."""
    layer = net.layers[0]
    width = layer[Layer.FAN_OUT]
    into, place = grads, layer[Layer.WEIGHTS]
    if net.n_sparse:
        into, place = scratch, net.scaled  # nobody asks for scaled weights any more
    first, last = span(net.n_numbers, share, net.n_shares, FEW_ROWS)
    multiply(
        net.gemm,
        (last - first, width, n_rows),
        (scratch, net.inputs + first, net.n_inputs, True),
        (scratch, layer[Layer.GRADS], width, False),
        (into, place + first * width, width),
    )
    if net.n_sparse:
        copy_grads(net, grads, scratch, first, last)
        scatter_entries(net, n_rows, grads, scratch, share)
    low, high = span(width, share, net.n_shares, LINE)
    for j in range(net.n_compact):
        if net.columns[j, Column.KNOTS] >= 0:
            scatter_knots(net, j, n_rows, scratch, low, high)
            sum_knots(net, j, grads, scratch, low, high)
        else:
            scatter_codes(net, j, n_rows, grads, scratch, low, high)


@compiled
def scatter_codes(net, j, n_rows, grads, scratch, low, high):
    """Sum the gradients of rows with the same code, for the units from ``low`` to ``high``."""
    layer, column = net.layers[0], net.columns[j]
    width = layer[Layer.FAN_OUT]
    place = layer[Layer.WEIGHTS] + column[Column.FIRST] * width
    for code in range(column[Column.SIZE]):
        piece(grads, place + code * width + low, high - low)[:] = 0
    for row in range(n_rows):
        value = scratch[net.inputs + row * net.n_inputs + net.n_numbers + j]
        if value >= 0 and value < column[Column.SIZE]:
            start = layer[Layer.GRADS] + row * width
            line = piece(scratch, start + low, high - low)
            start = place + np.intp(value) * width
            total = piece(grads, start + low, high - low)
            for k in range(line.size):
                total[k] += line[k]


@compiled
def scatter_knots(net, j, n_rows, scratch, low, high):
    """Share out the gradients of rows to the two knots beside each coordinate."""
    column, width = net.columns[j], net.layers[0, Layer.FAN_OUT]
    knot = net.grad_knots  # the same for all columns: it stays in the first cache
    for t in range(column[Column.SIZE] + 1):
        piece(scratch, knot + t * width + low, high - low)[:] = 0
    for row in range(n_rows):
        value = scratch[net.inputs + row * net.n_inputs + net.n_numbers + j]
        whole, part = bin_of(value, column[Column.SIZE], scratch.dtype.type)
        start = net.layers[0, Layer.GRADS] + row * width
        line = piece(scratch, start + low, high - low)
        start = knot + whole * width
        before = piece(scratch, start + low, high - low)
        after = piece(scratch, start + width + low, high - low)
        for k in range(line.size):
            share = part * line[k]
            after[k] += share
            before[k] += line[k] - share


@compiled
def sum_knots(net, j, grads, scratch, low, high):
    """Turn the gradient of a column's knots into that of its weights."""
    layer, column = net.layers[0], net.columns[j]
    width, size = layer[Layer.FAN_OUT], high - low
    middle = grads.dtype.type(MIDDLE)
    bias = piece(grads, layer[Layer.BIAS] + low, high - low)
    place = layer[Layer.WEIGHTS] + column[Column.FIRST] * width + low
    knot = net.grad_knots + low
    for t in range(column[Column.SIZE] - 1, -1, -1):
        later = piece(scratch, knot + (t + 1) * width, size)
        into = piece(grads, place + t * width, size)
        if t == column[Column.SIZE] - 1:
            for k in range(size):
                into[k] = later[k] - middle * bias[k]
        else:
            above = piece(grads, place + (t + 1) * width, size)
            for k in range(size):
                into[k] = later[k] + above[k]
