import numpy as np
import pytest
from gradient_checks import random_targets
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, softmax
from scipy.stats import entropy

from skdnn.core.calibration import (
    SHARPNESS,
    SMALLEST_SHARE,
    TEMPERATURES,
    entropy_share,
    fit_mixture,
    fit_temperature,
)
from skdnn.core.losses import LOSSES

seeds = st.integers(0, 2**32 - 1)


def honest(loss, n_rows=20_000, seed=0):
    """Return logits and targets drawn from the probabilities that these stand for."""
    rng = np.random.default_rng(seed)
    logits = 2 * rng.normal(size=(n_rows, 1 if loss == "sigmoid" else 3))
    if loss == "softmax":
        # The largest of logits with Gumbel noise is a draw from their softmax.
        return logits, (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)[:, None]
    return logits, (rng.random(logits.shape) < expit(logits)).astype(int)


def equal(members):
    return np.full(len(members), 1 / len(members))


def loss_at(temperature, logits, targets, weights, loss):
    weights = weights[None] / weights.sum()
    scaled = logits[None] / temperature
    return LOSSES[loss].evaluate(scaled, targets[None], weights, 0.0)[0][0]


@pytest.mark.parametrize("planted", [0.5, 1.0, 2.5])
@pytest.mark.parametrize("loss", LOSSES)
def test_temperature_recovers_a_planted_scale(loss, planted):
    logits, targets = honest(loss)
    weights = np.ones(len(logits))
    found = fit_temperature(planted * logits, targets, weights, LOSSES[loss])
    assert found == pytest.approx(planted, rel=0.05)


@pytest.mark.parametrize("loss", LOSSES)
def test_temperature_is_the_best_of_a_fine_grid(loss):
    logits, targets = honest(loss, 300, seed=1)
    weights = np.random.default_rng(2).exponential(size=300)
    found = fit_temperature(1.7 * logits, targets, weights, LOSSES[loss])
    grid = np.geomspace(*TEMPERATURES, 2000)
    losses = [loss_at(t, 1.7 * logits, targets, weights, loss) for t in grid]
    losses += np.log(grid) ** 2 / 300  # the documented prior
    assert found == pytest.approx(grid[np.argmin(losses)], rel=0.003)


@given(seed=seeds, n_rows=st.integers(1, 30), loss=st.sampled_from(sorted(LOSSES)))
def test_temperature_is_never_worse_than_one_and_never_below_its_bound(seed, n_rows, loss):
    rng = np.random.default_rng(seed)
    n_outputs = 1 if loss == "sigmoid" else 3
    logits = 4 * rng.normal(size=(n_rows, n_outputs))
    targets = random_targets(rng, loss, (n_rows,), n_outputs)
    weights = rng.exponential(size=n_rows)
    found = fit_temperature(logits, targets, weights, LOSSES[loss])
    assert TEMPERATURES[0] <= found
    assert loss_at(found, logits, targets, weights, loss) <= loss_at(
        1.0, logits, targets, weights, loss
    )


@pytest.mark.parametrize("planted", [7.0, 1e3, 1e8, 1e250])
@pytest.mark.parametrize("loss", LOSSES)
def test_no_logits_are_too_large_for_a_temperature(loss, planted):
    logits, targets = honest(loss, 5000)
    found = fit_temperature(planted * logits, targets, np.ones(len(logits)), LOSSES[loss])
    assert found == pytest.approx(planted, rel=0.1)


@pytest.mark.parametrize("n_rows", [30, 100])
def test_large_logits_that_tell_nothing_end_near_the_class_frequencies(n_rows):
    rng = np.random.default_rng(0)
    logits, targets = 1e9 * rng.normal(size=(n_rows, 1)), rng.integers(0, 2, (n_rows, 1))
    weights = np.ones(n_rows)
    found = fit_temperature(logits, targets, weights, LOSSES["sigmoid"])
    assert loss_at(found, logits, targets, weights, "sigmoid") < np.log(2) + 0.1


def test_temperature_is_one_if_all_logits_are_equal():
    targets, weights = np.array([[0], [1], [2]]), np.ones(3)
    assert fit_temperature(np.zeros((3, 3)), targets, weights, LOSSES["softmax"]) == 1


def test_fitting_a_temperature_leaves_the_logits_alone():
    logits, targets = honest("softmax", 50)
    kept = logits.copy()
    fit_temperature(logits, targets, np.ones(50), LOSSES["softmax"])
    np.testing.assert_array_equal(logits, kept)


@pytest.mark.parametrize("loss", LOSSES)
def test_members_that_agree_leave_the_temperature_as_it_is(loss):
    logits, _ = honest(loss, 200)
    members = np.stack([logits] * 4)
    found = entropy_share(1.5, members, equal(members), LOSSES[loss])
    assert found == pytest.approx(1, rel=1e-3)


