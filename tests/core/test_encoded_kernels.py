"""Columns that are not widened, against the same columns widened and multiplied."""

import numpy as np
import pytest
from gradient_checks import assert_gradient, encoded_rows, expansions
from hypothesis import given
from hypothesis import strategies as st

from skdnn.core import encoded_kernels
from skdnn.core.compiling import has_numba
from skdnn.core.encoded_kernels import FACTOR_SPEED, ROWS_AT_A_TIME
from skdnn.core.encoded_rows import Expansion

needs_numba = pytest.mark.skipif(not has_numba(), reason="numba is not installed")
ENGINES = pytest.mark.parametrize(
    "is_compiled", [False, pytest.param(True, marks=needs_numba)], ids=["numpy", "numba"]
)
seeds = st.integers(0, 2**32 - 1)
START = 2  # where the weights begin in a row of the parameters


def run(kernel, is_compiled, *args):
    (kernel.compiled_for(args) if is_compiled else kernel)(*args)


class Columns:
    """Encoded rows of several members, weights and factors; dense products of all that."""

    def __init__(self, expansion, seed, n_members=2, n_rows=6, width=3):
        rng = self.rng = np.random.default_rng(seed)
        self.expansion, self.width = expansion, width
        self.rows = encoded_rows(rng, expansion, (n_members, n_rows))
        self.inputs = Expansion(*expansion)(self.rows).copy()
        self.weights = rng.normal(size=(n_members, expansion.n_outputs, width))
        self.params = np.zeros((n_members, START + expansion.n_outputs * width + 1))
        self.params[:, START:-1] = self.weights.reshape(n_members, -1)
        self.factors = rng.normal(size=(n_members, expansion.n_inputs))
        self.grad_outputs = rng.normal(size=(n_members, n_rows, width))
        widths = np.array(expansion.column_widths, np.int64)
        n_numbers, n_bins = expansion.n_numbers, len(expansion.n_bins)
        self.bins, self.codes = (
            widths[n_numbers : n_numbers + n_bins],
            widths[n_numbers + n_bins :],
        )
        self.first_bin, self.first_code = n_numbers, n_numbers + n_bins
        self.bin_inputs = slice(n_numbers, n_numbers + self.bins.sum())
        self.code_inputs = slice(self.bin_inputs.stop, expansion.n_outputs)
        self.scaled = self.weights * np.repeat(self.factors, widths, axis=1)[..., None]

    def start_of(self, inputs):
        return int(START + inputs.start * self.width)

    def product(self, inputs):
        """Return the dense product of some inputs with their scaled weights."""
        return self.inputs[:, :, inputs] @ self.scaled[:, inputs]

    def gradient(self, inputs):
        """Return the dense gradient of the scaled weights of some inputs, flat."""
        grad = np.swapaxes(self.inputs[:, :, inputs], 1, 2) @ self.grad_outputs
        return grad.reshape(len(grad), -1)

    def grads_of_biases(self):
        """Return gradients of which those of the biases alone are known, and their place."""
        n_members, place = self.params.shape
        grads = np.full((n_members, place + self.width + 1), np.nan)
        grads[:, place:-1] = self.grad_outputs.sum(axis=1)
        return grads, place


with_bins = expansions().filter(lambda expansion: expansion.n_bins)
with_levels = expansions().filter(lambda expansion: expansion.n_categories)
SIZES = {
    "n_members": st.integers(1, 3),
    "n_rows": st.sampled_from([0, 1, 5, ROWS_AT_A_TIME, 2 * ROWS_AT_A_TIME + 1]),
    "width": st.integers(1, 9),
}


@ENGINES
@given(expansion=with_bins, seed=seeds, **SIZES)
def test_blends_of_knots_are_the_product_with_widened_columns(
    is_compiled, expansion, seed, n_members, n_rows, width
):
    columns = Columns(expansion, seed, n_members, n_rows, width)
    bins, column = columns.bins, columns.first_bin
    edges = np.full((n_members, (bins + 1).sum(), width), np.nan)
    outputs = columns.rng.normal(size=(n_members, n_rows, width))
    expected = outputs + columns.product(columns.bin_inputs)
    start = columns.start_of(columns.bin_inputs)
    run(
        encoded_kernels.outputs_at_edges,
        is_compiled,
        *(columns.params, start, columns.factors, column, bins, edges),
    )
    run(encoded_kernels.add_bins, is_compiled, columns.rows, column, bins, edges, outputs)
    np.testing.assert_allclose(outputs, expected, rtol=1e-9, atol=1e-11)


@ENGINES
@given(expansion=with_bins, seed=seeds, **SIZES)
def test_scattered_knots_are_the_gradient_of_the_product(
    is_compiled, expansion, seed, n_members, n_rows, width
):
    columns = Columns(expansion, seed, n_members, n_rows, width)
    grads, bias_start = columns.grads_of_biases()
    before = grads.copy()
    start = columns.start_of(columns.bin_inputs)
    layout, starts = (columns.first_bin, columns.bins), (start, bias_start)
    args = columns.rows, *layout, columns.grad_outputs, grads, starts
    run(encoded_kernels.bin_gradients, is_compiled, *args)
    expected = columns.gradient(columns.bin_inputs)
    stop = start + expected.shape[1]
    np.testing.assert_allclose(grads[:, start:stop], expected, rtol=1e-9, atol=1e-11)
    np.testing.assert_array_equal(grads[:, :start], before[:, :start])
    np.testing.assert_array_equal(grads[:, stop:], before[:, stop:])


