import numpy as np
import pytest
import scipy.sparse as sp
from gradient_checks import (
    Problem,
    all_compact,
    encoded_rows,
    forward_once,
    problems,
    random_targets,
    random_weights,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from skdnn.core import encoded_kernels
from skdnn.core.activations import ACTIVATIONS
from skdnn.core.batches import SparseBatch
from skdnn.core.compiling import has_numba
from skdnn.core.encoded_rows import Expansion, expand
from skdnn.core.layers import FEWEST_INPUTS
from skdnn.core.losses import LOSSES
from skdnn.core.network import build, build_sparse, connect, initialize
from skdnn.core.tape import Tape

seeds = st.integers(0, 2**32 - 1)
FEW = settings(max_examples=12)
needs_numba = pytest.mark.skipif(not has_numba(), reason="numba is not installed")
ENGINES = pytest.mark.parametrize(
    "is_compiled", [False, pytest.param(True, marks=needs_numba)], ids=["numpy", "numba"]
)


@ENGINES
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@FEW
@given(data=st.data(), seed=seeds)
def test_backward_is_the_gradient_of_forward(activation, loss, is_compiled, data, seed):
    problem = data.draw(problems(activation, loss))
    assume(problem.is_smooth())
    problem.assert_gradients(np.random.default_rng(seed), is_compiled)


@ENGINES
@given(problem=problems(), seed=seeds)
def test_the_backward_pass_ends_at_the_gradient_of_the_inputs(problem, is_compiled, seed):
    assume(problem.is_smooth())
    problem.assert_gradients(np.random.default_rng(seed), is_compiled, wants_inputs=True)


@ENGINES
@settings(max_examples=60)
@given(problem=problems(dropout=True), seed=seeds)
def test_backward_is_the_gradient_of_forward_under_fixed_dropout(problem, is_compiled, seed):
    assume(problem.is_smooth())
    problem.assert_gradients(np.random.default_rng(seed), is_compiled, wants_inputs=True)


@ENGINES
@pytest.mark.parametrize("dropout", [False, True])
@settings(max_examples=60)
@given(data=st.data(), seed=seeds)
def test_encoded_rows_go_back_to_every_parameter(dropout, is_compiled, data, seed):
    problem = data.draw(problems(dropout=dropout, encoded=True))
    assume(problem.is_smooth())
    problem.assert_gradients(np.random.default_rng(seed), is_compiled)


@needs_numba
@pytest.mark.parametrize("dropout", [False, True])
@settings(max_examples=60)
@given(data=st.data())
def test_compiled_passes_equal_those_of_numpy(dropout, data):
    problem = data.draw(problems(dropout=dropout, encoded=True))
    compiled, by_numpy = problem.play(is_compiled=True), problem.play()
    for ours, theirs in zip(compiled[:3], by_numpy[:3], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-11)


@given(problem=problems(), data=st.data())
def test_members_do_not_mix(problem, data):
    played = problem.play()
    changed = data.draw(st.integers(0, len(problem.params) - 1))
    params = problem.params.copy()
    params[changed] += 1
    other = problem.play(params=params)
    same = np.arange(len(params)) != changed
    np.testing.assert_array_equal(other.logits[same], played.logits[same])
    np.testing.assert_array_equal(other.grads[same], played.grads[same])
    assert not np.array_equal(other.logits[changed], played.logits[changed])


@given(problem=problems())
def test_many_members_equal_as_many_networks(problem):
    played = problem.play()
    for k in range(len(problem.params)):
        alone = problem._replace(
            **{
                name: getattr(problem, name)[k : k + 1]
                for name in ("params", "inputs", "targets", "weights")
            }
        ).play()
        for ours, of_all in zip(alone[:3], played[:3], strict=True):
            np.testing.assert_allclose(ours[0], of_all[k], rtol=1e-10, atol=1e-12)


def test_passes_read_parameters_and_inputs_anew_at_every_replay():
    rng = np.random.default_rng(5)
    network = build((3, 4, 2), ["tanh"])
    params, other = rng.normal(size=(2, 2, network.n_parameters))
    inputs, other_inputs = rng.normal(size=(2, 2, 5, 3))
    expected = forward_once(network, other, other_inputs)
    tape = Tape(params)
    logits, _ = network.forward(tape, inputs)
    tape.play()
    assert not np.array_equal(logits, expected)
    params[...], inputs[...] = other, other_inputs
    tape.play()
    np.testing.assert_array_equal(logits, expected)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_forward_is_dense_activation_dense(name):
    rng = np.random.default_rng(0)
    network = build((3, 4, 2), [name])
    params = rng.normal(size=(2, network.n_parameters))
    inputs = rng.normal(size=(2, 5, 3))
    logits = forward_once(network, params, inputs)
    for k in range(2):
        # The order of the flat array: weights, biases, layer by layer.
        first, first_bias, last, last_bias = np.split(params[k], [12, 16, 24])
        z = inputs[k] @ first.reshape(3, 4) + first_bias
        a = ACTIVATIONS[name].value(z, np.float64)
        np.testing.assert_allclose(logits[k], a @ last.reshape(4, 2) + last_bias, rtol=1e-12)


def test_inputs_shared_by_all_members_equal_copies_of_them():
    rng = np.random.default_rng(1)
    network = build((3, 4, 2), ["tanh"])
    params = rng.normal(size=(3, network.n_parameters))
    inputs = rng.normal(size=(1, 5, 3))
    shared = forward_once(network, params, inputs)
    copied = forward_once(network, params, np.repeat(inputs, 3, 0))
    np.testing.assert_allclose(shared, copied, rtol=1e-12)


def gradients_of(network, params, inputs, is_compiled=False):
    """Return logits, and the gradient of half the sum of their squares."""
    tape = Tape(params, np.full_like(params, np.nan), is_compiled)
    outputs, backward = network.forward(tape, inputs)
    logits = np.empty_like(outputs)
    tape.call(np.copyto, logits, outputs)
    backward(outputs)
    tape.play()
    return logits, tape.grads


@ENGINES
@given(seed=seeds, hidden=st.lists(st.integers(1, 4), max_size=2), is_shared=st.booleans())
def test_sparse_rows_give_what_dense_rows_give(is_compiled, seed, hidden, is_shared):
    rng = np.random.default_rng(seed)
    widths, names = (5, *hidden, 2), ["gelu"] * len(hidden)
    dense, sparse = build(widths, names), build_sparse(widths, names)
    params = rng.normal(size=(2, dense.n_parameters))
    inputs = rng.normal(size=(1 if is_shared else 2, 6, 5)) * (rng.random((6, 5)) < 0.4)
    wide = np.broadcast_to(inputs, (2, 6, 5)).copy()
    batch = SparseBatch(6, [sp.csr_array(rows) for rows in inputs])
    expected = gradients_of(dense, params, wide, is_compiled)
    ours = gradients_of(sparse, params, batch, is_compiled)
    for ours_array, expected_array in zip(ours, expected, strict=True):
        np.testing.assert_allclose(ours_array, expected_array, rtol=1e-10, atol=1e-12)


def test_sparse_rows_go_back_to_every_parameter():
    rng = np.random.default_rng(6)
    for loss in LOSSES:
        n_outputs = 1 if loss == "sigmoid" else 3
        network = build_sparse((5, 4, n_outputs), ["silu"], dropout=0.3)
        arrays = rng.normal(size=(2, 6, 5)) * (rng.random((2, 6, 5)) < 0.4)
        batch = SparseBatch(6, [sp.csr_array(rows) for rows in arrays])
        problem = Problem(
            network,
            rng.normal(size=(2, network.n_parameters)),
            batch,
            random_targets(rng, loss, (2, 6), n_outputs),
            random_weights(rng, 2, 6),
            LOSSES[loss],
            0.1,
        )
        problem.assert_gradients(rng)


@ENGINES
@pytest.mark.parametrize("is_compact", [False, True])
def test_an_expansion_gives_what_the_expanded_rows_give(is_compact, is_compiled):
    rng = np.random.default_rng(2)
    expansion = Expansion(2, (3, 4), (5, 1))
    narrow = encoded_rows(rng, expansion, (2, 40))
    widths = (expansion.n_outputs, 5, 2)
    if is_compact:
        with all_compact():
            inside = build(widths, ["silu"], expansion=expansion)
    else:
        inside = build(widths, ["silu"], expansion=expansion)
    outside = build(widths, ["silu"])
    params = rng.normal(size=(2, outside.n_parameters))
    ours = gradients_of(inside, params, narrow, is_compiled)
    expected = gradients_of(outside, params, expansion(narrow))
    for ours_array, expected_array in zip(ours, expected, strict=True):
        np.testing.assert_allclose(ours_array, expected_array, rtol=1e-10, atol=1e-12)


@needs_numba
@pytest.mark.parametrize(
    ("n_bins", "input_dropout", "is_compact"),
    [(FEWEST_INPUTS - 1, 0.0, False), (FEWEST_INPUTS, 0.0, True), (FEWEST_INPUTS, 0.2, False)],
)
def test_columns_of_many_inputs_are_not_widened_where_kernels_are_compiled(
    n_bins, input_dropout, is_compact
):
    expansion = Expansion(1, (), (n_bins,) * 2)
    network = build((expansion.n_outputs, 3, 2), ["relu"], 0.0, expansion, input_dropout)
    params = np.zeros((1, network.n_parameters))
    tape = Tape(params, np.zeros_like(params), is_compiled=True)
    rows = np.zeros((1, 4, expansion.n_inputs))
    network.forward(tape, rows)[1](np.zeros((1, 4, 2)))
    called = {function for function, _ in tape.calls}
    assert (encoded_kernels.add_bins._dispatcher in called) == is_compact
    assert (encoded_kernels.bin_gradients._dispatcher in called) == is_compact
    assert (expand._dispatcher in called) != is_compact


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
    predicted = forward_once(with_dropout, params, inputs)
    expected = forward_once(without, params, inputs)
    np.testing.assert_array_equal(predicted, expected)
    trained = forward_once(with_dropout, params, inputs, seed=0)
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
    for make in (build, build_sparse):
        assert make((3, 4, 5, 2), ["relu", "tanh"], 0.1).widths == (3, 4, 5, 2)
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


def test_a_network_that_scales_columns_has_a_plain_twin():
    rng = np.random.default_rng(3)
    expansion = Expansion(2, (3,), (4,))
    network = build((9, 5, 2), ["tanh"], expansion=expansion, is_scaled=True)
    plain = build((9, 5, 2), ["tanh"], expansion=expansion)
    params = rng.normal(size=(3, network.n_parameters))
    rows = encoded_rows(rng, expansion, (1, 7))
    ours = forward_once(network, params, rows)
    theirs = forward_once(plain, network.plain(params), rows)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_a_plain_network_is_its_own_plain_twin():
    network = build((3, 4, 2), ["tanh"])
    params = np.ones((1, network.n_parameters))
    assert network.plain(params) is params


def test_units_are_connected_to_a_share_of_the_columns_and_keep_their_variance():
    expansion = Expansion(20, (3,) * 10, (5,) * 10)
    network = build((100, 400, 2), ["relu"], expansion=expansion, is_scaled=True)
    params = np.zeros((2, network.n_parameters))
    rngs = [np.random.default_rng(seed) for seed in range(2)]
    initialize(network, params, rngs, ["normal", "normal"], [1.0, 1.0])
    connect(network, params, rngs, np.full((2, 40), 0.3))
    weights = network.weights(params)[0]
    starts = np.cumsum((0, *expansion.column_widths[:-1]))
    n_connected = np.add.reduceat(weights != 0, starts, axis=1)
    widths = np.array(expansion.column_widths)[None, :, None]
    assert ((n_connected == 0) | (n_connected == widths)).all()
    assert abs((n_connected > 0).mean() - 0.3) < 0.02
    assert abs((weights**2).sum(axis=1).mean() - 100) < 5
    assert ((weights[0] != 0) != (weights[1] != 0)).any()


def test_a_unit_without_any_column_has_all_of_them():
    network = build((2, 50, 2), ["relu"], is_scaled=True)
    params = np.ones((1, network.n_parameters))
    connect(network, params, [np.random.default_rng(0)], np.full((1, 2), 1e-9))
    assert (network.weights(params)[0] == 1).all()


def test_a_column_of_share_0_has_no_connections_and_the_others_keep_the_variance():
    network = build((4, 50, 2), ["relu"], is_scaled=True)
    params = np.ones((2, network.n_parameters))
    shares = np.array([[1e-9, 0, 1e-9, 0], [1, 1, 1, 1]])
    connect(network, params, [np.random.default_rng(0)] * 2, shares)
    weights = network.weights(params)[0]
    np.testing.assert_allclose(weights[0], np.sqrt([[2], [0], [2], [0]]) * np.ones(50), rtol=1e-6)
    np.testing.assert_array_equal(weights[1], 1)


def test_the_gradient_of_the_table_is_not_computed_in_training():
    network = build((3, 4, 2), ["relu"])
    params = np.zeros((2, network.n_parameters))
    tape = Tape(params, np.zeros_like(params))
    logits, backward = network.forward(tape, np.zeros((2, 5, 3)))
    backward(logits)
    # Two products forward, two for the weights, and one back to the hidden layer.
    assert [function for function, _ in tape.calls].count(np.matmul) == 5
