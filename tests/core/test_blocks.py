"""Training on rows that are read a block at a time, compared with training on all at once."""

import threading
from contextlib import contextmanager
from functools import partial

import numpy as np
import pytest

from skdnn.core.batches import Batches, Blocks, Data, DenseRows, Layout
from skdnn.core.losses import LOSSES
from skdnn.core.network import build
from skdnn.core.optimizers import OPTIMIZERS
from skdnn.core.schedules import SCHEDULES, as_schedule
from skdnn.core.training import Plan, Runtime, Split, State, train
from skdnn.core.workers import Workers
from skdnn.distributed.local_steps import plan_for_part

N_ROWS, SIZE, N_EPOCHS = 60, 20, 3


def make_plan(**changes):
    plan = Plan(
        loss=LOSSES["sigmoid"],
        rule=OPTIMIZERS["adamw"](beta_1=0.9, beta_2=0.99, epsilon=1e-8),
        schedule=as_schedule(SCHEDULES["cosine"]),
        learning_rate=0.01,
        n_epochs=N_EPOCHS,
        batch_size=5,
        shuffle=False,
    )
    return plan._replace(**changes)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    rows = DenseRows(rng.normal(size=(N_ROWS, 4)))
    return Data(rows, rng.integers(0, 2, (N_ROWS, 1)).astype(np.int32), rng.random(N_ROWS) + 0.5)


@pytest.fixture
def network():
    return build((4, 8, 1), ("relu",))


def start(network, n_members=2):
    rng = np.random.default_rng(1)
    return State(rng.normal(size=(n_members, network.n_parameters)) * 0.3, {})


def generators(n_members=2):
    return [np.random.Generator(np.random.SFC64(k)) for k in range(n_members)]


def train_on_blocks(load, ensemble, epoch, report):
    """Train for an epoch on rows that ``load(epoch)`` reads a block at a time."""
    with load(epoch) as blocks:
        for _ in blocks:
            ensemble.train_block(epoch, report)


