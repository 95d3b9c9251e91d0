"""A chain of layers over one flat parameter array."""

import math
from itertools import accumulate

import numpy as np

from skdnn.core.activations import ACTIVATIONS, as_activation
from skdnn.core.encoded_rows import Expansion
from skdnn.core.initializers import INITIALIZERS
from skdnn.core.layers import Dense, EncodedDense
from skdnn.core.sparse_layer import SparseDense
from skdnn.core.tape import Tape


class Network:
    """Layers in order; parameters are given to every call.

    Parameters
    ----------
    layers : list
        See :mod:`skdnn.core.layers`.
    """

    def __init__(self, layers):
        self.layers = layers
        sizes = (sum(map(math.prod, layer.shapes)) for layer in layers)
        *self.starts, self.n_parameters = accumulate(sizes, initial=0)

    @property
    def widths(self):
        """Inputs of the first dense layer, hidden widths, outputs."""
        shapes = [layer.shapes[0] for layer in self.layers if isinstance(layer, Dense)]
        return (shapes[0][0], *(fan_out for _, fan_out in shapes))

    def views(self, flat):
        """Split ``flat`` into the layers' parameters.

        Parameters
        ----------
        flat : ndarray of shape (n_members, n_parameters)

        Returns
        -------
        list of tuple of ndarray of shape (n_members, ...)
            Views, one tuple a layer.
        """
        views = []
        for layer, start in zip(self.layers, self.starts, strict=True):
            of_layer = []
            for shape in layer.shapes:
                of_layer.append(Tape.view(flat, start, shape))
                start += math.prod(shape)
            views.append(tuple(of_layer))
        return views

    def dense(self, flat):
        """Return (weights, bias) views of the dense layers only."""
        pairs = zip(self.layers, self.views(flat), strict=True)
        return [views[:2] for layer, views in pairs if isinstance(layer, Dense)]

    def plain(self, flat):
        """Return parameters with which dense layers alone give the same outputs.

        Returns
        -------
        ndarray of shape (n_members, n_plain_parameters)
            ``flat`` itself for a network that has no other layers with parameters.
        """
        pairs = zip(self.layers, self.views(flat), strict=True)
        if all(len(layer.shapes) in (0, 2) for layer in self.layers):
            return flat
        arrays = [(layer.weights(views), views[1]) for layer, views in pairs if views]
        return np.concatenate(
            [array.reshape(len(flat), -1) for of_layer in arrays for array in of_layer], axis=1
        )

    def forward(self, tape, inputs):
        """Add the calls of a pass to a tape.

        Parameters
        ----------
        tape : Tape
        inputs : ndarray of shape (n_members or 1, n_rows, n_inputs) or SparseBatch
            Rows of a batch.

        Returns
        -------
        logits : ndarray of shape (n_members, n_rows, n_outputs)
        backward : callable
            ``backward(grad_logits)`` adds the calls that write the gradient of every parameter
            into ``tape.grads``; they overwrite ``grad_logits``.
        """
        backs = []
        for layer, start in zip(self.layers, self.starts, strict=True):
            inputs, back = layer.forward(tape, start, inputs)
            backs.append(back)

        def backward(grad_logits):
            first = next(i for i, layer in enumerate(self.layers) if layer.shapes)
            grad = grad_logits
            for index in range(len(backs) - 1, first - 1, -1):
                grad = backs[index](grad, index > first)

        return inputs, backward

    def weights(self, flat):
        """Return views of the weights of the dense layers, without their biases."""
        return [weights for weights, _ in self.dense(flat)]


def build(widths, activations, dropout=0.0, expansion=None, input_dropout=0.0, is_scaled=False):
    """Return a network of dense layers, for dense rows.

    Parameters
    ----------
    widths : sequence of int
        Inputs, hidden layers, outputs.
    activations : sequence
        A name of ``ACTIVATIONS``, or a custom activation, for each hidden layer.
    dropout : float in [0, 1), default=0.0
        After every hidden layer.
    expansion : Expansion, optional
        How encoded rows become inputs.
    input_dropout : float in [0, 1), default=0.0
        Before the first layer.
    is_scaled : bool, default=False
        Whether the first layer learns a factor for each encoded column, and keeps weights of 0.

    Returns
    -------
    Network
    """
    expansion = Expansion(widths[0]) if expansion is None else expansion
    ends = _ends(activations, dropout)
    first = EncodedDense(expansion, widths[1], *ends[0], input_dropout, is_scaled)
    later = zip(widths[1:-1], widths[2:], ends[1:], strict=True)
    return Network([first, *(Dense(fan_in, fan_out, *end) for fan_in, fan_out, end in later)])


def build_sparse(widths, activations, dropout=0.0):
    """Return a network of dense layers, for sparse rows.

    Parameters
    ----------
    widths, activations, dropout
        As for :func:`build`.

    Returns
    -------
    Network
    """
    kinds = [SparseDense, *[Dense] * len(activations)]
    ends = _ends(activations, dropout)
    sizes = zip(kinds, widths[:-1], widths[1:], ends, strict=True)
    return Network([kind(fan_in, fan_out, *end) for kind, fan_in, fan_out, end in sizes])


def _ends(activations, dropout):
    """Return the activation and the dropout of each layer; the last one has neither."""
    hidden = [(as_activation(item), dropout) for item in activations]
    return [*hidden, (ACTIVATIONS["identity"], 0.0)]


def initialize(network, params, rngs, init, scale):
    """Fill ``params`` with starting weights and zero biases.

    ``init`` has a name of ``INITIALIZERS`` for each dense layer, ``scale`` a factor on its weights.
    """
    for layer_index, (weights, bias) in enumerate(network.dense(params)):
        draw = INITIALIZERS[init[layer_index]]
        for rng, member_weights in zip(rngs, weights, strict=True):
            member_weights[...] = draw(rng, *member_weights.shape) * scale[layer_index]
        bias[...] = 0


def connect(network, params, rngs, shares):
    """Connect each unit of the first layer to some of the encoded columns only.

    The weights of the other columns become 0, and a scaled :class:`EncodedDense` layer keeps them
    at 0. The remaining weights are multiplied by a factor, so that the variance of a unit's output
    stays the same. With few connections a unit depends on a few columns, as a split of a decision
    tree does. ``shares`` (n_members, n_columns) has the probability of a connection to each column.
    A unit that would have no connection has all that are possible.
    """
    layer = next(layer for layer in network.layers if layer.shapes)
    weights = network.weights(params)[0]
    for rng, member_weights, share in zip(rngs, weights, shares[:, :, None], strict=True):
        connected = rng.random((len(layer.column_widths), member_weights.shape[1])) < share
        connected |= ~connected.any(axis=0) & (share > 0)
        by_input = np.repeat(connected, layer.column_widths, axis=0)
        member_weights *= by_input / np.sqrt(by_input.mean(axis=0))
