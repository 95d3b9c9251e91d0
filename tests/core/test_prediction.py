import numpy as np
import pytest
import scipy.sparse as sp

from skdnn.core.batches import DenseRows, SparseRows
from skdnn.core.network import build, build_sparse
from skdnn.core.prediction import (
    CACHED_ACTIVATIONS,
    FEW_ROWS,
    LARGEST_BLOCK,
    SMALLEST_BLOCK,
    ForwardPass,
    predict_logits,
)


def make(n_rows, n_members=2, dtype=np.float64, seed=0):
    rng = np.random.default_rng(seed)
    network = build((4, 6, 3), ["tanh"])
    params = rng.normal(size=(n_members, network.n_parameters)).astype(dtype)
    return network, params, rng.normal(size=(n_rows, 4)).astype(dtype)


def by_hand(network, params, array):
    """Return the logits of each member, in float64."""
    logits = []
    for (first, first_bias), (last, last_bias) in zip(
        *(zip(*layer, strict=True) for layer in network.dense(params.astype(float))), strict=True
    ):
        logits.append(np.tanh(array @ first + first_bias) @ last + last_bias)
    return np.stack(logits)


@pytest.mark.parametrize(
    "n_rows",
    [1, 7, FEW_ROWS, FEW_ROWS + 1, LARGEST_BLOCK, LARGEST_BLOCK + 1, 2 * LARGEST_BLOCK + 5],
)
@pytest.mark.parametrize("kind", [DenseRows, SparseRows])
def test_blocks_put_together_are_the_forward_pass(kind, n_rows):
    network, params, array = make(n_rows)
    if kind is SparseRows:
        network = build_sparse((4, 6, 3), ["tanh"])
    rows = kind(array if kind is DenseRows else sp.csr_array(array))
    logits, end = [], 0
    for span, block in predict_logits(network, params, rows, n_rows):
        assert span.start == end
        end = span.stop
        assert block.shape == (2, end - span.start, 3)
        logits.append(block.copy())
    assert end == n_rows
    expected = by_hand(network, params, array)
    np.testing.assert_allclose(np.concatenate(logits, 1), expected, rtol=1e-9, atol=1e-12)


def test_logits_are_float64_and_blocks_do_not_share_memory():
    network, params, array = make(LARGEST_BLOCK + 3, dtype=np.float32)
    first, second = (
        logits for _, logits in predict_logits(network, params, DenseRows(array), len(array))
    )
    assert first.dtype == second.dtype == np.float64
    np.testing.assert_allclose(first, by_hand(network, params, array[:LARGEST_BLOCK]), atol=1e-4)
    np.testing.assert_allclose(second, by_hand(network, params, array[LARGEST_BLOCK:]), atol=1e-4)


@pytest.mark.parametrize(("n_members", "width"), [(1, 4), (8, 128), (3, 4000), (900, 900)])
def test_a_block_is_bounded_in_rows_and_in_cells(n_members, width):
    network = build((4, width, 3), ["tanh"])
    params = np.zeros((n_members, network.n_parameters), np.float32)
    size = ForwardPass(network, params).block_size
    assert SMALLEST_BLOCK <= size <= LARGEST_BLOCK
    assert LARGEST_BLOCK % size == 0
    assert size == SMALLEST_BLOCK or size * n_members * width <= CACHED_ACTIVATIONS


def test_a_span_says_where_in_the_table_the_rows_are():
    network, params, array = make(20)
    ((span, logits),) = ForwardPass(network, params)(DenseRows(array[5:]), slice(5, 20), True)
    assert span == slice(5, 20)
    np.testing.assert_allclose(logits, by_hand(network, params, array)[:, 5:], rtol=1e-9)


@pytest.mark.parametrize("precise", [False, True])
def test_parameters_kept_in_float64_change_no_bit(precise):
    network, params, array = make(30, dtype=np.float32)
    forwards = ForwardPass(network, params, params.astype(float)), ForwardPass(network, params)
    ((_, kept),), ((_, converted),) = (
        forward(DenseRows(array), slice(0, 30), precise) for forward in forwards
    )
    np.testing.assert_array_equal(kept, converted)


def test_few_rows_are_computed_in_float64():
    network, params, array = make(FEW_ROWS, dtype=np.float32)
    ((_, logits),) = predict_logits(network, params, DenseRows(array), len(array))
    expected = by_hand(network, params, array.astype(float))
    np.testing.assert_allclose(logits, expected, rtol=1e-9, atol=1e-12)


def test_rows_that_overflow_in_float32_are_computed_again_in_float64():
    network, params, array = make(FEW_ROWS + 1, dtype=np.float32)
    network = build((4, 6, 3), ["relu"])
    params[:] = np.abs(params)
    array[5] = 1e38
    ((_, logits),) = predict_logits(network, params, DenseRows(array), len(array))
    weights = [of_layer[0].astype(float) for of_layer in network.dense(params)]
    expected = np.stack([array[5].astype(float) @ a @ b for a, b in zip(*weights, strict=True)])
    assert expected.max() > np.finfo(np.float32).max
    np.testing.assert_allclose(logits[:, 5], expected, rtol=1e-9)
    assert np.isfinite(logits).all()


@pytest.mark.parametrize("n_rows", [9, FEW_ROWS + 9])
def test_logits_that_overflow_in_float64_are_an_error_that_says_which_rows(n_rows):
    _, params, array = make(n_rows)
    network = build((4, 6, 3), ["relu"])
    params[:] = np.abs(params) * 1e10
    array[3] = 1e300
    with pytest.raises(ValueError, match=f"overflow for rows 0 to {n_rows - 1}.*Scale it"):
        list(predict_logits(network, params, DenseRows(array), n_rows))


def test_no_rows_give_no_blocks():
    network, params, array = make(0)
    assert list(predict_logits(network, params, DenseRows(array), 0)) == []


def test_a_row_that_overflows_in_float32_is_computed_again_from_its_own_inputs():
    rng = np.random.default_rng(3)
    network = build((4, 6, 3), ["relu"])
    params = rng.normal(size=(2, network.n_parameters)).astype(np.float32)
    array = rng.normal(size=(2 * LARGEST_BLOCK + 50, 4)).astype(np.float32)
    array[LARGEST_BLOCK + 7] = 1e38
    forward = ForwardPass(network, params)
    span = slice(LARGEST_BLOCK - 5, len(array))
    with np.errstate(over="ignore"):
        blocks = list(forward(DenseRows(array[span]), span, False))
    logits = np.concatenate([block.copy() for _, block in blocks], axis=1)
    (expected,) = (
        block
        for _, block in predict_logits(
            network,
            params.astype(float),
            DenseRows(array[None, LARGEST_BLOCK + 7].astype(float)),
            1,
        )
    )
    np.testing.assert_allclose(logits[:, 12], expected[:, 0], rtol=1e-6)
