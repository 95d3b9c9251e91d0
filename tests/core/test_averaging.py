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
    return logits, rng.integers(0, 2 if loss == "sigmoid" else 4, n_rows), rng


def test_every_loss_has_its_log_odds():
    assert sorted(LOSSES) == sorted(PROBABILITIES)


@pytest.mark.parametrize("loss", PROBABILITIES)
@given(seed=st.integers(0, 2**32 - 1))
def test_log_odds_are_those_of_the_mean_probability_at_the_temperature(loss, seed):
    logits, classes, _ = problem(loss, seed)
    proba = PROBABILITIES[loss](logits / 1.7).mean(axis=0)
    value, _ = class_log_odds(logits, classes, LOSSES[loss], 1.7)
    expected = logit(proba[np.arange(len(classes)), classes])
    np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("loss", PROBABILITIES)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_gradient_is_the_derivative_of_the_sum(loss, seed):
    logits, classes, rng = problem(loss, seed)
    _, grad = class_log_odds(logits, classes, LOSSES[loss], 0.6)
    assert_gradient(
        lambda z: class_log_odds(z, classes, LOSSES[loss], 0.6)[0].sum(), logits, grad, rng
    )


def test_probabilities_of_0_and_1_have_finite_log_odds_and_gradients():
    odds = np.array([[800.0, -800.0, 800.0], [900.0, -900.0, -800.0]])
    value, grad = log_odds_of_mean(odds)
    # The mean of 1 - e^-800 and 1 - e^-900 misses 1 by e^-800 / 2.
    np.testing.assert_allclose(value, [800 + np.log(2), -800 - np.log(2), 0])
    np.testing.assert_allclose(grad, [[1, 1, 0], [0, 0, 0]], atol=1e-12)


def test_the_others_of_a_softmax_may_be_far_below():
    logits = np.array([[[1000.0, 0.0, -1000.0]]])
    value, grad = class_log_odds(logits, np.array([0]), LOSSES["softmax"])
    np.testing.assert_allclose(value, 1000)
    np.testing.assert_allclose(grad, [[[1, -1, 0]]])


@given(seed=seeds, n_members=st.integers(1, 5))
def test_log_mean_proba_is_the_logarithm_of_the_mean_probability(seed, n_members):
    proba = softmax(np.random.default_rng(seed).normal(size=(n_members, 4, 3)), axis=-1)
    expected = np.log(proba.mean(axis=0))
    np.testing.assert_allclose(log_mean_proba(np.log(proba)), expected, rtol=1e-9, atol=1e-12)


def test_log_mean_proba_of_tiny_probabilities_does_not_underflow():
    average = log_mean_proba(np.array([[[-2000.0]], [[-2000.0 + np.log(3)]]]))
    np.testing.assert_allclose(average, [[-2000 + np.log(2)]], rtol=1e-12)


@given(seed=seeds, n_members=st.integers(1, 5))
def test_log_odds_are_those_of_the_mean_probability(seed, n_members):
    logits = 3 * np.random.default_rng(seed).normal(size=(n_members, 4, 2))
    expected = logit(expit(logits).mean(axis=0))
    np.testing.assert_allclose(mean_log_odds(logits), expected, rtol=1e-8, atol=1e-9)


def test_log_odds_of_certain_members_are_finite_and_symmetric():
    logits = np.array([[[900.0]], [[1000.0]]])
    np.testing.assert_allclose(mean_log_odds(logits), [[900 + np.log(2)]], rtol=1e-12)
    np.testing.assert_allclose(mean_log_odds(-logits), -mean_log_odds(logits))
