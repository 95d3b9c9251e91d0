import importlib
import pkgutil

import numpy as np
import pytest
from gradient_checks import encoded_rows, random_targets, random_weights
from hypothesis import given, settings
from hypothesis import strategies as st

import skdnn.core
from skdnn.core import encoded_kernels, layer_kernels, losses, optimizers
from skdnn.core.activations import ACTIVATIONS
from skdnn.core.compiling import Kernel, has_numba
from skdnn.core.dropout import NO_KEYS, drop_inputs, dropout_factors
from skdnn.core.encoded_rows import Expansion, expand
from skdnn.core.layer_kernels import finisher
from skdnn.core.random_bits import random_words

needs_numba = pytest.mark.skipif(not has_numba(), reason="numba is not installed")
DTYPES = [np.float32, np.float64]
START = 3  # where the parameters of a layer begin

# Every draw below returns the arguments of a kernel for (rng, dtype, n_members, n_rows, width).


def normal(rng, dtype, *shape):
    return rng.normal(size=shape).astype(dtype)


def keys_of(rng, n_members):
    return rng.integers(0, 2**64, n_members, np.uint64)


def draw_finish(rng, dtype, n_members, n_rows, width):
    shape = n_members, n_rows, width
    params = normal(rng, dtype, n_members, START + width + 2)
    slopes = np.full(shape, np.nan, dtype)
    keys = keys_of(rng, n_members) if rng.random() < 0.5 else NO_KEYS
    return normal(rng, dtype, *shape), params, START, slopes, keys, int(rng.integers(0, 2**16))


def draw_backward(rng, dtype, n_members, n_rows, width):
    shape = n_members, n_rows, width
    grads = normal(rng, dtype, n_members, START + width + 2)
    return normal(rng, dtype, *shape), normal(rng, dtype, *shape), grads, START


def draw_multiply_outer(rng, dtype, n_members, n_rows, width):
    grad_outputs = normal(rng, dtype, n_members, n_rows, 1)
    flat = normal(rng, dtype, n_members, START + width + 2)
    return grad_outputs, flat, START, np.full((n_members, n_rows, width), np.nan, dtype)


def draw_drop(rng, dtype, n_members, n_rows, width):
    inputs = normal(rng, dtype, n_members, n_rows, width)
    return inputs, keys_of(rng, n_members), int(rng.integers(0, 2**16)), np.empty_like(inputs)


def draw_columns(rng, dtype, n_members, n_rows):
    """Return a layout, encoded rows and the number of inputs of each column."""
    expansion = Expansion(
        int(rng.integers(0, 3)),
        tuple(rng.integers(1, 6, rng.integers(1, 4)).tolist()),
        tuple(rng.integers(1, 8, rng.integers(1, 4)).tolist()),
    )
    rows = encoded_rows(rng, expansion, (n_members, n_rows)).astype(dtype)
    return expansion, rows, np.array(expansion.column_widths, np.int64)


def draw_expand(rng, dtype, n_members, n_rows, width):
    expansion, rows, _ = draw_columns(rng, dtype, n_members, n_rows)
    out = np.full((n_members, n_rows, expansion.n_outputs), np.nan, dtype)
    return rows, *expansion.places(), out


def draw_scale(rng, dtype, n_members, n_rows, width):
    sizes = rng.integers(1, 6, rng.integers(1, 5))
    params = normal(rng, dtype, n_members, START + sizes.sum() * width + 2)
    factors = normal(rng, dtype, n_members, len(sizes) + rng.integers(0, 2))
    return params, START, factors, sizes, np.empty((n_members, sizes.sum(), width), dtype)


def draw_learn(rng, dtype, n_members, n_rows, width):
    sizes = rng.integers(1, 6, rng.integers(1, 5))
    n_parameters = START + (sizes.sum() + 1) * width + len(sizes) + 2
    params, grads = (normal(rng, dtype, n_members, n_parameters) for _ in range(2))
    params[rng.random(params.shape) < 0.2] = 0
    return params, grads, START, width, normal(rng, dtype, n_members, len(sizes)), sizes


