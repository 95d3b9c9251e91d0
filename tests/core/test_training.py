import warnings
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
import scipy.sparse as sp
from backends import compiled
from scipy.special import softmax
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from skdnn.core.batches import Data, DenseRows, SparseRows
from skdnn.core.compiling import backend, has_numba
from skdnn.core.early_stopping import StoppingCriterion
from skdnn.core.ensemble import ARRAYS, MAX_FAILURES, form_groups
from skdnn.core.evaluation import Evaluation
from skdnn.core.losses import LOSSES
from skdnn.core.network import build, build_sparse, initialize
from skdnn.core.optimizers import OPTIMIZERS, Momentum
from skdnn.core.schedules import SCHEDULES
from skdnn.core.steps import Steps, count_slices, record_gradient
from skdnn.core.training import Plan, Runtime, Split, State, make_job, train
from skdnn.core.workers import ALONE, Workers

needs_numba = pytest.mark.skipif(not has_numba(), reason="numba is not installed")

N_ROWS, N_INPUTS, N_CLASSES = 60, 4, 3


@pytest.fixture(
    autouse=True, params=[False, pytest.param(True, marks=needs_numba)], ids=["numpy", "numba"]
)
def _engine(request):
    """Run every test with compiled kernels and with NumPy."""
    with compiled(request.param):
        yield


