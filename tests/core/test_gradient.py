import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skdnn.core.batches import Data, DenseRows
from skdnn.core.buffers import Buffers
from skdnn.core.gradient import LossGradient, Slices, add_penalty, count_slices
from skdnn.core.losses import LOSSES
from skdnn.core.network import build
from skdnn.core.training import Plan


def problem(n_rows=40, n_members=1):
    rng = np.random.default_rng(0)
    network = build((5, 7, 3), ["tanh"])
    rows = DenseRows(rng.normal(size=(n_rows, 5)))
    data = Data(rows, rng.integers(0, 3, (n_rows, 1)), np.ones(n_rows))
    params = rng.normal(size=(n_members, network.n_parameters))
    plan = Plan(LOSSES["softmax"], None, None, 0.1, 1, n_rows)
    weights = rng.uniform(0, 1, (n_members, n_rows))
    return network, data, params, plan, weights


@pytest.mark.parametrize("n_slices", [2, 3, 7])
def test_slices_add_up_to_the_whole(n_slices):
    network, data, params, plan, weights = problem()
    rows = np.random.default_rng(1).permutation(40)[None]
    whole = LossGradient(network, data, params, plan)
    expected = whole(rows, weights)
    parts = [LossGradient(network, data, params, plan) for _ in range(n_slices)]
    with ThreadPoolExecutor(2) as executor:
        slices = Slices(parts, 40, executor.map)
        np.testing.assert_allclose(slices(rows, weights), expected, rtol=1e-12)
        np.testing.assert_allclose(slices.grads, whole.grads, rtol=1e-10, atol=1e-14)


def test_parameters_are_read_anew_at_every_call():
    network, data, params, plan, weights = problem()
    rows = np.arange(40)[None]
    loss_gradient = LossGradient(network, data, params, plan)
    before = loss_gradient(rows, weights)
    params *= 0
    # Without weights all three classes are as likely as each other.
    np.testing.assert_allclose(loss_gradient(rows, weights), weights.sum() * np.log(3))
    assert before != loss_gradient(rows, weights)


@given(
    n_members=st.integers(1, 4),
    n_batch_rows=st.integers(1, 10**6),
    n_parameters=st.integers(1, 10**8),
)
def test_only_large_batches_of_a_single_member_are_sliced(n_members, n_batch_rows, n_parameters):
    n_slices = count_slices(n_members == 1, n_batch_rows, n_parameters)
    assert 1 <= n_slices <= 8
    if n_members > 1 or n_batch_rows < 200 or n_batch_rows * n_parameters < 2**24:
        assert n_slices == 1
    if n_slices > 1:
        assert n_batch_rows // n_slices >= 100


def test_the_penalty_is_half_the_squared_norm_and_its_gradient_the_weights():
    weights = [np.array([[[3.0, 4.0]], [[1.0, 0.0]]]), np.array([[[1.0]], [[2.0]]])]
    grads = [np.ones_like(layer) for layer in weights]
    penalties = add_penalty(weights, grads, np.array([0.1, 2.0]), Buffers(np.float64))
    np.testing.assert_allclose(penalties, [0.05 * 26, 1.0 * 5])
    np.testing.assert_allclose(grads[0], [[[1.3, 1.4]], [[3.0, 1.0]]])
    np.testing.assert_allclose(grads[1], [[[1.1]], [[5.0]]])


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_the_steady_state_allocates_less_than_a_layer_of_a_batch(activation):
    rng = np.random.default_rng(0)
    network = build((50, 64, 3), [activation])
    data = Data(
        DenseRows(rng.normal(size=(1000, 50)).astype(np.float32)),
        rng.integers(0, 3, (1000, 1)),
        np.ones(1000),
    )
    params = rng.normal(size=(1, network.n_parameters)).astype(np.float32)
    plan = Plan(LOSSES["softmax"], None, None, 0.1, 1, 400)
    loss_gradient = LossGradient(network, data, params, plan)
    weights = np.full((1, 400), 1 / 400, np.float32)
    for step in range(3):
        rows = rng.permutation(1000)[None, :400]
        if step == 2:
            tracemalloc.start()
        loss_gradient(rows, weights)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 400 * 64 * 4 / 2
