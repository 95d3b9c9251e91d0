"""The first layer on encoded rows: products with their weights, without widening the rows.

A code stands for a one-hot block, so its product is its row of weights. A bin position ``u`` stands
for the inputs ``clip(u - t, 0, 1) - 1/2`` of n bins t (see :mod:`skdnn.core.encoded_rows`). Times
weights W they sum to a function of u that is linear between whole numbers: at edge t it is
``sum(W[:t]) - sum(W) / 2``. So a row takes a blend of its two nearest edges instead of a product
with all n inputs.

Conventions: see :mod:`skdnn.core.layer_kernels`. ``rows`` is (n_members, n_rows, n_columns);
``factors`` (n_members, n_columns) is what the weights of all inputs of a column are multiplied by;
``sizes`` has the inputs of each of some columns, the first of which is ``column``, and whose
weights begin at ``start`` in a row of the parameters.
"""

import numpy as np

from skdnn.core.compiling import Kernel, kernel
from skdnn.core.encoded_rows import MIDDLE

FACTOR_SPEED = 10  # factors are 1 + this times a parameter, and so learn so much faster
ROWS_AT_A_TIME = 32  # they and a column's bin edges stay in the first cache


def compute_factors(params, start, factors):
    """Write the factors that parameters from ``start`` on stand for."""
    # By NumPy: compiling a loop would take a share of the seconds of the first fit.
    np.multiply(params[:, start : start + factors.shape[1]], FACTOR_SPEED, out=factors)
    factors += 1


def _scale_twin(params, start, factors, sizes, scaled):
    weights = params[:, start : start + scaled[0].size].reshape(scaled.shape)
    factors = np.repeat(factors[:, : len(sizes)], sizes, axis=1)
    np.multiply(weights, factors[..., None], out=scaled)


@kernel(_scale_twin)
def scale_weights(params, start, factors, sizes, scaled):
    """Multiply the weights of each column's inputs by its factor."""
    width = scaled.shape[2]
    for k in range(scaled.shape[0]):
        row = 0
        for j in range(len(sizes)):
            factor = factors[k, j]
            for _ in range(sizes[j]):
                place = start + row * width
                line, into = params[k, place : place + width], scaled[k, row]
                for i in range(width):
                    into[i] = factor * line[i]
                row += 1


def _learn_twin(params, grads, start, width, factors, sizes):
    stop = start + sizes.sum() * width
    shape = len(params), sizes.sum(), width
    weights, into = params[:, start:stop].reshape(shape), grads[:, start:stop].reshape(shape)
    by_input = np.einsum("kio,kio->ki", into, weights)
    firsts, of_factors = np.cumsum(sizes) - sizes, slice(stop + width, stop + width + len(sizes))
    grads[:, of_factors] = FACTOR_SPEED * np.add.reduceat(by_input, firsts, axis=1)
    into *= np.repeat(factors, sizes, axis=1)[..., None]
    into *= weights != 0


@kernel(_learn_twin)
def learn_factors(params, grads, start, width, factors, sizes):
    """Turn the gradient of scaled weights into that of the weights and of the factors.

    A weight of exactly 0 keeps a gradient of 0. Behind the weights lie ``width`` biases, and then
    the parameters of the factors.
    """
    real = params.dtype.type
    n_inputs = 0  # a loop takes less time to compile than sizes.sum()
    for size in sizes:
        n_inputs += size
    place_of_factors = start + (n_inputs + 1) * width
    for k in range(params.shape[0]):
        place = start
        for j in range(len(sizes)):
            size = sizes[j] * width
            line, grad = params[k, place : place + size], grads[k, place : place + size]
            factor, total = factors[k, j], real(0)
            for i in range(size):
                total += line[i] * grad[i]
                grad[i] *= factor if line[i] != real(0) else real(0)
            grads[k, place_of_factors + j] = real(FACTOR_SPEED) * total
            place += size


def _outputs_at_edges(params, start, factors, column, sizes, edges):
    width, real = edges.shape[2], edges.dtype.type
    for k in range(edges.shape[0]):
        place, edge = start, 0
        for j in range(len(sizes)):
            factor, lowest = factors[k, column + j], edges[k, edge]
            half = factor * real(MIDDLE)
            for i in range(width):
                lowest[i] = real(0)
            for t in range(sizes[j]):
                line = params[k, place + t * width : place + (t + 1) * width]
                for i in range(width):
                    lowest[i] -= half * line[i]
            for t in range(sizes[j]):
                line = params[k, place + t * width : place + (t + 1) * width]
                before, after = edges[k, edge + t], edges[k, edge + t + 1]
                for i in range(width):
                    after[i] = before[i] + factor * line[i]
            place += sizes[j] * width
            edge += sizes[j] + 1


