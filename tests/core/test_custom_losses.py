import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from skdnn.core.custom_losses import as_loss, check_loss, spread
from skdnn.core.losses import LOSSES

RNG = np.random.default_rng(0)


def cross_entropy(logits, targets):
    values = -(targets * log_softmax(logits, axis=1)).sum(axis=1)
    return values, softmax(logits, axis=1) - targets


def cross_entropy_value(logits, targets):
    return cross_entropy(logits, targets)[0]


def binary(logits, targets):
    values = np.logaddexp(0, logits) - targets * logits
    return values.sum(axis=1), 1 / (1 + np.exp(-logits)) - targets


def batch(n_outputs, n_targets, levels):
    return (
        RNG.normal(size=(2, 9, n_outputs)),
        RNG.integers(0, levels, (2, 9, n_targets)),
        RNG.random((2, 9)),
    )


@pytest.mark.parametrize(
    ("name", "function", "sizes"),
    [
        ("softmax", cross_entropy, (4, 1, 4)),
        ("softmax", cross_entropy_value, (4, 1, 4)),
        ("sigmoid", binary, (1, 1, 2)),
        ("multilabel", binary, (3, 3, 2)),
    ],
)
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_function_of_rows_is_the_loss_of_the_table(name, function, sizes, smoothing):
    logits, targets, weights = batch(*sizes)
    loss = as_loss(function, LOSSES[name])
    value, gradient = loss.evaluate(logits.copy(), targets, weights, smoothing)
    expected = LOSSES[name].evaluate(logits.copy(), targets, weights, smoothing)
    np.testing.assert_allclose(value, expected[0], rtol=1e-10)
    np.testing.assert_allclose(gradient, expected[1], rtol=1e-6, atol=1e-9)
    assert loss.log_proba is LOSSES[name].log_proba


@pytest.mark.parametrize("name", LOSSES)
def test_the_check_passes_for_every_loss_of_the_table(name):
    n_outputs = 1 if name == "sigmoid" else 3
    check_loss(LOSSES[name], LOSSES[name], n_outputs, np.random.default_rng(0))


def test_smoothed_targets_lie_between():
    one_hot = spread(np.array([[[1]], [[2]]]), 3, np.array([0.3, 0]))
    np.testing.assert_allclose(one_hot, [[[0.1, 0.8, 0.1]], [[0, 0, 1]]])
    labels = spread(np.array([[[1, 0]], [[1, 0]]]), 2, np.array([0.2, 0]))
    np.testing.assert_allclose(labels, [[[0.9, 0.1]], [[1, 0]]])


def twice_the_gradient(logits, targets):
    values, gradient = cross_entropy(logits, targets)
    return values, 2 * gradient


def mean_of_rows(logits, targets):
    values, gradient = cross_entropy(logits, targets)
    return np.full(len(values), values.mean()), gradient / len(values)


def counting_others(logits, targets):
    values, gradient = cross_entropy(logits, targets)
    return values + (logits > 0).sum(), gradient


def a_number(logits, targets):
    return cross_entropy(logits, targets)[0].sum(), cross_entropy(logits, targets)[1]


def infinite(logits, targets):
    return np.full(len(logits), np.inf), logits


def infinite_slope_of_one(logits, targets):
    values, gradient = cross_entropy(logits, targets)
    gradient[0, 0] = np.inf
    return values, gradient


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (infinite_slope_of_one, "must be finite for any logits"),
        (infinite, "loss .*infinite.* must be finite for any logits"),
        (lambda logits, targets: np.sqrt(logits[:, 0] - 99), "must be finite for any logits"),
        (lambda logits, targets: (logits[:, 0], logits, 0), "must return .*: too many values"),
        (twice_the_gradient, "gradient of loss .*twice_the_gradient.* is wrong"),
        (mean_of_rows, "is wrong"),
        (counting_others, "by itself, but the value of the first row changes with the others"),
        (a_number, r"must return values of shape \(n_rows,\)"),
    ],
)
def test_what_is_wrong_is_said(function, message):
    with pytest.raises(ValueError, match=message), np.errstate(invalid="ignore"):
        check_loss(function, LOSSES["softmax"], 3, np.random.default_rng(0))
