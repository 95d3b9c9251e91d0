"""Updates of only those weights that a batch has entries for, compared with loops by hand."""

from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse as sp
from backends import compiled
from scipy.special import softmax

from skdnn.core import sparse_layer
from skdnn.core.batches import Data, SparseRows
from skdnn.core.compiling import has_numba
from skdnn.core.losses import LOSSES
from skdnn.core.network import build, build_sparse, initialize
from skdnn.core.optimizers import OPTIMIZERS
from skdnn.core.schedules import SCHEDULES
from skdnn.core.sparse_layer import FEWEST_WEIGHTS, INPUTS_PER_ENTRY, updates_rows
from skdnn.core.training import Plan, Runtime, Split, State, train
from skdnn.core.workers import Workers

N_ROWS, N_INPUTS, N_CLASSES, RATE, BATCH = 24, 30, 3, 0.05, 6
needs_numba = pytest.mark.skipif(not has_numba(), reason="numba is not installed")


@pytest.fixture(
    autouse=True, params=[False, pytest.param(True, marks=needs_numba)], ids=["numpy", "numba"]
)
def _engine(request):
    with compiled(request.param):
        yield


@pytest.fixture
def _by_row(monkeypatch):
    monkeypatch.setattr(sparse_layer, "FEWEST_WEIGHTS", 0)
    monkeypatch.setattr(sparse_layer, "INPUTS_PER_ENTRY", 0)


def make_data(per_row=2):
    rng = np.random.default_rng(0)
    inputs = np.zeros((N_ROWS, N_INPUTS))
    for row in inputs:
        row[rng.choice(N_INPUTS, per_row, replace=False)] = rng.normal(size=per_row)
    targets = rng.integers(0, N_CLASSES, (N_ROWS, 1))
    return Data(SparseRows(sp.csr_array(inputs)), targets, np.ones(N_ROWS))


def run(data, rule="adam", hidden=(), n_members=1, workers=1, **options):
    """Return parameters before and after three epochs, and the network."""
    widths = (N_INPUTS, *hidden, N_CLASSES)
    network = build_sparse(widths, ["tanh"] * len(hidden), options.pop("dropout", 0.0))
    seeds = np.random.SeedSequence(3).spawn(n_members)
    rngs = [np.random.Generator(np.random.SFC64(seed)) for seed in seeds]
    params = np.zeros((n_members, network.n_parameters))
    n_layers = len(hidden) + 1
    initialize(network, params, rngs, ["he_normal"] * n_layers, [1.0] * n_layers)
    plan = Plan(
        **{
            "loss": LOSSES["softmax"],
            "rule": OPTIMIZERS[rule](),
            "schedule": SCHEDULES["constant"],
            "learning_rate": RATE,
            "n_epochs": 3,
            "batch_size": BATCH,
            "shuffle": False,
            **options,
        }
    )
    split = Split(data, [np.arange(N_ROWS)] * n_members)
    with Workers(workers) as threads:
        state, _ = train(network, split, State(params, {}), plan, rngs, Runtime(threads))
    return params, state, network