def draw_place(rng, dtype, n_members, n_rows, width):
    sizes = rng.integers(1, 8, rng.integers(1, 4))
    params = normal(rng, dtype, n_members, START + sizes.sum() * width + 2)
    edges = np.full((n_members, (sizes + 1).sum(), width), np.nan, dtype)
    return params, START, normal(rng, dtype, n_members, len(sizes) + 2), 2, sizes, edges


def draw_blend(rng, dtype, n_members, n_rows, width):
    expansion, rows, _ = draw_columns(rng, dtype, n_members, n_rows)
    sizes = np.array(expansion.n_bins, np.int64)
    edges = normal(rng, dtype, n_members, (sizes + 1).sum(), width)
    return rows, expansion.n_numbers, sizes, edges, normal(rng, dtype, n_members, n_rows, width)


def draw_add_codes(rng, dtype, n_members, n_rows, width):
    expansion, rows, _ = draw_columns(rng, dtype, n_members, n_rows)
    sizes = np.array(expansion.n_categories, np.int64)
    params = normal(rng, dtype, n_members, START + sizes.sum() * width + 2)
    factors = normal(rng, dtype, n_members, expansion.n_inputs)
    column = expansion.n_numbers + len(expansion.n_bins)
    outputs = normal(rng, dtype, n_members, n_rows, width)
    return rows, column, sizes, (params, START), factors, outputs


def draw_scatter_knots(rng, dtype, n_members, n_rows, width):
    expansion, rows, _ = draw_columns(rng, dtype, n_members, n_rows)
    sizes = np.array(expansion.n_bins, np.int64)
    start_of_bias = int(START + sizes.sum() * width + 1)
    grads = normal(rng, dtype, n_members, start_of_bias + width + 2)
    grad_outputs = normal(rng, dtype, n_members, n_rows, width)
    grads[:, start_of_bias : start_of_bias + width] = grad_outputs.sum(axis=1)
    return rows, expansion.n_numbers, sizes, grad_outputs, grads, (START, start_of_bias)


def draw_scatter_codes(rng, dtype, n_members, n_rows, width):
    expansion, rows, _ = draw_columns(rng, dtype, n_members, n_rows)
    sizes = np.array(expansion.n_categories, np.int64)
    grads = normal(rng, dtype, n_members, START + sizes.sum() * width + 2)
    grad_outputs = normal(rng, dtype, n_members, n_rows, width)
    return rows, expansion.n_numbers + len(expansion.n_bins), sizes, grad_outputs, grads, START


def draw_loss(name):
    def draw(rng, dtype, n_members, n_rows, width):
        logits = 4 * normal(rng, dtype, n_members, n_rows, width)
        targets = random_targets(rng, name, (n_members, n_rows), width)
        weights = random_weights(rng, n_members, max(n_rows, 1))[:, :n_rows].astype(dtype)
        smoothing = rng.choice([0.0, 0.3], n_members)
        return logits, targets, weights, smoothing, np.full(n_members, np.nan)

    return draw


def draw_rule(n_moments, n_numbers):
    def draw(rng, dtype, n_members, n_rows, width):
        bounds = np.cumsum([0, *rng.integers(0, 9, rng.integers(1, 5))])
        params, grads, *memory = (
            normal(rng, dtype, n_members, bounds[-1]) for _ in range(2 + n_moments)
        )
        if n_moments:
            memory[-1] = np.abs(memory[-1])
        numbers = rng.uniform(0.1, 1, (n_members, 1 + n_numbers)).astype(dtype)
        return params, grads, *memory, bounds, numbers

    return draw


