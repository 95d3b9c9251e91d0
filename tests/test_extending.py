"""A piece of each kind, added at run time from one place: it trains, compiled where numba is."""

import copy
import pickle
from contextlib import contextmanager
from unittest import mock

import numpy as np
import pytest
from backends import compiled
from gradient_checks import Problem, assert_gradient
from sklearn.base import clone
from sklearn.datasets import load_iris, make_moons

from skdnn import DeepNetClassifier
from skdnn.core.activations import ACTIVATIONS, Activation
from skdnn.core.batches import Data, DenseRows
from skdnn.core.compiling import Kernel, has_numba, kernel
from skdnn.core.layer_kernels import finisher
from skdnn.core.layers import Dense
from skdnn.core.losses import LOSSES, Loss, highest_is_target, log_softmax
from skdnn.core.network import Network
from skdnn.core.optimizers import OPTIMIZERS, decay
from skdnn.core.prediction import predict_logits
from skdnn.core.schedules import SCHEDULES
from skdnn.core.tape import Tape
from skdnn.core.training import Plan, Split, State, train
from skdnn.estimator.solvers import SOLVERS

needs_numba = pytest.mark.skipif(not has_numba(), reason="numba is not installed")
ENGINES = pytest.mark.parametrize(
    "is_compiled", [False, pytest.param(True, marks=needs_numba)], ids=["numpy", "numba"]
)
X, y = make_moons(200, noise=0.2, random_state=0)
THREE = load_iris(return_X_y=True)  # with two classes there is one output, and a sigmoid
SMALL = {"hidden_layer_sizes": (16, 16), "n_members": 2, "max_iter": 100, "random_state": 0}


# An activation.


def softsign(z, real):
    """Return z / (1 + |z|) (Bergstra et al., 2009)."""
    return z / (real(1) + np.abs(z))


def softsign_slope(z, a, real):
    """Return (1 - |a|)^2."""
    return (real(1) - np.abs(a)) ** 2


SOFTSIGN = Activation(softsign, softsign_slope, init="glorot_uniform")


# A loss.


def brier_numpy(logits, targets, weights, smoothing, values):
    proba = np.exp(log_softmax(logits))
    error = proba.copy()
    hit = np.take_along_axis(error, targets, axis=2) - 1
    np.put_along_axis(error, targets, hit, axis=2)
    values[:] = (weights * np.square(error).sum(axis=2, dtype=np.float64)).sum(axis=1)
    np.multiply(2 * proba, error - (proba * error).sum(axis=2, keepdims=True), out=logits)
    logits *= weights[..., None]


@kernel(brier_numpy)
def brier(logits, targets, weights, smoothing, values):
    """Compute the squared distance between softmax(logits) and the one-hot target (Brier, 1950)."""
    for k in range(logits.shape[0]):
        values[k] = 0.0
        for r in range(logits.shape[1]):
            line, target, weight = logits[k, r], targets[k, r, 0], weights[k, r]
            highest = line.max()
            for i in range(line.size):
                line[i] = np.exp(line[i] - highest)
            total = line.sum()
            squares, product = line[0] * 0, line[0] * 0
            for i in range(line.size):
                line[i] /= total
                error = line[i] - (1 if i == target else 0)
                squares += error * error
                product += line[i] * error
            values[k] += weight * squares
            for i in range(line.size):
                error = line[i] - (1 if i == target else 0)
                line[i] *= 2 * weight * (error - product)


BRIER = Loss(brier, log_softmax, highest_is_target)


# An update rule.


def lion_numpy(params, grads, momentum, bounds, numbers):
    kept, rate, beta_1, beta_2 = np.split(numbers, 4, axis=1)
    decay(params, bounds, kept)
    params -= rate * np.sign(beta_1 * momentum + (1 - beta_1) * grads)
    momentum *= beta_2
    momentum += (1 - beta_2) * grads


@kernel(lion_numpy)
def lion_step(params, grads, momentum, bounds, numbers):
    one = params.dtype.type(1)
    for k in range(len(params)):
        rate, beta_1, beta_2 = numbers[k, 1], numbers[k, 2], numbers[k, 3]
        for run in range(len(bounds) - 1):
            kept = numbers[k, 0] if run % 2 == 0 else one
            low, high = bounds[run], bounds[run + 1]
            p, g, m = params[k, low:high], grads[k, low:high], momentum[k, low:high]
            for i in range(p.size):
                p[i] = kept * p[i] - rate * np.sign(beta_1 * m[i] + (one - beta_1) * g[i])
                m[i] = beta_2 * m[i] + (one - beta_2) * g[i]


