"""A chain of layers over one flat parameter array."""

import math
from functools import partial

import numpy as np

from skdnn.core.buffers import Buffers
from skdnn.core.custom_activations import as_activation
from skdnn.core.initializers import INITIALIZERS
from skdnn.core.layers import Dense, Dropout, Elementwise, Expand, SelectiveDense, SparseDense


class Network:
    """Layers in order; parameters are given to every call.

    Parameters
    ----------
    layers : list
        See :mod:`skdnn.core.layers`.
    """

    def __init__(self, layers):
        self.layers = layers

    @property
    def widths(self):
        """Inputs of the first dense layer, hidden widths, outputs."""
        shapes = [layer.shapes[0] for layer in self.layers if layer.shapes]
        return (shapes[0][0], *(fan_out for _, fan_out in shapes))

    @property
    def n_parameters(self):
        """Parameters of one member."""
        return sum(math.prod(shape) for layer in self.layers for shape in layer.shapes)

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
        views, start = [], 0
        for layer in self.layers:
            of_layer = []
            for shape in layer.shapes:
                stop = start + math.prod(shape)
                of_layer.append(flat[:, start:stop].reshape(len(flat), *shape))
                start = stop
            views.append(tuple(of_layer))
        return views

    def dense(self, flat):
        """Return (weights, bias) views of the dense layers only."""
        return [views[:2] for views in self.views(flat) if views]

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

    def workspace(self, dtype):
        """Return scratch arrays, one set a layer, for one thread."""
        return [Buffers(dtype) for _ in self.layers]

    def forward(self, views, inputs, workspace, rngs=None):
        """Return the logits and the way back.

        Parameters
        ----------
        views : list
            Parameters, as :meth:`views` gives them.
        inputs : ndarray of shape (n_members or 1, n_rows, n_inputs) or list of CSR
            Rows of a batch.
        workspace : list of Buffers
            Scratch; what was returned from it before is overwritten.
        rngs : list of Generator, optional
            One a member while training; None means predicting.

        Returns
        -------
        logits : ndarray of shape (n_members, n_rows, n_outputs)
        trace : list of WayBack
        """
        trace = []
        for layer, params, buffers in zip(self.layers, views, workspace, strict=True):
            inputs, way_back = layer.forward(params, inputs, buffers, rngs)
            trace.append(way_back)
        return inputs, trace

    def backward(self, trace, grad_logits, grad_views):
        """Write the gradient of every parameter into ``grad_views``.

        ``grad_logits`` is overwritten.
        """
        first = next(i for i, way_back in enumerate(trace) if way_back.to_params)
        grad = grad_logits
        for index in range(len(trace) - 1, first - 1, -1):
            to_params, to_inputs = trace[index]
            if to_params:
                to_params(grad, grad_views[index])
            if index > first:
                grad = to_inputs(grad)

    def weights(self, flat):
        """Return views of the weights of the dense layers, without their biases."""
        return [weights for weights, _ in self.dense(flat)]


def build(
    widths,
    activations,
    dropout=0.0,
    input_dropout=0.0,
    expansion=None,
    sparse=False,
    selective=False,
):
    """Return the network ``[dense -> activation -> dropout] * (L-1) -> dense``.

    Parameters
    ----------
    widths : sequence of int
        Inputs, hidden layers, outputs.
    activations : sequence
        A name of ``ACTIVATIONS``, or one of the user's own, a hidden layer.
    dropout : float in [0, 1), default=0.0
        After every hidden layer.
    input_dropout : float in [0, 1), default=0.0
        Before the first layer; not for sparse rows.
    expansion : Expansion, optional
        How encoded rows become inputs.
    sparse : bool, default=False
        Whether the inputs are sparse rows.
    selective : bool, default=False
        Whether the first layer learns a factor for each encoded column, and keeps weights of 0;
        not for sparse rows.

    Returns
    -------
    Network
    """
    layers = [Expand(expansion)] if expansion is not None and not expansion.is_trivial else []
    if input_dropout:
        layers.append(Dropout(input_dropout))
    first = SparseDense if sparse else Dense
    if selective:
        column_widths = (1,) * widths[0] if expansion is None else expansion.column_widths
        first = partial(SelectiveDense, column_widths=column_widths)
    for depth, item in enumerate(activations):
        layers.append((Dense if depth else first)(widths[depth], widths[depth + 1]))
        layers.append(Elementwise(as_activation(item)))
        if dropout:
            layers.append(Dropout(dropout))
    layers.append((Dense if activations else first)(widths[-2], widths[-1]))
    return Network(layers)


def initialize(network, params, rngs, init, scale):
    """Fill ``params`` with starting weights and zero biases.

    Parameters
    ----------
    network : Network
    params : ndarray of shape (n_members, n_parameters)
        Written to.
    rngs : list of Generator
        One a member.
    init : list of str
        One name of ``INITIALIZERS`` a dense layer.
    scale : list of float
        Factor on the weights of each dense layer.
    """
    for layer_index, (weights, bias) in enumerate(network.dense(params)):
        draw = INITIALIZERS[init[layer_index]]
        for rng, member_weights in zip(rngs, weights, strict=True):
            member_weights[...] = draw(rng, *member_weights.shape) * scale[layer_index]
        bias[...] = 0


def connect(network, params, rngs, share):
    """Connect each unit of the first layer to some of the encoded columns only.

    Weights to the others become 0, which a :class:`SelectiveDense` layer leaves them at. The
    rest grow by so much that sums of inputs keep their variance. Sparse connections are what
    makes units prefer a few columns, as trees do.

    Parameters
    ----------
    network : Network
        Its first layer with parameters is a :class:`SelectiveDense`.
    params : ndarray of shape (n_members, n_parameters)
        Written to.
    rngs : list of Generator
        One a member.
    share : float in (0, 1]
        Probability of a connection. A unit that would have none has all.
    """
    layer = next(layer for layer in network.layers if layer.shapes)
    weights = network.weights(params)[0]
    for rng, member_weights in zip(rngs, weights, strict=True):
        connected = rng.random((len(layer.column_widths), member_weights.shape[1])) < share
        connected |= ~connected.any(axis=0)
        by_input = np.repeat(connected, layer.column_widths, axis=0)
        member_weights *= by_input / np.sqrt(by_input.mean(axis=0))
