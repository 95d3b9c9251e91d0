import numpy as np
import pytest
from gradient_checks import assert_gradient, forward_once
from scipy.integrate import quad_vec
from scipy.sparse import csr_array

from skdnn.core.activations import ACTIVATIONS
from skdnn.core.averaging import class_log_odds
from skdnn.core.encoded_rows import Expansion
from skdnn.core.input_gradients import FEWEST_STEPS, InputGradient
from skdnn.core.losses import LOSSES
from skdnn.core.network import build

N_ROWS, N_INPUTS, N_CLASSES = 7, 5, 3
WEIGHTS = np.array([0.5, 0.3, 0.2])  # of the members


class Subject:
    """A random network of three members, rows, and the score of a class of each."""

    def __init__(self, activations=("tanh", "silu"), expansion=None):
        self.rng = np.random.default_rng(0)
        widths = (N_INPUTS, *(6,) * len(activations), N_CLASSES)
        self.network = build(widths, activations, expansion=expansion)
        self.params = self.rng.normal(size=(3, self.network.n_parameters))
        self.rows = self.rng.normal(size=(N_ROWS, N_INPUTS))
        self.start = self.rng.normal(size=(1, N_INPUTS))
        self.classes = np.arange(N_ROWS) % N_CLASSES
        self.finder = InputGradient(self.network, self.params)

    def score(self, logits, rows):
        return class_log_odds(logits, WEIGHTS, self.classes[rows], LOSSES["softmax"], 1.3)

    def values(self, rows):
        """Return the scores by a forward pass of the whole network."""
        logits = forward_once(self.network, self.params, rows[None])
        return self.score(logits, np.arange(len(rows)))[0]

    def integrate(self, tol=1e-4, max_steps=2**14):
        return self.finder.integrate(self.rows, self.start, self.score, tol, max_steps)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_equal_finite_differences(activation):
    subject = Subject((activation, activation))
    values, grad = subject.finder.gradient(subject.rows, subject.score)
    np.testing.assert_allclose(values, subject.values(subject.rows), rtol=1e-12)
    for _ in range(5):
        assert_gradient(lambda x: subject.values(x).sum(), subject.rows, grad, subject.rng)


@pytest.mark.parametrize("activations", [(), ("tanh",), ("relu", "gelu"), ("relu",) * 3])
def test_attributions_add_up_to_the_difference_of_the_scores(activations):
    subject = Subject(activations)
    found = subject.integrate(tol=0.01)
    np.testing.assert_allclose(found.score, subject.values(subject.rows), rtol=1e-12)
    start = subject.values(np.repeat(subject.start, N_ROWS, axis=0))
    np.testing.assert_allclose(found.start_score, start, rtol=1e-12)
    difference = found.score - found.start_score
    sums = found.values.sum(axis=1)
    np.testing.assert_allclose(sums - difference, found.residual, atol=1e-12)
    np.testing.assert_allclose(sums, difference, rtol=0.0101)


def test_attributions_are_the_integral_of_the_gradient_on_the_line():
    subject = Subject()

    def gradient(place):
        rows = subject.start + place * (subject.rows - subject.start)
        return subject.finder.gradient(rows, subject.score)[1]

    mean, _ = quad_vec(gradient, 0, 1, epsabs=1e-9)
    expected = mean * (subject.rows - subject.start)
    found = subject.integrate(tol=1e-7)
    np.testing.assert_allclose(found.values, expected, rtol=1e-4, atol=1e-5)


def test_a_linear_score_has_its_coefficients_as_gradient():
    subject = Subject(())
    weights = subject.network.weights(subject.params)[0][:, :, 0]

    def first_logit(logits, rows):
        grad = np.zeros_like(logits)
        grad[..., 0] = 1
        return logits[..., 0].sum(axis=0), grad

    found = subject.finder.integrate(subject.rows, subject.start, first_logit, 0.01, 64)
    expected = (subject.rows - subject.start) * weights.sum(axis=0)
    np.testing.assert_allclose(found.values, expected, rtol=1e-12)
    assert (found.n_steps == FEWEST_STEPS).all()


def test_steps_are_added_for_the_rows_that_need_them():
    subject = Subject(("relu", "relu"))
    found = subject.integrate(tol=1e-3)
    assert len(np.unique(found.n_steps)) > 1
    limited = subject.integrate(tol=1e-9, max_steps=32)
    assert (limited.n_steps == 32).all()
    assert np.abs(limited.residual).max() > np.abs(found.residual).max()


@pytest.mark.parametrize(("max_steps", "taken"), [(1, 1), (3, 2), (100, 64), (128, 128)])
def test_steps_are_never_more_than_allowed(max_steps, taken):
    found = Subject(("relu", "relu")).integrate(tol=1e-12, max_steps=max_steps)
    assert (found.n_steps == taken).all()


def test_a_row_at_the_start_has_no_attributions():
    subject = Subject()
    subject.rows[2] = subject.start
    found = subject.integrate()
    assert not found.values[2].any()
    assert abs(found.residual[2]) < 1e-12


def test_sparse_rows_are_explained_like_dense_ones():
    subject = Subject()
    sparse = csr_array(np.where(subject.rows > 0, subject.rows, 0))
    integrals = [
        subject.finder.integrate(rows, subject.start, subject.score, 1e-3, 256)
        for rows in (sparse, sparse.toarray())
    ]
    np.testing.assert_allclose(integrals[0].values, integrals[1].values, rtol=1e-10, atol=1e-12)


def test_layers_before_the_first_dense_one_are_left_out():
    plain, expanding = Subject(), Subject(expansion=Expansion(2, (3,)))
    for subject in (plain, expanding):
        _, subject.grad = subject.finder.gradient(plain.rows, plain.score)
    np.testing.assert_array_equal(expanding.grad, plain.grad)