class Lion:
    """The sign of an interpolated momentum (Chen et al., 2023, arXiv:2302.06675)."""

    memory = ("momentum",)
    step = lion_step

    def __init__(self, beta_1=0.9, beta_2=0.99):
        self.beta_1, self.beta_2 = beta_1, beta_2

    def numbers(self, rates, steps):
        return [rates, self.beta_1, self.beta_2]


# A layer.


def normalize_numpy(inputs, gains, roots, outputs):
    roots[...] = np.sqrt(np.square(inputs).mean(axis=2) + inputs.dtype.type(1e-3))
    outputs[...] = inputs / roots[..., None] * gains


@kernel(normalize_numpy)
def normalize(inputs, gains, roots, outputs):
    real = inputs.dtype.type
    width = inputs.shape[2]
    for k in range(inputs.shape[0]):
        for r in range(inputs.shape[1]):
            total = real(0)
            for i in range(width):
                total += inputs[k, r, i] * inputs[k, r, i]
            root = np.sqrt(total / real(width) + real(1e-3))
            roots[k, r] = root
            for i in range(width):
                outputs[k, r, i] = inputs[k, r, i] / root * gains[k, 0, i]


def normalize_back_numpy(grad_outputs, inputs, gains, roots, grad_gains):
    unit = inputs / roots[..., None]
    grad_gains[:, 0] = (grad_outputs * unit).sum(axis=1)
    grad_outputs *= gains
    inner = (grad_outputs * unit).mean(axis=2, keepdims=True)
    grad_outputs -= unit * inner
    grad_outputs /= roots[..., None]


@kernel(normalize_back_numpy)
def normalize_back(grad_outputs, inputs, gains, roots, grad_gains):
    real = inputs.dtype.type
    width = inputs.shape[2]
    for k in range(inputs.shape[0]):
        for i in range(width):
            grad_gains[k, 0, i] = real(0)
        for r in range(inputs.shape[1]):
            root, inner = roots[k, r], real(0)
            for i in range(width):
                unit = inputs[k, r, i] / root
                grad_gains[k, 0, i] += grad_outputs[k, r, i] * unit
                grad_outputs[k, r, i] *= gains[k, 0, i]
                inner += grad_outputs[k, r, i] * unit
            for i in range(width):
                unit = inputs[k, r, i] / root
                grad_outputs[k, r, i] = (grad_outputs[k, r, i] - unit * inner / width) / root


class RootMeanSquare:
    """Divide each row by its root mean square, times a gain a unit (Zhang & Sennrich, 2019)."""

    def __init__(self, width):
        self.shapes = ((1, width),)

    def forward(self, tape, start, inputs):
        gains = tape.view(tape.params, start, self.shapes[0])
        roots, outputs = tape.empty(inputs.shape[:2]), tape.empty(inputs.shape)
        tape.call(normalize, inputs, gains, roots, outputs)

        def backward(grad_outputs, wants_inputs):
            grad_gains = tape.view(tape.grads, start, self.shapes[0])
            tape.call(normalize_back, grad_outputs, inputs, gains, roots, grad_gains)
            return grad_outputs

        return outputs, backward


# What trains with them.


@pytest.fixture(autouse=True)
def _tables(monkeypatch):
    """Enter the pieces into the tables, for a test."""
    monkeypatch.setitem(ACTIVATIONS, "softsign", SOFTSIGN)
    monkeypatch.setitem(LOSSES, "brier", BRIER)
    monkeypatch.setitem(OPTIMIZERS, "lion", Lion)


@contextmanager
def recorded():
    """Collect the functions that steps of training call."""
    functions, call = set(), Tape.call

    def listen(tape, function, *args):
        call(tape, function, *args)
        if tape.grads is not None:
            functions.add(tape.calls[-1][0])

    with mock.patch.object(Tape, "call", listen):
        yield functions


def fit_recorded(is_compiled, data=(X, y), **options):
    """Fit, and return the estimator with the functions that its steps call."""
    net = DeepNetClassifier(**{**SMALL, "dtype": "float64", **options})
    with compiled(is_compiled), recorded() as functions:
        net.fit(*data)
    return net, functions


