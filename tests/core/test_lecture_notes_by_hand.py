"""The lecture notes' network, copied from the notes in their own notation, as the oracle.

Columns are examples, ``A`` are activations, and a dictionary holds ``W1, b1, ..., WL, bL``.
"""

import numpy as np
import pytest

from skdnn.core.batches import Data, DenseRows
from skdnn.core.losses import LOSSES
from skdnn.core.network import build
from skdnn.core.optimizers import OPTIMIZERS
from skdnn.core.schedules import SCHEDULES
from skdnn.core.training import Plan, Split, State, train

LAYER_DIMS = [12, 8, 5, 4, 1]
N_EXAMPLES, N_ITERATIONS = 50, 200


def initialize_parameters_deep(layer_dims, scale, rng):
    parameters = {}
    for layer in range(1, len(layer_dims)):
        shape = layer_dims[layer], layer_dims[layer - 1]
        parameters[f"W{layer}"] = rng.standard_normal(shape) * scale
        parameters[f"b{layer}"] = np.zeros((layer_dims[layer], 1))
    return parameters


def forward(X, parameters):
    caches, A, L = [], X, len(parameters) // 2
    for layer in range(1, L + 1):
        W, b = parameters[f"W{layer}"], parameters[f"b{layer}"]
        Z = np.dot(W, A) + b
        caches.append((A, W, Z))
        A = np.maximum(0, Z) if layer < L else 1 / (1 + np.exp(-Z))
    return A, caches


def compute_cost(AL, Y):
    m = Y.shape[1]
    return np.squeeze((-1 / m) * (np.dot(Y, np.log(AL).T) + np.dot(1 - Y, np.log(1 - AL).T)))


def backward(AL, Y, caches):
    grads, L, m = {}, len(caches), AL.shape[1]
    dA = -(np.divide(Y, AL) - np.divide(1 - Y, 1 - AL))
    for layer in range(L, 0, -1):
        A_prev, W, Z = caches[layer - 1]
        if layer == L:
            s = 1 / (1 + np.exp(-Z))
            dZ = dA * s * (1 - s)
        else:
            dZ = np.array(dA, copy=True)
            dZ[Z <= 0] = 0
        grads[f"W{layer}"] = (1 / m) * np.dot(dZ, A_prev.T)
        grads[f"b{layer}"] = (1 / m) * np.sum(dZ, axis=1, keepdims=True)
        dA = np.dot(W.T, dZ)
    return grads


def l_layer_model(X, Y, parameters, learning_rate):
    parameters, costs = dict(parameters), []
    for _ in range(N_ITERATIONS):
        AL, caches = forward(X, parameters)
        costs.append(compute_cost(AL, Y))
        grads = backward(AL, Y, caches)
        for name in parameters:
            parameters[name] = parameters[name] - learning_rate * grads[name]
    return parameters, costs


@pytest.mark.parametrize(("scale", "learning_rate"), [(0.01, 0.0075), (0.5, 0.1)])
def test_two_hundred_iterations_equal_the_notes(scale, learning_rate):
    rng = np.random.default_rng(3)
    X = rng.random((LAYER_DIMS[0], N_EXAMPLES))
    Y = (X[:1] > X[1:2]).astype(int)
    at_start = initialize_parameters_deep(LAYER_DIMS, scale, rng)
    expected, costs = l_layer_model(X, Y, at_start, learning_rate)

    network = build(LAYER_DIMS, ["relu"] * 3)
    params = np.zeros((1, network.n_parameters))
    for layer, (weights, _) in enumerate(network.dense(params), 1):
        weights[0] = at_start[f"W{layer}"].T
    state, history = train(
        network,
        Split(
            Data(DenseRows(np.ascontiguousarray(X.T)), Y.T, np.ones(N_EXAMPLES)),
            [np.arange(N_EXAMPLES)],
        ),
        State(params, {}),
        Plan(
            loss=LOSSES["sigmoid"],
            rule=OPTIMIZERS["gd"](),
            schedule=SCHEDULES["constant"],
            learning_rate=learning_rate,
            n_epochs=N_ITERATIONS,
            batch_size=N_EXAMPLES,
            shuffle=False,
        ),
        [rng],
    )
    np.testing.assert_allclose(history.train_loss[0], costs, rtol=1e-10)
    for layer, (weights, bias) in enumerate(network.dense(state.params), 1):
        np.testing.assert_allclose(weights[0].T, expected[f"W{layer}"], rtol=1e-8, atol=1e-16)
        np.testing.assert_allclose(bias[0].T, expected[f"b{layer}"], rtol=1e-8, atol=1e-16)
    # The comparison is of a network that has moved.
    moved = max(np.abs(expected[name] - at_start[name]).max() for name in expected)
    assert moved > learning_rate / 10
