"""Prediction: encode blocks of rows, run the forward pass, and average the members."""

import numpy as np

from skdnn.core.batches import as_rows
from skdnn.core.prediction import FEW_ROWS
from skdnn.estimator.encoder_adapters import block_reader
from skdnn.estimator.threads import threads_apart
from skdnn.tabular.dataframes import spans
from skdnn.tabular.parquet_files import are_paths, open_parquet
from skdnn.tabular.user_warnings import ColumnWarnings, about

# Rows of a block. Blocks of a small table are smaller, so that it is shared among threads.
MOST_ROWS, FEWEST_ROWS, N_BLOCKS = 2048, 512, 16
# Number of multiplications up to which limiting BLAS to one thread is not worth its cost, and not
# needed: OpenBLAS computes matrix products of this size on one thread, and products of a vector and
# a matrix by columns, whose rounding does not depend on the number of threads.
FREE = 2**18


def predict_blocks(fitted, n_jobs, X, average, result, column_warnings=None):
    """Write ``average(logits, weights)`` of all rows into ``result``, and return it.

    The result does not depend on the number of threads, bit for bit: blocks depend on the shape
    only, and BLAS is limited to one thread. ``average`` gets logits (n_members, block size,
    n_outputs) and the weights of members, and returns an array of shape (..., block size,
    n_columns). ``column_warnings`` collects warnings, if X has only some rows of a table.
    """
    n_rows = X.shape[0]
    passes, (divisors, weights), dtype = fitted.passes, fitted.calibration, fitted.schema.dtype
    own = ColumnWarnings() if column_warnings is None else None
    read = block_reader(fitted.schema.encoder, X, dtype, own or column_warnings)

    def fill(span):
        encoded = read(span)
        for block, logits in passes.of(encoded)(as_rows(encoded), span, n_rows <= FEW_ROWS):
            logits /= divisors
            result[..., block, :] = average(logits, weights)

    blocks = spans_of(n_rows)
    if n_rows * passes.dense.params.size <= FREE:
        for span in blocks:
            fill(span)
    else:
        with threads_apart(n_jobs, len(blocks)) as threads:
            threads.map(fill, blocks)
    if own:
        own.warn()
    return result


def predict_files(fitted, paths, predict, *given):
    """Return the predictions for the rows of Parquet files, in order, reading some at a time.

    ``predict(fitted, frame, *given, column_warnings)`` returns an array of shape (..., n_rows,
    n_columns).
    """
    if (names := fitted.schema.columns.get("feature_names_in_")) is None:
        raise ValueError("X is a path, but the columns of fit had no names to be found by.")
    files, parts, column_warnings = open_parquet(paths, names.tolist()), [], ColumnWarnings()
    for piece, frame in files.read(files.plan()):
        with about(files.paths[piece.file]):
            parts.append(predict(fitted, frame, *given, column_warnings))
    column_warnings.warn()
    if not parts:
        raise ValueError(f"X has no rows in {', '.join(files.paths[:3])}.")
    return np.concatenate(parts, axis=-2)


def read_targets(X, y, sample_weight):
    """Return y and sample_weight, read from the files if these are names of their columns."""
    names = [name for name in (y, sample_weight) if isinstance(name, str)]
    if not names or not are_paths(X):
        return y, sample_weight
    files = open_parquet(X, names)
    frames = [frame for _, frame in files.read(files.plan())]
    columns = {name: np.concatenate([frame[name] for frame in frames]) for name in names}
    return [columns[given] if isinstance(given, str) else given for given in (y, sample_weight)]


def spans_of(n_rows):
    """Return the blocks of rows, as slices."""
    return list(spans(n_rows, min(max(-(-n_rows // N_BLOCKS), FEWEST_ROWS), MOST_ROWS)))
