"""Sample weights: validation, and removal of rows of weight 0."""

import numpy as np

from skdnn._compat import check_sample_weight, num_samples, safe_indexing
from skdnn.tabular.as_frames import as_numpy


def weighted_rows(X, y, sample_weight):
    """Return ``(X, y, weights, kept)``: the rows of positive weight, and a mask of them.

    Parameters
    ----------
    X : frame, array-like or sparse matrix
    y : array-like or None
    sample_weight : array-like or None
        None is a weight of 1 for every row.

    Raises
    ------
    ValueError
        If a weight is negative or masked, or all are 0.
    """
    if sample_weight is None:
        n_rows = num_samples(X)
        return X, y, np.ones(n_rows), np.ones(n_rows, bool)
    if np.ma.is_masked(sample_weight):
        raise ValueError("sample_weight has masked values; use weight 0 for rows to leave out.")
    sample_weight = as_numpy(sample_weight)
    weights = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    kept = weights > 0
    if not kept.any():
        raise ValueError(
            f"sample_weight is zero for all {len(kept)} rows; at least one must be positive."
        )
    # Dividing by a power of 2 is exact, and keeps sums of very large weights finite.
    weights = np.ldexp(weights, -np.frexp(weights.max())[1])
    if kept.all():
        return X, y, weights, kept
    y = None if y is None else np.asarray(y)[kept]
    return safe_indexing(_in_native_order(X), np.flatnonzero(kept)), y, weights[kept], kept


def _in_native_order(X):
    """Return a dataframe without columns in another byte order, of which pandas takes no rows."""
    if not hasattr(X, "iloc"):
        return X
    dtypes = {name: dtype for name, dtype in X.dtypes.items() if isinstance(dtype, np.dtype)}
    foreign = {name: dtype for name, dtype in dtypes.items() if not dtype.isnative}
    foreign = {name: dtype.newbyteorder("=") for name, dtype in foreign.items()}
    return X.astype(foreign) if foreign else X
