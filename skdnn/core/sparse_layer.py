"""The first layer on sparse rows, and updates of only those weights that a batch has entries for.

Conventions: see :mod:`skdnn.core.layers`.

A batch has entries in a few of many columns; the gradient of the weights of all other columns is 0.
With row updates the update rule is applied to the rows of the weights, and of its memory, that
belong to columns with entries, and to all parameters of the later layers. The other rows of the
weights, their momentum and moments do not change, and weight decay is not applied to them, neither
then nor later, as in ``torch.optim.SparseAdam``. With gradient descent that is the same as an
update of all rows, except for the decay.
"""

import math

import numpy as np
from scipy.sparse import csr_array

from skdnn.core.layers import Dense

# An update of all weights takes little time for fewer weights, or if a batch has an entry for every
# second input (counting its entries, though some are in the same column).
FEWEST_WEIGHTS, INPUTS_PER_ENTRY = 2**20, 2


class SparseDense(Dense):
    """A dense layer on sparse rows, a :class:`SparseBatch`. There is no gradient of the inputs."""

    def product(self, tape, start, inputs):
        """Add the product with the weights; return it and the backward function."""
        weights = tape.view(tape.params, start, self.shapes[0])
        outputs = tape.empty((len(weights), inputs.shape[1], self.shapes[0][1]))

        def multiply(is_back, others, products):
            per_member = inputs.of_members(len(weights))
            for rows, other, into in zip(per_member, others, products, strict=True):
                into[...] = (rows.T if is_back else rows) @ other

        def backward(grad_outputs, wants_inputs):
            if tape.row_grads is not None:
                tape.call(tape.row_grads.compute, inputs, grad_outputs)
            else:
                grad_weights = tape.view(tape.grads, start, self.shapes[0])
                tape.call(multiply, True, grad_outputs, grad_weights)

        tape.call(multiply, False, weights, outputs)

        return outputs, backward


def updates_rows(network, plan, data, n_batch_rows):
    """Return whether to update only rows; it depends on the data, but not on a member's batches.

    Parameters
    ----------
    network : Network
    plan : Plan
        The penalty ``alpha`` changes all weights, and ``max_grad_norm`` needs a single gradient.
    data : Data
    n_batch_rows : int
    """
    first, has_rule = network.layers[0], plan.rule is not None
    if not (isinstance(first, SparseDense) and has_rule) or plan.alpha or plan.max_grad_norm:
        return False
    n_inputs, array = first.shapes[0][0], data.rows.array
    n_entries = array.nnz / array.shape[0] * n_batch_rows
    return n_inputs >= INPUTS_PER_ENTRY * n_entries and math.prod(first.shapes[0]) >= FEWEST_WEIGHTS


class RowGradients:
    """Gradients of the first layer's weights: of each member, the rows that are not 0.

    Attributes
    ----------
    columns : list of ndarray of shape (n_rows,)
        Columns of the inputs in which the batch of each member has entries.
    grads : list of ndarray of shape (n_rows, width)
        Gradients of their weights.
    """

    def __init__(self):
        self.columns, self.grads = [], []

    def compute(self, batch, grad_outputs):
        """Compute the gradients from those of the products.

        Parameters
        ----------
        batch : SparseBatch
        grad_outputs : ndarray of shape (n_members, n_batch_rows, width)
        """
        self.columns.clear()
        self.grads.clear()
        for rows, grad in zip(batch.of_members(len(grad_outputs)), grad_outputs, strict=True):
            columns, places = np.unique(rows.indices, return_inverse=True)
            shape = rows.shape[0], len(columns)
            self.columns.append(columns)
            self.grads.append(csr_array((rows.data, places, rows.indptr), shape).T @ grad)

    def record_update(self, tape, step, arrays, bounds, numbers, shape):
        """Add the calls that update the rows with gradients, and all later parameters.

        ``arrays`` are parameters, gradients and memory; ``shape`` is that of the first layer's
        weights, which come first in a row of the parameters. ``bounds`` and ``numbers`` are those
        of :mod:`skdnn.core.optimizers`.
        """
        size = math.prod(shape)
        for member in range(len(arrays[0])):
            of_member = numbers[member : member + 1]
            later = [array[member : member + 1, size:] for array in arrays]
            step = tape.call(step, *later, np.maximum(bounds - size, 0), of_member)
            weights, _, *memory = [array[member, :size].reshape(shape) for array in arrays]
            tape.call(self._update, member, step, [weights, *memory], of_member)

    def _update(self, member, step, arrays, numbers):
        columns, grad = self.columns[member], self.grads[member]
        params, *memory = (array.take(columns, axis=0).reshape(1, -1) for array in arrays)
        step(params, grad.reshape(1, -1), *memory, np.array([0, grad.size]), numbers)
        for array, rows in zip(arrays, (params, *memory), strict=True):
            array[columns] = rows.reshape(grad.shape)
