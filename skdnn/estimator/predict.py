"""The steps of a prediction: blocks of rows, encoded, passed forward and averaged."""

from skdnn.core.prediction import FEW
from skdnn.estimator.encoders import as_rows, block_reader
from skdnn.estimator.threads import threads_apart
from skdnn.tabular.dataframes import spans

# Rows read at a time: the blocks of a small table are smaller, so that threads can share it.
MOST_ROWS, FEWEST_ROWS, N_BLOCKS = 2048, 512, 16
# So few multiplications are not worth a change of BLAS's limit. OpenBLAS does matrix products of
# this size on one thread, and vectors times matrices by columns, which round the same on several.
FREE = 2**18


def predict_blocks(fitted, n_jobs, X, average, result):
    """Write ``average(logits)`` of all rows into ``result``.

    The bits do not depend on the number of threads: blocks depend on the shape only, and BLAS
    has one thread wherever it could use more.

    Parameters
    ----------
    fitted : FittedModel
    n_jobs : int or None
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
    passes, temperature, dtype = fitted.passes, fitted.temperature, fitted.schema.dtype
    read = block_reader(fitted.schema.encoder, X, dtype)

    def fill(span):
        encoded = read(span)
        for block, logits in passes.of(encoded)(as_rows(encoded), span, n_rows <= FEW):
            logits /= temperature
            result[..., block, :] = average(logits)

    blocks = spans_of(n_rows)
    if n_rows * passes.dense.params.size <= FREE:
        for span in blocks:
            fill(span)
        return result
    with threads_apart(n_jobs, len(blocks)) as threads:
        threads.map(fill, blocks)
    return result


def spans_of(n_rows):
    """Return the blocks of rows that are read at a time."""
    size = min(max(-(-n_rows // N_BLOCKS), FEWEST_ROWS), MOST_ROWS)
    return list(spans(n_rows, size))
