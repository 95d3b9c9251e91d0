import tracemalloc

import numpy as np
import pytest
from backends import compiled
from hypothesis import given
from hypothesis import strategies as st

from skdnn.core.batches import Data, DenseRows
from skdnn.core.compiling import backend, has_numba
from skdnn.core.losses import LOSSES
from skdnn.core.network import build
from skdnn.core.optimizers import OPTIMIZERS
from skdnn.core.schedules import SCHEDULES
from skdnn.core.steps import (
    Members,
    Steps,
    add_penalty,
    count_slices,
    decay_bounds,
    record_gradient,
)
from skdnn.core.training import Plan, Split, make_job
from skdnn.core.workers import ALONE, Workers

needs_numba = pytest.mark.skipif(not has_numba(), reason="numba is not installed")
N_ROWS = 40


@pytest.fixture(
    autouse=True, params=[False, pytest.param(True, marks=needs_numba)], ids=["numpy", "numba"]
)
def _engine(request):
    with compiled(request.param):
        yield


def problem(n_members=1, dropout=0.0, workers=ALONE, is_alone=True, **options):
    """Return a job, parameters, and rows of a batch that has all of them."""
    rng = np.random.default_rng(0)
    network = build((5, 7, 3), ["tanh"], dropout)
    rows = DenseRows(rng.normal(size=(N_ROWS, 5)))
    data = Data(rows, rng.integers(0, 3, (N_ROWS, 1)), rng.uniform(0.1, 2, N_ROWS))
    params = rng.normal(size=(n_members, network.n_parameters))
    defaults = {"rule": OPTIMIZERS["gd"](), "shuffle": True, "batch_size": N_ROWS}
    options = {**defaults, **options}
    plan = Plan(
        LOSSES["softmax"], schedule=SCHEDULES["constant"], learning_rate=0.1, n_epochs=1, **options
    )
    split = Split(data, [np.arange(N_ROWS)] * n_members)
    return make_job(network, split, plan, workers, is_alone=is_alone), params


def make_steps(job, params):
    """Return the steps of members that all see all rows."""
    n_members = len(params)
    rngs = [np.random.Generator(np.random.SFC64(k)) for k in range(n_members)]
    memory = [np.zeros_like(params) for _ in job.plan.rule.memory]
    rates, rows = np.ones((n_members, 1)), [np.arange(N_ROWS)] * n_members
    return Steps(job, Members(params, memory, rates, np.zeros(n_members), rngs, rows, []))


