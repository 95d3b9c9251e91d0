import numpy as np
import pytest
import scipy.sparse as sp
from gradients import assert_gradient, problems
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from skdnn.core.activations import ACTIVATIONS
from skdnn.core.expansion import Expansion
from skdnn.core.losses import LOSSES
from skdnn.core.network import build, connect, initialize

seeds = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=12)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@FEW
@given(data=st.data(), seed=seeds)
def test_backward_is_the_gradient_of_forward(activation, loss, data, seed):
    problem = data.draw(problems(activation, loss))
    assume(problem.is_smooth())
    grads, _ = problem.gradients()
    assert_gradient(
        lambda params: problem.values(params).sum(),
        problem.params,
        grads,
        np.random.default_rng(seed),
    )


@given(problem=problems(), seed=seeds)
def test_the_way_back_ends_at_the_gradient_of_the_inputs(problem, seed):
    assume(problem.is_smooth())
    _, grad_inputs = problem.gradients()
    assert_gradient(
        lambda inputs: problem.values(inputs=inputs).sum(),
        problem.inputs,
        grad_inputs,
        np.random.default_rng(seed),
    )


@settings(max_examples=100)
@given(problem=problems(dropout=True), seed=seeds)
def test_backward_is_the_gradient_of_forward_under_a_fixed_dropout_mask(problem, seed):
    assume(problem.is_smooth())
    grads, grad_inputs = problem.gradients()
    rng = np.random.default_rng(seed)
    assert_gradient(lambda x: problem.values(x).sum(), problem.params, grads, rng)
    assert_gradient(lambda x: problem.values(inputs=x).sum(), problem.inputs, grad_inputs, rng)


@given(problem=problems(), data=st.data())
def test_members_do_not_mix(problem, data):
    logits, grads = problem.forward()[0], problem.gradients()[0]
    changed = data.draw(st.integers(0, len(problem.params) - 1))
    params = problem.params.copy()
    params[changed] += 1
    other = problem._replace(params=params)
    same = np.arange(len(params)) != changed
    np.testing.assert_array_equal(other.forward()[0][same], logits[same])
    np.testing.assert_array_equal(other.gradients()[0][same], grads[same])
    assert not np.array_equal(other.forward()[0][changed], logits[changed])


