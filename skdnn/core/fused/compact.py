"""The first layer on rows that are not widened.

A knot coordinate ``u`` stands for the inputs ``clip(u - t, 0, 1) - 1/2`` of n bins t (see
:mod:`skdnn.core.expansion`). Times weights W they sum to a function of u that is linear between
whole numbers: at knot t it is ``sum(W[:t]) - sum(W) / 2``. So a row takes a blend of its two
nearest knots instead of a product with all n inputs; a code takes its row of weights.
"""

import numpy as np

from skdnn.core.codes import Column, Layer
from skdnn.core.expansion import MIDDLE
from skdnn.core.fused.machine import compiled, multiply, piece
from skdnn.core.fused.rows import span
from skdnn.core.layers import FACTOR_SPEED

ROWS = 32  # rows at a time: they and a column's knots stay in the first cache


@compiled
def factor_of(net, params, column):
    """Return what the weights of a column of the rows are multiplied by."""
    real = params.dtype.type
    if net.factors < 0:
        return real(1)
    return real(1) + real(FACTOR_SPEED) * params[net.factors + column]


@compiled
def prepare(net, params, scratch, share):
    """Write a share of what the first layer needs: scaled weights, and outputs at all knots."""
    layer = net.layers[0]
    width = layer[Layer.FAN_OUT]
    low, high = span(width, share, net.n_shares)
    if net.factors >= 0:
        for column in range(net.n_plain + len(net.columns) - net.n_compact):
            scale_weights(net, column, params, scratch, low, high)
    for j in range(net.n_compact):
        if net.columns[j, Column.KNOTS] >= 0:
            place_knots(net, j, params, scratch, low, high)


@compiled
def inputs_of_column(net, column):
    """Return the first input that a column of the data stands for, and how many there are."""
    if column < net.n_plain:
        return column, 1
    j = column - net.n_plain
    return net.columns[j, Column.FIRST], net.columns[j, Column.SIZE]


@compiled
def scale_weights(net, column, params, scratch, low, high):
    """Write the scaled weights of a column, for the units from ``low`` to ``high``."""
    width, factor = net.layers[0, Layer.FAN_OUT], factor_of(net, params, column)
    first, size = inputs_of_column(net, column)
    for row in range(first, first + size):
        start = net.layers[0, Layer.WEIGHTS] + row * width
        weights = piece(params, start + low, high - low)
        start = net.scaled + row * width
        into = piece(scratch, start + low, high - low)
        for k in range(weights.size):
            into[k] = factor * weights[k]


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
def multiply_numbers(net, n_rows, params, scratch, share):
    """Write a share of the first layer's products with numbers."""
    layer = net.layers[0]
    width = layer[Layer.FAN_OUT]
    low, high = span(width, share, net.n_shares)
    weights, place = params, layer[Layer.WEIGHTS]
    if net.factors >= 0:
        weights, place = scratch, net.scaled
    multiply(
        net.gemm,
        (n_rows, high - low, net.n_numbers),
        (scratch, net.inputs, net.n_inputs, False),
        (weights, place + low, width, False),
        (scratch, layer[Layer.OUTPUTS] + low, width),
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
def add_columns(net, n_rows, params, scratch, share):
    """Add to a share of the first layer's products what knot coordinates and codes give."""
    layer = net.layers[0]
    width = layer[Layer.FAN_OUT]
    low, high = span(width, share, net.n_shares)
    for first in range(0, n_rows, ROWS):
        last = min(first + ROWS, n_rows)
        for j in range(net.n_compact):
            if net.columns[j, Column.KNOTS] >= 0:
                blend(net, j, first, last, scratch, low, high)
            else:
                add_codes(net, j, first, last, params, scratch, low, high)


@compiled
def add_codes(net, j, first, last, params, scratch, low, high):
    """Add the weights of a column's codes to some rows of outputs."""
    layer, column = net.layers[0], net.columns[j]
    width, factor = layer[Layer.FAN_OUT], factor_of(net, params, net.n_plain + j)
    for row in range(first, last):
        value = scratch[net.inputs + row * net.n_inputs + net.n_plain + j]
        if value >= 0 and value < column[Column.SIZE]:
            start = layer[Layer.OUTPUTS] + row * width
            line = piece(scratch, start + low, high - low)
            place = layer[Layer.WEIGHTS] + (column[Column.FIRST] + np.intp(value)) * width
            weights = piece(params, place + low, high - low)
            for k in range(line.size):
                line[k] += factor * weights[k]


@compiled
def blend(net, j, first, last, scratch, low, high):
    """Add to some rows of outputs what a column's knot coordinates give."""
    column, width = net.columns[j], net.layers[0, Layer.FAN_OUT]
    knot = net.knots + column[Column.KNOTS] * width
    for row in range(first, last):
        value = scratch[net.inputs + row * net.n_inputs + net.n_plain + j]
        whole, part = bin_of(value, column[Column.SIZE], scratch.dtype.type)
        start = net.layers[0, Layer.OUTPUTS] + row * width
        line = piece(scratch, start + low, high - low)
        start = knot + whole * width
        before = piece(scratch, start + low, high - low)
        after = piece(scratch, start + width + low, high - low)
        for k in range(line.size):
            line[k] += before[k] + part * (after[k] - before[k])


@compiled
def backward_compact(net, n_rows, grads, scratch, share):
    """Write a share of the gradient of the first layer's weights."""
    layer = net.layers[0]
    width = layer[Layer.FAN_OUT]
    low, high = span(width, share, net.n_shares)
    multiply(
        net.gemm,
        (net.n_numbers, high - low, n_rows),
        (scratch, net.inputs, net.n_inputs, True),
        (scratch, layer[Layer.GRADS] + low, width, False),
        (grads, layer[Layer.WEIGHTS] + low, width),
    )
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
        value = scratch[net.inputs + row * net.n_inputs + net.n_plain + j]
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
        value = scratch[net.inputs + row * net.n_inputs + net.n_plain + j]
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


@compiled
def learn_factors(net, params, grads, share):
    """Turn the gradient of a share of the scaled weights into that of factors and weights."""
    width, real = net.layers[0, Layer.FAN_OUT], params.dtype.type
    n_columns = net.n_plain + len(net.columns)
    low, high = span(n_columns if net.factors >= 0 else 0, share, net.n_shares)
    for column in range(low, high):
        first, size = inputs_of_column(net, column)
        start = net.layers[0, Layer.WEIGHTS] + first * width
        weights, into = piece(params, start, size * width), piece(grads, start, size * width)
        factor, total = factor_of(net, params, column), real(0)
        for k in range(weights.size):
            total += weights[k] * into[k]
            into[k] *= factor if weights[k] != real(0) else real(0)
        grads[net.factors + column] = real(FACTOR_SPEED) * total