def sliced(monkeypatch, n_slices):
    monkeypatch.setattr("skdnn.core.steps.SLICES", ((0, 8),))
    monkeypatch.setattr("skdnn.core.steps.SLICE_ROWS", N_ROWS // n_slices)


@pytest.mark.parametrize("n_workers", [1, 2, 3])
@pytest.mark.parametrize("n_slices", [2, 3, 8])
def test_slices_add_up_to_the_whole(n_slices, n_workers, monkeypatch):
    options = {"alpha": 3.0, "max_grad_norm": 0.7, "shuffle": False}
    whole = make_steps(*problem(**options))
    assert len(whole.parts) == 1
    expected = whole.epoch([0.1], 0)
    sliced(monkeypatch, n_slices)
    with Workers(n_workers) as workers:
        steps = make_steps(*problem(workers=workers, **options))
        assert len(steps.parts) == n_slices
        np.testing.assert_allclose(steps.epoch([0.1], 0), expected, rtol=1e-12)
    np.testing.assert_allclose(steps.members.params, whole.members.params, rtol=1e-11)


@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_slices_have_the_same_bits_on_any_number_of_threads(dropout, monkeypatch):
    sliced(monkeypatch, 5)
    results = []
    for n_workers in (1, 2, 3):
        with Workers(n_workers) as workers:
            steps = make_steps(*problem(dropout=dropout, workers=workers, batch_size=20))
            losses = [steps.epoch([0.1, 0.1], number) for number in range(3)]
            results.append((losses, steps.members.params))
    for losses, params in results[1:]:
        np.testing.assert_array_equal(losses, results[0][0])
        np.testing.assert_array_equal(params, results[0][1])


def test_slices_drop_different_units(monkeypatch):
    sliced(monkeypatch, 2)
    steps = make_steps(*problem(dropout=0.4))
    steps.epoch([0.1], 0)
    first, second = steps.keys
    assert first != second


def test_every_step_and_member_has_random_keys_of_its_own():
    steps = make_steps(*problem(n_members=2, dropout=0.4, is_alone=False, batch_size=10))
    keys = np.array(steps._draw_keys(4))
    assert keys.shape == (4, 1, 2)
    assert len(np.unique(keys)) == 8


def test_no_bits_are_drawn_without_dropout():
    steps = make_steps(*problem(shuffle=False))
    before = steps.members.rngs[0].bit_generator.state
    steps.epoch([0.1], 0)
    np.testing.assert_equal(steps.members.rngs[0].bit_generator.state, before)


@pytest.mark.parametrize("shuffle", [False, True])
def test_parameters_rows_and_weights_are_read_anew_at_every_replay(shuffle):
    job, params = problem(shuffle=shuffle)
    rows, weights = np.arange(N_ROWS)[None].copy(), np.full((1, N_ROWS), 1 / N_ROWS)
    gradient = record_gradient(job, params, np.zeros(1), rows, weights)
    gradient.tape.play()
    first = gradient.values.copy()
    weights *= 2
    gradient.tape.play()
    np.testing.assert_allclose(gradient.values, 2 * first)
    rows[...] = 0
    gradient.tape.play()
    # Without shuffling there is one batch for good, whose rows were read when it was recorded.
    assert np.allclose(gradient.values, 2 * first) != shuffle
    params *= 0
    gradient.tape.play()
    # Without weights all three classes are as likely as each other.
    np.testing.assert_allclose(gradient.values, 2 * np.log(3))


@given(
    is_alone=st.booleans(),
    n_batch_rows=st.integers(1, 10**6),
    n_parameters=st.integers(1, 10**8),
)
def test_only_large_batches_of_a_single_member_are_sliced(is_alone, n_batch_rows, n_parameters):
    n_slices = count_slices(is_alone, n_batch_rows, n_parameters)
    assert n_slices in (1, 2, 4, 8) or n_slices == n_batch_rows // 16
    if not is_alone or n_batch_rows < 32 or n_batch_rows * n_parameters < 2**22:
        assert n_slices == 1
    if n_slices > 1:
        assert n_batch_rows // n_slices >= 16


def test_the_penalty_is_half_the_squared_norm_and_its_gradient_the_weights():
    weights = [np.array([[[3.0, 4.0]], [[1.0, 0.0]]]), np.array([[[1.0]], [[2.0]]])]
    grads, penalties = [np.ones_like(layer) for layer in weights], np.array([7.0, 8.0])
    add_penalty(weights, grads, np.array([0.1, 2.0]), penalties)
    np.testing.assert_allclose(penalties, [7 + 0.05 * 26, 8 + 1.0 * 5])
    np.testing.assert_allclose(grads[0], [[[1.3, 1.4]], [[3.0, 1.0]]])
    np.testing.assert_allclose(grads[1], [[[1.1]], [[5.0]]])


def test_runs_of_parameters_that_decay_are_the_weights():
    network = build((3, 4, 5, 2), ["relu", "tanh"])
    is_weight = np.zeros((1, network.n_parameters))
    for weights in network.weights(is_weight):
        weights[...] = 1
    bounds, found = decay_bounds(network), np.zeros(network.n_parameters)
    for low, high in zip(bounds[::2], bounds[1::2], strict=False):
        found[low:high] = 1
    np.testing.assert_array_equal(found, is_weight[0])
    assert bounds[-1] == network.n_parameters


@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_a_step_counts_on_where_training_was_and_follows_the_rates_of_members(rule):
    job, params = problem(n_members=2, is_alone=False, rule=OPTIMIZERS[rule](), weight_decay=0.2)
    steps = make_steps(job, params)
    steps.members.rates[...] = [[1.0], [0.5]]
    numbers = steps._numbers([0.1, 0.3], 4)
    assert numbers.shape[:2] == (2, 2)
    np.testing.assert_allclose(numbers[:, :, 0], 1 - 0.2 * np.array([[0.1, 0.05], [0.3, 0.15]]))
    expected = job.plan.rule.numbers(np.array([[0.1, 0.05], [0.3, 0.15]]), np.array([[5.0], [6.0]]))
    for number, of_rule in zip(np.moveaxis(numbers, 2, 0)[1:], expected, strict=True):
        np.testing.assert_allclose(number, np.broadcast_to(of_rule, (2, 2)))


def test_the_steady_state_allocates_less_than_a_layer_of_a_batch():
    rng = np.random.default_rng(0)
    network = build((50, 256, 3), ["relu"])
    n_rows = 1200
    data = Data(
        DenseRows(rng.normal(size=(n_rows, 50)).astype(np.float32)),
        rng.integers(0, 3, (n_rows, 1)),
        np.ones(n_rows),
    )
    params = rng.normal(size=(1, network.n_parameters)).astype(np.float32)
    plan = Plan(LOSSES["softmax"], OPTIMIZERS["adam"](), None, 0.1, 1, 400)
    split = Split(data, [np.arange(n_rows)])
    job = make_job(network, split, plan, ALONE, is_alone=True)
    memory = [np.zeros_like(params) for _ in range(2)]
    rngs = [np.random.Generator(np.random.SFC64(0))]
    numbers = np.ones((1, 1), np.float32), np.zeros(1)
    steps = Steps(job, Members(params, memory, *numbers, rngs, [np.arange(n_rows)], []))
    steps.epoch([0.1] * 3, 0)
    tracemalloc.start()
    steps.epoch([0.1] * 3, 3)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # Compiled passes make no arrays; the twin of an activation makes one of its values.
    assert peak < 400 * 256 * 4 * (0.5 if backend() == "numba" else 2)


def test_a_step_stops_where_it_checks(monkeypatch):
    job, params = problem(batch_size=10)
    steps, seen = make_steps(job, params), []

    def check():
        seen.append(True)
        if len(seen) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(job.workers, "check", check)
    with pytest.raises(KeyboardInterrupt):
        steps.epoch([0.1] * 4, 0)
    assert len(seen) == 3