@given(problem=problems())
def test_many_members_equal_as_many_networks(problem):
    logits, (grads, _) = problem.forward()[0], problem.gradients()
    for k in range(len(problem.params)):
        alone = problem._replace(
            **{
                name: getattr(problem, name)[k : k + 1]
                for name in ("params", "inputs", "targets", "weights")
            }
        )
        np.testing.assert_allclose(alone.forward()[0][0], logits[k], rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(alone.gradients()[0][0], grads[k], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_forward_is_dense_activation_dense(name):
    rng = np.random.default_rng(0)
    network = build((3, 4, 2), [name])
    params = rng.normal(size=(2, network.n_parameters))
    inputs = rng.normal(size=(2, 5, 3))
    logits, _ = network.forward(network.views(params), inputs.copy(), network.workspace(np.float64))
    for k in range(2):
        # The order of the flat array: weights, biases, layer by layer.
        first, first_bias, last, last_bias = np.split(params[k], [12, 16, 24])
        z = inputs[k] @ first.reshape(3, 4) + first_bias
        a = ACTIVATIONS[name].value(z, np.empty_like(z))
        np.testing.assert_allclose(logits[k], a @ last.reshape(4, 2) + last_bias, rtol=1e-12)


def test_inputs_shared_by_all_members_equal_copies_of_them():
    rng = np.random.default_rng(1)
    network = build((3, 4, 2), ["tanh"])
    views = network.views(rng.normal(size=(3, network.n_parameters)))
    inputs = rng.normal(size=(1, 5, 3))
    shared, _ = network.forward(views, inputs, network.workspace(np.float64))
    copied, _ = network.forward(views, np.repeat(inputs, 3, 0), network.workspace(np.float64))
    np.testing.assert_allclose(shared, copied, rtol=1e-12)


def gradients_of(network, params, inputs):
    logits, trace = network.forward(network.views(params), inputs, network.workspace(params.dtype))
    grads = np.full_like(params, np.nan)
    network.backward(trace, logits.copy(), network.views(grads))
    return logits, grads


@given(seed=seeds, hidden=st.lists(st.integers(1, 4), max_size=2), is_shared=st.booleans())
def test_sparse_rows_give_what_dense_rows_give(seed, hidden, is_shared):
    rng = np.random.default_rng(seed)
    widths, names = (5, *hidden, 2), ["gelu"] * len(hidden)
    dense, sparse = build(widths, names), build(widths, names, sparse=True)
    params = rng.normal(size=(2, dense.n_parameters))
    inputs = rng.normal(size=(1 if is_shared else 2, 6, 5)) * (rng.random((6, 5)) < 0.4)
    expected = gradients_of(dense, params, inputs)
    ours = gradients_of(sparse, params, [sp.csr_array(rows) for rows in inputs])
    for ours_array, expected_array in zip(ours, expected, strict=True):
        np.testing.assert_allclose(ours_array, expected_array, rtol=1e-10, atol=1e-12)


def test_an_expansion_gives_what_the_expanded_rows_give():
    rng = np.random.default_rng(2)
    expansion = Expansion(2, (3, 4))
    narrow = np.concatenate([rng.normal(size=(2, 9, 2)), rng.integers(-1, 4, (2, 9, 2))], axis=2)
    inside = build((9, 5, 2), ["silu"], expansion=expansion)
    outside = build((9, 5, 2), ["silu"])
    params = rng.normal(size=(2, outside.n_parameters))
    ours = gradients_of(inside, params, narrow)
    expected = gradients_of(outside, params, expansion(narrow))
    for ours_array, expected_array in zip(ours, expected, strict=True):
        np.testing.assert_allclose(ours_array, expected_array, rtol=1e-12)


@given(problem=problems())
def test_views_are_the_flat_array_itself(problem):
    network, params = problem.network, problem.params
    views = [view for of_layer in network.views(params) for view in of_layer]
    assert sum(view.size for view in views) == params.size == len(params) * network.n_parameters
    for number, view in enumerate(views):
        assert np.shares_memory(view, params)
        view[...] = number
    sizes = [view[0].size for view in views]
    np.testing.assert_array_equal(params, [np.repeat(np.arange(len(views)), sizes)] * len(params))


@pytest.mark.parametrize("rate", [0.0, 0.5])
def test_prediction_does_not_see_dropout(rate):
    rng = np.random.default_rng(3)
    with_dropout, without = build((3, 8, 2), ["relu"], rate), build((3, 8, 2), ["relu"])
    params = rng.normal(size=(2, without.n_parameters))
    inputs = rng.normal(size=(2, 5, 3))
    predicted, _ = with_dropout.forward(
        with_dropout.views(params), inputs, with_dropout.workspace(np.float64)
    )
    expected, _ = without.forward(without.views(params), inputs, without.workspace(np.float64))
    np.testing.assert_array_equal(predicted, expected)
    trained, _ = with_dropout.forward(
        with_dropout.views(params),
        inputs,
        with_dropout.workspace(np.float64),
        [np.random.default_rng(k) for k in range(2)],
    )
    assert np.array_equal(trained, expected) == (rate == 0)


def test_weights_are_views_without_the_biases():
    network = build((3, 4, 2), ["relu"], 0.5, expansion=Expansion(1, (2,)))
    flat = np.zeros((2, network.n_parameters), np.float32)
    for weights in network.weights(flat):
        weights[...] = 1
    # 3 x 4 weights, 4 biases, 4 x 2 weights, 2 biases.
    expected = [1] * 12 + [0] * 4 + [1] * 8 + [0] * 2
    np.testing.assert_array_equal(flat, [expected, expected])


def test_widths_are_those_it_was_built_with():
    for sparse in (False, True):
        assert build((3, 4, 5, 2), ["relu", "tanh"], 0.1, sparse=sparse).widths == (3, 4, 5, 2)
    assert build((3, 2), [], 0.1).widths == (3, 2)


def test_initialize_scales_the_draw_of_each_member_and_clears_biases():
    network = build((3, 4, 2), ["relu"])
    params = np.full((2, network.n_parameters), np.nan)
    initialize(
        network,
        params,
        [np.random.default_rng(k) for k in range(2)],
        ["normal", "zeros"],
        [0.01, 1.0],
    )
    for k in range(2):
        drawn = np.random.default_rng(k).standard_normal((3, 4))
        np.testing.assert_array_equal(network.dense(params)[0][0][k], 0.01 * drawn)
    np.testing.assert_array_equal(params[:, 12:], 0)


def test_a_network_with_a_selective_layer_has_a_plain_twin():
    rng = np.random.default_rng(3)
    expansion = Expansion(2, (3,), (4,))
    network = build((9, 5, 2), ["tanh"], expansion=expansion, selective=True)
    plain = build((9, 5, 2), ["tanh"], expansion=expansion)
    params = rng.normal(size=(3, network.n_parameters))
    rows = np.column_stack([rng.normal(size=(7, 2)), 4 * rng.random(7), rng.integers(-1, 3, 7)])
    ours, _ = network.forward(network.views(params), rows[None], network.workspace(np.float64))
    views = plain.views(network.plain(params))
    theirs, _ = plain.forward(views, rows[None], plain.workspace(np.float64))
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_a_plain_network_is_its_own_plain_twin():
    network = build((3, 4, 2), ["tanh"])
    params = np.ones((1, network.n_parameters))
    assert network.plain(params) is params


def test_units_are_connected_to_a_share_of_the_columns_and_keep_their_variance():
    expansion = Expansion(20, (3,) * 10, (5,) * 10)
    network = build((100, 400, 2), ["relu"], expansion=expansion, selective=True)
    params = np.zeros((2, network.n_parameters))
    rngs = [np.random.default_rng(seed) for seed in range(2)]
    initialize(network, params, rngs, ["normal", "normal"], [1.0, 1.0])
    connect(network, params, rngs, 0.3)
    weights = network.weights(params)[0]
    starts = np.cumsum((0, *expansion.column_widths[:-1]))
    n_connected = np.add.reduceat(weights != 0, starts, axis=1)
    widths = np.array(expansion.column_widths)[None, :, None]
    assert ((n_connected == 0) | (n_connected == widths)).all()
    assert abs((n_connected > 0).mean() - 0.3) < 0.02
    assert abs((weights**2).sum(axis=1).mean() - 100) < 5
    assert ((weights[0] != 0) != (weights[1] != 0)).any()


def test_a_unit_without_any_column_has_all_of_them():
    network = build((2, 50, 2), ["relu"], selective=True)
    params = np.ones((1, network.n_parameters))
    connect(network, params, [np.random.default_rng(0)], 1e-9)
    assert (network.weights(params)[0] == 1).all()