def make_rows(seed=0, n_rows=N_ROWS):
    """Return inputs, classes that depend on them with noise, and weights."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(n_rows, N_INPUTS))
    scores = inputs[:, :N_CLASSES] ** 2 + rng.gumbel(size=(n_rows, N_CLASSES))
    return inputs, scores.argmax(axis=1)[:, None], rng.exponential(size=n_rows) + 0.1


def make_data(dtype=np.float64, seed=0, n_rows=N_ROWS):
    inputs, targets, weights = make_rows(seed, n_rows)
    return Data(DenseRows(inputs.astype(dtype)), targets, weights)


def start(network, n_members=1, dtype=np.float64):
    params = np.zeros((n_members, network.n_parameters), dtype)
    n_layers = len(network.dense(params))
    initialize(network, params, generators(n_members), ["he_normal"] * n_layers, [1.0] * n_layers)
    return State(params, {})


def generators(n_members):
    streams = np.random.SeedSequence(5).spawn(n_members)
    return [np.random.Generator(np.random.SFC64(stream)) for stream in streams]


def plan(rule="gd", schedule="constant", **options):
    defaults = {"learning_rate": 0.1, "n_epochs": 10, "batch_size": N_ROWS, "shuffle": False}
    return Plan(
        loss=LOSSES["softmax"],
        rule=OPTIMIZERS[rule]() if isinstance(rule, str) else rule,
        schedule=SCHEDULES[schedule],
        adaptive=schedule == "adaptive",
        **(defaults | options),
    )


def everyone(data, n_members=1):
    return Split(data, [np.arange(len(data.weights))] * n_members)


def folds(data, n_members):
    """Return a split whose members train on different numbers of rows."""
    rows = np.arange(len(data.weights))
    fold_of = rows * (n_members + 1) // len(rows) % n_members
    return Split(
        data,
        [rows[fold_of != k] for k in range(n_members)],
        data,
        [rows[fold_of == k] for k in range(n_members)],
    )


def hand_loop(params, rates, n_batches=1, alpha=0.0, weight_decay=0.0, smoothing=0.0):
    """Train tanh(X V + a) W + b by gradient descent; return parameters and losses.

    A batch's loss divides by its rows times the mean weight of all rows.
    """
    inputs, targets, weights = make_rows()
    first, first_bias, last, last_bias = (array.copy() for array in params)
    wanted = np.eye(N_CLASSES)[targets[:, 0]] * (1 - smoothing) + smoothing / N_CLASSES
    losses = []
    for rate in rates:
        values = []
        for batch in np.split(np.arange(N_ROWS), n_batches):
            share = (weights[batch] / (len(batch) * weights.mean()))[:, None]
            hidden = np.tanh(inputs[batch] @ first + first_bias)
            proba = softmax(hidden @ last + last_bias, axis=1)
            squares = (first**2).sum() + (last**2).sum()
            value = -(share * wanted[batch] * np.log(proba)).sum()
            values.append(value + alpha / 2 * squares / N_ROWS)
            delta = share * (proba - wanted[batch])
            back = (delta @ last.T) * (1 - hidden**2)
            shrink = alpha / N_ROWS + weight_decay
            first_step = inputs[batch].T @ back + shrink * first
            last_step = hidden.T @ delta + shrink * last
            first, last = first - rate * first_step, last - rate * last_step
            first_bias = first_bias - rate * back.sum(axis=0)
            last_bias = last_bias - rate * delta.sum(axis=0)
        losses.append(np.mean(values))
    return (first, first_bias, last, last_bias), losses


def assert_equals_hand_loop(our_plan, rates, **options):
    network = build((N_INPUTS, 5, N_CLASSES), ["tanh"])
    before = start(network)
    arrays = [array[0] for layer in network.dense(before.params) for array in layer]
    expected, losses = hand_loop(arrays, rates, **options)
    after, history = train(network, everyone(make_data()), before, our_plan, generators(1))
    ours = [array[0] for layer in network.dense(after.params) for array in layer]
    for array, by_hand in zip(ours, expected, strict=True):
        np.testing.assert_allclose(array.ravel(), by_hand.ravel(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(history.train_loss[0], losses, rtol=1e-10)


def test_full_batch_gradient_descent_equals_a_loop_by_hand():
    assert_equals_hand_loop(plan(n_epochs=50, learning_rate=0.5), [0.5] * 50)


@pytest.mark.parametrize("n_batches", [1, 3])
def test_alpha_is_an_l2_penalty_on_weights_over_the_number_of_rows(n_batches):
    our_plan = plan(n_epochs=50, alpha=7.0, batch_size=N_ROWS // n_batches)
    assert_equals_hand_loop(our_plan, [0.1] * 50, n_batches=n_batches, alpha=7.0)


def test_batches_of_weighted_rows_equal_a_loop_by_hand():
    assert_equals_hand_loop(plan(n_epochs=20, batch_size=15), [0.1] * 20, n_batches=4)


def test_weight_decay_shrinks_weights_beside_the_gradient():
    assert_equals_hand_loop(plan(n_epochs=50, weight_decay=0.3), [0.1] * 50, weight_decay=0.3)


def test_label_smoothing_reaches_the_loss():
    assert_equals_hand_loop(plan(n_epochs=20, label_smoothing=0.2), [0.1] * 20, smoothing=0.2)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_validation_measures_the_loss_that_training_minimizes(smoothing):
    # On the same rows in full batch: after an epoch, what training sees before the next.
    network = build((N_INPUTS, 5, N_CLASSES), ["tanh"])
    data = make_data()
    rows = [np.arange(N_ROWS)]
    _, history = train(
        network,
        Split(data, rows, data, rows),
        start(network),
        plan(label_smoothing=smoothing, keep_best=True),
        generators(1),
    )
    np.testing.assert_allclose(history.valid_loss[0, :-1], history.train_loss[0, 1:], rtol=1e-12)


def test_the_schedule_is_a_factor_on_the_rate_of_each_step():
    rates = [0.4 * (1 + np.cos(np.pi * step / 20)) / 2 for step in range(20)]
    our_plan = plan(n_epochs=20, schedule="cosine", learning_rate=0.4, warmup=0.0)
    assert_equals_hand_loop(our_plan, rates)


@pytest.mark.parametrize("n_steps", [1, 2, 3])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_however_few_the_steps_they_train(schedule, n_steps):
    network = build((N_INPUTS, 3, N_CLASSES), ["tanh"])
    begun = start(network)
    our_plan = plan(schedule=schedule, n_epochs=n_steps, warmup=0.9)
    state, _ = train(network, everyone(make_data()), begun, our_plan, generators(1))
    assert state.n_steps == n_steps
    assert not np.array_equal(state.params, begun.params)


def test_an_adaptive_rate_is_divided_by_five_whenever_patience_runs_out():
    # With such a tol only the first epoch is progress: 1 + 2 epochs, then 2 at every rate.
    our_plan = plan(n_epochs=9, schedule="adaptive", learning_rate=0.5, patience=1, tol=1e9)
    assert_equals_hand_loop(our_plan, [0.5] * 3 + [0.1] * 2 + [0.02] * 2 + [0.004] * 2)


def test_an_adaptive_rate_ends_at_the_smallest_one():
    our_plan = plan(n_epochs=99, schedule="adaptive", learning_rate=1e-5, patience=1, tol=1e9)
    network = build((N_INPUTS, N_CLASSES), [])
    _, history = train(network, everyone(make_data()), start(network), our_plan, generators(1))
    # 1e-5, 2e-6, 4e-7: 3 + 2 + 2 epochs.
    assert history.train_loss.shape == (1, 7)
    assert history.has_converged.all()


def mlp_classifier(**options):
    return MLPClassifier(
        hidden_layer_sizes=(6, 5),
        batch_size=20,
        alpha=0.0,
        shuffle=False,
        random_state=0,
        epsilon=1e-30,  # its epsilon stands elsewhere: under a root not yet corrected
        **options,
    )


def fit_quietly(classifier):
    inputs, targets, _ = make_rows()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return classifier.fit(inputs, targets[:, 0])


SGD = {"solver": "sgd", "momentum": 0.8, "nesterovs_momentum": False}
THEIRS = {
    "momentum": (SGD, Momentum(momentum=0.8, nesterovs_momentum=False), {}),
    "nesterov": (
        SGD | {"nesterovs_momentum": True},
        Momentum(momentum=0.8, nesterovs_momentum=True),
        {},
    ),
    # Without momentum: their velocity remembers the rates of the past, ours does not.
    "invscaling": (
        SGD | {"learning_rate": "invscaling", "power_t": 0.3, "momentum": 0.0},
        OPTIMIZERS["gd"](),
        {"schedule": "invscaling", "power_t": 0.3},
    ),
    "adaptive": (
        SGD | {"learning_rate": "adaptive", "n_iter_no_change": 3, "momentum": 0.0},
        OPTIMIZERS["gd"](),
        {"schedule": "adaptive", "patience": 3},
    ),
    "adam": (
        {"solver": "adam", "beta_1": 0.8, "beta_2": 0.95},
        OPTIMIZERS["adam"](beta_1=0.8, beta_2=0.95, epsilon=1e-30),
        {},
    ),
}


@pytest.mark.parametrize("activation", ["logistic", "tanh", "relu"])
@pytest.mark.parametrize("name", THEIRS)
def test_the_trajectory_is_that_of_mlp_classifier(name, activation):
    their_options, rule, options = THEIRS[name]
    # With this tol, progress ends after some of the epochs.
    common = {"learning_rate_init": 0.02, "tol": 0.01, "n_iter_no_change": 99}
    common |= {"activation": activation} | their_options
    theirs = fit_quietly(mlp_classifier(max_iter=25, **common))
    # A vanishing rate leaves the weights where it starts.
    at_start = fit_quietly(mlp_classifier(max_iter=1, **(common | {"learning_rate_init": 1e-300})))
    network = build((N_INPUTS, 6, 5, N_CLASSES), [activation] * 2)
    params = np.empty((1, network.n_parameters))
    for views, *arrays in zip(
        network.dense(params), at_start.coefs_, at_start.intercepts_, strict=True
    ):
        for view, array in zip(views, arrays, strict=True):
            view[...] = array
    inputs, targets, _ = make_rows()
    data = Data(DenseRows(inputs), targets, np.ones(N_ROWS))
    our_plan = plan(rule, n_epochs=25, batch_size=20, learning_rate=0.02, tol=0.01, **options)
    after, history = train(network, everyone(data), State(params, {}), our_plan, generators(1))
    np.testing.assert_allclose(history.train_loss[0], theirs.loss_curve_, rtol=1e-6)
    for views, *arrays in zip(
        network.dense(after.params), theirs.coefs_, theirs.intercepts_, strict=True
    ):
        for view, array in zip(views, arrays, strict=True):
            np.testing.assert_allclose(view[0].reshape(array.shape), array, rtol=1e-6, atol=1e-8)


def train_folds(n_workers, schedule="cosine", rule="adamw", dtype=np.float32):
    network = build((N_INPUTS, 16, N_CLASSES), ["silu"], dropout=0.3)
    our_plan = plan(
        rule,
        schedule,
        n_epochs=60,
        batch_size=16,
        learning_rate=0.03,
        shuffle=True,
        patience=4,
        keep_best=True,
        alpha=0.1,
        weight_decay=0.01,
        max_grad_norm=1.0,
    )
    split = folds(make_data(dtype), 5)
    with Workers(n_workers) as workers:
        return split, train(
            network,
            split,
            start(network, 5, dtype),
            our_plan,
            generators(5),
            runtime=Runtime(workers),
        )


def assert_same_bits(trained, expected):
    """Compare parameters, memory and curves of two trainings."""
    (state, history), (expected_state, expected_history) = trained, expected
    np.testing.assert_array_equal(state.params, expected_state.params)
    for name, memory in expected_state.rule_state.items():
        np.testing.assert_array_equal(state.rule_state[name], memory)
    for ours, theirs in zip(history, expected_history, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("shrinkage_rows", [0, 2])
@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_the_number_of_workers_cannot_be_seen_in_the_result(rule, shrinkage_rows, monkeypatch):
    monkeypatch.setattr("skdnn.core.early_stopping.SHRINKAGE_ROWS", shrinkage_rows)
    split, one = train_folds(1, rule=rule)
    n_epochs_run = np.isfinite(one[1].train_loss).sum(axis=1)
    assert len({len(rows) for rows in split.train_rows}) > 1
    assert shrinkage_rows or len(set(n_epochs_run)) > 1  # members do stop at different epochs
    for n_workers in (2, 3, 5, 7):
        assert_same_bits(train_folds(n_workers, rule=rule)[1], one)


@pytest.mark.parametrize(("n_members", "shares_batches"), [(1, True), (2, False), (3, False)])
def test_threads_share_the_batches_of_one_member_or_else_the_members(n_members, shares_batches):
    network, data = build((N_INPUTS, N_CLASSES), []), make_data()
    with mock.patch("skdnn.core.steps.count_slices", wraps=count_slices) as counted:
        split, begun = everyone(data, n_members), start(network, n_members)
        train(network, split, begun, plan(), generators(n_members))
    assert {call.args[0] for call in counted.call_args_list} == {shares_batches}


@pytest.mark.parametrize("n_workers", [1, 2])
def test_which_members_are_in_a_group_cannot_be_seen_in_the_result(n_workers, monkeypatch):
    n_bytes = ARRAYS * start(build((N_INPUTS, 16, N_CLASSES), ["silu"])).params.nbytes // 2
    at_first = {1: {1: [5], 2: [3, 2], 5: [1] * 5}, 2: {1: [3, 2], 2: [3, 2], 5: [1] * 5}}
    trained = []
    for n_groups, sizes in at_first[n_workers].items():
        monkeypatch.setattr("skdnn.core.ensemble.CACHE", n_bytes * -(-5 // n_groups))
        with mock.patch("skdnn.core.ensemble.Steps", wraps=Steps) as steps:
            trained.append(train_folds(n_workers)[1])
        if backend() == "numba":
            formed = [len(call.args[1].params) for call in steps.call_args_list]
            assert formed[: len(sizes)] == sizes
    for others in trained[1:]:
        assert_same_bits(others, trained[0])


def test_members_that_are_left_are_shared_evenly_by_threads_again():
    with mock.patch("skdnn.core.ensemble.Steps", wraps=Steps) as steps:
        _, (_, history) = train_folds(2)
    formed = [len(call.args[1].params) for call in steps.call_args_list]
    n_left = np.isfinite(history.train_loss).sum(axis=0)  # in each epoch
    assert len(set(n_left.tolist())) > 1
    expected = [[n - n // 2, n // 2] for n in sorted(set(n_left.tolist()), reverse=True)]
    assert formed == [size for sizes in expected for size in sizes if size]


@pytest.mark.parametrize("n_workers", [1, 2, 3])
def test_members_are_trained_together_that_fit_into_the_cache(n_workers, monkeypatch):
    monkeypatch.setattr("skdnn.core.ensemble.CACHE", 3 * ARRAYS * 80)
    params = np.zeros((8, 10))
    for is_compiled, n_groups in ((True, -(-3 // n_workers) * n_workers), (False, n_workers)):
        job = SimpleNamespace(is_compiled=is_compiled, workers=SimpleNamespace(number=n_workers))
        groups = form_groups(job, params)
        assert len(groups) == n_groups
        covered = np.concatenate([np.arange(8)[span] for span in groups])
        np.testing.assert_array_equal(covered, np.arange(8))
        assert not is_compiled or max(span.stop - span.start for span in groups) <= 3
    job = SimpleNamespace(is_compiled=True, workers=SimpleNamespace(number=20))
    assert len(form_groups(job, params)) == 8


def train_alone(n_workers, dropout):
    """Train a single member whose batches are cut into slices."""
    network = build((N_INPUTS, 16, N_CLASSES), ["silu"], dropout)
    our_plan = plan("adamw", n_epochs=5, batch_size=30, shuffle=True, alpha=0.1, max_grad_norm=1.0)
    split = everyone(make_data(np.float32))
    with Workers(n_workers) as workers:
        begun = start(network, dtype=np.float32)
        return train(network, split, begun, our_plan, generators(1), runtime=Runtime(workers))


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_single_member_has_the_same_bits_on_any_number_of_threads(dropout, monkeypatch):
    whole = train_alone(1, dropout)
    monkeypatch.setattr("skdnn.core.steps.SLICES", ((0, 8),))
    monkeypatch.setattr("skdnn.core.steps.SLICE_ROWS", 7)
    with mock.patch("skdnn.core.steps.record_gradient", wraps=record_gradient) as recorded:
        one = train_alone(1, dropout)
    assert recorded.call_count == 4
    for n_workers in (2, 3, 5):
        assert_same_bits(train_alone(n_workers, dropout), one)
    if not dropout:
        np.testing.assert_allclose(one[1].train_loss, whole[1].train_loss, rtol=1e-5)


def test_the_best_parameters_are_put_back(monkeypatch):
    monkeypatch.setattr("skdnn.core.early_stopping.SHRINKAGE_ROWS", 0)
    network = build((N_INPUTS, 16, N_CLASSES), ["silu"], dropout=0.3)
    split, (state, history) = train_folds(2, dtype=np.float64)
    job = make_job(network, split, plan(), ALONE, is_alone=False)
    losses, scores = Evaluation(job, state.params, np.zeros(5), split.valid_rows)()
    np.testing.assert_array_equal(history.best_epoch, np.nanargmin(history.valid_loss, axis=1))
    np.testing.assert_allclose(losses, np.nanmin(history.valid_loss, axis=1), rtol=1e-12)
    np.testing.assert_allclose(scores, history.valid_score[np.arange(5), history.best_epoch])
    # Patience of 4: the best epoch, four that are not better, and the one too many.
    np.testing.assert_array_equal(
        np.isfinite(history.valid_loss).sum(axis=1), history.best_epoch + 6
    )
    assert history.has_converged.all()


def test_without_validation_the_last_parameters_are_kept():
    network = build((N_INPUTS, N_CLASSES), [])
    data = make_data()
    state, history = train(network, everyone(data), start(network), plan(n_epochs=3), generators(1))
    longer, _ = train(network, everyone(data), start(network), plan(n_epochs=4), generators(1))
    assert not np.array_equal(state.params, longer.params)
    assert np.isnan(history.valid_loss).all()
    assert not history.has_converged.any()


@pytest.mark.parametrize("rule", OPTIMIZERS)
def test_training_in_two_parts_equals_training_in_one(rule):
    network = build((N_INPUTS, 6, N_CLASSES), ["relu"])
    data, options = make_data(), {"batch_size": 16, "learning_rate": 0.01}
    split = everyone(data, 2)
    begun = start(network, 2)
    kept = begun.params.copy()
    whole, _ = train(network, split, begun, plan(rule, n_epochs=7, **options), generators(2))
    part, _ = train(network, split, begun, plan(rule, n_epochs=3, **options), generators(2))
    both, _ = train(network, split, part, plan(rule, n_epochs=4, **options), generators(2))
    np.testing.assert_array_equal(both.params, whole.params)
    for name, memory in whole.rule_state.items():
        np.testing.assert_array_equal(both.rule_state[name], memory)
    assert both.n_steps == whole.n_steps == 7 * 4
    np.testing.assert_array_equal(begun.params, kept)


def diverging(learning_rate, n_epochs, dtype=np.float32):
    network = build((N_INPUTS, 8, 8, N_CLASSES), ["relu"] * 2)
    our_plan = plan("sgd", n_epochs=n_epochs, batch_size=15, learning_rate=learning_rate)
    begun = start(network, 2, dtype)
    after, history = train(network, everyone(make_data(dtype), 2), begun, our_plan, generators(2))
    return begun, after, history


def test_a_member_that_diverges_is_put_back_at_a_tenth_of_the_rate():
    begun, after, history = diverging(1e37, 8, np.float64)
    n_failures = history.n_failures[0]
    assert 1 < n_failures < 8
    assert np.isfinite(after.params).all()
    assert np.isfinite(history.train_loss[0]).sum() == 8 - n_failures
    _, _, lower = diverging(1e37 / 10.0**n_failures, 1, np.float64)
    np.testing.assert_allclose(history.train_loss[0, n_failures], lower.train_loss[0, 0], rtol=1e-9)
    assert not np.array_equal(begun.params, after.params)


def test_a_member_that_always_diverges_ends_where_it_began():
    begun, after, history = diverging(1e38, 99)
    np.testing.assert_array_equal(history.n_failures, MAX_FAILURES)
    np.testing.assert_array_equal(after.params, begun.params)
    assert history.train_loss.shape == (2, MAX_FAILURES)
    assert not history.has_converged.any()


def test_a_member_that_diverges_does_not_disturb_its_neighbour():
    network = build((N_INPUTS, 6, N_CLASSES), ["relu"])
    data = make_data()
    begun = start(network, 2)
    alone, _ = train(network, everyone(data, 2), begun, plan(), generators(2))
    begun.params[0] = 1e200
    beside, history = train(network, everyone(data, 2), begun, plan(), generators(2))
    assert history.n_failures.tolist() == [10, 0]
    np.testing.assert_array_equal(beside.params[1], alone.params[1])


class EpochCallbacks:
    """Keeps what it sees, and does as it is told after the epoch ``last``."""

    def __init__(self, last, error=None):
        self.last, self.error, self.seen = last, error, []

    def begin(self):
        self.seen.append("begin")

    def end(self, number, curve, params):
        self.seen.append((number, curve, params()))
        if number == self.last and self.error is not None:
            raise self.error
        return number == self.last


@pytest.mark.parametrize("error", [None, KeyboardInterrupt()], ids=["told", "interrupted"])
def test_training_ends_after_an_epoch_when_it_is_told_to_or_interrupted(error):
    callbacks = EpochCallbacks(3, error)
    network = build((N_INPUTS, N_CLASSES), [])
    our_plan = plan(n_epochs=9, keep_best=True)
    split = folds(make_data(), 3)
    with Workers(2) as workers:
        state, history = train(
            network,
            split,
            start(network, 3),
            our_plan,
            generators(3),
            runtime=Runtime(workers, callbacks),
        )
    assert callbacks.seen[::2] == ["begin"] * 4
    ends = callbacks.seen[1::2]
    assert [number for number, *_ in ends] == [0, 1, 2, 3]
    curves = np.stack([curve for _, curve, _ in ends], axis=-1)
    np.testing.assert_array_equal(curves, history[:3])
    assert state.n_steps == 4
    assert history.stopped_by == ("callback" if error is None else "interrupt")
    np.testing.assert_array_equal(ends[-1][2], state.params)


def test_the_parameters_so_far_are_those_of_training_that_ended_there():
    network = build((N_INPUTS, N_CLASSES), [])
    callbacks = EpochCallbacks(8)
    train(
        network,
        folds(make_data(), 3),
        start(network, 3),
        plan(n_epochs=9),
        generators(3),
        runtime=Runtime(callbacks=callbacks),
    )
    for n_epochs in (1, 4):
        short = train(
            network,
            folds(make_data(), 3),
            start(network, 3),
            plan(n_epochs=n_epochs),
            generators(3),
        )[0]
        np.testing.assert_array_equal(callbacks.seen[1::2][n_epochs - 1][2], short.params)


def test_an_interrupt_in_the_first_epoch_is_raised():
    network = build((N_INPUTS, N_CLASSES), [])

    class Early(EpochCallbacks):
        def begin(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(
            network,
            folds(make_data(), 3),
            start(network, 3),
            plan(),
            generators(3),
            runtime=Runtime(callbacks=Early(0)),
        )


def test_the_gradient_is_clipped_before_the_step():
    network = build((N_INPUTS, N_CLASSES), [])
    begun = start(network)
    our_plan = plan(n_epochs=1, learning_rate=0.5, max_grad_norm=0.01)
    after, _ = train(network, everyone(make_data()), begun, our_plan, generators(1))
    assert np.linalg.norm(after.params - begun.params) == pytest.approx(0.5 * 0.01)


@pytest.mark.parametrize("shuffle", [False, True])
def test_sparse_rows_train_the_network_that_dense_rows_train(shuffle):
    inputs, targets, weights = make_rows()
    inputs[np.abs(inputs) < 0.7] = 0
    our_plan = plan("adam", batch_size=16, shuffle=shuffle, alpha=0.1)
    widths = (N_INPUTS, 6, N_CLASSES)
    results = []
    for kind, rows in ((DenseRows, inputs), (SparseRows, sp.csr_array(inputs))):
        network = (build_sparse if kind is SparseRows else build)(widths, ["tanh"])
        data = Data(kind(rows), targets, weights)
        split = folds(data, 3)
        results.append(train(network, split, start(network, 3), our_plan, generators(3)))
    (dense, dense_history), (sparse, sparse_history) = results
    np.testing.assert_allclose(sparse.params, dense.params, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(sparse_history.valid_loss, dense_history.valid_loss, rtol=1e-8)


def test_shuffling_and_dropout_are_drawn_from_the_generators_of_each_member():
    network = build((N_INPUTS, 8, N_CLASSES), ["relu"], dropout=0.4)
    our_plan = plan("adam", batch_size=16, shuffle=True)
    begun, split = start(network, 2), everyone(make_data(), 2)
    same = State(np.repeat(begun.params[:1], 2, axis=0), {})
    first, second = generators(2)
    together, _ = train(network, split, same, our_plan, [first, second])
    again, _ = train(network, split, same, our_plan, generators(2))
    np.testing.assert_array_equal(together.params, again.params)
    assert not np.array_equal(together.params[0], together.params[1])
    swapped, _ = train(network, split, same, our_plan, generators(2)[::-1])
    np.testing.assert_array_equal(swapped.params, together.params[::-1])


@pytest.mark.parametrize("schedule", ["invscaling", "adaptive", "onecycle"])
def test_groups_cannot_be_seen_under_any_schedule(schedule):
    _, (one, _) = train_folds(1, schedule=schedule)
    _, (five, _) = train_folds(5, schedule=schedule)
    np.testing.assert_array_equal(one.params, five.params)


def test_shuffling_a_single_batch_changes_nothing_but_the_order_of_its_sum():
    network, data = build((N_INPUTS, 8, N_CLASSES), ["tanh"]), make_data()
    histories = [
        train(network, everyone(data), start(network), plan(shuffle=shuffle), generators(1))[1]
        for shuffle in (True, False)
    ]
    np.testing.assert_allclose(histories[0].train_loss, histories[1].train_loss, rtol=1e-10)


def test_an_epoch_that_is_interrupted_half_way_counts_for_nothing(monkeypatch):
    network, split = build((N_INPUTS, 8, N_CLASSES), ["tanh"], 0.2), everyone(make_data(), 2)
    options = {"batch_size": 15, "shuffle": True}
    expected, _ = train(
        network, split, start(network, 2), plan("adam", n_epochs=2, **options), generators(2)
    )
    seen = []

    def check():
        seen.append(True)
        if len(seen) == 2 * 5 + 4:  # once before the four steps of an epoch, and before each
            raise KeyboardInterrupt

    with Workers(1) as workers:
        monkeypatch.setattr(workers, "check", check)
        our_plan = plan("adam", n_epochs=9, **options)
        begun = start(network, 2)
        state, history = train(
            network, split, begun, our_plan, generators(2), runtime=Runtime(workers)
        )
    assert history.stopped_by == "interrupt"
    assert history.train_loss.shape == (2, 2)
    np.testing.assert_array_equal(state.params, expected.params)


def test_a_member_that_explodes_is_put_back_to_where_its_lowest_loss_began():
    network, data = build((N_INPUTS, 8, N_CLASSES), ["tanh"]), make_data()
    seen = []

    class ExplodesInTheFourthStep:
        memory = ()

        def numbers(self, rates, steps):
            return [rates]

        @staticmethod
        def step(params, grads, bounds, numbers):
            seen.append(True)
            params -= numbers[:, 1:] * grads
            if len(seen) == 4:
                params[:, 0] = np.nan

    our_plan = plan(ExplodesInTheFourthStep(), n_epochs=4)
    state, history = train(network, everyone(data), start(network), our_plan, generators(1))
    assert history.n_failures == [1]
    # Losses fall: the third epoch has the lowest one of those that ended well.
    assert (np.diff(history.train_loss[0, :4]) < 0).all()
    expected, _ = train(network, everyone(data), start(network), plan(n_epochs=2), generators(1))
    np.testing.assert_allclose(state.params, expected.params, rtol=1e-12)


def test_a_last_step_that_explodes_is_taken_back():
    class Explosion:
        memory = ()

        def numbers(self, rates, steps):
            return [rates]

        @staticmethod
        def step(params, grads, bounds, numbers):
            params[:, 0] = np.nan

    network, data = build((N_INPUTS, 8, N_CLASSES), ["tanh"]), make_data()
    begin = start(network)
    state, history = train(
        network, everyone(data), begin, plan(Explosion(), n_epochs=1), generators(1)
    )
    assert history.n_failures == [1]
    np.testing.assert_array_equal(state.params, begin.params)


@pytest.fixture
def counsel_of_100(monkeypatch):
    monkeypatch.setattr("skdnn.core.early_stopping.SHRINKAGE_ROWS", 100)


def curve_of(valid_loss, done=()):
    curve = np.full((3, len(valid_loss)), 0.5)
    curve[1] = valid_loss
    curve[:, list(done)] = np.nan
    return curve


@pytest.mark.usefixtures("counsel_of_100")
def test_members_of_small_folds_listen_to_all():
    rows = [np.arange(100), np.arange(300)]
    criterion = StoppingCriterion(plan("gd", keep_best=True), rows)
    # A half, and three quarters, of what is watched are the member's own.
    np.testing.assert_allclose(criterion.monitored(curve_of([1.0, 3.0])), [1.5, 2.75])


@pytest.mark.usefixtures("counsel_of_100")
def test_members_that_are_done_stay_with_what_they_said_last():
    criterion = StoppingCriterion(plan("gd", keep_best=True), [np.arange(100)] * 2)
    criterion.monitored(curve_of([1.0, 3.0]))
    assert criterion.monitored(curve_of([2.0, 9.0], done=[1]))[0] == (2 + (2 + 3) / 2) / 2


@pytest.mark.usefixtures("counsel_of_100")
def test_a_member_that_diverges_does_not_spoil_the_mean():
    criterion = StoppingCriterion(plan("gd", keep_best=True), [np.arange(100)] * 3)
    monitored = criterion.monitored(curve_of([1.0, 3.0, np.inf]))
    np.testing.assert_allclose(monitored, [1.5, 2.5, np.inf])


@pytest.mark.usefixtures("counsel_of_100")
def test_means_at_all_temperatures_are_of_the_same_members():
    criterion = StoppingCriterion(plan("gd", keep_best=True), [np.arange(100)] * 3)
    report = np.vstack([curve_of([1.0, 3.0, np.inf]), [[1.5, 3.5, 0.1]]])
    # The third, which has no finite loss at one of them, counts at neither: the mean is 2.
    np.testing.assert_allclose(criterion.monitored(report)[:2], [1.5, 2.5])


@pytest.mark.usefixtures("counsel_of_100")
def test_losses_are_compared_at_the_temperature_of_the_lowest_mean():
    criterion = StoppingCriterion(plan("gd", keep_best=True), [np.arange(100)] * 2)
    curve = curve_of([1.0, 3.0])
    report = np.vstack([curve, [[1.5, 0.5], [9.0, 0.1]]])
    # Means are 2, 1 and 4.55: the second is the lowest, and half of what counts.
    np.testing.assert_allclose(criterion.monitored(report), [1.25, 0.75])


@pytest.mark.usefixtures("counsel_of_100")
def test_members_of_a_variant_listen_to_each_other_only():
    of_two = plan("gd", keep_best=True)._replace(variants=np.array([0, 1, 0]))
    criterion = StoppingCriterion(of_two, [np.arange(100)] * 3)
    report = np.vstack([curve_of([1.0, 9.0, 3.0]), [[2.0, 5.0, 4.0]]])
    np.testing.assert_allclose(criterion.monitored(report), [1.5, 5.0, 2.5])


def test_without_validation_the_training_loss_is_watched():
    criterion = StoppingCriterion(plan("gd"), None)
    np.testing.assert_array_equal(criterion.monitored(curve_of([1.0, 3.0])), [0.5, 0.5])
