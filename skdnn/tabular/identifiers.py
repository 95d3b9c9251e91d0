"""Identifier columns: values that name a row, and say nothing about other rows."""

import numpy as np

UNIQUE = "unique in every row"
NEARLY_UNIQUE = "unique in nearly every row"
ROW_NUMBERS = "integers that number the rows"
REASONS = {UNIQUE, NEARLY_UNIQUE}  # of strings

NEARLY = 0.95  # share of the rows whose strings must differ
FEWEST_ROWS = 30  # with fewer rows, integers are unique and in order by chance
DENSE = 2  # row numbers, shuffled or sampled, fill at least 1 / DENSE of their range


def why_identifier(n_values, n_rows):
    """Return why strings are identifiers, or None if they are not.

    Parameters
    ----------
    n_values : int
        Number of different strings, at least 2.
    n_rows : int
        Number of distinct rows that have a string.
    """
    if n_values < NEARLY * n_rows - 0.5:  # at least one repetition in 10 rows
        return None
    return UNIQUE if n_values == n_rows else NEARLY_UNIQUE


def are_row_numbers(values, n_rows):
    """Return whether integers are unique in the distinct rows, and in order or dense.

    Parameters
    ----------
    values : ndarray
        Integers without missing values.
    n_rows : int
        Number of distinct rows.
    """
    span = int(values.max()) - int(values.min()) + 1
    if n_rows < FEWEST_ROWS or span < n_rows:
        return False
    steps = values[1:] >= values[:-1], values[1:] <= values[:-1]
    if not (span <= DENSE * n_rows or any(step.all() for step in steps)):
        return False
    return len(np.unique(values)) == n_rows
