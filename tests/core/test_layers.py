import numpy as np
import pytest
import scipy.sparse as sp
from gradients import assert_gradient
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import OneHotEncoder

from skdnn.core.activations import ACTIVATIONS
from skdnn.core.buffers import Buffers
from skdnn.core.expansion import Expansion
from skdnn.core.layers import Dense, Dropout, Elementwise, Expand, SelectiveDense, SparseDense

seeds = st.integers(0, 2**32 - 1)


def generators(n_members, seed=0):
    streams = np.random.SeedSequence(seed).spawn(n_members)
    return [np.random.Generator(np.random.SFC64(stream)) for stream in streams]


def dense_problem(seed, n_members=3, n_rows=5, fan_in=4, fan_out=2, n_input_members=None):
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(n_input_members or n_members, n_rows, fan_in))
    params = rng.normal(size=(n_members, fan_in, fan_out)), rng.normal(size=(n_members, 1, fan_out))
    return rng, inputs, params, rng.normal(size=(n_members, n_rows, fan_out))


def way_back_of_dense(layer, params, inputs, grad_outputs):
    _, way_back = layer.forward(params, inputs, Buffers(np.float64))
    grads = tuple(np.full_like(array, np.nan) for array in params)
    way_back.to_params(grad_outputs, grads)
    return grads, way_back


@given(
    seed=seeds,
    n_members=st.integers(1, 4),
    n_rows=st.integers(1, 5),
    fan_in=st.integers(1, 5),
    fan_out=st.integers(1, 5),
    is_shared=st.booleans(),
)
def test_dense_is_an_affine_map_of_each_member(seed, n_members, n_rows, fan_in, fan_out, is_shared):
    _, inputs, params, _ = dense_problem(
        seed, n_members, n_rows, fan_in, fan_out, 1 if is_shared else None
    )
    outputs, _ = Dense(fan_in, fan_out).forward(params, inputs, Buffers(np.float64))
    for k in range(n_members):
        own = inputs[0 if is_shared else k]
        for row in range(n_rows):
            expected = [own[row] @ params[0][k, :, j] + params[1][k, 0, j] for j in range(fan_out)]
            np.testing.assert_allclose(outputs[k, row], expected, rtol=1e-10, atol=1e-12)


@given(seed=seeds, is_shared=st.booleans())
def test_dense_goes_back_to_weights_biases_and_inputs(seed, is_shared):
    rng, inputs, params, grad_outputs = dense_problem(seed, n_input_members=1 if is_shared else 3)
    layer = Dense(4, 2)
    (grad_weights, grad_bias), way_back = way_back_of_dense(layer, params, inputs, grad_outputs)
    grad_inputs = way_back.to_inputs(grad_outputs)

    def total(weights, bias, at):
        return np.vdot(grad_outputs, layer.forward((weights, bias), at, Buffers(np.float64))[0])

    weights, bias = params
    assert_gradient(lambda x: total(x, bias, inputs), weights, grad_weights, rng)
    assert_gradient(lambda x: total(weights, x, inputs), bias, grad_bias, rng)
    wide = np.broadcast_to(inputs, grad_inputs.shape).copy()
    assert_gradient(lambda x: total(weights, bias, x), wide, grad_inputs, rng)


@given(seed=seeds, is_shared=st.booleans())
def test_a_sparse_first_layer_equals_a_dense_one(seed, is_shared):
    rng, inputs, params, grad_outputs = dense_problem(seed, n_input_members=1 if is_shared else 3)
    inputs[rng.random(inputs.shape) < 0.6] = 0
    as_csr = [sp.csr_array(rows) for rows in inputs]
    dense_outputs, _ = Dense(4, 2).forward(params, inputs, Buffers(np.float64))
    outputs, _ = SparseDense(4, 2).forward(params, as_csr, Buffers(np.float64))
    np.testing.assert_allclose(outputs, dense_outputs, rtol=1e-12, atol=1e-14)
    dense_grads, _ = way_back_of_dense(Dense(4, 2), params, inputs, grad_outputs)
    grads, way_back = way_back_of_dense(SparseDense(4, 2), params, as_csr, grad_outputs)
    for ours, theirs in zip(grads, dense_grads, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)
    assert way_back.to_inputs is None


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_elementwise_goes_back_to_its_inputs(name):
    rng = np.random.default_rng(0)
    z = rng.normal(size=(2, 5, 3))
    z += np.sign(z) * 1e-3
    grad_outputs = rng.normal(size=z.shape)
    layer = Elementwise(ACTIVATIONS[name])
    _, way_back = layer.forward((), z.copy(), Buffers(np.float64))
    grad = way_back.to_inputs(grad_outputs.copy())

    def total(at):
        return np.vdot(grad_outputs, layer.forward((), at.copy(), Buffers(np.float64))[0])

    assert_gradient(total, z, grad, rng)


@given(
    seed=seeds,
    n_numbers=st.integers(0, 3),
    n_levels=st.lists(st.integers(1, 4), min_size=1, max_size=3),
)
def test_expand_gives_the_one_hot_columns_of_scikit_learn(seed, n_numbers, n_levels):
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(2, 6, n_numbers))
    # One below and one above the known levels: unseen.
    codes = np.stack([rng.integers(-1, n + 1, (2, 6)) for n in n_levels], axis=-1)
    encoder = OneHotEncoder(
        categories=[np.arange(n) for n in n_levels], handle_unknown="ignore", sparse_output=False
    ).fit(np.zeros((1, len(n_levels)), int))
    hot = encoder.transform(codes.reshape(12, -1)).reshape(2, 6, -1)
    layer = Expand(Expansion(n_numbers, tuple(n_levels)))
    outputs, way_back = layer.forward(
        (), np.concatenate([numbers, codes], axis=-1), Buffers(np.float64)
    )
    np.testing.assert_array_equal(outputs, np.concatenate([numbers, hot], axis=-1))
    assert way_back == (None, None)


