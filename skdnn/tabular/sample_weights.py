"""Sample weights: validation, removal of rows of weight 0, and sums in any order of the rows."""

import numpy as np
from sklearn.utils.validation import check_consistent_length

from skdnn.tabular._compat import ALLOW_ZEROS, check_sample_weight, num_samples, safe_indexing
from skdnn.tabular.as_frames import as_numpy
from skdnn.tabular.kinds import KINDS
from skdnn.tabular.read_columns import read_column
from skdnn.tabular.user_warnings import about


def weighted_rows(X, y, sample_weight):
    """Return ``(X, y, weights, kept)``: the rows of positive weight, and a mask of them.

    Without ``sample_weight``, every row has a weight of 1.
    """
    if sample_weight is None:
        n_rows = num_samples(X)
        return X, y, np.ones(n_rows), np.ones(n_rows, bool)
    weights = check_weights(sample_weight, X)
    kept = weights > 0
    if not kept.any():
        raise ValueError(f"sample_weight is zero for all {len(kept)} rows; one must be positive.")
    weights = rescaled_product(weights)
    if kept.all():
        return X, y, weights, kept
    y = None if y is None else np.asarray(y)[kept]
    return take_rows(X, np.flatnonzero(kept)), y, weights[kept], kept


def take_rows(X, rows):
    """Return some rows of a frame, an array or a sparse matrix, given by their numbers."""
    return safe_indexing(_in_native_order(X), rows)


def check_weights(sample_weight, X):
    """Return sample weights as float64, one for each row of X.

    All may be 0, as X may be only some of the rows of a table.
    """
    if np.ma.is_masked(sample_weight):
        raise ValueError("sample_weight has masked values; use weight 0 for rows to leave out.")
    options = {"dtype": np.float64, "ensure_non_negative": True, **ALLOW_ZEROS}
    with about("sample_weight must be numbers of at least 0, one for each row"):
        sample_weight = as_numpy(sample_weight)
        array = np.asarray(sample_weight)
        check_consistent_length(X, array)
        if (kind := read_column(array.ravel()).kind) not in ("number", "text"):
            raise TypeError(f"it holds {KINDS[kind].plural}.")
        return check_sample_weight(sample_weight, X, **options)


def rescaled_product(weights, factors=1.0):
    """Return weights times factors, divided by a power of 2 so that none is above 1.

    Division by a power of 2 is exact, and keeps sums of very large weights finite. Products of
    positive numbers that would round to 0 are the smallest positive number.
    """
    scaled = (np.ldexp(array, -np.frexp(np.max(array))[1]) for array in (weights, factors))
    products = np.maximum(np.multiply(*scaled), np.finfo(np.float64).tiny)
    return np.where((weights > 0) & (factors > 0), products, 0)


def sum_by_group(groups, weights, n_groups):
    """Return the total weight of each group, (n_groups,), in any order of the rows, bit for bit.

    ``groups`` has the number of each row's group, from 0.
    """
    if (weights != weights[:1]).any():
        order = np.argsort(weights)
        groups, weights = groups[order], weights[order]
    return np.bincount(groups, weights, n_groups)


def _in_native_order(X):
    """Return a dataframe without columns in another byte order, of which pandas takes no rows."""
    if not hasattr(X, "iloc"):
        return X
    types = {name: dtype for name, dtype in X.dtypes.items() if isinstance(dtype, np.dtype)}
    foreign = {name: t.newbyteorder("=") for name, t in types.items() if not t.isnative}
    return X.astype(foreign) if foreign else X
