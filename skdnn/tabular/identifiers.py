"""Identifier columns: their values name single rows, and nothing is learnt from them for others."""

import numpy as np

UNIQUE = "unique in every row"
NEARLY_UNIQUE = "unique in nearly every row"
ROW_NUMBERS = "integers that number the rows"
REASONS = {UNIQUE, NEARLY_UNIQUE}  # of strings

NEARLY = 0.95  # number of different strings, as a share of the rows, from which on they identify
FEWEST_ROWS = 30  # in fewer rows, integers may be unique and in order by chance
FEWEST_WORDS = 5  # median number of words of sentences; names of people have fewer
N_COUNTED = 1000  # maximum number of strings whose words are counted
DENSE = 2  # row numbers, also shuffled or sampled, are at least 1 / DENSE of the integers between

IN_ORDER = (
    "Columns {} of X hold integers that differ in every row and are in order or without gaps, as "
    "row numbers are: what is learnt from them may not hold for other rows. Drop them, or set "
    "encoder=TableEncoder(drop_identifiers=True) to ignore them, or drop_identifiers=False to use "
    "them without this warning."
)

SENTENCES = (
    "Columns {} of X hold sentences that differ in nearly every row. Nothing is learnt from them. "
    "To use them, put ColumnTransformer([('text', TfidfVectorizer(), {!r})], "
    "remainder=TableEncoder()) before the classifier in a pipeline; to avoid this, drop them."
)


ROUNDED = "holds integers beyond 2**53, which float64 does not tell apart: convert it to strings."


def why_identifier(n_values, n_rows):
    """Return why strings are identifiers, or None if they are not.

    ``n_values`` is the number of different strings, at least 2, and ``n_rows`` that of the distinct
    rows that have a string.
    """
    if n_values < NEARLY * n_rows - 0.5:  # at least one repetition in 10 rows
        return None
    return UNIQUE if n_values == n_rows else NEARLY_UNIQUE


def are_sentences(strings):
    """Return whether strings are sentences, as in free text, by their median number of words."""
    step = len(strings) // N_COUNTED + 1
    return np.median([len(text.split()) for text in strings[::step]]) >= FEWEST_WORDS


def are_integers(values):
    """Return whether numbers are integers, of any type, without missing values."""
    if values.dtype.kind != "f":
        return values.dtype.kind in "iu"
    # Most columns of fractions have one among their first numbers.
    parts = values[:N_COUNTED], values
    return all(np.isfinite(some).all() and (some == np.floor(some)).all() for some in parts)


def are_rounded(integers):
    """Return whether different integers are the same float64."""
    if integers.dtype.kind == "f" or max(-int(integers.min()), int(integers.max())) <= 2**53:
        return False
    return len(np.unique(integers)) > len(np.unique(integers.astype(np.float64)))


def are_row_numbers(values, n_rows):
    """Return whether integers are unique in the distinct rows, and in order or dense.

    ``n_rows`` is the number of distinct rows.
    """
    span = int(values.max()) - int(values.min()) + 1
    if n_rows < FEWEST_ROWS or span < n_rows:
        return False
    steps = values[1:] >= values[:-1], values[1:] <= values[:-1]
    is_dense_or_sorted = span <= DENSE * n_rows or any(step.all() for step in steps)
    return is_dense_or_sorted and len(np.unique(values)) == n_rows
