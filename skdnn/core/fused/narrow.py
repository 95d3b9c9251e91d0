"""Products with the weights of a layer with few units, and their gradients.

BLAS copies matrices before it multiplies them, which for a few columns takes longer than to
multiply. Here only the weights are copied, so that those of a unit lie side by side. Each share has
a copy of its own, so that threads neither wait for each other nor share lines of the cache; its
part of the weights' gradient is later summed up in the same place.

Conventions: there is room for ``NARROW`` units, four, and the weights of those that the layer does
not have are 0. Of these units ``u`` to ``x`` are the weights, and ``p`` to ``s`` the products of a
row, or their gradients.
"""

from skdnn.core.codes import NARROW, Layer
from skdnn.core.fused.machine import compiled, piece


@compiled
def place_of_copy(layer, share):
    """Return the place in the scratch of a share's copy of the weights."""
    return layer[Layer.BY_UNIT] + share * layer[Layer.BY_UNIT_STEP]


@compiled
def part_of_unit(layer, unit, low, high, share, scratch):
    """Return where a share has some of a unit's weights, from ``low`` to ``high``."""
    start = place_of_copy(layer, share) + unit * layer[Layer.FAN_IN]
    return piece(scratch, start + low, high - low)


@compiled
def four_pieces(scratch, start, step, size):
    """Return four pieces of the scratch, each a step after the one before."""
    a, b = piece(scratch, start, size), piece(scratch, start + step, size)
    start += 2 * step
    return a, b, piece(scratch, start, size), piece(scratch, start + step, size)


@compiled
def weights_of_units(layer, share, scratch):
    """Return where a share has all weights of each unit."""
    size = layer[Layer.FAN_IN]
    return four_pieces(scratch, place_of_copy(layer, share), size, size)


@compiled
def copy_weights(layer, share, params, scratch):
    """Give a share its copy of the weights."""
    width, n_inputs = layer[Layer.FAN_OUT], layer[Layer.FAN_IN]
    copy = piece(scratch, place_of_copy(layer, share), NARROW * n_inputs)
    copy[width * n_inputs :] = 0
    for k in range(n_inputs):
        for unit in range(width):
            copy[unit * n_inputs + k] = params[layer[Layer.WEIGHTS] + k * width + unit]


@compiled
def multiply_narrow(net, depth, first, last, share, params, scratch):
    """Copy the weights, and write some rows of their products with inputs."""
    layer, inputs = net.layers[depth], net.layers[depth - 1, Layer.OUTPUTS]
    width, n_inputs = layer[Layer.FAN_OUT], layer[Layer.FAN_IN]
    copy_weights(layer, share, params, scratch)
    u, v, w, x = weights_of_units(layer, share, scratch)
    for row in range(first, last):
        line = piece(scratch, inputs + row * n_inputs, n_inputs)
        p = q = r = s = line.dtype.type(0)
        for k in range(n_inputs):
            p += line[k] * u[k]
            q += line[k] * v[k]
            r += line[k] * w[k]
            s += line[k] * x[k]
        products = p, q, r, s
        for unit in range(width):
            scratch[layer[Layer.OUTPUTS] + row * width + unit] = products[unit]


@compiled
def grad_narrow_inputs(net, depth, first, last, share, total, scratch):
    """Write rows of the gradient of what the activation before was given; add them to a total.

    The copy of the weights is the one that the products were made with.
    """
    layer, before = net.layers[depth], net.layers[depth - 1]
    width, n_inputs = layer[Layer.FAN_OUT], layer[Layer.FAN_IN]
    u, v, w, x = weights_of_units(layer, share, scratch)
    for row in range(first, last):
        grads = piece(scratch, layer[Layer.GRADS] + row * width, width)
        zero = grads.dtype.type(0)
        p, q = grads[0], grads[1] if width > 1 else zero
        r, s = grads[2] if width > 2 else zero, grads[3] if width > 3 else zero
        line = piece(scratch, before[Layer.GRADS] + row * n_inputs, n_inputs)
        slopes = piece(scratch, before[Layer.SLOPES] + row * n_inputs, n_inputs)
        # All in one loop: a fifth faster than one after the other.
        for k in range(n_inputs):
            grad = ((p * u[k] + q * v[k]) + (r * w[k] + s * x[k])) * slopes[k]
            line[k] = grad
            total[k] += grad


@compiled
def grad_narrow_weights(net, depth, n_rows, low, high, share, grads, scratch):
    """Write the gradient of the weights of some inputs, from ``low`` to ``high``."""
    layer = net.layers[depth]
    width, inputs = layer[Layer.FAN_OUT], net.layers[depth - 1, Layer.OUTPUTS] + low
    # In the place of the share's copy of the weights, which is not asked for any more.
    for unit in range(width):
        part_of_unit(layer, unit, low, high, share, scratch)[:] = 0
    n_fours = n_rows // 4 * 4
    for row in range(0, n_fours, 4):
        add_four_rows(layer, row, inputs, low, high, share, scratch)
    for row in range(n_fours, n_rows):
        add_row(layer, row, inputs, low, high, share, scratch)
    for unit in range(width):
        total = part_of_unit(layer, unit, low, high, share, scratch)
        for k in range(total.size):
            grads[layer[Layer.WEIGHTS] + (low + k) * width + unit] = total[k]


@compiled
def add_four_rows(layer, row, inputs, low, high, share, scratch):
    """Add what four rows give: their inputs a to d, times their gradients p to s, unit by unit.

    The inputs of the batch begin in the scratch at ``inputs``.
    """
    width, n_inputs = layer[Layer.FAN_OUT], layer[Layer.FAN_IN]
    a, b, c, d = four_pieces(scratch, inputs + row * n_inputs, n_inputs, high - low)
    for unit in range(width):
        total = part_of_unit(layer, unit, low, high, share, scratch)
        place = layer[Layer.GRADS] + row * width + unit
        p, q = scratch[place], scratch[place + width]
        place += 2 * width
        r, s = scratch[place], scratch[place + width]
        for k in range(total.size):
            total[k] += (p * a[k] + q * b[k]) + (r * c[k] + s * d[k])


@compiled
def add_row(layer, row, inputs, low, high, share, scratch):
    """Add what a row gives."""
    width, n_inputs = layer[Layer.FAN_OUT], layer[Layer.FAN_IN]
    a = piece(scratch, inputs + row * n_inputs, high - low)
    for unit in range(width):
        total = part_of_unit(layer, unit, low, high, share, scratch)
        p = scratch[layer[Layer.GRADS] + row * width + unit]
        for k in range(total.size):
            total[k] += p * a[k]