DRAWS = {
    **{f"finish {name}": (finisher(ACTIVATIONS[name]), draw_finish) for name in ACTIVATIONS},
    "backward": (layer_kernels.backward, draw_backward),
    "multiply_outer": (layer_kernels.multiply_outer, draw_multiply_outer),
    "drop": (drop_inputs, draw_drop),
    "expand": (expand, draw_expand),
    "scale_weights": (encoded_kernels.scale_weights, draw_scale),
    "learn_factors": (encoded_kernels.learn_factors, draw_learn),
    "outputs_at_edges": (encoded_kernels.outputs_at_edges, draw_place),
    "add_bins": (encoded_kernels.add_bins, draw_blend),
    "add_categories": (encoded_kernels.add_categories, draw_add_codes),
    "bin_gradients": (encoded_kernels.bin_gradients, draw_scatter_knots),
    "category_gradients": (encoded_kernels.category_gradients, draw_scatter_codes),
    "softmax": (losses.softmax_cross_entropy, draw_loss("softmax")),
    "sigmoid": (losses.sigmoid_cross_entropy, draw_loss("multilabel")),
    "descend": (optimizers.descend, draw_rule(0, 1)),
    "follow_velocity": (optimizers.follow_velocity, draw_rule(1, 4)),
    "follow_moments": (optimizers.follow_moments, draw_rule(2, 7)),
}
# What the gradients hold after a step of a rule is unspecified.
UNSPECIFIED = {"descend": [1], "follow_velocity": [1], "follow_moments": [1]}
# Tolerances, in machine epsilons: sums are over few rows.
N_EPS = 200


def copies(args):
    return tuple(
        arg.copy()
        if isinstance(arg, np.ndarray)
        else copies(arg)
        if isinstance(arg, tuple)
        else arg
        for arg in args
    )


def arrays_among(args):
    """Return the arrays among arguments, those in tuples too."""
    items = [item for arg in args for item in (arg if isinstance(arg, tuple) else (arg,))]
    return [item for item in items if isinstance(item, np.ndarray)]


def results(args, name):
    """Return the arrays among arguments, but those that hold nothing."""
    unspecified = UNSPECIFIED.get(name, ())
    return arrays_among(arg for place, arg in enumerate(args) if place not in unspecified)


def compiled_loop(kernel, args):
    return kernel.compiled_for(args)


def interpreted_loop(kernel, args):
    return kernel.loop


def run_both(name, args, loop_of=compiled_loop):
    """Return what the loop, compiled or not, and what the twin makes of the same arguments."""
    kernel = DRAWS[name][0]
    of_loop, of_twin = copies(args), copies(args)
    loop = loop_of(kernel, of_loop)
    with np.errstate(all="ignore"):
        loop(*of_loop)
        kernel(*of_twin)
    return results(of_loop, name), results(of_twin, name)


def assert_close(found, expected, dtype):
    """Compare arrays, but for rounding in this type."""
    eps = np.finfo(dtype).eps
    for ours, twins in zip(found, expected, strict=True):
        scale = np.abs(twins).max(initial=1.0)
        np.testing.assert_allclose(ours, twins, rtol=N_EPS * eps, atol=N_EPS * eps * scale)


def test_every_kernel_of_the_core_is_tested_here():
    found = set()
    for module in pkgutil.iter_modules(skdnn.core.__path__, "skdnn.core."):
        values = vars(importlib.import_module(module.name)).values()
        found |= {value for value in values if isinstance(value, Kernel)}
    tested = {kernel for name, (kernel, _) in DRAWS.items() if not name.startswith("finish")}
    assert found == tested


