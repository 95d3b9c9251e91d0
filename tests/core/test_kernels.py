import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skdnn.core import kernels
from skdnn.core.compiling import Kernel, compiled, has_numba

needs_numba = pytest.mark.skipif(not has_numba(), reason="numba is not installed")
BODIES = [False, pytest.param(True, marks=needs_numba)]
DTYPES = [np.float32, np.float64]


def adam_arguments(rng, dtype, size):
    params, grads, first = rng.normal(size=(3, size)).astype(dtype)
    second = rng.uniform(0.1, 1, size).astype(dtype)
    shares = [(dtype(keep), dtype(1 - keep)) for keep in (0.9, 0.99)]
    return params, grads, first, second, dtype(0.3), *shares, dtype(1.5), dtype(1e-3)


ARGUMENTS = {"adam": adam_arguments}
# What the gradients hold after Adam's step is unspecified.
SCRATCH = {"adam": [1]}


def test_every_kernel_is_tested():
    found = {name for name, value in vars(kernels).items() if isinstance(value, Kernel)}
    assert found == set(ARGUMENTS)


@needs_numba
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ARGUMENTS)
@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 200))
def test_compiled_loop_and_numpy_twin_agree_to_rounding(name, dtype, seed, size):
    results = []
    for wanted in (True, False):
        arguments = ARGUMENTS[name](np.random.default_rng(seed), dtype, size)
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

    arguments = ARGUMENTS[name](np.random.default_rng(0), np.float32, 12)
    monkeypatch.setattr(getattr(kernels, name), "twin", refuse)
    with compiled(True):
        getattr(kernels, name)(*arguments)
    with compiled(False), pytest.raises(AssertionError, match="the twin ran"):
        getattr(kernels, name)(*arguments)


def test_adam_in_blocks_is_adam_at_once():
    # More parameters than a block, and not a multiple of it.
    arguments = adam_arguments(np.random.default_rng(1), np.float64, 2 * kernels.BLOCK + 3)
    params, grads, first, second, rate, first_shares, second_shares, scale, epsilon = (
        argument.copy() if isinstance(argument, np.ndarray) else argument for argument in arguments
    )
    with compiled(False):
        kernels.adam(*arguments)
    mean = first_shares[0] * first + first_shares[1] * grads
    square = second_shares[0] * second + second_shares[1] * grads**2
    expected = params - rate * mean / (np.sqrt(scale * square) + epsilon)
    np.testing.assert_allclose(arguments[0], expected, rtol=1e-12)
    np.testing.assert_allclose(arguments[2], mean, rtol=1e-12)
    np.testing.assert_allclose(arguments[3], square, rtol=1e-12)


@needs_numba
@pytest.mark.parametrize("name", ARGUMENTS)
@given(data=st.data())
def test_nan_goes_the_same_ways_through_both_bodies(name, data):
    arguments = ARGUMENTS[name](np.random.default_rng(2), np.float32, 12)
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