def in_blocks(data):
    """Return Blocks of consecutive rows, the Data they are written to, and the epochs loaded."""
    room = Data(DenseRows(np.zeros((SIZE, 4))), np.zeros((SIZE, 1), np.int32), np.zeros(SIZE))
    loaded = []

    @contextmanager
    def load(epoch):
        def fill():
            for first in range(0, N_ROWS, SIZE):
                span = slice(first, first + SIZE)
                room.rows.array[...] = data.rows.array[span]
                room.targets[...], room.weights[...] = data.targets[span], data.weights[span]
                yield

        loaded.append(f"begin {epoch}")
        yield fill()
        loaded.append(f"end {epoch}")

    blocks = partial(train_on_blocks, load), N_ROWS, float(data.weights.mean())
    return Blocks(N_ROWS // SIZE, *blocks), room, loaded


@pytest.mark.parametrize("alpha", [0.0, 2.0])
def test_blocks_in_order_are_the_same_training_as_all_rows_in_order(network, data, alpha):
    plan, rows = make_plan(keep_best=True, tol=0.0, alpha=alpha), [np.arange(N_ROWS)] * 2
    expected, history = train(
        network, Split(data, rows, data, rows), start(network), plan, generators()
    )
    blocks, room, loaded = in_blocks(data)
    split = Split(room, [np.arange(SIZE)] * 2, data, rows, blocks)
    found, of_blocks = train(network, split, start(network), plan, generators())
    assert split.n_rows == N_ROWS
    assert loaded == [f"{what} {epoch}" for epoch in range(N_EPOCHS) for what in ("begin", "end")]
    np.testing.assert_allclose(found.params, expected.params, rtol=1e-10)
    assert found.n_steps == expected.n_steps == N_EPOCHS * N_ROWS // 5
    np.testing.assert_allclose(of_blocks.train_loss, history.train_loss, rtol=1e-10)
    np.testing.assert_allclose(of_blocks.valid_loss, history.valid_loss, rtol=1e-10)


@pytest.mark.parametrize("schedule", ["cosine", "invscaling"])
def test_blocks_trained_in_several_calls_are_one_training(network, data, schedule):
    plan, state, rngs = make_plan(), start(network), generators()
    plan = plan._replace(schedule=as_schedule(SCHEDULES[schedule]), power_t=0.3)
    rows = [np.arange(N_ROWS)] * 2
    expected, history = train(network, Split(data, rows), start(network), plan, generators())
    n_blocks, mean_weight, losses = N_ROWS // SIZE, float(data.weights.mean()), []
    for number in range(N_EPOCHS * n_blocks):
        span = slice(number % n_blocks * SIZE, (number % n_blocks + 1) * SIZE)
        block = Data(DenseRows(data.rows.array[span]), data.targets[span], data.weights[span])
        part = number / (N_EPOCHS * n_blocks), (number + 1) / (N_EPOCHS * n_blocks)
        plan_of_part = plan_for_part(plan, part, number // n_blocks * N_ROWS)
        blocks = Blocks(n_rows=SIZE, mean_weight=mean_weight)
        split = Split(block, [np.arange(SIZE)] * 2, blocks=blocks)
        state, of_block = train(network, split, state, plan_of_part, rngs)
        losses.append(of_block.train_loss[:, 0])
    np.testing.assert_allclose(state.params, expected.params, rtol=1e-10)
    of_epochs = np.reshape(losses, (N_EPOCHS, n_blocks, 2)).mean(axis=1).T
    np.testing.assert_allclose(of_epochs, history.train_loss, rtol=1e-10)


def test_the_blocks_of_an_epoch_are_closed_after_an_error(network, data):
    blocks, room, _ = in_blocks(data)
    is_closed = []

    @contextmanager
    def load(epoch):
        try:
            yield iter(lambda: 1 / 0, None)
        finally:
            is_closed.append(epoch)

    split = Split(
        room, [np.arange(SIZE)] * 2, blocks=blocks._replace(train=partial(train_on_blocks, load))
    )
    with pytest.raises(ZeroDivisionError):
        train(network, split, start(network), make_plan(), generators())
    assert is_closed == [0]


def test_weights_of_a_block_are_relative_to_the_mean_of_all():
    weights = np.array([1.0, 3.0])
    batches = Batches([np.arange(2)], weights, Layout(1, 2), float, mean_weight=4.0)
    _, of_batch, _ = next(batches.epoch())
    np.testing.assert_allclose(of_batch, [[1 / 8, 3 / 8]])


def test_members_that_are_trained_elsewhere_are_validated_on_all_threads(network, data):
    together = threading.Barrier(2, timeout=60)

    def train_elsewhere(ensemble, epoch, report):
        ensemble.params += 1
        report[0] = epoch

    def score(members, params):
        together.wait()  # an error if members are validated one after the other
        return params[:, 0]

    rows, begin = [np.arange(N_ROWS)] * 2, start(network)
    split = Split(data, rows, data, rows, Blocks(1, train_elsewhere, N_ROWS, 1.0))
    with Workers(2) as workers:
        plan = make_plan(score=score, n_epochs=2, keep_best=True)
        found, history = train(network, split, begin, plan, generators(), Runtime(workers))
    np.testing.assert_allclose(history.valid_score[:, 1], begin.params[:, 0] + 2)
    np.testing.assert_array_equal(history.train_loss, [[0, 1]] * 2)
    np.testing.assert_allclose(found.params, begin.params + 2)


@pytest.mark.parametrize("is_block", [True, False])
def test_an_interrupt_in_a_block_or_elsewhere_undoes_it_and_overflow_is_no_warning(
    network, data, is_block
):
    begin = start(network)

    def train_elsewhere(ensemble, epoch, report):
        if is_block:
            ensemble.train_block(epoch, report)
        ensemble.params += 1
        assert np.isinf(np.float32(1e30) * np.float32(1e30))
        if epoch == 1:
            raise KeyboardInterrupt

    split = Split(data, [np.arange(N_ROWS)] * 2, blocks=Blocks(1, train_elsewhere, N_ROWS, 1.0))
    found, history = train(network, split, begin, make_plan(learning_rate=1e-9), generators())
    np.testing.assert_allclose(found.params, begin.params + 1, atol=1e-6)
    assert history.train_loss.shape == (2, 1)
