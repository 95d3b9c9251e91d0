"""The lecture notes' network on their own pictures, against a direct transcription."""

from itertools import pairwise

import numpy as np
import pytest
from public_data import public_path
from sklearn.datasets import load_digits

from skdnn import DeepNetClassifier


def notes_call(layers, n_iterations, weights=None, biases=None):
    """Return the call that the documentation fixes."""
    return DeepNetClassifier(
        hidden_layer_sizes=layers, activation="relu", init="normal", init_scale=0.01,
        solver="gd", learning_rate="constant", learning_rate_init=0.0075,
        max_iter=n_iterations, tol=0.0, alpha=0.0, weight_decay=0.0, dropout=0.0,
        n_members=1, early_stopping=False, encoder="passthrough", dtype="float64",
        random_state=1, coefs_init=weights, intercepts_init=biases,
    )  # fmt: skip


def transcription(X, Y, parameters, learning_rate, n_iterations):
    """Run L_layer_model of the notes: columns are samples, parameters are in a dict."""
    parameters, costs = dict(parameters), []
    depth, m, Y = len(parameters) // 2, X.shape[1], Y[None]
    for _ in range(n_iterations):
        A, caches = X, []
        for layer in range(1, depth + 1):
            Z = np.dot(parameters[f"W{layer}"], A) + parameters[f"b{layer}"]
            caches.append((A, Z))
            A = np.maximum(0, Z) if layer < depth else 1 / (1 + np.exp(-Z))
        costs.append(((-1 / m) * (np.dot(Y, np.log(A).T) + np.dot(1 - Y, np.log(1 - A).T))).item())
        dA, grads = -(np.divide(Y, A) - np.divide(1 - Y, 1 - A)), {}
        for layer in range(depth, 0, -1):
            A_prev, Z = caches[layer - 1]
            s = 1 / (1 + np.exp(-Z))
            dZ = dA * s * (1 - s) if layer == depth else np.where(Z <= 0, 0, dA)
            grads[f"W{layer}"] = np.dot(dZ, A_prev.T) / m
            grads[f"b{layer}"] = np.sum(dZ, axis=1, keepdims=True) / m
            dA = np.dot(parameters[f"W{layer}"].T, dZ)
        for name, grad in grads.items():
            parameters[name] = parameters[name] - learning_rate * grad
    return parameters, costs


def assert_same_network(X, y, hidden, scale, n_iterations):
    rng = np.random.default_rng(1)
    widths = [X.shape[1], *hidden, 1]
    shapes = list(pairwise(widths))
    weights = [rng.standard_normal(shape) * scale(shape[0]) for shape in shapes]
    biases = [np.zeros(width) for width in widths[1:]]
    net = notes_call(hidden, n_iterations, weights, biases).fit(X, y)
    parameters = {f"W{i}": w.T for i, w in enumerate(weights, 1)}
    parameters |= {f"b{i}": b[:, None] for i, b in enumerate(biases, 1)}
    parameters, costs = transcription(X.T, y, parameters, 0.0075, n_iterations)
    np.testing.assert_allclose(net.loss_curve_, costs, rtol=0, atol=1e-10)
    for layer, (ours, bias) in enumerate(zip(net.coefs_, net.intercepts_, strict=True), 1):
        np.testing.assert_allclose(ours, parameters[f"W{layer}"].T, rtol=1e-8, atol=1e-300)
        np.testing.assert_allclose(bias, parameters[f"b{layer}"][:, 0], rtol=1e-8, atol=1e-300)
    return net


STARTS = {"0.01 * randn": lambda fan_in: 0.01, "randn / sqrt(fan_in)": lambda n: n**-0.5}


@pytest.mark.parametrize("start", STARTS)
def test_it_is_the_network_of_the_notes_on_digits(start):
    X, y = load_digits(return_X_y=True)
    assert_same_network(X[:200] / 16, (y[:200] == 3).astype(int), (20, 7, 5), STARTS[start], 300)


@pytest.mark.slow
@pytest.mark.parametrize("start", STARTS)
def test_it_is_the_network_of_the_notes_on_the_cat_pictures(start):
    cats = np.load(public_path("catvnoncat.npz"))
    X, y = cats["X_train"] / 255, cats["y_train"].astype(int)
    net = assert_same_network(X, y, (20, 7, 5), STARTS[start], 3000)
    prior = -np.mean(np.log(np.where(y == 1, y.mean(), 1 - y.mean())))
    if start == "0.01 * randn":
        assert net.loss_ == pytest.approx(prior, abs=1e-3)
    else:
        assert net.loss_ < 0.1


def test_the_notes_call_starts_from_a_hundredth_of_a_standard_normal():
    X, y = load_digits(n_class=2, return_X_y=True)
    net = notes_call((50, 20), 1).fit(X / 16, y)
    # One step at this rate moves these tiny weights by much less than their size.
    assert net.coefs_[0].std() == pytest.approx(0.01, rel=0.05)
    assert abs(net.coefs_[0].mean()) < 1e-3
    assert net.loss_curve_[0] == pytest.approx(np.log(2), abs=1e-3)


def test_the_digits_network_of_the_notes_has_ten_outputs_and_one_hot_targets_inside():
    X, y = load_digits(return_X_y=True)
    net = DeepNetClassifier(
        (256, 128), solver="gd", learning_rate_init=0.5, max_iter=150, tol=0.0, dropout=0.0,
        n_members=1, early_stopping=False, encoder="passthrough", random_state=0,
    ).fit(X / 16, y)  # fmt: skip
    assert [w.shape for w in net.coefs_] == [(64, 256), (256, 128), (128, 10)]
    assert net.out_activation_ == "softmax"
    assert net.score(X / 16, y) > 0.95
