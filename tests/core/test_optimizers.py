from functools import partial

import numpy as np
import pytest

from skdnn.core.network import build
from skdnn.core.optimizers import OPTIMIZERS, Momentum, clip_by_norm, decay, descend

RULES = {**OPTIMIZERS, "sgd without nesterov": partial(Momentum, nesterov=False)}

# Two gradients, (3, -4) and (1, 2), and the two directions that follow, worked by hand.
FIRST, SECOND = [3.0, -4.0], [1.0, 2.0]
BY_HAND = {
    "gd": ([3, -4], [1, 2]),
    # velocity: (3, -4), then 0.9 (3, -4) + (1, 2) = (3.7, -1.6); gradient + 0.9 velocity
    "sgd": ([5.7, -7.6], [4.33, 0.56]),
    "sgd without nesterov": ([3, -4], [3.7, -1.6]),
    # first / 0.19: (0.27 + 0.1, -0.36 + 0.2) / 0.19 = (0.37, -0.16) / 0.19
    # second / 0.001999: (0.008991 + 0.001, 0.015984 + 0.004) = (0.009991, 0.019984)
    "adam": (
        [1, -1],
        [0.37 / 0.19 / (0.009991 / 0.001999) ** 0.5, -0.16 / 0.19 / (0.019984 / 0.001999) ** 0.5],
    ),
}
BY_HAND["adamw"] = BY_HAND["adam"]


@pytest.mark.parametrize("name", RULES)
def test_two_steps_match_the_formula_by_hand(name):
    rule = RULES[name]((2, 2), np.float64)
    for number, (grad, expected) in enumerate(zip((FIRST, SECOND), BY_HAND[name], strict=True), 1):
        # The second member's gradients have the other sign, and it goes half as fast.
        params = np.zeros((2, 2))
        rule.step(params, np.array([grad, np.negative(grad)]), np.array([[1.0], [0.5]]), number)
        expected = [np.negative(expected), np.multiply(expected, 0.5)]
        np.testing.assert_allclose(params, expected, rtol=1e-7)


@pytest.mark.parametrize("name", RULES)
def test_every_rule_finds_the_bottom_of_a_bowl(name):
    curvature, bottom = np.array([1.0, 4.0, 10.0]), np.array([1.0, -2.0, 3.0])
    params = np.random.default_rng(0).normal(size=(2, 3))
    rule = RULES[name](params.shape, params.dtype)
    for step in range(1, 1001):
        grads = curvature * (params - bottom)
        rates = np.full((2, 1), 0.02 if "adam" in name else 0.01)
        rule.step(params, grads, rates, step)
    np.testing.assert_allclose(params, [bottom, bottom], atol=1e-3)


@pytest.mark.parametrize("name", RULES)
def test_memory_is_of_the_type_and_shape_of_the_parameters(name):
    rule = RULES[name]((3, 5), np.float32)
    params = np.zeros((3, 5), np.float32)
    rule.step(params, np.ones((3, 5), np.float32), np.ones((3, 1), np.float32), 1)
    assert (params < 0).all()
    for array in rule.state.values():
        assert array.dtype == np.float32
        assert array.shape == (3, 5)


@pytest.mark.parametrize("name", RULES)
def test_members_can_be_dropped_from_the_memory(name):
    rng = np.random.default_rng(1)
    grads = rng.normal(size=(4, 3, 5))
    whole, part = RULES[name]((3, 5), np.float64), RULES[name]((3, 5), np.float64)
    for number in (1, 2):
        for rule in (whole, part):
            rule.step(np.zeros((3, 5)), grads[number].copy(), np.ones((3, 1)), number)
    kept = np.array([True, False, True])
    part.state = {key: memory[kept] for key, memory in part.state.items()}
    expected, params = np.zeros((3, 5)), np.zeros((2, 5))
    whole.step(expected, grads[3].copy(), np.ones((3, 1)), 3)
    part.step(params, grads[3][kept], np.ones((2, 1)), 3)
    np.testing.assert_array_equal(params, expected[kept])


TORCH_RULES = {
    "gd": ("SGD", {}, {}),
    "sgd": ("SGD", {"momentum": 0.8}, {"momentum": 0.8, "nesterov": True}),
    "sgd without nesterov": ("SGD", {"momentum": 0.8}, {"momentum": 0.8}),
    "adam": (
        "Adam",
        {"beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3},
        {"betas": (0.8, 0.95), "eps": 1e-3},
    ),
    "adamw": ("AdamW", {}, {"weight_decay": 0.1}),
}


@pytest.mark.parametrize("name", RULES)
def test_twenty_steps_equal_torch(name):
    torch = pytest.importorskip("torch")
    their_name, options, their_options = TORCH_RULES[name]
    rng = np.random.default_rng(2)
    params, slopes = rng.normal(size=(1, 6)), rng.normal(size=(20, 1, 6))
    leaf = torch.tensor(params.copy(), requires_grad=True)
    theirs = getattr(torch.optim, their_name)([leaf], lr=0.05, **their_options)
    rule = RULES[name](params.shape, params.dtype, **options)
    rates = np.full((1, 1), 0.05)
    for step, slope in enumerate(slopes, 1):
        leaf.grad = torch.tensor(slope) * leaf.detach()
        theirs.step()
        grads = slope * params
        if name == "adamw":
            decay([params[:, None]], rates, 0.1)
        rule.step(params, grads, rates, step)
    np.testing.assert_allclose(params, leaf.detach().numpy(), rtol=1e-10)


def test_clipping_shortens_only_what_is_too_long_and_keeps_its_direction():
    grads = np.array([[3.0, 4.0], [0.3, 0.4], [-6.0, 8.0], [0.0, 0.0]])
    clip_by_norm(grads, 2.0)
    np.testing.assert_allclose(grads, [[1.2, 1.6], [0.3, 0.4], [-1.2, 1.6], [0, 0]], rtol=1e-12)


def test_clipping_does_not_overflow_in_float32():
    grads = np.array([[3e30, 4e30]], np.float32)
    clip_by_norm(grads, 1.0)
    np.testing.assert_allclose(grads, [[0.6, 0.8]], rtol=1e-6)


def test_a_step_follows_the_rate_of_each_member():
    params = np.ones((2, 2))
    descend(params, np.array([[1.0, 2.0], [1.0, 2.0]]), np.array([[0.5], [0.25]]))
    np.testing.assert_allclose(params, [[0.5, 0], [0.75, 0.5]])


def test_decay_shrinks_weights_by_the_rate_of_each_member():
    network = build((2, 3, 1), ["relu"])
    params = np.full((2, network.n_parameters), 2.0)
    decay(network.weights(params), np.array([[0.5], [1.0]]), 0.1)
    for weights, bias in network.dense(params):
        np.testing.assert_allclose(weights[0], 2 * (1 - 0.5 * 0.1))
        np.testing.assert_allclose(weights[1], 2 * (1 - 1.0 * 0.1))
        np.testing.assert_array_equal(bias, 2)