def is_called(kernel_, functions, is_compiled):
    """Tell whether the compiled loop, and never the twin, is among the functions; or vice versa."""
    found = kernel_._dispatcher in functions, kernel_.twin in functions
    assert found in {(True, False), (False, True)}
    return found == ((True, False) if is_compiled else (False, True))


ADDED = {
    "activation": ({"activation": "softsign"}, lambda: finisher(SOFTSIGN)),
    "activation itself": ({"activation": SOFTSIGN}, lambda: finisher(SOFTSIGN)),
    "loss": ({"loss": BRIER, "data": THREE, "solver": "adam"}, lambda: brier),
    "rule": ({"solver": "lion"}, lambda: lion_step),
}


@ENGINES
@pytest.mark.parametrize("piece", ADDED)
def test_an_added_piece_is_what_training_calls_and_it_learns(piece, is_compiled):
    options, kernel_of = ADDED[piece]
    net, functions = fit_recorded(is_compiled, **options, learning_rate_init=0.01)
    added = kernel_of()
    assert isinstance(added, Kernel)
    assert is_called(added, functions, is_compiled)
    assert net.score(*options.get("data", (X, y))) > 0.85


@pytest.mark.filterwarnings("ignore:Maximum iterations")
@needs_numba
@pytest.mark.parametrize("piece", ADDED)
def test_compiled_or_not_the_network_is_the_same_to_rounding(piece):
    options = {**ADDED[piece][0], "max_iter": 5}
    nets = [fit_recorded(wanted, **options)[0] for wanted in (False, True)]
    probabilities = [net.predict_proba(options.get("data", (X, y))[0]) for net in nets]
    np.testing.assert_allclose(*probabilities, rtol=1e-6, atol=1e-8)


@ENGINES
def test_all_pieces_together(is_compiled):
    options = {"activation": "softsign", "loss": BRIER, "solver": "lion"}
    net, functions = fit_recorded(is_compiled, THREE, **options, learning_rate_init=0.01)
    for kernel_ in (finisher(SOFTSIGN), brier, lion_step):
        assert is_called(kernel_, functions, is_compiled)
    assert net.score(*THREE) > 0.85
    with compiled(is_compiled):
        again = clone(net).fit(*THREE)
    np.testing.assert_array_equal(again.predict_proba(THREE[0]), net.predict_proba(THREE[0]))


@pytest.mark.filterwarnings("ignore:Maximum iterations")
def test_an_added_rule_gets_the_parameters_of_its_name_and_the_defaults_of_adam():
    rules = []

    class Noted(Lion):
        def __init__(self, beta_2=0.99, strength=7.0, beta_1=0.9):
            super().__init__(beta_1, beta_2)
            self.strength = strength
            rules.append(self)

    with mock.patch.dict(OPTIMIZERS, noted=Noted):
        net = DeepNetClassifier(**{**SMALL, "max_iter": 2}, solver="noted", beta_1=0.4).fit(X, y)
        assert hasattr(net, "partial_fit")
    (rule,) = rules
    assert (rule.beta_1, rule.beta_2, rule.strength) == (0.4, net.beta_2, 7.0)
    given = ("learning_rate", "learning_rate_init", "weight_decay")
    recipe = SOLVERS["adam"].recipe
    assert [net.resolved_params_[k] for k in given] == [recipe[k] for k in given]
    with pytest.raises(ValueError, match=r"must be a str among .*'gd', 'lbfgs', 'lion', 'sgd'"):
        DeepNetClassifier(solver="noted").fit(X, y)


@pytest.mark.filterwarnings("ignore:Maximum iterations")
def test_a_network_with_an_added_activation_and_solver_pickles():
    options = {"activation": ["softsign"] * 2, "solver": "lion", "max_iter": 2}
    net = DeepNetClassifier(**{**SMALL, **options}).fit(X, y)
    again = pickle.loads(pickle.dumps(net))
    np.testing.assert_array_equal(again.predict_proba(X), net.predict_proba(X))


@pytest.mark.parametrize("loss", ["brier", "softmax"])
def test_a_network_with_a_loss_that_is_a_kernel_pickles(loss):
    net = DeepNetClassifier(**{**SMALL, "loss": LOSSES[loss], "max_iter": 2}).fit(*THREE)
    again = pickle.loads(pickle.dumps(net))
    np.testing.assert_array_equal(again.predict_proba(THREE[0]), net.predict_proba(THREE[0]))


