"""Bin edges of the piecewise-linear encoding of numbers, and positions between them.

Like all statistics of the encoder, bin edges are values of the data, so that a repeated row is
equivalent to a row of weight 2, bit for bit. They are stored after scaling, which keeps them finite
for any finite number and compresses long tails.
"""

import numpy as np

from skdnn.tabular.scaling import scale, weighted_quantile


def learn_bin_edges(values, weights, scaling, n_bins):
    """Return the bin edges of each column of ``values``, ascending and scaled.

    They are all distinct values of a column if there are at most ``n_bins + 1``, else quantiles. If
    equal values make quantiles coincide, quantiles of the distinct values are added. NaN is a
    missing value; ``weights`` are positive, or None if all are equal.
    """
    quantiles = weighted_quantile(values, weights, np.linspace(0, 1, n_bins + 1))
    edges = []
    for column, among_rows in enumerate(quantiles.T):
        chosen = distinct = np.unique(values[~np.isnan(values[:, column]), column])
        if len(distinct) > n_bins + 1:
            chosen = np.unique(among_rows)
            if (n_free := n_bins + 1 - len(chosen)) > n_bins // 2:
                spread = np.linspace(0, len(distinct) - 1, n_free).astype(np.intp)
                chosen = np.union1d(chosen, distinct[spread])
        edges.append(np.unique(scale(chosen[:, None], scaling.take([column]))))
    return edges


def bin_positions(scaled, edges):
    """Return the index of the edge below each value, plus the fraction up to the next edge.

    From 0 to n_edges - 1, of the shape of ``scaled``; ``edges`` are (n_edges,).
    """
    return np.interp(scaled, edges, np.arange(len(edges)))
