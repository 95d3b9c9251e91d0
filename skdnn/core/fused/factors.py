"""Factors on the columns of the rows, which choose among them."""

from skdnn.core.codes import Column, Layer
from skdnn.core.fused.machine import compiled, piece
from skdnn.core.fused.shares import span
from skdnn.core.layers import FACTOR_SPEED


@compiled
def factor_of(net, params, column):
    """Return what the weights of a column of the rows are multiplied by."""
    real = params.dtype.type
    if net.factors < 0:
        return real(1)
    return real(1) + real(FACTOR_SPEED) * params[net.factors + column]


@compiled
def inputs_of_column(net, column):
    """Return the first input that a column of the data stands for, and how many there are."""
    if column < net.n_plain:
        return column, 1
    j = column - net.n_plain
    return net.columns[j, Column.FIRST], net.columns[j, Column.SIZE]


@compiled
def scale_weights(net, column, place, params, scratch):
    """Write the scaled weights of a column, from row ``place`` of the scaled ones on."""
    width, factor = net.layers[0, Layer.FAN_OUT], factor_of(net, params, column)
    first, size = inputs_of_column(net, column)
    weights = piece(params, net.layers[0, Layer.WEIGHTS] + first * width, size * width)
    into = piece(scratch, net.scaled + place * width, size * width)
    for k in range(weights.size):
        into[k] = factor * weights[k]


@compiled
def learn_factors(net, params, grads, share):
    """Turn the gradient of a share of the scaled weights into that of factors and weights."""
    width, real = net.layers[0, Layer.FAN_OUT], params.dtype.type
    n_columns = net.n_plain + len(net.columns)
    low, high = span(n_columns, share, net.n_shares, 1)
    for column in range(low, high):
        first, size = inputs_of_column(net, column)
        start = net.layers[0, Layer.WEIGHTS] + first * width
        weights, into = piece(params, start, size * width), piece(grads, start, size * width)
        factor, total = factor_of(net, params, column), real(0)
        for k in range(weights.size):
            total += weights[k] * into[k]
            into[k] *= factor if weights[k] != real(0) else real(0)
        grads[net.factors + column] = real(FACTOR_SPEED) * total
