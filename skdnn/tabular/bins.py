"""Bin edges of the piecewise-linear encoding of numbers, and positions between them.

Like all statistics of the encoder, bin edges are values of the data, so that a repeated row is
equivalent to a row of weight 2, bit for bit. They are stored after scaling, which keeps them finite
for any finite number and compresses long tails.
"""

import numpy as np

from skdnn.tabular.sample_weights import sum_by_group
from skdnn.tabular.scaling import WEIGHT_SLACK, scale


def learn_bin_edges(values, weights, scaling, n_bins):
    """Return the bin edges of each column of ``values``, ascending and scaled.

    They are all distinct values of a column if there are at most ``n_bins + 1``, else quantiles of
    the distinct values. NaN is a missing value; ``weights`` are positive, or None if all are equal.
    """
    edges = []
    for column, of_column in enumerate(values.T):
        chosen, totals = _distinct_values(of_column, weights)
        if len(chosen) > n_bins + 1:
            # By square roots, frequent values get edges on both sides, and yet a long tail of rare
            # values is not one bin.
            reached = np.cumsum(np.sqrt(totals))
            wanted = (np.linspace(0, 1, n_bins + 1) - WEIGHT_SLACK) * reached[-1]
            chosen = chosen[np.searchsorted(reached, wanted)]
        edges.append(np.unique(scale(chosen[:, None], scaling.take([column]))))
    return edges


def _distinct_values(column, weights):
    """Return the distinct values, ascending, and the total weight of each."""
    known = ~np.isnan(column)
    if weights is None:
        return np.unique(column[known], return_counts=True)
    distinct, groups = np.unique(column[known], return_inverse=True)
    return distinct, sum_by_group(groups, weights[known], len(distinct))


def bin_positions(scaled, edges):
    """Return the index of the edge below each value, plus the fraction up to the next edge.

    From 0 to n_edges - 1, of the shape of ``scaled``; ``edges`` are (n_edges,).
    """
    return np.interp(scaled, edges, np.arange(len(edges)))
