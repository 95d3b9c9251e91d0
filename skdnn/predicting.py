"""The steps of a prediction: blocks of rows, encoded, passed forward and averaged."""

from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse

from skdnn.core.network import build
from skdnn.core.prediction import FEW, ForwardPass
from skdnn.reading import as_rows, block_reader, expansion_of
from skdnn.threads import threads_apart

# Rows read at a time: the blocks of a small table are smaller, so that threads can share it.
MOST_ROWS, FEWEST_ROWS, N_BLOCKS = 2048, 512, 16
KEPT = 2**25  # bytes: more parameters than that are not kept in float64 too
# So few multiplications are not worth a change of BLAS's limit. OpenBLAS does matrix products of
# this size on one thread, and vectors times matrices by columns, which round the same on several.
FREE = 2**18


class Passes(NamedTuple):
    """The forward passes of a fitted estimator, for dense and for sparse encoded rows."""

    dense: ForwardPass
    sparse: ForwardPass


def fitted_network(estimator):
    """Return the network that the parameters of a fitted estimator are those of."""
    return build(
        estimator._widths,
        estimator.resolved_params_["activation"],
        expansion=expansion_of(estimator.encoder_),
        selective=estimator.resolved_params_["connectivity"] is not None,
    )


def plain_params(estimator):
    """Return parameters for a network of dense layers only that predicts like a fitted one."""
    return fitted_network(estimator).plain(estimator._params)


def forward_passes(estimator):
    """Return the Passes of a fitted estimator."""
    widths, activations = estimator._widths, estimator.resolved_params_["activation"]
    dense = build(widths, activations, expansion=expansion_of(estimator.encoder_))
    sparse = build(widths, activations, sparse=True)
    params = plain_params(estimator)
    in_float64 = params.astype(np.float64, copy=False) if params.size * 8 <= KEPT else None
    return Passes(*(ForwardPass(network, params, in_float64) for network in (dense, sparse)))


def predict_blocks(estimator, X, average, result):
    """Write ``average(logits)`` of all rows into ``result``.

    The bits do not depend on the number of threads: blocks depend on the shape only, and BLAS
    has one thread wherever it could use more.

    Parameters
    ----------
    estimator : DeepNetClassifier
        Fitted.
    X : frame, array or sparse matrix
        Of the columns of fit.
    average : callable
        ``(n_members, block size, n_outputs)`` of logits to (..., block size, n_columns).
    result : ndarray of shape (..., n_rows, n_columns)

    Returns
    -------
    ndarray
        ``result``.
    """
    n_rows = X.shape[0]
    # Read once: training on another thread may replace them between two blocks.
    passes, temperature = estimator._passes, estimator.temperature_
    read = block_reader(estimator.encoder_, X, estimator._dtype, estimator)

    def fill(span):
        encoded = read(span)
        forward = passes.sparse if issparse(encoded) else passes.dense
        for block, logits in forward(as_rows(encoded), span, n_rows <= FEW):
            logits /= temperature
            result[..., block, :] = average(logits)

    spans = spans_of(n_rows)
    if n_rows * passes.dense.params.size <= FREE:
        for span in spans:
            fill(span)
        return result
    dtype = np.float64 if n_rows <= FEW else estimator._dtype
    with threads_apart(estimator.n_jobs, dtype, len(spans)) as threads:
        list(threads.run(fill, spans))
    return result


def spans_of(n_rows):
    """Return the blocks of rows that are read at a time."""
    size = min(max(-(-n_rows // N_BLOCKS), FEWEST_ROWS), MOST_ROWS)
    return [slice(start, min(start + size, n_rows)) for start in range(0, n_rows, size)]
