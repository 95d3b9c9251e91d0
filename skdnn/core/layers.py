"""Layers: the forward pass adds calls to a tape, and returns the backward function.

Conventions: ``layer.forward(tape, start, inputs)`` returns ``(outputs, backward)``. ``start`` is
where the layer's parameters begin in a row of ``tape.params``; their shapes, in order, are
``layer.shapes``. ``backward(grad_outputs, wants_inputs)`` adds the calls that write the gradient of
the parameters into ``tape.grads``, and returns the gradient of the inputs if it is wanted; these
calls may overwrite ``grad_outputs``. Nothing is kept on the layer, so one network serves many
threads.
"""

import math

import numpy as np

from skdnn.core import encoded_kernels, layer_kernels
from skdnn.core.activations import ACTIVATIONS
from skdnn.core.dropout import NO_KEYS, drop_inputs, threshold_of
from skdnn.core.encoded_kernels import FACTOR_SPEED
from skdnn.core.encoded_rows import expand

IDENTITY = ACTIVATIONS["identity"]
FEWEST_INPUTS = 10  # from this mean number of inputs of a column on, not widening is faster


class Dense:
    """Affine map ``inputs @ weights + bias``, an activation, and dropout.

    Parameters
    ----------
    fan_in, fan_out : int
        Width of the inputs and of the outputs.
    activation : Activation, default=ACTIVATIONS["identity"]
    dropout : float in [0, 1), default=0.0
        Probability that a unit is dropped, to 16 binary digits: inverted dropout (Srivastava et
        al., 2014), whose scaling leaves prediction untouched.
    """

    def __init__(self, fan_in, fan_out, activation=IDENTITY, dropout=0.0):
        self.shapes = ((fan_in, fan_out), (1, fan_out))
        self.activation, self.threshold = activation, threshold_of(dropout)

    def weights(self, arrays):
        """Return the weights, shape (n_members, fan_in, fan_out), that inputs are multiplied by.

        Parameters
        ----------
        arrays : tuple of ndarray
            The layer's parameters.
        """
        return arrays[0]

    def forward(self, tape, start, inputs):
        """Add the calls of the forward pass; see the conventions."""
        outputs, product_back = self.product(tape, start, inputs)
        start_of_bias = start + math.prod(self.shapes[0])
        finish_back = self.finish(tape, start_of_bias, outputs)

        def backward(grad_outputs, wants_inputs):
            finish_back(grad_outputs)
            return product_back(grad_outputs, wants_inputs)

        return outputs, backward

    def product(self, tape, start, inputs):
        """Add the product with the weights; return it and the backward function."""
        return _product(tape, start, self.shapes[0], inputs)

    def finish(self, tape, start, outputs):
        """Add bias, activation and dropout, in place; return the backward function.

        ``start`` is the place of the biases.
        """
        drops = tape.grads is not None and self.threshold > 0
        keys = tape.new_keys() if drops else NO_KEYS
        wants_slopes = tape.differentiates or tape.is_compiled
        slopes = tape.empty(outputs.shape if wants_slopes else (0, 0, 0))
        finish = layer_kernels.finisher(self.activation)
        tape.call(finish, outputs, tape.params, start, slopes, keys, self.threshold)

        def backward(grad_outputs):
            if tape.grads is None:
                tape.call(np.multiply, grad_outputs, slopes, grad_outputs)
            else:
                tape.call(layer_kernels.backward, grad_outputs, slopes, tape.grads, start)

        return backward


def _product(tape, start, shape, inputs, scaled=None):
    """Add the product of inputs and weights of a shape; return it and the backward function.

    ``scaled`` has the weights, if they are not the parameters themselves.
    """
    n_members, n_rows = len(tape.params), inputs.shape[1]
    weights = tape.view(tape.params, start, shape) if scaled is None else scaled
    outputs = tape.empty((n_members, n_rows, shape[1]))
    tape.matmul(inputs, weights, outputs)

    def backward(grad_outputs, wants_inputs):
        if tape.grads is not None:
            grad_weights = tape.view(tape.grads, start, shape)
            tape.matmul(inputs.swapaxes(1, 2), grad_outputs, grad_weights)
        if not wants_inputs:
            return None
        grad_inputs = tape.empty((n_members, n_rows, shape[0]))
        if shape[1] == 1:
            flat = (tape.params, start) if scaled is None else (scaled.reshape(n_members, -1), 0)
            tape.call(layer_kernels.multiply_outer, grad_outputs, *flat, grad_inputs)
        else:
            tape.matmul(grad_outputs, weights.swapaxes(1, 2), grad_inputs)
        return grad_inputs

    return outputs, backward


