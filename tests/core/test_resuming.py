"""Training that goes on from a snapshot ends with the bits of uninterrupted training."""

import numpy as np
import pytest
import scipy.sparse as sp
from backends import compiled
from test_training import (
    N_CLASSES,
    N_INPUTS,
    assert_same_bits,
    everyone,
    folds,
    generators,
    make_data,
    needs_numba,
    plan,
    start,
)

from skdnn.core.batches import SparseRows
from skdnn.core.lbfgs import train_lbfgs
from skdnn.core.network import build, build_sparse
from skdnn.core.optimizers import OPTIMIZERS
from skdnn.core.schedules import SCHEDULES
from skdnn.core.training import Runtime, train
from skdnn.core.workers import ALONE, Workers

COMPILED = pytest.param(True, marks=[needs_numba, pytest.mark.slow])


@pytest.fixture(autouse=True, params=[False, COMPILED], ids=["numpy", "numba"])
def _engine(request):
    with compiled(request.param):
        yield


class Snapshots:
    """Keeps a copy of every snapshot, and starts from one of them."""

    def __init__(self, saved=None):
        self.taken = []
        self.saved = saved and {name: array.copy() for name, array in saved.items()}

    def offer(self, snapshot):
        self.taken.append({name: array.copy() for name, array in snapshot().items()})


