"""The first layer on rows that are not widened.

A knot coordinate ``u`` stands for the inputs ``clip(u - t, 0, 1) - 1/2`` of n bins t (see
:mod:`skdnn.core.expansion`). Times weights W they sum to a function of u that is linear between
whole numbers: at knot t it is ``sum(W[:t]) - sum(W) / 2``. So a row takes a blend of its two
nearest knots instead of a product with all n inputs; a code takes its row of weights.
"""

import numpy as np

from skdnn.core.codes import Column, Layer
from skdnn.core.expansion import MIDDLE
from skdnn.core.fused.machine import compiled, multiply
from skdnn.core.fused.rows import span


@compiled
def place_knots(net, params, scratch, share):
    """Write a share of the outputs at the knots of every column."""
    layer = net.layers[0]
    width = layer[Layer.FAN_OUT]
    low, high = span(width, share, net.n_shares)
    middle = params.dtype.type(MIDDLE)
    for j in range(len(net.columns)):
        if net.columns[j, Column.KNOTS] < 0:
            continue
        place = layer[Layer.WEIGHTS] + net.columns[j, Column.FIRST] * width
        knot = net.knots + net.columns[j, Column.KNOTS] * width
        first = scratch[knot + low : knot + high]
        first[:] = 0
        for t in range(net.columns[j, Column.SIZE]):
            weights = params[place + t * width + low : place + t * width + high]
            for k in range(first.size):
                first[k] -= middle * weights[k]
        for t in range(net.columns[j, Column.SIZE]):
            weights = params[place + t * width + low : place + t * width + high]
            before = scratch[knot + t * width + low : knot + t * width + high]
            after = scratch[knot + (t + 1) * width + low : knot + (t + 1) * width + high]
            for k in range(before.size):
                after[k] = before[k] + weights[k]


@compiled
def bin_of(u, n_bins, real):
    """Return the whole part of a knot coordinate, and how far it is to the next."""
    # Written so that NaN stays NaN, in bin 0.
    inside = real(n_bins) if u > real(n_bins) else u
    inside = real(0) if inside < real(0) else inside
    whole = min(np.intp(inside), n_bins - 1) if inside > real(0) else 0
    return whole, inside - real(whole)


@compiled
def forward_compact(net, n_rows, params, scratch, share):
    """Write a share of the first layer's products."""
    layer = net.layers[0]
    width = layer[Layer.FAN_OUT]
    low, high = span(width, share, net.n_shares)
    multiply(
        net.gemm,
        (n_rows, high - low, net.n_numbers),
        (scratch, net.inputs, net.n_inputs, False),
        (params, layer[Layer.WEIGHTS] + low, width, False),
        (scratch, layer[Layer.OUTPUTS] + low, width),
    )
    for row in range(n_rows):
        place = layer[Layer.OUTPUTS] + row * width
        line = scratch[place + low : place + high]
        for j in range(len(net.columns)):
            value = scratch[net.inputs + row * net.n_inputs + net.n_numbers + j]
            column = net.columns[j]
            if column[Column.KNOTS] >= 0:
                blend(net, column, value, scratch, line, low, width)
            elif value >= 0 and value < column[Column.SIZE]:
                place = column[Column.FIRST] + np.intp(value)
                place = layer[Layer.WEIGHTS] + place * width + low
                weights = params[place : place + line.size]
                for k in range(line.size):
                    line[k] += weights[k]


@compiled
def blend(net, column, value, scratch, line, low, width):
    """Add to a row's outputs what a knot coordinate gives."""
    whole, part = bin_of(value, column[Column.SIZE], line.dtype.type)
    place = net.knots + (column[Column.KNOTS] + whole) * width + low
    before, after = scratch[place : place + line.size], scratch[place + width :][: line.size]
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
    for j in range(len(net.columns)):
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
    place = layer[Layer.WEIGHTS] + column[Column.FIRST] * width + low
    for code in range(column[Column.SIZE]):
        grads[place + code * width : place + code * width + high - low] = 0
    for row in range(n_rows):
        value = scratch[net.inputs + row * net.n_inputs + net.n_numbers + j]
        if value >= 0 and value < column[Column.SIZE]:
            start = layer[Layer.GRADS] + row * width
            line = scratch[start + low : start + high]
            start = place + np.intp(value) * width
            total = grads[start : start + high - low]
            for k in range(line.size):
                total[k] += line[k]


@compiled
def scatter_knots(net, j, n_rows, scratch, low, high):
    """Share out the gradients of rows to the two knots beside them."""
    layer, column = net.layers[0], net.columns[j]
    width, size = layer[Layer.FAN_OUT], high - low
    place = net.grad_knots + column[Column.KNOTS] * width + low
    for knot in range(column[Column.SIZE] + 1):
        scratch[place + knot * width : place + knot * width + size] = 0
    for row in range(n_rows):
        value = scratch[net.inputs + row * net.n_inputs + net.n_numbers + j]
        whole, part = bin_of(value, column[Column.SIZE], scratch.dtype.type)
        start = layer[Layer.GRADS] + row * width
        line = scratch[start + low : start + high]
        start = place + whole * width
        before, after = scratch[start : start + size], scratch[start + width :][:size]
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
    bias = grads[layer[Layer.BIAS] + low : layer[Layer.BIAS] + high]
    place = layer[Layer.WEIGHTS] + column[Column.FIRST] * width + low
    knot = net.grad_knots + column[Column.KNOTS] * width + low
    for t in range(column[Column.SIZE] - 1, -1, -1):
        later = scratch[knot + (t + 1) * width :][:size]
        into = grads[place + t * width : place + t * width + size]
        if t == column[Column.SIZE] - 1:
            for k in range(size):
                into[k] = later[k] - middle * bias[k]
        else:
            above = grads[place + (t + 1) * width : place + (t + 1) * width + size]
            for k in range(size):
                into[k] = later[k] + above[k]