@ENGINES
@given(expansion=with_levels, seed=seeds, **SIZES)
def test_added_codes_are_the_product_with_one_hot_columns(
    is_compiled, expansion, seed, n_members, n_rows, width
):
    columns = Columns(expansion, seed, n_members, n_rows, width)
    outputs = columns.rng.normal(size=(n_members, n_rows, width))
    expected = outputs + columns.product(columns.code_inputs)
    where = columns.params, columns.start_of(columns.code_inputs)
    args = columns.rows, columns.first_code, columns.codes, where, columns.factors, outputs
    run(encoded_kernels.add_categories, is_compiled, *args)
    np.testing.assert_allclose(outputs, expected, rtol=1e-9, atol=1e-11)


@ENGINES
@given(expansion=with_levels, seed=seeds, **SIZES)
def test_scattered_codes_are_the_gradient_of_the_product(
    is_compiled, expansion, seed, n_members, n_rows, width
):
    columns = Columns(expansion, seed, n_members, n_rows, width)
    grads = np.full_like(columns.params, np.nan)
    start = columns.start_of(columns.code_inputs)
    args = columns.rows, columns.first_code, columns.codes, columns.grad_outputs, grads, start
    run(encoded_kernels.category_gradients, is_compiled, *args)
    expected = columns.gradient(columns.code_inputs)
    stop = start + expected.shape[1]
    np.testing.assert_allclose(grads[:, start:stop], expected, rtol=1e-9, atol=1e-11)
    assert np.isnan(grads[:, :start]).all()
    assert np.isnan(grads[:, stop:]).all()


@pytest.mark.parametrize("u", [-np.inf, -1.0, 0.0, 1e-300, 1.0, 2.5, 3.0, 3.5, np.inf, np.nan])
@ENGINES
def test_ends_of_bins_and_what_lies_beyond_are_as_widened(is_compiled, u):
    expansion = Expansion(0, (), (3,))
    columns = Columns(expansion, 0, n_members=1, n_rows=1)
    columns.rows[...] = u
    columns.inputs = expansion(columns.rows)
    edges, outputs = np.empty((1, 4, 3)), np.zeros((1, 1, 3))
    layout = columns.factors, 0, columns.bins
    run(encoded_kernels.outputs_at_edges, is_compiled, columns.params, START, *layout, edges)
    run(encoded_kernels.add_bins, is_compiled, columns.rows, 0, columns.bins, edges, outputs)
    expected = columns.product(columns.bin_inputs)
    np.testing.assert_allclose(outputs, expected, rtol=1e-9, atol=1e-12)
    grads, bias_start = columns.grads_of_biases()
    args = columns.rows, 0, columns.bins, columns.grad_outputs, grads, (START, bias_start)
    run(encoded_kernels.bin_gradients, is_compiled, *args)
    expected = columns.gradient(columns.bin_inputs)
    found = grads[:, START : START + expected.shape[1]]
    assert np.isnan(found).any() == np.isnan(u)
    if not np.isnan(u):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("code", [-np.inf, -1.0, 0.0, 2.0, 3.0, 1e30, np.inf, np.nan])
@ENGINES
def test_codes_that_are_unknown_or_missing_count_for_nothing(is_compiled, code):
    columns = Columns(Expansion(0, (3,)), 0, n_members=1, n_rows=1)
    columns.rows[...] = code
    outputs, grads = np.zeros((1, 1, 3)), np.full_like(columns.params, np.nan)
    where = columns.params, START
    args = columns.rows, 0, columns.codes, where, columns.factors, outputs
    run(encoded_kernels.add_categories, is_compiled, *args)
    args = columns.rows, 0, columns.codes, columns.grad_outputs, grads, START
    run(encoded_kernels.category_gradients, is_compiled, *args)
    is_known = code in (0, 2)
    expected = columns.scaled[0, int(code)] if is_known else 0
    np.testing.assert_array_equal(outputs[0, 0] - expected, 0)
    assert (grads[:, START:-1] != 0).any() == is_known


@ENGINES
@given(seed=seeds, sizes=st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_factors_and_weights_learn_from_the_gradient_of_scaled_weights(is_compiled, seed, sizes):
    rng, width, n_members = np.random.default_rng(seed), 3, 2
    n_weights = sum(sizes) * width
    first_factor = START + n_weights + width
    params = rng.normal(size=(n_members, first_factor + len(sizes) + 1))
    slopes = rng.normal(size=(n_members, n_weights))  # of the loss by scaled weights

    def factors_of(params):
        return 1 + FACTOR_SPEED * params[:, first_factor : first_factor + len(sizes)]

    def loss(params):
        scaled = np.full((n_members, sum(sizes), width), np.nan)
        args = params, START, factors_of(params), np.array(sizes), scaled
        run(encoded_kernels.scale_weights, is_compiled, *args)
        return np.vdot(scaled.reshape(n_members, -1), slopes)

    grads = np.zeros_like(params)
    grads[:, START : START + n_weights] = slopes
    args = params, grads, START, width, factors_of(params), np.array(sizes)
    run(encoded_kernels.learn_factors, is_compiled, *args)
    assert_gradient(loss, params, grads, rng)
