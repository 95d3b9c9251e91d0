import numpy as np
import pytest
from gradients import assert_gradient
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit, softmax

from skdnn.core.log_odds import MEMBER_LOG_ODDS, class_log_odds, of_mean

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
    assert sorted(MEMBER_LOG_ODDS) == sorted(PROBABILITIES)


@pytest.mark.parametrize("loss", PROBABILITIES)
@given(seed=st.integers(0, 2**32 - 1))
def test_log_odds_are_those_of_the_mean_probability_at_the_temperature(loss, seed):
    logits, classes, _ = problem(loss, seed)
    proba = PROBABILITIES[loss](logits / 1.7).mean(axis=0)
    value, _ = class_log_odds(logits, classes, loss, 1.7)
    expected = logit(proba[np.arange(len(classes)), classes])
    np.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("loss", PROBABILITIES)
@given(seed=st.integers(0, 2**32 - 1))
def test_the_gradient_is_the_derivative_of_the_sum(loss, seed):
    logits, classes, rng = problem(loss, seed)
    _, grad = class_log_odds(logits, classes, loss, 0.6)
    assert_gradient(lambda z: class_log_odds(z, classes, loss, 0.6)[0].sum(), logits, grad, rng)


def test_probabilities_of_0_and_1_have_finite_log_odds_and_gradients():
    odds = np.array([[800.0, -800.0, 800.0], [900.0, -900.0, -800.0]])
    value, grad = of_mean(odds)
    # The mean of 1 - e^-800 and 1 - e^-900 misses 1 by e^-800 / 2.
    np.testing.assert_allclose(value, [800 + np.log(2), -800 - np.log(2), 0])
    np.testing.assert_allclose(grad, [[1, 1, 0], [0, 0, 0]], atol=1e-12)


def test_the_others_of_a_softmax_may_be_far_below():
    logits = np.array([[[1000.0, 0.0, -1000.0]]])
    value, grad = class_log_odds(logits, np.array([0]), "softmax")
    np.testing.assert_allclose(value, 1000)
    np.testing.assert_allclose(grad, [[[1, -1, 0]]])