def bin_of(u, n_bins, real):
    """Return the whole part of a bin position, and how far it is to the next."""
    # Written so that NaN stays NaN, in bin 0.
    inside = real(n_bins) if u > real(n_bins) else u
    inside = real(0) if inside < real(0) else inside
    whole = min(int(inside), n_bins - 1) if inside > real(0) else 0
    return whole, inside - real(whole)


def _add_bins(rows, column, sizes, edges, outputs):
    real = outputs.dtype.type
    n_members, n_rows, width = outputs.shape
    for k in range(n_members):
        for start in range(0, n_rows, ROWS_AT_A_TIME):
            edge = 0
            for j in range(len(sizes)):
                for r in range(start, min(start + ROWS_AT_A_TIME, n_rows)):
                    whole, part = bin_of(rows[k, r, column + j], sizes[j], real)
                    before, after = edges[k, edge + whole], edges[k, edge + whole + 1]
                    line = outputs[k, r]
                    for i in range(width):
                        line[i] += before[i] + part * (after[i] - before[i])
                edge += sizes[j] + 1


def _add_categories(rows, column, sizes, params_and_start, factors, outputs):
    params, start = params_and_start
    real = outputs.dtype.type
    n_members, n_rows, width = outputs.shape
    for k in range(n_members):
        place = start
        for j in range(len(sizes)):
            factor = factors[k, column + j]
            for r in range(n_rows):
                code = rows[k, r, column + j]
                if code >= real(0) and code < real(sizes[j]):
                    first = place + int(code) * width
                    weights, line = params[k, first : first + width], outputs[k, r]
                    for i in range(width):
                        line[i] += factor * weights[i]
            place += sizes[j] * width


def _bin_gradients(  # noqa: C901 - nothing but loops
    rows, column, sizes, grad_outputs, grads, starts
):
    """Write the gradient of the weights that bin edges are made of; biases are known already.

    ``starts`` are the places of these weights and of the biases.
    """
    real = grads.dtype.type
    n_members, n_rows, width = grad_outputs.shape
    most = 0
    for size in sizes:
        most = max(most, size)
    edges = np.empty((most + 1, width), grads.dtype)  # of one column: they stay in the cache
    for k in range(n_members):
        place, grad_bias = starts[0], grads[k, starts[1] : starts[1] + width]
        for j in range(len(sizes)):
            size = sizes[j]
            for t in range(size + 1):
                for i in range(width):
                    edges[t, i] = real(0)
            for r in range(n_rows):
                whole, part = bin_of(rows[k, r, column + j], size, real)
                line, before, after = grad_outputs[k, r], edges[whole], edges[whole + 1]
                for i in range(width):
                    share = part * line[i]
                    after[i] += share
                    before[i] += line[i] - share
            # The output at edge t is sum(W[:t]) - sum(W) / 2. So the gradient of a weight is the
            # sum of the gradients of all edges above it, minus half of their total over all edges,
            # which is the gradient of the bias. Each step down adds one edge to the sum.
            total = edges[0]
            for i in range(width):
                total[i] = real(-MIDDLE) * grad_bias[i]
            for t in range(size - 1, -1, -1):
                into, edge = grads[k, place + t * width : place + (t + 1) * width], edges[t + 1]
                for i in range(width):
                    total[i] += edge[i]
                    into[i] = total[i]
            place += size * width


def _category_gradients(rows, column, sizes, grad_outputs, grads, start):
    real = grads.dtype.type
    n_members, n_rows, width = grad_outputs.shape
    for k in range(n_members):
        place = start
        for j in range(len(sizes)):
            for i in range(place, place + sizes[j] * width):
                grads[k, i] = real(0)
            for r in range(n_rows):
                code = rows[k, r, column + j]
                if code >= real(0) and code < real(sizes[j]):
                    first = place + int(code) * width
                    total, line = grads[k, first : first + width], grad_outputs[k, r]
                    for i in range(width):
                        total[i] += line[i]
            place += sizes[j] * width


# Without numba rows are widened, so these have no twins but themselves, run by Python.
outputs_at_edges = Kernel(_outputs_at_edges, _outputs_at_edges)
add_bins = Kernel(_add_bins, _add_bins, (bin_of,))
add_categories = Kernel(_add_categories, _add_categories)
bin_gradients = Kernel(_bin_gradients, _bin_gradients, (bin_of,))
category_gradients = Kernel(_category_gradients, _category_gradients)
