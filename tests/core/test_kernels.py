import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skdnn.core import kernels
from skdnn.core.compiling import Kernel, compiled, has_numba

needs_numba = pytest.mark.skipif(not has_numba(), reason="numba is not installed")
BODIES = [False, pytest.param(True, marks=needs_numba)]
DTYPES = [np.float32, np.float64]


def adam_arguments(rng, dtype, shape):
    params, grads, first = rng.normal(size=(3, *shape)).astype(dtype)
    second = rng.uniform(0.1, 1, shape).astype(dtype)
    rates = rng.uniform(0.1, 1, (shape[0], 1)).astype(dtype)
    shares = [(dtype(keep), dtype(1 - keep)) for keep in (0.9, 0.99)]
    return params, grads, first, second, rates, *shares, dtype(1.5), dtype(1e-3)


def bias_arguments(rng, dtype, shape):
    outputs, bias = rng.normal(size=(2, *shape)), rng.normal(size=(2, 1, shape[1]))
    return outputs.astype(dtype), bias.astype(dtype)


def relu_arguments(rng, dtype, shape):
    z = rng.normal(size=(2, *shape)).astype(dtype)
    return z, np.empty_like(z)


def drop_arguments(rng, dtype, shape):
    inputs = rng.normal(size=(2, *shape)).astype(dtype)
    words = rng.integers(0, 2**64, (2, -(-inputs[0].size // 4)), np.uint64)
    return inputs, words, np.uint16(2**14), dtype(1.25), np.empty_like(inputs)


def logit_arguments(rng, dtype, shape, n_target_columns, high):
    logits = 3 * rng.normal(size=(2, *shape)).astype(dtype)
    targets = rng.integers(0, high, (2, shape[0], n_target_columns))
    return logits, targets, rng.uniform(0, 1, (2, shape[0])).astype(dtype), dtype(0.1)


def shift_arguments(rng, dtype, shape):
    logits, targets, weights, smoothing = logit_arguments(rng, dtype, shape, 1, shape[1])
    return logits, targets, smoothing, np.empty_like(weights)


def softmax_arguments(rng, dtype, shape):
    logits, targets, weights, smoothing = logit_arguments(rng, dtype, shape, 1, shape[1])
    levels = rng.normal(size=weights.shape).astype(dtype)
    return np.exp(logits), targets, weights, smoothing, levels, np.empty(2)


def sigmoid_arguments(rng, dtype, shape):
    return *logit_arguments(rng, dtype, shape, shape[1], 2), np.empty(2)


ARGUMENTS = {
    "adam": adam_arguments,
    "add_bias": bias_arguments,
    "relu": relu_arguments,
    "relu_slope": relu_arguments,
    "drop": drop_arguments,
    "shift_logits": shift_arguments,
    "softmax_gradient": softmax_arguments,
    "sigmoid_gradient": sigmoid_arguments,
}
# What the gradients hold after Adam's step is unspecified.
SCRATCH = {"adam": [1]}


def test_every_kernel_is_tested():
    found = {name for name, value in vars(kernels).items() if isinstance(value, Kernel)}
    assert found == set(ARGUMENTS)


@needs_numba
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ARGUMENTS)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 9), st.integers(1, 40)),
)
def test_compiled_loop_and_numpy_twin_agree_to_rounding(name, dtype, seed, shape):
    results = []
    for wanted in (True, False):
        arguments = ARGUMENTS[name](np.random.default_rng(seed), dtype, shape)
        with compiled(wanted):
            getattr(kernels, name)(*arguments)
        results.append(arguments)
    tolerance = 50 * np.finfo(dtype).eps
    for position, (ours, twins) in enumerate(zip(*results, strict=True)):
        if position not in SCRATCH.get(name, ()):
            np.testing.assert_allclose(ours, twins, rtol=tolerance, atol=tolerance)


@needs_numba
@pytest.mark.parametrize("name", ARGUMENTS)
def test_the_loop_is_what_runs_when_compiled(name, monkeypatch):
    def refuse(*args):
        raise AssertionError("the twin ran")

    arguments = ARGUMENTS[name](np.random.default_rng(0), np.float32, (3, 4))
    monkeypatch.setattr(getattr(kernels, name), "twin", refuse)
    with compiled(True):
        getattr(kernels, name)(*arguments)
    with compiled(False), pytest.raises(AssertionError, match="the twin ran"):
        getattr(kernels, name)(*arguments)


def test_adam_in_blocks_is_adam_at_once():
    # More parameters than a block, and not a multiple of it.
    arguments = adam_arguments(np.random.default_rng(1), np.float64, (2, 2 * kernels.BLOCK + 3))
    params, grads, first, second, rates, first_shares, second_shares, scale, epsilon = (
        argument.copy() if isinstance(argument, np.ndarray) else argument for argument in arguments
    )
    with compiled(False):
        kernels.adam(*arguments)
    mean = first_shares[0] * first + first_shares[1] * grads
    square = second_shares[0] * second + second_shares[1] * grads**2
    expected = params - rates * mean / (np.sqrt(scale * square) + epsilon)
    np.testing.assert_allclose(arguments[0], expected, rtol=1e-12)
    np.testing.assert_allclose(arguments[2], mean, rtol=1e-12)
    np.testing.assert_allclose(arguments[3], square, rtol=1e-12)


# Softmax and sigmoid of a row, whose values are sums over rows, take NaN into all of them.
@needs_numba
@pytest.mark.parametrize("name", ARGUMENTS)
@given(data=st.data())
def test_nan_goes_the_same_ways_through_both_bodies(name, data):
    arguments = ARGUMENTS[name](np.random.default_rng(2), np.float32, (3, 4))
    floats = [k for k, array in enumerate(arguments) if getattr(array, "dtype", "") == np.float32]
    floats = [k for k in floats if np.ndim(arguments[k])]
    planted = arguments[data.draw(st.sampled_from(floats))]
    planted.reshape(-1)[data.draw(st.integers(0, planted.size - 1))] = np.nan
    results = []
    for wanted in (True, False):
        copies = [np.copy(a) if np.ndim(a) else a for a in arguments]
        copies[5:7] = arguments[5:7] if name == "adam" else copies[5:7]
        with compiled(wanted), np.errstate(invalid="ignore"):
            getattr(kernels, name)(*copies)
        results.append(copies)
    for position, (ours, twins) in enumerate(zip(*results, strict=True)):
        if position not in SCRATCH.get(name, ()):
            np.testing.assert_array_equal(np.isnan(ours), np.isnan(twins))


@needs_numba
@pytest.mark.parametrize("name", ["relu", "relu_slope", "drop"])
def test_an_output_that_could_not_be_written_is_refused(name):
    arguments = list(ARGUMENTS[name](np.random.default_rng(0), np.float32, (3, 4)))
    arguments[-1] = np.empty((4, 3, 2), np.float32).T
    with compiled(True), pytest.raises(Exception, match=r"contiguous|incompatible shape"):
        getattr(kernels, name)(*arguments)
