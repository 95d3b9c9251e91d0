"""Missing numbers, estimated from the other numbers of their row by linear regression.

The median of a column is a poor guess where the other columns nearly determine the value.
"""

import numpy as np

from skdnn.tabular.row_hashes import hash_columns
from skdnn.tabular.scaling import scale

MOST_ROWS, MOST_COLUMNS = 10_000, 1000  # to learn from; the time is cubic in the columns
ROWS_PER_COLUMN = 5  # with fewer, the regression fits noise
RIDGE = 10.0  # penalty, in rows
LEAST_EXPLAINED = 0.5  # share of the variance; poorer estimates are no better than the median
DIGITS = 6  # of coefficients, so that rounding errors of sums do not show
LARGEST = 3  # scaled numbers are between -LARGEST and LARGEST


def learn_regressions(table, encoders):
    """Return the regressions of the columns of numbers that had missing values in training.

    They are as of :func:`fit_regressions`, by index of the scaled column; there are none if there
    are too many columns or too few rows to learn from.
    """
    numbers, scaling = encoders.numbers.tolist(), encoders.scaling
    columns, n_columns = np.flatnonzero(scaling.has_missing[: len(numbers)]), len(scaling.center)
    if not len(columns) or n_columns > MOST_COLUMNS:
        return {}
    # The rows of the lowest hashes are the same, in the same order, however X is ordered.
    hashes = hash_columns(table.column(n).values for n in (*numbers, *encoders.kind_parts))
    rows = np.unique(hashes, return_index=True)[1][:MOST_ROWS]
    if len(rows) < ROWS_PER_COLUMN * n_columns:
        return {}
    scaled = np.empty((len(rows), n_columns))
    for _, span, values in encoders.read(table):
        scaled[:, span] = scale(values[rows], scaling.take(span))
    return fit_regressions(scaled, columns.tolist())


def fit_regressions(scaled, columns):
    """Return the coefficients of the ridge regressions of some columns on all others.

    ``scaled`` numbers are 0 where they are missing. So the more values are missing, the closer
    coefficients are to 0, and estimates to the median. The result is a dict of those columns whose
    variance the others explain well enough; the last of the coefficients is the constant.
    """
    means = scaled.mean(axis=0)
    centered = scaled - means
    products = centered.T @ centered
    # Row j of the inverse is proportional to the coefficients of the regression of j on all
    # others, and the sum of its squared errors, with the penalties, is 1 / inverse[j, j].
    inverse = np.linalg.inv(products + RIDGE * np.eye(len(means)))
    errors = 1 / inverse.diagonal() - RIDGE
    are_explained = errors <= (1 - LEAST_EXPLAINED) * products.diagonal()
    weights = inverse / -inverse.diagonal()[:, None]
    np.fill_diagonal(weights, 0)
    coefficients = np.round(np.column_stack([weights, means - weights @ means]), DIGITS)
    return {n: coefficients[n] for n in columns if are_explained[n]}


def estimate(scaled, coefficients):
    """Return estimates of a column in some rows; each is summed in the same order in any batch."""
    return np.clip((scaled * coefficients[:-1]).sum(axis=1) + coefficients[-1], -LARGEST, LARGEST)
