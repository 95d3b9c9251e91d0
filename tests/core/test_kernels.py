import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skdnn.core import kernels

HAS_NUMBA = kernels._has_numba()
needs_numba = pytest.mark.skipif(not HAS_NUMBA, reason="numba is not installed")
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
    found = {name for name, value in vars(kernels).items() if isinstance(value, kernels.Kernel)}
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
        with kernels.compiled(wanted):
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
    with kernels.compiled(True):
        getattr(kernels, name)(*arguments)
    with kernels.compiled(False), pytest.raises(AssertionError, match="the twin ran"):
        getattr(kernels, name)(*arguments)


def test_adam_in_blocks_is_adam_at_once():
    # More parameters than a block, and not a multiple of it.
    arguments = adam_arguments(np.random.default_rng(1), np.float64, (2, 2 * kernels.BLOCK + 3))
    params, grads, first, second, rates, first_shares, second_shares, scale, epsilon = (
        argument.copy() if isinstance(argument, np.ndarray) else argument for argument in arguments
    )
    with kernels.compiled(False):
        kernels.adam(*arguments)
    mean = first_shares[0] * first + first_shares[1] * grads
    square = second_shares[0] * second + second_shares[1] * grads**2
    expected = params - rates * mean / (np.sqrt(scale * square) + epsilon)
    np.testing.assert_allclose(arguments[0], expected, rtol=1e-12)
    np.testing.assert_allclose(arguments[2], mean, rtol=1e-12)
    np.testing.assert_allclose(arguments[3], square, rtol=1e-12)


@pytest.mark.parametrize("wanted", BODIES)
@pytest.mark.parametrize("name", sorted(set(ARGUMENTS) - {"relu_slope"}))
def test_nan_comes_out_where_nan_went_in(name, wanted):
    arguments = ARGUMENTS[name](np.random.default_rng(2), np.float32, (6, 8))
    arguments[0].reshape(-1)[0] = np.nan
    if name == "drop":
        arguments[1][:] = 2**64 - 1  # keep every unit
    with kernels.compiled(wanted), np.errstate(invalid="ignore"):
        getattr(kernels, name)(*arguments)
    written = arguments[0] if name in ("adam", "add_bias", "shift_logits") else arguments[-1]
    assert np.isnan(written).any()


@needs_numba
def test_after_the_block_of_compiled_all_is_as_before():
    before = kernels.is_compiled()
    with kernels.compiled(not before):
        assert kernels.is_compiled() is not before
    assert kernels.is_compiled() is before
    with pytest.raises(KeyError), kernels.compiled(not before):
        {}["missing"]
    assert kernels.is_compiled() is before


def test_wanting_compiled_loops_without_numba_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(ImportError, match=r"skdnn\[fast\]"), kernels.compiled(True):
        pass


def run_python(code, **environment):
    result = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return result.stdout.strip()


def test_importing_the_package_does_not_import_numba():
    assert run_python("import sys, skdnn; print('numba' in sys.modules)") == "False"


@pytest.mark.parametrize(("value", "expected"), [("0", "False"), ("1", str(HAS_NUMBA))])
def test_an_environment_variable_switches_numba_off(value, expected):
    code = "from skdnn.core import kernels; print(kernels.is_compiled())"
    assert run_python(code, SKDNN_NUMBA=value) == expected
