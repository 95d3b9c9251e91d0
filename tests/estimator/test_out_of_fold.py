from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import expit, logit

from skdnn.core.losses import LOSSES
from skdnn.estimator.out_of_fold import HeldOut, _ensemble_share


def share_of(held_out, n_members, weights=None):
    """Return the share for an ensemble of two variants, given their held-out rows."""
    weights = np.full(n_members, 1 / n_members) if weights is None else weights
    fitted = SimpleNamespace(variants=("standard", "plain"), member_weights=weights)
    fit_data = SimpleNamespace(
        schema=SimpleNamespace(labels=SimpleNamespace(loss=LOSSES["sigmoid"]))
    )
    return _ensemble_share(1.3, fitted, fit_data, held_out, map)


def rows_whose_mean_is_timid(share, n_rows):
    """Return rows of two members; the log-odds of their mean, over share, are the truth."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(1, n_rows, 1)) * 2 + rng.normal(size=(2, n_rows, 1))
    truth = expit(logit(expit(logits).mean(axis=0)) / share)
    targets = (rng.random(truth.shape) < truth).astype(np.uint8)
    return HeldOut(logits, np.arange(n_rows), targets, np.ones(n_rows))


@pytest.mark.parametrize(("n_members", "exponent"), [(2, 1.0), (4, 1.5), (16, 1.875)])
def test_what_two_members_need_says_what_an_average_of_more_needs(n_members, exponent):
    held_out = rows_whose_mean_is_timid(0.8, 200_000)
    few_rows = 200_000 / 201_000  # nearer to 1, as on small data
    expected = 0.8 ** (exponent * few_rows)
    assert share_of(held_out, n_members) == pytest.approx(expected, rel=0.02)


def test_members_with_more_weight_count_as_fewer():
    held_out = rows_whose_mean_is_timid(0.8, 20_000)
    weights = np.array([0.5, 0.5, 0, 0])
    assert share_of(held_out, 4, weights) == share_of(held_out, 2)


def test_an_average_is_never_made_less_confident_than_its_members():
    assert share_of(rows_whose_mean_is_timid(1.5, 20_000), 8) == 1


def test_small_data_stay_nearer_to_the_temperature_of_single_members():
    held_out = rows_whose_mean_is_timid(0.6, 1000)
    twice = HeldOut(*(np.concatenate([a, a], axis=int(a.ndim == 3)) for a in held_out))
    twice = twice._replace(rows=np.arange(2000))
    few, many = np.log(share_of(held_out, 8)), np.log(share_of(twice, 8))
    assert many / few == pytest.approx((2000 / 3000) / (1000 / 2000), rel=0.02)
