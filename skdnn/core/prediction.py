"""Logits of many rows in bounded memory."""

import numpy as np

BLOCK = 2048  # rows of a forward pass
FEW = 1000  # up to here rows are computed in float64, so that their order does not show


def predict_logits(network, params, rows, n_rows):
    """Yield ``(span, logits)`` for blocks of rows.

    Parameters
    ----------
    network : Network
    params : ndarray of shape (n_members, n_parameters)
    rows : DenseRows or SparseRows
    n_rows : int

    Yields
    ------
    span : slice
    logits : float64 ndarray of shape (n_members, block size, n_outputs)

    Raises
    ------
    ValueError
        If logits are not finite even in float64.
    """
    if n_rows <= FEW:
        params, rows = params.astype(np.float64), rows.astype(np.float64)
    workspace = network.workspace(params.dtype)
    views = network.views(params)
    for start in range(0, n_rows, BLOCK):
        span = slice(start, min(start + BLOCK, n_rows))
        with np.errstate(over="ignore", invalid="ignore"):
            logits = network.forward(views, rows.slice(span), workspace)[0].astype(np.float64)
        yield span, logits if np.isfinite(logits).all() else _recompute(network, params, rows, span)


def _recompute(network, params, rows, span):
    params, inputs = params.astype(np.float64), rows.astype(np.float64).slice(span)
    with np.errstate(over="ignore", invalid="ignore"):
        logits = network.forward(network.views(params), inputs, network.workspace(np.float64))[0]
    if not np.isfinite(logits).all():
        raise ValueError(
            f"the network's outputs overflow for rows {span.start} to {span.stop - 1}: X is far "
            "outside of what was trained on. Scale it, or use encoder='auto'."
        )
    return logits
