import threading
import time
import warnings

import numpy as np
import pytest
from gradient_checks import assert_gradient, random_targets
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier

from skdnn.core.batches import Data, DenseRows
from skdnn.core.lbfgs import Objective, train_lbfgs
from skdnn.core.losses import LOSSES
from skdnn.core.network import build
from skdnn.core.training import Plan, Runtime, Split, State
from skdnn.core.workers import Workers


def make_data(loss, n_rows=80, seed=0):
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(n_rows, 4))
    if loss == "softmax":
        targets = (inputs[:, :3] + rng.gumbel(size=(n_rows, 3))).argmax(axis=1)[:, None]
    elif loss == "sigmoid":
        targets = (inputs[:, :1] + rng.logistic(size=(n_rows, 1)) > 0).astype(int)
    else:
        targets = random_targets(rng, loss, (n_rows,), 3)
    weights = rng.exponential(size=n_rows) + 0.1
    return Data(DenseRows(inputs), targets, weights / weights.mean())


def plan(loss, **options):
    defaults = {"n_epochs": 500, "tol": 1e-7}
    return Plan(LOSSES[loss], None, None, 0.0, batch_size=0, **(defaults | options))


def everyone(data, n_members=1):
    return Split(data, [np.arange(len(data.weights))] * n_members)


def halves(data):
    rows = np.arange(len(data.weights))
    return Split(data, [rows[::2], rows[1::2]], data, [rows[1::2], rows[::2]])


def start(network, n_members=1, dtype=np.float64):
    rng = np.random.default_rng(1)
    return State(rng.normal(size=(n_members, network.n_parameters)).astype(dtype), {})


@pytest.mark.parametrize("loss", LOSSES)
def test_the_gradient_of_the_objective_is_that_of_its_value(loss):
    data = make_data(loss)
    network = build((4, 5, 1 if loss == "sigmoid" else 3), ["tanh"])
    objective = Objective(0, network, everyone(data), plan(loss, alpha=2.0, label_smoothing=0.1))
    params = start(network).params[0]
    _, grad = objective(params)
    assert_gradient(lambda x: objective(x)[0], params, grad, np.random.default_rng(2))


@pytest.mark.parametrize("alpha", [0.5, 5.0])
@pytest.mark.parametrize("loss", ["softmax", "sigmoid"])
def test_without_a_hidden_layer_it_is_logistic_regression(loss, alpha):
    data = make_data(loss)
    network = build((4, 3 if loss == "softmax" else 1), [])
    state, history = train_lbfgs(
        network, everyone(data), start(network), plan(loss, alpha=alpha), max_fun=10_000
    )
    theirs = LogisticRegression(C=1 / alpha, tol=1e-10, max_iter=10_000).fit(
        data.rows.array, data.targets[:, 0], data.weights
    )
    weights, bias = (array[0] for array in network.dense(state.params)[0])
    # The penalty does not see a constant on all of softmax's biases.
    np.testing.assert_allclose(weights.T, theirs.coef_, atol=1e-3)
    if loss == "softmax":
        bias -= bias.mean()
    np.testing.assert_allclose(bias[0], theirs.intercept_, atol=1e-3)
    assert history.has_converged.all()