def assert_goes_on_with_the_same_bits(run):
    """Check training from every snapshot; ``run(checkpoint)`` trains. Return what it leaves."""
    snapshots = Snapshots()
    unbroken = run(snapshots)
    assert_same_bits(run(None), unbroken)
    assert len(snapshots.taken) >= 3
    n_taken = len(snapshots.taken)
    for number in {0, 1, n_taken // 2, n_taken - 1}:
        saved = snapshots.taken[number]
        assert all(array.dtype != object for array in saved.values())
        again = Snapshots(saved)
        resumed = run(again)
        assert_same_bits(resumed, unbroken)
        assert resumed[0].n_steps == unbroken[0].n_steps
        assert len(again.taken) == n_taken - number - 1
    return unbroken


def in_batches(rule="adamw", schedule="constant", **options):
    defaults = {"n_epochs": 12, "batch_size": 16, "learning_rate": 0.03, "shuffle": True}
    return plan(rule, schedule, **(defaults | options))


def trainer(our_plan, n_members=3, split=None, dtype=np.float32, dropout=0.0, workers=ALONE):
    """Return a function that trains with a checkpoint."""
    split = folds(make_data(dtype), n_members) if split is None else split
    make = build_sparse if isinstance(split.data.rows, SparseRows) else build
    network = make((N_INPUTS, 8, N_CLASSES), ["silu"], dropout)

    def run(checkpoint):
        begun = start(network, n_members, dtype)
        runtime = Runtime(workers, None, checkpoint)
        return train(network, split, begun, our_plan, generators(n_members), runtime)

    return run


@pytest.mark.parametrize("rule", OPTIMIZERS)
@pytest.mark.parametrize("keep_best", [False, True])
def test_members_that_stop_at_different_epochs(rule, keep_best, monkeypatch):
    monkeypatch.setattr("skdnn.core.early_stopping.SHRINKAGE_ROWS", 2)
    rate = {"gd": 3.0, "sgd": 0.3}.get(rule, 0.1)
    options = {"patience": 2, "tol": 0.02, "max_grad_norm": 1.0, "weight_decay": 0.01}
    our_plan = in_batches(rule, learning_rate=rate, n_epochs=30, keep_best=keep_best, **options)
    _, history = assert_goes_on_with_the_same_bits(trainer(our_plan, 4, dropout=0.2))
    n_run = np.isfinite(history.train_loss).sum(axis=1)
    assert len(set(n_run)) > 1
    assert history.has_converged.any()


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule(schedule):
    our_plan = in_batches("sgd", schedule, patience=1, tol=0.01, learning_rate=0.5, warmup=0.3)
    assert_goes_on_with_the_same_bits(trainer(our_plan))


def test_one_member_on_several_threads(monkeypatch):
    monkeypatch.setattr("skdnn.core.steps.SLICES", ((0, 2),))
    monkeypatch.setattr("skdnn.core.steps.SLICE_ROWS", 4)
    with Workers(2) as workers:
        split = folds(make_data(np.float32), 2)
        split = split._replace(train_rows=split.train_rows[:1], valid_rows=split.valid_rows[:1])
        run = trainer(in_batches(keep_best=True), 1, split, dropout=0.3, workers=workers)
        assert_goes_on_with_the_same_bits(run)


def test_members_on_another_number_of_threads():
    our_plan = in_batches(keep_best=True, patience=2)
    snapshots = Snapshots()
    unbroken = trainer(our_plan, 5)(snapshots)
    with Workers(2) as workers:
        resumed = trainer(our_plan, 5, workers=workers)(Snapshots(snapshots.taken[2]))
    assert_same_bits(resumed, unbroken)


@pytest.mark.parametrize("shuffle", [False, True])
def test_full_batches(shuffle):
    our_plan = in_batches("gd", batch_size=60, shuffle=shuffle, alpha=0.5)
    run = trainer(our_plan, 2, everyone(make_data(), 2), np.float64)
    assert_goes_on_with_the_same_bits(run)


def test_variants_temperatures_and_label_smoothing_of_each_member():
    options = {"variants": np.array([0, 0, 1, 1]), "temperatures": (1.3, 2.0), "keep_best": True}
    our_plan = in_batches(label_smoothing=np.array([0, 0, 0.1, 0.1]), patience=1, **options)
    assert_goes_on_with_the_same_bits(trainer(our_plan, 4))


@pytest.mark.parametrize("by_row", [False, True])
def test_sparse_rows(by_row, monkeypatch):
    monkeypatch.setattr("skdnn.core.sparse_layer.FEWEST_WEIGHTS", 1 if by_row else 2**20)
    monkeypatch.setattr("skdnn.core.sparse_layer.INPUTS_PER_ENTRY", 0)
    data = make_data(np.float32)
    inputs = data.rows.array.copy()
    inputs[np.abs(inputs) < 0.7] = 0
    split = folds(data._replace(rows=SparseRows(sp.csr_array(inputs))), 3)
    assert_goes_on_with_the_same_bits(trainer(in_batches(keep_best=True), 3, split))


def test_members_that_diverge():
    split = folds(make_data(np.float32), 2)
    network = build((N_INPUTS, 8, N_CLASSES), ["relu"])
    our_plan = in_batches("sgd", learning_rate=1e15, n_epochs=8)

    def run(checkpoint):
        begun = start(network, 2, np.float32)
        begun.params[0] *= 1e19
        return train(
            network, split, begun, our_plan, generators(2), Runtime(ALONE, None, checkpoint)
        )

    _, history = assert_goes_on_with_the_same_bits(run)
    assert history.n_failures.any()


@pytest.mark.parametrize(("n_members", "n_threads"), [(1, 1), (3, 1), (3, 2)])
@pytest.mark.parametrize("keep_best", [False, True])
def test_iterations_of_lbfgs(n_members, n_threads, keep_best):
    network = build((N_INPUTS, 5, N_CLASSES), ["tanh"])
    our_plan = plan(None, n_epochs=5, keep_best=keep_best, patience=3, tol=1e-5)
    split = folds(make_data(), 3)
    n_computed = []

    def run(checkpoint):
        begun = start(network, n_members)
        with Workers(n_threads) as workers:
            runtime = Runtime(workers, None, checkpoint)
            return train_lbfgs(network, split, begun, our_plan, 1000, runtime)

    snapshots = Snapshots()
    unbroken = run(snapshots)
    assert_same_bits(run(None), unbroken)
    for saved in snapshots.taken[::3]:
        again = Snapshots(saved)
        assert_same_bits(run(again), unbroken)
        n_computed.append(len(again.taken))
    if n_threads == 1:  # nothing that was saved is computed again
        assert n_computed == list(range(len(snapshots.taken)))[::-1][::3]


def test_lbfgs_computes_only_what_was_not_saved(monkeypatch):
    network, n_calls = build((N_INPUTS, 5, N_CLASSES), ["tanh"]), []
    our_plan = plan(None, n_epochs=10, tol=0.0)
    given = network, everyone(make_data()), start(network), our_plan, 1000

    class Counting(Snapshots):
        def offer(self, snapshot):
            super().offer(snapshot)
            n_calls.append(len(self.taken[-1]["0.values"]))

    counting = Counting()
    train_lbfgs(*given, Runtime(ALONE, None, counting))
    called = []
    original = train_lbfgs.__globals__["Objective"].__call__
    monkeypatch.setattr(
        "skdnn.core.lbfgs.Objective.__call__",
        lambda self, params: called.append(1) or original(self, params),
    )
    train_lbfgs(*given, Runtime(ALONE, None, Counting(counting.taken[4])))
    assert len(called) == n_calls[9] - n_calls[4]


def test_a_neighbour_that_stops_does_not_change_the_last_bit_of_a_member():
    network = build((N_INPUTS, 6, N_CLASSES), ["relu"])
    split = everyone(make_data(), 2)
    begun = start(network, 2)
    our_plan = in_batches(n_epochs=20)
    alone, _ = train(network, split, begun, our_plan, generators(2))
    begun.params[0] = 1e200
    beside, history = train(network, split, begun, our_plan, generators(2))
    assert np.isfinite(history.train_loss).any(axis=1).tolist() == [False, True]
    np.testing.assert_array_equal(beside.params[1], alone.params[1])


def test_a_snapshot_of_another_network_is_refused():
    snapshots = Snapshots()
    trainer(in_batches("sgd"), 3)(snapshots)
    with pytest.raises(ValueError, match="'params' of the checkpoint"):
        trainer(in_batches("sgd"), 3, dtype=np.float64)(Snapshots(snapshots.taken[0]))
    snapshots.taken[0]["ensemble.memory.0"] = np.zeros((3, 1), np.float32)
    with pytest.raises(ValueError, match=r"'memory\.0' of the checkpoint"):
        trainer(in_batches("sgd"), 3)(Snapshots(snapshots.taken[0]))