@pytest.mark.parametrize("added", [brier, LOSSES["softmax"].value_and_gradient, Lion.step])
def test_a_kernel_is_pickled_and_copied_by_its_name(added):
    assert pickle.loads(pickle.dumps(added)) is added
    assert copy.deepcopy(added) is added


def network_with_layer():
    return Network([Dense(2, 8, SOFTSIGN, 0.2), RootMeanSquare(8), Dense(8, 2)])


@ENGINES
@pytest.mark.parametrize("seed", range(5))
def test_gradients_of_all_added_pieces_equal_finite_differences(seed, is_compiled):
    rng = np.random.default_rng(seed)
    network = network_with_layer()
    problem = Problem(
        network,
        rng.normal(size=(3, network.n_parameters)),
        rng.normal(size=(3, 5, 2)),
        rng.integers(0, 2, (3, 5, 1)),
        rng.random((3, 5)),
        BRIER,
        0.0,
    )
    problem.assert_gradients(rng, is_compiled, wants_inputs=True)


def test_the_slope_of_the_added_activation_is_its_derivative():
    rng = np.random.default_rng(0)
    z = rng.normal(size=50)
    slope = softsign_slope(z, softsign(z, np.float64), np.float64)
    assert_gradient(lambda z: softsign(z, np.float64).sum(), z, slope, rng)


@ENGINES
def test_two_steps_of_the_added_rule_by_hand(is_compiled):
    params, momentum = np.array([[1.0, -1.0]]), np.zeros((1, 2))
    bounds, numbers = np.array([0, 1, 2]), np.array([[0.9, 0.1, 0.9, 0.99]])
    for grads in ([[3.0, -4.0]], [[-1.0, 1.0]]):
        args = params, np.array(grads), momentum, bounds, numbers
        (lion_step.compiled_for(args) if is_compiled else lion_step)(*args)
    # Signs are (1, -1), then those of 0.9 (0.03, -0.04) + 0.1 (-1, 1): (-1, 1).
    np.testing.assert_allclose(params, [[(0.9 - 0.1) * 0.9 + 0.1, -1 + 0.1 - 0.1]])
    np.testing.assert_allclose(momentum, [[0.99 * 0.03 - 0.01, -0.99 * 0.04 + 0.01]])


def train_layer(is_compiled, n_epochs=40):
    network = network_with_layer()
    rngs = [np.random.Generator(np.random.SFC64(seed)) for seed in (1, 2)]
    params = np.stack([0.5 * rng.standard_normal(network.n_parameters) for rng in rngs])
    data = Data(DenseRows(np.ascontiguousarray(X)), y[:, None], np.ones(len(y)))
    split = Split(data, train_rows=[np.arange(len(y))] * 2)
    schedule = SCHEDULES["constant"]
    plan = Plan(BRIER, Lion(), schedule, learning_rate=0.01, n_epochs=n_epochs, batch_size=32)
    with compiled(is_compiled), recorded() as functions:
        state, history = train(network, split, State(params, {}), plan, rngs)
    return network, data, state, history, functions


@ENGINES
def test_an_added_layer_is_what_training_calls_and_it_learns(is_compiled):
    network, data, state, history, functions = train_layer(is_compiled)
    for kernel_ in (normalize, normalize_back, brier, lion_step, finisher(SOFTSIGN)):
        assert is_called(kernel_, functions, is_compiled)
    assert (history.train_loss[:, -1] < 0.7 * history.train_loss[:, 0]).all()
    ((_, logits),) = predict_logits(network, state.params, data.rows, len(y))
    assert (logits.mean(axis=0).argmax(axis=1) == y).mean() > 0.85


@needs_numba
def test_with_an_added_layer_compiled_training_is_that_of_numpy_to_rounding():
    by_numpy, by_numba = (train_layer(wanted, n_epochs=5)[2] for wanted in (False, True))
    np.testing.assert_allclose(by_numba.params, by_numpy.params, rtol=1e-8, atol=1e-10)


def test_a_penalty_and_other_functions_of_dense_layers_leave_an_added_layer_alone():
    network = network_with_layer()
    params = np.arange(2.0 * network.n_parameters).reshape(2, -1)
    weights = network.weights(params)
    assert [array.shape for array in weights] == [(2, 2, 8), (2, 8, 2)]
    assert network.widths == (2, 8, 2)
