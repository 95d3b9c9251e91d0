import numpy as np
import pytest
from gradient_checks import assert_gradient
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit, softmax

from skdnn.core.averaging import class_log_odds, log_mean_proba, log_odds_of_mean, mean_log_odds
from skdnn.core.losses import LOSSES

seeds = st.integers(0, 2**32 - 1)
PROBABILITIES = {
    "softmax": lambda logits: softmax(logits, axis=2),
    "sigmoid": lambda logits: np.concatenate([expit(-logits), expit(logits)], axis=2),
    "multilabel": expit,
}


def problem(loss, seed):
    rng = np.random.default_rng(seed)
    n_members, n_rows = rng.integers(1, 5, 2)
    n_outputs = 1 if loss == "sigmoid" else 4
    logits = 3 * rng.normal(size=(n_members, n_rows, n_outputs))
    weights = rng.dirichlet(np.ones(n_members))
    return logits, weights, rng.integers(0, 2 if loss == "sigmoid" else 4, n_rows), rng


def test_every_loss_has_its_log_odds():
    assert sorted(LOSSES) == sorted(PROBABILITIES)


@pytest.mark.parametrize("loss", PROBABILITIES)
@given(seed=st.integers(0, 2**32 - 1))
def test_log_odds_are_those_of_the_mean_probability_at_the_temperature(loss, seed):
    logits, weights, classes, _ = problem(loss, seed)
    proba = np.average(PROBABILITIES[loss](logits / 1.7), axis=0, weights=weights)
    value, _ = class_log_odds(logits, weights, classes, LOSSES[loss], 1.7)
    expected = logit(proba[np.arange(len(classes)), classes])
    np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("loss", PROBABILITIES)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_gradient_is_the_derivative_of_the_sum(loss, seed):
    logits, weights, classes, rng = problem(loss, seed)
    given = weights, classes, LOSSES[loss], 0.6
    _, grad = class_log_odds(logits, *given)
    assert_gradient(lambda z: class_log_odds(z, *given)[0].sum(), logits, grad, rng)


def test_probabilities_of_0_and_1_have_finite_log_odds_and_gradients():
    odds = np.array([[800.0, -800.0, 800.0], [900.0, -900.0, -800.0]])
    value, grad = log_odds_of_mean(odds, np.full(2, 0.5))
    # The mean of 1 - e^-800 and 1 - e^-900 misses 1 by e^-800 / 2.
    np.testing.assert_allclose(value, [800 + np.log(2), -800 - np.log(2), 0])
    np.testing.assert_allclose(grad, [[1, 1, 0], [0, 0, 0]], atol=1e-12)


def test_the_others_of_a_softmax_may_be_far_below():
    logits = np.array([[[1000.0, 0.0, -1000.0]]])
    value, grad = class_log_odds(logits, np.ones(1), np.array([0]), LOSSES["softmax"])
    np.testing.assert_allclose(value, 1000)
    np.testing.assert_allclose(grad, [[[1, -1, 0]]])


@given(seed=seeds, n_members=st.integers(1, 5))
def test_log_mean_proba_is_the_logarithm_of_the_mean_probability(seed, n_members):
    rng = np.random.default_rng(seed)
    proba = softmax(rng.normal(size=(n_members, 4, 3)), axis=-1)
    weights = rng.dirichlet(np.ones(n_members))
    expected = np.log(np.average(proba, axis=0, weights=weights))
    average = log_mean_proba(np.log(proba), weights)
    np.testing.assert_allclose(average, expected, rtol=1e-9, atol=1e-12)


def test_log_mean_proba_of_tiny_probabilities_does_not_underflow():
    log_proba = np.array([[[-2000.0]], [[-2000.0 + np.log(3)]]])
    average = log_mean_proba(log_proba, np.array([0.75, 0.25]))
    np.testing.assert_allclose(average, [[-2000 + np.log(1.5)]], rtol=1e-12)


@given(seed=seeds, n_members=st.integers(1, 5))
def test_log_odds_are_those_of_the_mean_probability(seed, n_members):
    rng = np.random.default_rng(seed)
    logits, weights = 3 * rng.normal(size=(n_members, 4, 2)), rng.dirichlet(np.ones(n_members))
    expected = logit(np.average(expit(logits), axis=0, weights=weights))
    np.testing.assert_allclose(mean_log_odds(logits, weights), expected, rtol=1e-8, atol=1e-9)


def test_log_odds_of_certain_members_are_finite_and_symmetric():
    logits = np.array([[[900.0]], [[1000.0]]])
    weights = np.full(2, 0.5)
    value = mean_log_odds(logits, weights)
    np.testing.assert_allclose(value, [[900 + np.log(2)]], rtol=1e-12)
    np.testing.assert_allclose(mean_log_odds(-logits, weights), -value)