def sparse_adam(data, weights, bias, decay):
    """Return softmax regression by Adam, whose steps leave rows without gradient alone."""
    inputs, classes = data.rows.array.toarray(), data.targets[:, 0]
    weights, bias = weights.copy(), bias.copy()
    memory = {id(array): (np.zeros_like(array), np.zeros_like(array)) for array in (weights, bias)}
    batches = np.split(np.arange(N_ROWS), N_ROWS // BATCH) * 3
    for step, batch in enumerate(batches, 1):
        delta = softmax(inputs[batch] @ weights + bias, axis=1) - np.eye(N_CLASSES)[classes[batch]]
        touched = np.flatnonzero((inputs[batch] != 0).any(axis=0))
        grads = inputs[batch].T @ delta / BATCH, delta.sum(axis=0) / BATCH
        weights[touched] *= 1 - RATE * decay
        for array, grad, rows in zip((weights, bias), grads, (touched, ...), strict=True):
            first, second = memory[id(array)]
            first[rows] = 0.9 * first[rows] + 0.1 * grad[rows]
            second[rows] = 0.999 * second[rows] + 0.001 * grad[rows] ** 2
            mean = first[rows] / (1 - 0.9**step)
            array[rows] -= RATE * mean / (np.sqrt(second[rows] / (1 - 0.999**step)) + 1e-8)
    return weights, bias


@pytest.mark.usefixtures("_by_row")
@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_adam_leaves_rows_without_entries_alone_as_by_hand(decay):
    data = make_data()
    before, after, network = run(data, weight_decay=decay)
    weights, bias = (array[0] for array in network.dense(before)[0])
    expected = sparse_adam(data, weights, bias[0], decay)
    ours = [array[0] for array in network.dense(after.params)[0]]
    np.testing.assert_allclose(ours[0], expected[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours[1][0], expected[1], rtol=1e-9, atol=1e-12)
    unused = data.rows.array.sum(axis=0) == 0
    assert unused.any()
    np.testing.assert_array_equal(ours[0][unused], weights[unused])


@pytest.mark.parametrize(
    ("rule", "per_row"), [("gd", 2), ("adam", N_INPUTS), ("sgd", N_INPUTS), ("adamw", N_INPUTS)]
)
def test_it_is_the_update_of_all_weights_where_that_leaves_the_others_alone(
    monkeypatch, rule, per_row
):
    data, decay = make_data(per_row), 0.0 if rule == "gd" else 0.1
    _, whole, _ = run(data, rule, (5,), 2, weight_decay=decay, dropout=0.2)
    monkeypatch.setattr(sparse_layer, "FEWEST_WEIGHTS", 0)
    monkeypatch.setattr(sparse_layer, "INPUTS_PER_ENTRY", 0)
    _, by_row, _ = run(data, rule, (5,), 2, weight_decay=decay, dropout=0.2)
    np.testing.assert_allclose(by_row.params, whole.params, rtol=1e-9, atol=1e-12)
    for name, memory in whole.rule_state.items():
        np.testing.assert_allclose(by_row.rule_state[name], memory, rtol=1e-9, atol=1e-12)


@pytest.mark.usefixtures("_by_row")
@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_members_and_threads_do_not_show(rule):
    data = make_data()
    (_, one, _), (_, two, _) = (run(data, rule, (5,), 3, n, shuffle=True) for n in (1, 2))
    np.testing.assert_array_equal(one.params, two.params)
    _, alone, _ = run(data, rule, (5,), 1, shuffle=True)
    np.testing.assert_array_equal(alone.params[0], one.params[0])


@pytest.mark.usefixtures("_by_row")
def test_a_batch_without_any_entry_changes_biases_only():
    data = make_data()._replace(rows=SparseRows(sp.csr_array((N_ROWS, N_INPUTS))))
    before, after, network = run(data)
    (weights, bias), (old_weights, old_bias) = (
        network.dense(after.params)[0],
        network.dense(before)[0],
    )
    np.testing.assert_array_equal(weights, old_weights)
    assert (bias != old_bias).all()


def test_rows_are_updated_where_inputs_are_many_and_entries_few():
    width, rows = 256, sp.csr_array(np.eye(4, 2**14))
    data = SimpleNamespace(rows=SparseRows(rows))
    wide, n_rows = build_sparse((2**14, width, 2), ["relu"]), 2**14 // INPUTS_PER_ENTRY
    plan = SimpleNamespace(rule=object(), alpha=0.0, max_grad_norm=None)
    assert 2**14 * width >= FEWEST_WEIGHTS
    assert updates_rows(wide, plan, data, n_rows)
    assert not updates_rows(wide, plan, data, n_rows + 1)
    assert not updates_rows(build_sparse((2**14, 2), []), plan, data, n_rows)
    assert not updates_rows(build((2**14, width, 2), ["relu"]), plan, data, n_rows)
    for other in ({"rule": None}, {"alpha": 1e-4}, {"max_grad_norm": 1.0}):
        assert not updates_rows(wide, SimpleNamespace(**{**vars(plan), **other}), data, n_rows)