@needs_numba
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", DRAWS)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_members=st.integers(1, 3),
    n_rows=st.sampled_from([0, 1, 2, 5, 40]),
    width=st.integers(1, 13),
)
def test_compiled_loop_and_twin_agree_to_rounding(name, dtype, seed, n_members, n_rows, width):
    args = DRAWS[name][1](np.random.default_rng(seed), dtype, n_members, n_rows, width)
    assert_close(*run_both(name, args), dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", DRAWS)
@settings(max_examples=10)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_members=st.integers(1, 2),
    n_rows=st.sampled_from([0, 1, 4]),
    width=st.integers(1, 5),
)
def test_a_loop_that_python_runs_agrees_with_its_twin(name, dtype, seed, n_members, n_rows, width):
    # What is compiled is ordinary Python: this holds without numba too.
    args = DRAWS[name][1](np.random.default_rng(seed), dtype, n_members, n_rows, width)
    assert_close(*run_both(name, args, interpreted_loop), dtype)


def float_arrays(args):
    return [array for array in arrays_among(args) if array.dtype.kind == "f" and array.size]


@needs_numba
@pytest.mark.parametrize("planted", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", DRAWS)
@given(seed=st.integers(0, 2**32 - 1), data=st.data())
def test_what_is_not_finite_goes_the_same_ways_through_both(name, planted, seed, data):
    args = DRAWS[name][1](np.random.default_rng(seed), np.float32, 2, 3, 5)
    if name == "learn_factors":
        args[0][args[0] == 0] = 1  # the gradient of a weight of 0 is 0 or NaN if factors are NaN
    array = data.draw(st.sampled_from(float_arrays(args)), label="array")
    if name == "softmax" and planted == -np.inf and array is args[0]:
        return  # a class without any probability: only the twin leaves it out of the sums
    array.reshape(-1)[data.draw(st.integers(0, array.size - 1), label="place")] = planted
    for ours, twins in zip(*run_both(name, args), strict=True):
        np.testing.assert_array_equal(np.isfinite(ours), np.isfinite(twins))


@needs_numba
@pytest.mark.parametrize("name", DRAWS)
def test_the_same_arguments_give_the_same_bits_wherever_they_lie_in_memory(name):
    args = DRAWS[name][1](np.random.default_rng(5), np.float32, 2, 7, 13)
    expected, _ = run_both(name, args)
    for offset in range(4):

        def moved(array, offset=offset):
            if isinstance(array, tuple):
                return tuple(map(moved, array))
            if not isinstance(array, np.ndarray) or not array.size:
                return array
            memory = np.empty(array.nbytes + 64, np.uint8)
            start = -memory.ctypes.data % 16 + offset * array.itemsize
            view = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
            view[...] = array
            return view

        shifted = moved(args)
        DRAWS[name][0].compiled_for(shifted)(*shifted)
        for ours, theirs in zip(results(shifted, name), expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("threshold", [0, 1, 30000, 2**16 - 1])
@pytest.mark.parametrize("width", [1, 4, 5])
def test_dropout_factors_are_drawn_from_the_words_of_a_key(width, threshold):
    keys = keys_of(np.random.default_rng(0), 2)
    factors = dropout_factors(keys, threshold, (2, 3, width), np.dtype(np.float64))
    n_words = -(-width // 4)
    for k in range(2):
        words = random_words(keys[k : k + 1], 3 * n_words).reshape(3, n_words)
        for row in range(3):
            for unit in range(width):
                bits = int(words[row, unit // 4]) >> (16 * (unit % 4)) & 0xFFFF
                expected = 0 if bits < threshold else 2**16 / (2**16 - threshold)
                assert factors[k, row, unit] == expected


@needs_numba
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_without_slopes_or_without_keys_nothing_is_dropped(name):
    rng = np.random.default_rng(1)
    outputs, params = rng.normal(size=(2, 3, 5)), np.zeros((2, 5))
    function = finisher(ACTIVATIONS[name])
    expected = ACTIVATIONS[name].value(outputs, np.float64)
    no_slopes = outputs, params, 0, np.empty((0, 0, 0)), keys_of(rng, 2), 60000
    no_keys = outputs, params, 0, np.empty(outputs.shape), NO_KEYS, 60000
    calls = [(function, no_slopes), (function, no_keys), (function.compiled_for(no_keys), no_keys)]
    for call, args in calls:
        copied = copies(args)
        call(*copied)
        np.testing.assert_allclose(copied[0], expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_members=st.integers(1, 3),
    n_rows=st.sampled_from([0, 1, 2, 5, 40]),
    width=st.integers(1, 13),
    planted=st.sampled_from([0.0, np.nan, np.inf, -np.inf]),
)
def test_the_gradient_of_the_biases_is_the_sum_over_rows(
    dtype, seed, n_members, n_rows, width, planted
):
    rng = np.random.default_rng(seed)
    grad_outputs = normal(rng, dtype, n_members, n_rows, width)
    grad_outputs.reshape(-1)[: 1 if n_rows else 0] = planted
    before, grads = grad_outputs.copy(), np.full((n_members, START + width + 2), 7, dtype)
    layer_kernels.backward(grad_outputs, np.ones_like(grad_outputs), grads, START)
    found, expected = grads[:, START : START + width], grad_outputs.sum(axis=1)
    eps = N_EPS * np.finfo(dtype).eps
    np.testing.assert_allclose(found, expected, rtol=eps, atol=eps)
    np.testing.assert_array_equal(grad_outputs, before)
    assert (np.delete(grads, np.s_[START : START + width], axis=1) == 7).all()


@needs_numba
def test_a_unit_whose_bits_are_the_threshold_is_kept():
    keys = keys_of(np.random.default_rng(3), 1)
    bits = random_words(keys, 2).view(np.uint16)[0, :5]
    for unit, threshold in enumerate(bits.tolist()):
        inputs, params = np.ones((1, 1, 5)), np.zeros((1, 5))
        expected = np.where(bits >= threshold, 2**16 / (2**16 - threshold), 0)
        assert expected[unit] > 0
        dropped, finished = np.empty((1, 1, 5)), inputs.copy()
        calls = [
            (drop_inputs, (inputs, keys, threshold, dropped)),
            (
                finisher(ACTIVATIONS["identity"]),
                (finished, params, 0, np.empty((1, 1, 5)), keys, threshold),
            ),
        ]
        for function, args in calls:
            for call in (function, function.compiled_for(args)):
                finished[...] = 1
                call(*args)
        np.testing.assert_allclose(dropped[0, 0], expected, rtol=1e-12)
        np.testing.assert_allclose(finished[0, 0], expected, rtol=1e-12)


@given(
    seed=st.integers(0, 2**32 - 1),
    n_members=st.integers(1, 3),
    n_rows=st.sampled_from([0, 1, 5]),
    width=st.integers(1, 13),
)
def test_an_outer_product_is_the_matrix_product_with_the_weights_of_a_single_unit(
    seed, n_members, n_rows, width
):
    rng = np.random.default_rng(seed)
    args = draw_multiply_outer(rng, np.float64, n_members, n_rows, width)
    grad_outputs, flat, _, grad_inputs = args
    weights = flat[:, START : START + width].reshape(n_members, width, 1)
    layer_kernels.multiply_outer(*args)
    np.testing.assert_allclose(grad_inputs, grad_outputs @ weights.swapaxes(1, 2), rtol=1e-12)


def test_biases_are_added_to_every_row():
    outputs, params = np.arange(12.0).reshape(2, 3, 2), 10.0 * np.arange(6).reshape(2, 3)
    add_biases = finisher(ACTIVATIONS["identity"])
    add_biases(outputs, params, 1, np.empty(outputs.shape), NO_KEYS, 0)
    by_hand = [[[10, 21], [12, 23], [14, 25]], [[46, 57], [48, 59], [50, 61]]]
    np.testing.assert_array_equal(outputs, by_hand)


def test_factors_are_one_plus_ten_times_a_parameter():
    factors = np.empty((1, 2))
    encoded_kernels.compute_factors(np.array([[5.0, 0.0, 0.25]]), 1, factors)
    np.testing.assert_array_equal(factors, [[1.0, 3.5]])