def test_iterations_are_those_of_mlp_classifier():
    data = make_data("softmax")
    data = data._replace(weights=np.ones(len(data.weights)))
    common = {"hidden_layer_sizes": (6,), "activation": "tanh", "alpha": 0.3, "random_state": 0}
    X, y = data.rows.array, data.targets[:, 0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs = MLPClassifier(solver="lbfgs", max_iter=15, **common).fit(X, y)
        # A vanishing rate leaves the weights where it starts.
        at_start = MLPClassifier(solver="sgd", learning_rate_init=1e-300, max_iter=1, **common).fit(
            X, y
        )
    network = build((4, 6, 3), ["tanh"])
    begun = start(network)
    for (weights, bias), *arrays in zip(
        network.dense(begun.params), at_start.coefs_, at_start.intercepts_, strict=True
    ):
        weights[0], bias[0, 0] = arrays
    state, history = train_lbfgs(
        network, everyone(data), begun, plan("softmax", n_epochs=15, alpha=0.3), max_fun=1000
    )
    assert history.train_loss.shape == (1, 15)
    assert not history.has_converged.any()
    np.testing.assert_allclose(history.train_loss[0, -1], theirs.loss_, rtol=1e-6)
    for (weights, bias), coef, intercept in zip(
        network.dense(state.params), theirs.coefs_, theirs.intercepts_, strict=True
    ):
        np.testing.assert_allclose(weights[0], coef, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(bias[0, 0], intercept, rtol=1e-4, atol=1e-5)


def test_the_best_parameters_are_put_back_and_patience_ends_each_member():
    network = build((4, 8, 3), ["tanh"])
    split = halves(make_data("softmax"))
    our_plan = plan("softmax", keep_best=True, patience=3, label_smoothing=0.1)
    state, history = train_lbfgs(network, split, start(network, 2), our_plan, max_fun=10_000)
    np.testing.assert_array_equal(history.best_epoch, np.nanargmin(history.valid_loss, axis=1))
    n_run = np.isfinite(history.valid_loss).sum(axis=1)
    np.testing.assert_array_equal(n_run, history.best_epoch + 5)
    for k in range(2):
        loss, score = Objective(k, network, split, our_plan).validate(state.params[k])
        np.testing.assert_allclose(loss, np.nanmin(history.valid_loss[k]), rtol=1e-10)
        np.testing.assert_allclose(score, history.valid_score[k, history.best_epoch[k]])
    assert history.has_converged.all()


def test_a_limit_on_evaluations_ends_training_before_it_converges():
    network = build((4, 8, 3), ["tanh"])
    data = make_data("softmax")
    _, history = train_lbfgs(network, everyone(data), start(network), plan("softmax"), max_fun=5)
    assert history.train_loss.shape[1] <= 5
    assert not history.has_converged.any()


def test_members_and_threads_do_not_mix():
    network = build((4, 5, 3), ["tanh"])
    split, begun = halves(make_data("softmax")), start(network, 2)
    our_plan = plan("softmax", n_epochs=10)
    with Workers(2) as workers:
        threaded, _ = train_lbfgs(network, split, begun, our_plan, 1000, runtime=Runtime(workers))
    together, _ = train_lbfgs(network, split, begun, our_plan, 1000)
    np.testing.assert_array_equal(threaded.params, together.params)
    for k in range(2):
        alone = Split(split.data, [split.train_rows[k]])
        own, _ = train_lbfgs(network, alone, State(begun.params[k : k + 1], {}), our_plan, 1000)
        np.testing.assert_array_equal(own.params[0], together.params[k])


def test_an_interrupt_in_the_first_iteration_is_raised_and_ends_the_helpers():
    caller, both, interrupted = threading.get_ident(), threading.Barrier(2), threading.Event()
    threads, evaluations_after = set(), []

    def loss(*args):
        if threading.get_ident() not in threads:
            threads.add(threading.get_ident())
            both.wait(10)  # each thread trains a member
        if threading.get_ident() == caller:
            interrupted.set()
            raise KeyboardInterrupt
        if interrupted.is_set():
            evaluations_after.append(True)
            time.sleep(0.02)
        LOSSES["softmax"].value_and_gradient(*args)

    network = build((4, 8, 3), ["tanh"])
    split = everyone(make_data("softmax"), 2)
    our_plan = plan("softmax", n_epochs=10_000, tol=0.0)
    our_plan = our_plan._replace(loss=our_plan.loss._replace(value_and_gradient=loss))
    with Workers(2) as workers, pytest.raises(KeyboardInterrupt):
        train_lbfgs(network, split, start(network, 2), our_plan, 200, runtime=Runtime(workers))
    assert len(evaluations_after) < 50


def test_parameters_keep_their_type_and_the_start_is_left_alone():
    network = build((4, 3), [])
    begun = start(network, dtype=np.float32)
    kept = begun.params.copy()
    state, _ = train_lbfgs(
        network, everyone(make_data("softmax")), begun, plan("softmax"), max_fun=100
    )
    assert state.params.dtype == np.float32
    assert not np.array_equal(state.params, kept)
    np.testing.assert_array_equal(begun.params, kept)
