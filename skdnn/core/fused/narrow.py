"""The gradient of the weights of a layer with few units.

BLAS copies matrices before it multiplies them, which for a few columns takes longer than to
multiply. Here four rows of inputs at a time, each times the gradient of a unit, are added to the
weights of that unit, which lie side by side in the scratch.
"""

from skdnn.core.codes import Layer
from skdnn.core.fused.machine import compiled, piece


@compiled
def grad_narrow_weights(net, depth, n_rows, low, high, grads, scratch):
    """Write the gradient of the weights of some inputs, from ``low`` to ``high``."""
    layer = net.layers[depth]
    width, inputs = layer[Layer.FAN_OUT], net.layers[depth - 1, Layer.OUTPUTS] + low
    for unit in range(width):
        weights_of_unit(layer, unit, low, high, scratch)[:] = 0
    n_fours = n_rows // 4 * 4
    for row in range(0, n_fours, 4):
        add_four_rows(layer, row, inputs, low, high, scratch)
    for row in range(n_fours, n_rows):
        add_row(layer, row, inputs, low, high, scratch)
    for unit in range(width):
        total = weights_of_unit(layer, unit, low, high, scratch)
        for k in range(total.size):
            grads[layer[Layer.WEIGHTS] + (low + k) * width + unit] = total[k]


@compiled
def weights_of_unit(layer, unit, low, high, scratch):
    """Return where the gradient of a unit's weights is summed up."""
    return piece(scratch, layer[Layer.BY_UNIT] + unit * layer[Layer.FAN_IN] + low, high - low)


@compiled
def add_four_rows(layer, row, inputs, low, high, scratch):
    """Add what four rows give: their inputs a to d, times the gradients p to s of each unit.

    The inputs of the batch begin in the scratch at ``inputs``.
    """
    width, n_inputs, size = layer[Layer.FAN_OUT], layer[Layer.FAN_IN], high - low
    place = inputs + row * n_inputs
    a, b = piece(scratch, place, size), piece(scratch, place + n_inputs, size)
    place += 2 * n_inputs
    c, d = piece(scratch, place, size), piece(scratch, place + n_inputs, size)
    for unit in range(width):
        total = weights_of_unit(layer, unit, low, high, scratch)
        place = layer[Layer.GRADS] + row * width + unit
        p, q = scratch[place], scratch[place + width]
        place += 2 * width
        r, s = scratch[place], scratch[place + width]
        for k in range(total.size):
            total[k] += (p * a[k] + q * b[k]) + (r * c[k] + s * d[k])


@compiled
def add_row(layer, row, inputs, low, high, scratch):
    """Add what a row gives."""
    width, n_inputs = layer[Layer.FAN_OUT], layer[Layer.FAN_IN]
    a = piece(scratch, inputs + row * n_inputs, high - low)
    for unit in range(width):
        total = weights_of_unit(layer, unit, low, high, scratch)
        p = scratch[layer[Layer.GRADS] + row * width + unit]
        for k in range(total.size):
            total[k] += p * a[k]
