"""The weights of an average of probabilities, and the temperature that calibrates it."""

import numpy as np
from scipy.optimize import brentq, minimize_scalar
from scipy.special import entr

from skdnn.core.averaging import mean_proba
from skdnn.core.prediction import LARGEST_LOGIT

TEMPERATURES = (0.2, 5.0)  # range of usual temperatures, searched first
AT_BOUND = 1e-3  # if the search ends so near its upper bound, in logarithms, it is continued beyond
N_ROUNDS = 200  # rounds of expectation-maximization
SHARPNESS = 2  # exponent of the weights of a mixture
SMALLEST_MIXED = 1e-6  # smallest weight of a component, before it is raised to that power
SMALLEST_SHARE = 0.5  # smallest ratio of an ensemble's temperature to that of its members


def fit_temperature(logits, targets, weights, loss):
    """Return the temperature that minimizes the loss of ``logits / temperature``.

    Guo et al., 2017, https://arxiv.org/abs/1706.04599. A penalty ``log(temperature) ** 2 /
    n_rows``, a weak prior at 1, keeps the temperature of a few rows near 1. Above 5 it rises only
    in proportion to the logarithm: where logits are far too large, so is the temperature. It is at
    least 0.2, and 1 if no other lowers the loss. ``logits`` (n_rows, n_outputs) are of rows that
    were not trained on.
    """
    logits = logits.astype(np.float64)
    weights = weights[None] / weights.sum()
    lowest, usual, highest = np.log([*TEMPERATURES, LARGEST_LOGIT])

    def mean_loss(log_temperature):
        scaled = logits[None] * np.exp(-log_temperature)
        value = loss.evaluate(scaled, targets[None], weights)[0][0]
        beyond = max(log_temperature - usual, 0.0)
        return value + (log_temperature**2 - beyond**2) / len(logits)

    def search(low, high):
        return minimize_scalar(mean_loss, bounds=(low, high), method="bounded").x

    best = search(lowest, usual)
    if best > usual - AT_BOUND:
        best = min(search(usual, highest), best, key=mean_loss)
    return float(np.exp(best)) if mean_loss(best) < mean_loss(0.0) else 1.0


def calibrated_loss(logits, targets, weights, loss):
    """Return the weighted mean loss at the temperature of :func:`fit_temperature`.

    Its parameters are those of that function.
    """
    logits = logits / fit_temperature(logits, targets, weights, loss)
    return loss.evaluate(logits[None], targets[None], weights[None] / weights.sum())[0][0]


def fit_mixture(log_likelihoods, row_weights):
    """Return the weights (n_components,) of averages of members in a mixture of probabilities.

    They are those of highest likelihood on held-out rows, by expectation-maximization (Dempster,
    Laird & Rubin, 1977) with a Dirichlet prior at equal weights that counts as one row; squared and
    normalized. The square is empirical: the likelihoods are those of single members, but what is
    averaged has the noise of several averaged out, so that the better component deserves more.
    ``log_likelihoods`` of what was observed is (n_components, n_rows), ``row_weights`` (n_rows,).
    """
    n_components, n_rows = log_likelihoods.shape
    likelihoods = np.exp(log_likelihoods - log_likelihoods.max(axis=0))
    row_weights = row_weights * (n_rows / row_weights.sum())
    prior = weights = np.full(n_components, 1 / n_components)
    for _ in range(N_ROUNDS):
        shares = weights[:, None] * likelihoods
        shares /= shares.sum(axis=0)
        weights = shares @ row_weights + prior
        weights /= weights.sum()
    weights = np.maximum(weights, SMALLEST_MIXED) ** SHARPNESS
    return weights / weights.sum()


def entropy_share(single, member_logits, member_weights, loss):
    """Return the ratio of an average's temperature to that of its members, from what they are like.

    An average is less confident than its members: at their temperature it would be
    underconfident. The matching temperature makes the average's mean entropy that of the members at
    theirs, ``single``. ``member_logits`` of the same rows is (n_members, n_some_rows, n_outputs);
    ``member_weights`` (n_members,) sums to 1. The ratio is from SMALLEST_SHARE to 1.
    """

    def log_proba(temperature):
        return loss.log_proba(member_logits / temperature)

    target = member_weights @ _mean_entropies(np.exp(log_proba(single)), loss)

    def excess(log_share):
        mean = mean_proba(log_proba(single * np.exp(log_share)), member_weights)
        return _mean_entropies(mean, loss) - target

    low = np.log(SMALLEST_SHARE)
    if excess(0.0) <= 0:
        return 1.0
    return float(np.exp(low if excess(low) >= 0 else brentq(excess, low, 0.0, xtol=1e-4)))


def _mean_entropies(proba, loss):
    total = entr(proba).sum(axis=-1)
    if loss.columns_are_independent:
        total = total + entr(1 - proba).sum(axis=-1)
    return total.mean(axis=-1)