def mean_entropy(loss, logits):
    """Return the mean entropy of each member and of their average, from scipy."""
    if loss == "softmax":
        proba = softmax(logits, axis=-1)
        return entropy(proba, axis=-1).mean(), entropy(proba.mean(axis=0), axis=-1).mean()
    proba = np.stack([expit(logits), expit(-logits)], axis=-1)
    of_members = entropy(proba, axis=-1).sum(axis=-1).mean()
    return of_members, entropy(proba.mean(axis=0), axis=-1).sum(axis=-1).mean()


@pytest.mark.parametrize("loss", LOSSES)
def test_at_its_temperature_an_average_is_as_sure_as_its_members_at_theirs(loss):
    rng = np.random.default_rng(3)
    logits, _ = honest(loss, 500)
    members = logits + rng.normal(size=(4, *logits.shape))
    single = 1.4
    found = single * entropy_share(single, members, equal(members), LOSSES[loss])
    assert SMALLEST_SHARE * single < found < single
    target, of_average = mean_entropy(loss, members / single)
    assert of_average > target
    assert mean_entropy(loss, members / found)[1] == pytest.approx(target, rel=1e-3)


def test_members_at_odds_stop_at_the_smallest_share():
    # Sure members that contradict each other: no temperature makes their average sure.
    members = np.array([[[9.0, 0, 0]], [[0, 9.0, 0]], [[0, 0, 9.0]]])
    found = entropy_share(1.0, members, equal(members), LOSSES["softmax"])
    assert found == pytest.approx(SMALLEST_SHARE)
    assert type(found) is float


def test_the_weight_of_a_member_counts_in_the_entropies():
    rng = np.random.default_rng(3)
    logits, _ = honest("softmax", 500)
    members = logits + rng.normal(size=(2, *logits.shape))
    weights, repeated = np.array([0.75, 0.25]), members[[0, 0, 0, 1]]
    found = entropy_share(1.0, members, weights, LOSSES["softmax"])
    expected = entropy_share(1.0, repeated, equal(repeated), LOSSES["softmax"])
    assert found == pytest.approx(expected, rel=1e-9)


def mixed_loss(weights, log_likelihoods):
    return -np.log(weights @ np.exp(log_likelihoods)).mean()


@given(seed=seeds)
def test_roots_of_the_weights_of_a_mixture_have_the_lowest_loss_of_many_rows(seed):
    rng = np.random.default_rng(seed)
    log_likelihoods = np.log(rng.uniform(0.01, 1, (3, 20_000)) ** np.array([[1], [2], [1]]))
    found = fit_mixture(log_likelihoods, np.ones(20_000))
    assert found.sum() == pytest.approx(1)
    fitted = found ** (1 / SHARPNESS)
    lowest = mixed_loss(fitted / fitted.sum(), log_likelihoods)
    for other in rng.dirichlet(np.ones(3), 30):
        assert lowest < mixed_loss(other, log_likelihoods) + 1e-3


def test_weights_of_a_mixture_recover_those_that_rows_were_drawn_with():
    rng = np.random.default_rng(0)
    likelihoods = rng.uniform(size=(2, 50_000))
    kept = rng.uniform(size=50_000) < 0.8 * likelihoods[0] + 0.2 * likelihoods[1]
    found = fit_mixture(np.log(likelihoods[:, kept]), np.ones(kept.sum()))
    squares = np.array([0.8, 0.2]) ** 2  # empirically better for averages of members
    np.testing.assert_allclose(found, squares / squares.sum(), atol=0.03)


def test_few_rows_leave_the_weights_near_equal_ones():
    log_likelihoods = np.log([[0.55], [0.45]])
    shares = [fit_mixture(np.repeat(log_likelihoods, n, 1), np.ones(n))[0] for n in (2, 30, 1000)]
    assert 0.5 < shares[0] < 0.7 < shares[1] < shares[2] < 1


def test_a_row_of_weight_2_counts_twice_in_a_mixture():
    rng = np.random.default_rng(0)
    log_likelihoods, weights = np.log(rng.uniform(size=(2, 40))), rng.integers(1, 3, 40)
    found = fit_mixture(log_likelihoods, weights)
    np.testing.assert_allclose(found, fit_mixture(log_likelihoods, weights * 0.5), rtol=1e-12)
    assert abs(found - fit_mixture(log_likelihoods, np.ones(40))).max() > 1e-3


def test_improbable_rows_do_not_underflow_in_a_mixture():
    found = fit_mixture(np.array([[-2000.0, -3000.0], [-2000.0, -3000.0]]), np.ones(2))
    np.testing.assert_allclose(found, 0.5)