def test_expand_leaves_nothing_of_an_earlier_batch_in_its_buffer():
    layer, buffers = Expand(Expansion(0, (3,))), Buffers(np.float64)
    layer.forward((), np.array([[[0.0], [1.0]]]), buffers)
    outputs, _ = layer.forward((), np.array([[[2.0], [-1.0]]]), buffers)
    np.testing.assert_array_equal(outputs, [[[0, 0, 1], [0, 0, 0]]])


@pytest.mark.parametrize("rate", [0.1, 0.25, 0.5, 0.9])
def test_dropout_drops_its_share_and_keeps_the_mean(rate):
    n_units = 300 * 400
    inputs = np.ones((2, 300, 400))
    outputs, _ = Dropout(rate).forward((), inputs, Buffers(np.float64), generators(2))
    spread = np.sqrt(rate * (1 - rate) / n_units)
    for member in outputs:
        assert abs((member == 0).mean() - rate) < 5 * spread
        assert abs(member.mean() - 1) < 5 * spread / (1 - rate)
        np.testing.assert_allclose(np.unique(member), [0, 1 / (1 - rate)], rtol=1e-3)


def test_dropout_draws_units_independently():
    outputs, _ = Dropout(0.5).forward((), np.ones((2, 500, 64)), Buffers(np.float64), generators(2))
    masks = np.concatenate([outputs[0], outputs[1]], axis=1) > 0
    correlations = np.corrcoef(masks, rowvar=False)[np.triu_indices(128, 1)]
    # About 8,000 correlations of standard deviation 1 / sqrt(500): none is near to 1.
    assert np.abs(correlations).max() < 6 / np.sqrt(500)


def test_dropout_goes_back_through_the_same_mask():
    rng = np.random.default_rng(1)
    inputs, grad_outputs = rng.normal(size=(2, 2, 30, 5))
    layer = Dropout(0.4)
    outputs, way_back = layer.forward((), inputs, Buffers(np.float64), generators(2))
    np.testing.assert_allclose(
        way_back.to_inputs(grad_outputs.copy()), grad_outputs * (outputs / inputs), rtol=1e-12
    )


def test_dropout_leaves_its_inputs_alone():
    # The activation before it needs its own output on the way back.
    inputs = np.ones((1, 20, 5))
    Dropout(0.5).forward((), inputs, Buffers(np.float64), generators(1))
    np.testing.assert_array_equal(inputs, 1)


@pytest.mark.parametrize(("rate", "rngs"), [(0.5, None), (0.0, generators(1))])
def test_dropout_does_nothing_when_predicting_or_at_rate_zero(rate, rngs):
    inputs, grads = np.random.default_rng(2).normal(size=(2, 1, 20, 5))
    outputs, way_back = Dropout(rate).forward((), inputs.copy(), Buffers(np.float64), rngs)
    np.testing.assert_array_equal(outputs, inputs)
    np.testing.assert_array_equal(way_back.to_inputs(grads.copy()), grads)


def selective(rng, n_members=2, widths=(1, 3, 2), fan_out=4):
    layer = SelectiveDense(sum(widths), fan_out, widths)
    params = [rng.normal(size=(n_members, *shape)) for shape in layer.shapes]
    params[0][rng.random(params[0].shape) < 0.3] = 0
    return layer, params


def test_a_selective_layer_is_a_dense_one_with_scaled_weights():
    rng = np.random.default_rng(0)
    layer, params = selective(rng)
    inputs = rng.normal(size=(2, 5, 6))
    outputs, _ = layer.forward(params, inputs, Buffers(np.float64))
    columns = 1 + 10 * params[2][:, 0]
    factors = columns[:, [0, 1, 1, 1, 2, 2]]
    expected = np.matmul(inputs * factors[:, None], params[0]) + params[1]
    np.testing.assert_allclose(outputs, expected, rtol=1e-12)
    np.testing.assert_allclose(np.matmul(inputs, layer.weights(params)) + params[1], expected)


def test_gradients_of_a_selective_layer_are_numerical_ones_but_where_weights_are_zero():
    rng = np.random.default_rng(1)
    layer, params = selective(rng)
    inputs, slopes = rng.normal(size=(2, 5, 6)), rng.normal(size=(2, 5, 4))

    def value(index, array):
        changed = [*params[:index], array, *params[index + 1 :]]
        return np.vdot(layer.forward(changed, inputs, Buffers(np.float64))[0], slopes)

    _, way_back = layer.forward(params, inputs, Buffers(np.float64))
    grads = [np.empty_like(array) for array in params]
    way_back.to_params(slopes, grads)
    assert (grads[0][params[0] == 0] == 0).all()
    for index, (array, grad) in enumerate(zip(params, grads, strict=True)):
        numeric = np.zeros_like(array)
        for place in np.ndindex(array.shape):
            step = np.zeros_like(array)
            step[place] = 1e-6
            numeric[place] = (value(index, array + step) - value(index, array - step)) / 2e-6
        if index == 0:
            numeric[array == 0] = 0
        np.testing.assert_allclose(grad, numeric, rtol=1e-6, atol=1e-6)
