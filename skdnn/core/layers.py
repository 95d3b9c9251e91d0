"""Layers: a forward pass that returns its outputs and the way back.

Conventions: ``layer.forward(params, inputs, buffers, rngs)`` returns ``(outputs,
way_back)``. ``params`` are this layer's views into the flat array; ``buffers`` its scratch
arrays; ``rngs`` one generator a member while training, None while predicting. Nothing is
kept on the layer, so one network serves many threads.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from skdnn.core.bits import random_words

FACTOR_SPEED = 10  # factors of columns are 1 + this times a parameter, and learn so much faster


class WayBack(NamedTuple):
    """The two halves of a backward pass.

    Attributes
    ----------
    to_params : callable or None
        ``to_params(grad_outputs, grads)`` writes the gradients of this layer's parameters.
    to_inputs : callable or None
        ``to_inputs(grad_outputs)`` returns the gradient of the inputs; it may overwrite
        ``grad_outputs``.
    """

    to_params: Callable | None
    to_inputs: Callable | None


class Expand:
    """Widen encoded rows into the network's inputs; has no way back.

    Parameters
    ----------
    expansion : Expansion
        Layout of the rows.
    """

    shapes = ()

    def __init__(self, expansion):
        self.expansion = expansion

    def forward(self, params, inputs, buffers, rngs=None):
        """Return the expanded rows."""
        wide = buffers("wide", (*inputs.shape[:-1], self.expansion.n_outputs))
        return self.expansion(inputs, out=wide), WayBack(None, None)


class Dense:
    """Affine map ``inputs @ weights + bias``.

    Parameters
    ----------
    fan_in, fan_out : int
        Width of the inputs and of the outputs.
    """

    def __init__(self, fan_in, fan_out):
        self.shapes = ((fan_in, fan_out), (1, fan_out))

    def weights(self, params):
        """Return the weights, shape (n_members, fan_in, fan_out)."""
        return params[0]

    def forward(self, params, inputs, buffers, rngs=None):
        """Return the outputs, shape (n_members, n_rows, fan_out), and the way back."""
        weights, bias = params
        shape = (len(weights), inputs.shape[1], weights.shape[2])
        outputs = np.matmul(inputs, weights, out=buffers("outputs", shape))
        outputs += bias

        def to_params(grad_outputs, grads):
            grad_weights, grad_bias = grads
            np.matmul(inputs.swapaxes(1, 2), grad_outputs, out=grad_weights)
            _sum_rows(grad_outputs, grad_bias, buffers)

        def to_inputs(grad_outputs):
            shape = (*grad_outputs.shape[:2], weights.shape[1])
            grad_inputs = buffers("grad_inputs", shape)
            return np.matmul(grad_outputs, weights.swapaxes(1, 2), out=grad_inputs)

        return outputs, WayBack(to_params, to_inputs)


class SelectiveDense(Dense):
    """Affine map of expanded rows whose units see some of the encoded columns, each scaled.

    A factor for each encoded column, whatever its inputs are, is learnt along with the weights:
    shrinking it is the short way to be rid of a column that tells nothing (the scaling layer of
    Holzmüller et al., 2024, https://arxiv.org/abs/2407.04491, with one factor for all inputs of
    a column). A weight of exactly 0 stays 0: the starting weights say which columns a unit is
    connected to.

    Parameters
    ----------
    fan_in, fan_out : int
        Width of the inputs and of the outputs.
    column_widths : sequence of int
        Inputs of each encoded column; their sum is ``fan_in``.
    """

    def __init__(self, fan_in, fan_out, column_widths):
        super().__init__(fan_in, fan_out)
        self.column_widths = tuple(column_widths)
        self.shapes = (*self.shapes, (1, len(self.column_widths)))
        self._starts = np.cumsum((0, *self.column_widths[:-1]))

    def factors(self, params):
        """Return the factor of each input, shape (n_members, fan_in, 1)."""
        return np.repeat(1 + FACTOR_SPEED * params[2], self.column_widths, axis=2).swapaxes(1, 2)

    def weights(self, params):
        """Return the weights times the factors, shape (n_members, fan_in, fan_out)."""
        return params[0] * self.factors(params)

    def forward(self, params, inputs, buffers, rngs=None):
        """Return the outputs, shape (n_members, n_rows, fan_out), and the way back."""
        weights, bias, _ = params
        factors = self.factors(params)
        scaled = np.multiply(weights, factors, out=buffers("scaled", weights.shape))
        outputs, way_back = super().forward((scaled, bias), inputs, buffers, rngs)

        def to_params(grad_outputs, grads):
            grad_weights, grad_bias, grad_columns = grads
            way_back.to_params(grad_outputs, (grad_weights, grad_bias))
            by_input = np.einsum("kio,kio->ki", grad_weights, weights)
            np.add.reduceat(by_input[:, None], self._starts, axis=2, out=grad_columns)
            grad_columns *= FACTOR_SPEED
            grad_weights *= factors
            grad_weights *= weights != 0

        return outputs, WayBack(to_params, way_back.to_inputs)


class SparseDense(Dense):
    """Affine map of sparse rows: ``inputs`` is a list of CSR arrays, one a member.

    A list of one is shared by all members. There is no gradient of the inputs.
    """

    def forward(self, params, inputs, buffers, rngs=None):
        """Return the outputs, shape (n_members, n_rows, fan_out), and the way back."""
        weights, bias = params
        outputs = buffers("outputs", (len(weights), inputs[0].shape[0], weights.shape[2]))
        per_member = inputs * len(weights) if len(inputs) == 1 else inputs
        for rows, member_weights, member_outputs in zip(per_member, weights, outputs, strict=True):
            member_outputs[...] = rows @ member_weights
        outputs += bias

        def to_params(grad_outputs, grads):
            grad_weights, grad_bias = grads
            for rows, grad, into in zip(per_member, grad_outputs, grad_weights, strict=True):
                into[...] = rows.T @ grad
            _sum_rows(grad_outputs, grad_bias, buffers)

        return outputs, WayBack(to_params, None)


class Elementwise:
    """An activation function.

    Parameters
    ----------
    activation : Activation
        The function and its slope.
    """

    shapes = ()

    def __init__(self, activation):
        self.activation = activation

    def forward(self, params, inputs, buffers, rngs=None):
        """Return the activations, which overwrite ``inputs`` where the slope allows it."""
        value, slope, from_output, *_ = self.activation
        outputs = value(inputs, inputs if from_output else buffers("outputs", inputs.shape))

        def to_inputs(grad_outputs):
            grad_outputs *= slope(inputs, outputs, buffers("slope", outputs.shape))
            return grad_outputs

        return outputs, WayBack(None, to_inputs)


class Dropout:
    """Inverted dropout (Srivastava et al., 2014): scaling here leaves prediction untouched.

    Parameters
    ----------
    rate : float in [0, 1)
        Probability that a unit is dropped, to 16 binary digits.
    """

    shapes = ()

    def __init__(self, rate):
        self.threshold = np.uint16(min(round(rate * 2**16), 2**16 - 1))

    def forward(self, params, inputs, buffers, rngs=None):
        """Return ``inputs`` with units dropped, or as they are when predicting."""
        if rngs is None or self.threshold == 0:
            return inputs, WayBack(None, _unchanged)
        factors = self._draw(inputs.shape, buffers, rngs)
        # Out of place: the activation before needs its own output on the way back.
        outputs = np.multiply(inputs, factors, out=buffers("outputs", inputs.shape))

        def to_inputs(grad_outputs):
            grad_outputs *= factors
            return grad_outputs

        return outputs, WayBack(None, to_inputs)

    def _draw(self, shape, buffers, rngs):
        """Return a factor for each unit: 0, or what makes up for those that are dropped."""
        n_members, n_rows, width = shape
        keys = np.array([rng.bit_generator.random_raw() for rng in rngs], np.uint64)
        n_words = -(-width // 4)  # 16 bits a unit; each row begins with a word of its own
        draws = random_words(keys, n_rows * n_words).view(np.uint16)
        draws = draws.reshape(n_members, n_rows, 4 * n_words)[..., :width]
        factors = np.greater_equal(draws, self.threshold, out=buffers("factors", shape))
        factors *= 2**16 / (2**16 - int(self.threshold))
        return factors


def _sum_rows(grad_outputs, grad_bias, buffers):
    ones = buffers("ones", (1, 1, grad_outputs.shape[1]))
    ones.fill(1)
    # Several times faster than a sum over the middle axis.
    np.matmul(ones, grad_outputs, out=grad_bias)


def _unchanged(grad_outputs):
    return grad_outputs