class EncodedDense(Dense):
    """A first layer on encoded rows, which stand for many more inputs.

    Rows are widened into inputs, or, where columns stand for many inputs each and kernels are
    compiled, the layer takes them as they are: see :mod:`skdnn.core.encoded_kernels`.

    Parameters
    ----------
    expansion : Expansion
        Layout of the rows.
    fan_out, activation, dropout
        As for :class:`Dense`.
    input_dropout : float in [0, 1), default=0.0
        Probability that an input is dropped.
    is_scaled : bool, default=False
        Whether a factor for each encoded column is learnt along with the weights: by shrinking it
        training can ignore an uninformative column (the scaling
        layer of Holzmüller et al., 2024, https://arxiv.org/abs/2407.04491, with one factor for all
        inputs of a column). A weight of exactly 0 then stays 0: the starting weights say which
        columns a unit is connected to.
    """

    def __init__(
        self,
        expansion,
        fan_out,
        activation=IDENTITY,
        dropout=0.0,
        input_dropout=0.0,
        is_scaled=False,
    ):
        super().__init__(expansion.n_outputs, fan_out, activation, dropout)
        self.expansion, self.input_threshold = expansion, threshold_of(input_dropout)
        self.is_scaled = is_scaled
        self.column_widths = np.array(expansion.column_widths, np.int64)
        if is_scaled:
            self.shapes = (*self.shapes, (1, len(self.column_widths)))
        # Multiplying a few inputs by weights is faster than blending two bin edges or looking up
        # a code.
        n_looks = sum(expansion.n_bins) + 2 * sum(expansion.n_categories)
        n_columns = len(expansion.n_bins) + len(expansion.n_categories)
        is_dropped = self.input_threshold > 0
        self.is_compact = n_looks >= max(FEWEST_INPUTS * n_columns, 1) and not is_dropped

    def weights(self, arrays):
        """Return the weights times the factors, shape (n_members, fan_in, fan_out)."""
        if not self.is_scaled:
            return arrays[0]
        factors = 1 + FACTOR_SPEED * arrays[2][:, 0]
        return arrays[0] * np.repeat(factors, self.column_widths, axis=1)[..., None]

    def product(self, tape, start, inputs):
        """Add the product with the weights; return it and the backward function."""
        is_widened = not (tape.is_compiled and self.is_compact)
        if is_widened:
            inputs = self._drop_inputs(tape, self._widen(tape, inputs))
            if not self.is_scaled:
                return super().product(tape, start, inputs)
        factors = self._factors(tape, start)
        if not is_widened:
            outputs, backward = self._encoded_product(tape, start, inputs, factors)
        else:
            weights = self._scaled_weights(tape, start, factors, self.column_widths)
            outputs, backward = _product(tape, start, self.shapes[0], inputs, weights)
        return outputs, self._learn_factors(tape, start, factors, backward)

    def _scaled_weights(self, tape, start, factors, sizes):
        """Return the weights times the factors of the first columns, which have these sizes."""
        weights = tape.view(tape.params, start, (sizes.sum(), self.shapes[0][1]))
        if self.is_scaled:
            weights = tape.empty(weights.shape)
            tape.call(encoded_kernels.scale_weights, tape.params, start, factors, sizes, weights)
        return weights

    def _factors(self, tape, start):
        """Return the factors of the columns, shape (n_members, n_columns)."""
        factors = tape.empty((len(tape.params), len(self.column_widths)))
        if self.is_scaled:
            start += sum(map(math.prod, self.shapes[:2]))
            tape.call(encoded_kernels.compute_factors, tape.params, start, factors)
        else:
            factors.fill(1)
        return factors

    def _learn_factors(self, tape, start, factors, product_back):
        if not self.is_scaled:
            return product_back
        args = start, self.shapes[0][1], factors, self.column_widths

        def backward(grad_outputs, wants_inputs):
            grad_inputs = product_back(grad_outputs, wants_inputs)
            tape.call(encoded_kernels.learn_factors, tape.params, tape.grads, *args)
            return grad_inputs

        return backward

    def _widen(self, tape, rows):
        expansion = self.expansion
        if expansion.is_trivial:
            return rows
        wide = tape.empty((*rows.shape[:2], expansion.n_outputs))
        tape.call(expand, rows, *expansion.places(), wide)
        return wide

    def _drop_inputs(self, tape, inputs):
        if tape.grads is None or not self.input_threshold:
            return inputs
        outputs = tape.empty(inputs.shape)
        tape.call(drop_inputs, inputs, tape.new_keys(), self.input_threshold, outputs)
        return outputs

    def _encoded_product(self, tape, start, rows, factors):
        """Add the products of numbers, bin positions and codes with the weights."""
        expansion, (fan_in, width) = self.expansion, self.shapes[0]
        n_numbers, n_bins = expansion.n_numbers, len(expansion.n_bins)
        bins, codes = np.split(self.column_widths[n_numbers:], [n_bins])
        edge_start = start + n_numbers * width
        code_start = start + (fan_in - codes.sum()) * width
        outputs, backward = self._product_of_numbers(tape, start, rows, factors)
        gradients = []  # a kernel, and its columns, their sizes, and where their parameters begin
        if len(bins):
            edges = tape.empty((len(tape.params), (bins + 1).sum(), width))
            where = n_numbers, bins
            tape.call(
                encoded_kernels.outputs_at_edges,
                tape.params,
                edge_start,
                factors,
                *where,
                edges,
            )
            tape.call(encoded_kernels.add_bins, rows, *where, edges, outputs)
            starts = edge_start, start + fan_in * width
            gradients.append((encoded_kernels.bin_gradients, *where, starts))
        if len(codes):
            where = n_numbers + n_bins, codes, (tape.params, code_start)
            tape.call(encoded_kernels.add_categories, rows, *where, factors, outputs)
            where = n_numbers + n_bins, codes, code_start
            gradients.append((encoded_kernels.category_gradients, *where))

        def of_all_columns(grad_outputs, wants_inputs):
            backward(grad_outputs, False)
            for kernel, column, sizes, starts in gradients:
                tape.call(kernel, rows, column, sizes, grad_outputs, tape.grads, starts)

        return outputs, of_all_columns

    def _product_of_numbers(self, tape, start, rows, factors):
        n_numbers, width = self.expansion.n_numbers, self.shapes[0][1]
        if not n_numbers:
            outputs = tape.empty((*rows.shape[:2], width))
            tape.call(outputs.fill, 0)
            return outputs, lambda grad_outputs, wants_inputs: None
        weights = self._scaled_weights(tape, start, factors, self.column_widths[:n_numbers])
        return _product(tape, start, (n_numbers, width), rows[..., :n_numbers], weights)
