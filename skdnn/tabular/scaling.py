"""Weighted quantiles, the robust scaling of numbers, and weighted frequencies.

All statistics are values of the data or rounded fractions of the total weight, never sums of
floats. A repeated row is therefore equivalent to a row of weight 2, bit for bit, and the order of
the rows does not matter.
"""

from typing import NamedTuple

import numpy as np

from skdnn.tabular.sample_weights import sum_by_group

# Sums of weights such as 0.1 have rounding errors, smaller than this fraction of the total.
WEIGHT_SLACK = 1e-12
DIGITS = 12
SMALLEST = 5e-324  # the smallest positive float64
# From here on the smooth clipping gives 3 in float32, and squares do not overflow.
CLIP_LIMIT = 1e6


class Scaling(NamedTuple):
    """Parameters of the robust scaling, arrays of shape (n_columns,).

    Attributes
    ----------
    center : ndarray
        Weighted medians; NaN if all values are missing.
    spread : ndarray
        Interquartile ranges; where they are 0, half of maximum - minimum; 0 for a constant.
    has_missing : ndarray of bool
        Whether any value is missing.
    """

    center: np.ndarray
    spread: np.ndarray
    has_missing: np.ndarray

    def take(self, columns):
        """Return the Scaling of some columns."""
        return Scaling(*(array[columns] for array in self))


NO_COLUMNS = Scaling(np.empty(0), np.empty(0), np.empty(0, bool))


def join_scalings(scalings):
    """Return the Scaling of the columns of several, one after the other."""
    return Scaling(*map(np.concatenate, zip(NO_COLUMNS, *scalings, strict=True)))


def weighted_quantile(values, weights, probabilities):
    """Return the quantiles (n_quantiles, n_columns) of each column, by method "inverted_cdf".

    They are values (n_rows, n_columns) of the data: the lowest with enough cumulated weight, NaN if
    all are missing. ``weights`` (n_rows,) are positive; None if all are equal.
    """
    shares = np.asarray(probabilities, np.float64)[:, None] - WEIGHT_SLACK
    n_known = len(values) - np.isnan(values).sum(axis=0)
    last = np.maximum(n_known - 1, 0)
    if weights is None:
        positions = np.clip(np.ceil(shares * n_known) - 1, 0, last).astype(np.intp)
        ordered = np.partition(values.T, np.unique(positions))
    else:
        ordered, reached = _cumulate(values.T, weights)
        targets = shares * reached[:, -1]
        positions = np.minimum([(reached < t[:, None]).sum(axis=1) for t in targets], last)
    return np.take_along_axis(ordered, positions.T, axis=1).T


def _cumulate(columns, weights):
    """Return the sorted values of each column (NaN last) and their cumulated weights."""
    order = np.argsort(columns, axis=1)
    ordered = np.take_along_axis(columns, order, axis=1)
    weights = weights[order]
    weights[np.isnan(ordered)] = 0
    return ordered, np.cumsum(weights, axis=1)


def learn_scaling(values, weights):
    """Return the Scaling of the columns of ``values`` (n_rows, n_columns)."""
    quantiles = weighted_quantile(values, weights, (0, 0.25, 0.5, 0.75, 1)).astype(np.float64)
    low, lower, center, upper, high = quantiles + 0.0  # -0.0 becomes 0.0
    with np.errstate(over="ignore"):
        within = upper - lower
        spread = np.where(within > 0, within, high / 2 - low / 2)
    spread = np.clip(spread, SMALLEST, np.finfo(np.float64).max)
    return Scaling(center, np.where(high > low, spread, 0), np.isnan(values).any(axis=0))


def scale(values, scaling):
    """Return robustly scaled float64 values, clipped smoothly to [-3, 3]; NaN becomes 0.

    Values are finite or NaN, and spreads positive (Holzmüller, Grinsztajn, Steinwart: Better by
    Default, https://arxiv.org/abs/2407.04491).
    """
    with np.errstate(over="ignore"):
        scaled = np.subtract(values, scaling.center, dtype=np.float64)
        scaled /= scaling.spread
    np.minimum(np.maximum(scaled, -CLIP_LIMIT, out=scaled), CLIP_LIMIT, out=scaled)
    divisor = np.multiply(scaled, scaled)
    divisor /= 9
    divisor += 1
    scaled /= np.sqrt(divisor, out=divisor)
    np.copyto(scaled, 0, where=np.isnan(scaled))
    return scaled


def weighted_shares(codes, weights, n_categories):
    """Return the fraction of the total weight of each category; code -1 is a missing value."""
    weights = np.ones(len(codes)) if weights is None else weights
    counts = sum_by_group(codes + 1, weights, n_categories + 1)
    return np.round(counts[1:] / counts.sum(), DIGITS)


def scale_sparse(values, divisors):
    """Return divided values of a sparse matrix; NaN becomes 0."""
    with np.errstate(over="ignore"):
        ratios = np.clip(values / divisors, -CLIP_LIMIT, CLIP_LIMIT)
    return np.nan_to_num(ratios, copy=False)
