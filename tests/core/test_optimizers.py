import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skdnn.core.compiling import has_numba
from skdnn.core.network import build
from skdnn.core.optimizers import OPTIMIZERS, UPDATE_BLOCK, Adam, Momentum, clip_by_norm
from skdnn.core.steps import decay_bounds

needs_numba = pytest.mark.skipif(not has_numba(), reason="numba is not installed")
ENGINES = pytest.mark.parametrize(
    "is_compiled", [False, pytest.param(True, marks=needs_numba)], ids=["numpy", "numba"]
)


def momentum_without_nesterov(**options):
    return Momentum(nesterovs_momentum=False, **options)


RULES = {**OPTIMIZERS, "sgd without nesterov": momentum_without_nesterov}


class Walk:
    """Steps of a rule, as training takes them.

    All parameters are weights that decay, unless ``bounds`` say otherwise.
    """

    def __init__(self, rule, params, is_compiled, weight_decay=0.0, bounds=None):
        self.rule, self.params, self.is_compiled = rule, params, is_compiled
        self.memory = [np.zeros_like(params) for _ in rule.memory]
        self.weight_decay, self.n_steps = weight_decay, 0
        self.bounds = np.array([0, params.shape[1]]) if bounds is None else bounds

    def step(self, grads, rates):
        """Take a step at the rate of each member; the gradients may be overwritten."""
        self.n_steps += 1
        rates = np.asarray(rates, float)[None]
        numbers = self.rule.numbers(rates, np.array([[float(self.n_steps)]]))
        numbers = np.broadcast_arrays(1 - rates * self.weight_decay, *numbers)
        numbers = np.stack(numbers, axis=-1)[0].astype(self.params.dtype)
        args = self.params, grads, *self.memory, self.bounds, numbers
        step = type(self.rule).step
        (step.compiled_for(args) if self.is_compiled else step)(*args)


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


@ENGINES
@pytest.mark.parametrize("name", RULES)
def test_two_steps_match_the_formula_by_hand(name, is_compiled):
    walk = Walk(RULES[name](), np.zeros((2, 2)), is_compiled)
    for grad, expected in zip((FIRST, SECOND), BY_HAND[name], strict=True):
        # The second member's gradients have the other sign, and it goes half as fast.
        before = walk.params.copy()
        walk.step(np.array([grad, np.negative(grad)]), [1.0, 0.5])
        expected = [np.negative(expected), np.multiply(expected, 0.5)]
        np.testing.assert_allclose(walk.params - before, expected, rtol=1e-7)


@ENGINES
@pytest.mark.parametrize("name", RULES)
def test_every_rule_finds_the_bottom_of_a_bowl(name, is_compiled):
    curvature, bottom = np.array([1.0, 4.0, 10.0]), np.array([1.0, -2.0, 3.0])
    walk = Walk(RULES[name](), np.random.default_rng(0).normal(size=(2, 3)), is_compiled)
    for _ in range(1000):
        walk.step(curvature * (walk.params - bottom), [0.02 if "adam" in name else 0.01] * 2)
    np.testing.assert_allclose(walk.params, [bottom, bottom], atol=1e-3)


@ENGINES
@pytest.mark.parametrize("name", RULES)
def test_single_precision_follows_double_precision(name, is_compiled):
    rng = np.random.default_rng(1)
    start, slopes = rng.normal(size=(2, 5)), rng.normal(size=(10, 2, 5))
    walks = [
        Walk(RULES[name](), start.astype(dtype), is_compiled, weight_decay=0.1)
        for dtype in (np.float32, np.float64)
    ]
    for slope in slopes:
        for walk in walks:
            walk.step(slope.astype(walk.params.dtype), [0.1, 0.2])
    np.testing.assert_allclose(walks[0].params, walks[1].params, rtol=1e-4, atol=1e-5)
    assert {array.dtype for array in walks[0].memory} <= {np.dtype(np.float32)}


@needs_numba
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", RULES)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_members=st.integers(1, 4),
    runs=st.lists(st.integers(0, 40), min_size=1, max_size=5),
    weight_decay=st.sampled_from([0.0, 0.3]),
)
def test_compiled_steps_equal_those_of_numpy(name, dtype, seed, n_members, runs, weight_decay):
    bounds = np.cumsum([0, *runs])
    shape = n_members, bounds[-1]
    walks = []
    for is_compiled in (True, False):
        rng = np.random.default_rng(seed)
        params = rng.normal(size=shape).astype(dtype)
        walks.append(Walk(RULES[name](), params, is_compiled, weight_decay, bounds))
        for _ in range(3):
            grads = rng.normal(size=shape).astype(dtype)
            walks[-1].step(grads, rng.uniform(0.01, 0.1, n_members))
    eps = np.finfo(dtype).eps
    compiled, twin = ([walk.params, *walk.memory] for walk in walks)
    for ours, theirs in zip(compiled, twin, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=100 * eps, atol=20 * eps)


