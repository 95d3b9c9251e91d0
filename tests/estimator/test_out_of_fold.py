import numpy as np
import pytest
from scipy.special import expit, logit

from skdnn import DeepNetClassifier
from skdnn.core.losses import LOSSES
from skdnn.estimator import out_of_fold
from skdnn.estimator.out_of_fold import HeldOut, pair_share, power_of_average, shrunk_share


def share_of(held_out, n_members):
    """Return the share for an ensemble of two variants, given their held-out rows."""
    power = power_of_average(np.full(n_members, 1 / n_members))
    return shrunk_share(pair_share(held_out, LOSSES["sigmoid"]), power, len(held_out.rows))


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
    assert power_of_average(np.array([0.5, 0.5, 0, 0])) == 1
    assert power_of_average(np.full(4, 0.25)) == 1.5


def test_an_average_is_never_made_less_confident_than_its_members():
    assert share_of(rows_whose_mean_is_timid(1.5, 20_000), 8) == 1


def test_small_data_stay_nearer_to_the_temperature_of_single_members():
    held_out = rows_whose_mean_is_timid(0.6, 1000)
    twice = HeldOut(*(np.concatenate([a, a], axis=int(a.ndim == 3)) for a in held_out))
    twice = twice._replace(rows=np.arange(2000))
    few, many = np.log(share_of(held_out, 8)), np.log(share_of(twice, 8))
    assert many / few == pytest.approx((2000 / 3000) / (1000 / 2000), rel=0.02)


@pytest.mark.parametrize(
    ("name", "n_rows", "n_members"), [("entropy_share", 250, 2), ("pair_share", 2600, 8)]
)
def test_the_fewer_the_rows_the_nearer_is_the_temperature_to_that_of_members(
    monkeypatch, name, n_rows, n_members
):
    X = np.random.default_rng(0).normal(size=(n_rows, 3))
    # With warm_start, no member is left out.
    params = {"n_members": n_members, "max_iter": 1, "warm_start": True, "random_state": 0}

    def fitted(share):
        monkeypatch.setattr(out_of_fold, name, lambda *given: share)
        return DeepNetClassifier((4,), **params).fit(X, X[:, 0] > 0)

    net, unchanged = fitted(0.8), fitted(1.0)
    assert type(net.temperature_) is float
    power = power_of_average(net.member_weights_) if name == "pair_share" else 1
    ratio = net.temperature_ / unchanged.temperature_
    assert ratio == pytest.approx(0.8 ** (power * n_rows / (n_rows + 1000)))