@ENGINES
@pytest.mark.parametrize("name", RULES)
def test_members_do_not_mix_and_nan_stays_where_it_is(name, is_compiled):
    rng = np.random.default_rng(2)
    start, grads = rng.normal(size=(2, 3, 5))
    alone, beside = (Walk(RULES[name](), start.copy(), is_compiled) for _ in range(2))
    for _ in range(2):
        alone.step(grads.copy(), [0.1, 0.2, 0.3])
        spoilt = grads.copy()
        spoilt[1, 2], spoilt[1, 4] = np.nan, np.inf
        with np.errstate(invalid="ignore"):
            beside.step(spoilt, [0.1, 0.2, 0.3])
    np.testing.assert_array_equal(beside.params[[0, 2]], alone.params[[0, 2]])
    assert np.isfinite(beside.params[1]).tolist() == [True, True, False, True, False]


@pytest.mark.parametrize("n_parameters", [UPDATE_BLOCK, 2 * UPDATE_BLOCK + 3])
def test_adam_in_blocks_is_adam_at_once(n_parameters):
    rng = np.random.default_rng(1)
    params, grads, first = rng.normal(size=(3, 2, n_parameters))
    second = rng.uniform(0.1, 1, first.shape)
    walk = Walk(Adam(0.9, 0.99, 1e-3), params.copy(), False)
    walk.memory, walk.n_steps = [first.copy(), second.copy()], 6
    walk.step(grads.copy(), [0.3, 0.1])
    mean, square = 0.9 * first + 0.1 * grads, 0.99 * second + 0.01 * grads**2
    corrected = mean / (1 - 0.9**7), square / (1 - 0.99**7)
    rates = np.array([[0.3], [0.1]])
    expected = params - rates * corrected[0] / (np.sqrt(corrected[1]) + 1e-3)
    np.testing.assert_allclose(walk.params, expected, rtol=1e-10)
    np.testing.assert_allclose(walk.memory[0], mean, rtol=1e-12)
    np.testing.assert_allclose(walk.memory[1], square, rtol=1e-12)


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


@ENGINES
@pytest.mark.parametrize("name", RULES)
def test_twenty_steps_equal_torch(name, is_compiled):
    torch = pytest.importorskip("torch")
    their_name, options, their_options = TORCH_RULES[name]
    rng = np.random.default_rng(2)
    params, slopes = rng.normal(size=(1, 6)), rng.normal(size=(20, 1, 6))
    leaf = torch.tensor(params.copy(), requires_grad=True)
    theirs = getattr(torch.optim, their_name)([leaf], lr=0.05, **their_options)
    weight_decay = 0.1 if name == "adamw" else 0.0
    walk = Walk(RULES[name](**options), params, is_compiled, weight_decay)
    for slope in slopes:
        leaf.grad = torch.tensor(slope) * leaf.detach()
        theirs.step()
        walk.step(slope * params, [0.05])
    np.testing.assert_allclose(params, leaf.detach().numpy(), rtol=1e-10)


def test_clipping_shortens_only_what_is_too_long_and_keeps_its_direction():
    grads = np.array([[3.0, 4.0], [0.3, 0.4], [-6.0, 8.0], [0.0, 0.0]])
    clip_by_norm(grads, 2.0)
    np.testing.assert_allclose(grads, [[1.2, 1.6], [0.3, 0.4], [-1.2, 1.6], [0, 0]], rtol=1e-12)


def test_clipping_does_not_overflow_in_float32():
    grads = np.array([[3e30, 4e30]], np.float32)
    clip_by_norm(grads, 1.0)
    np.testing.assert_allclose(grads, [[0.6, 0.8]], rtol=1e-6)


@ENGINES
@pytest.mark.parametrize("name", RULES)
def test_weights_shrink_by_the_rate_of_each_member_and_biases_do_not(name, is_compiled):
    network = build((2, 3, 4, 1), ["relu", "tanh"])
    params = np.full((2, network.n_parameters), 2.0)
    walk = Walk(RULES[name](), params, is_compiled, 0.1, decay_bounds(network))
    walk.step(np.zeros_like(params), [0.5, 1.0])
    for weights, bias in network.dense(params):
        np.testing.assert_allclose(weights[0], 2 * (1 - 0.5 * 0.1))
        np.testing.assert_allclose(weights[1], 2 * (1 - 1.0 * 0.1))
        np.testing.assert_array_equal(bias, 2)


def test_factors_of_columns_do_not_decay():
    network = build((2, 3, 1), ["relu"], is_scaled=True)
    # 2 x 3 weights; 3 biases and 2 factors; 3 weights; 1 bias.
    assert decay_bounds(network).tolist() == [0, 6, 11, 14, 15]
