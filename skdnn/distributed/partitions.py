"""What a worker computes of a partition before training: its statistics, and its encoded rows.

Partitions are numbered, and the number is the key of the hashes of their rows. So which rows are in
the sample, and which are held out, does not depend on when and where a partition is read.
"""

from contextlib import contextmanager

import numpy as np
from sklearn.utils.validation import check_consistent_length

from skdnn.classifier import DeepNetClassifier
from skdnn.estimator.label_checks import check_labels
from skdnn.tabular.dataframes import check_table
from skdnn.tabular.row_samples import Part
from skdnn.tabular.sample_weights import check_weights
from skdnn.tabular.table_statistics import choose_sample_size, merge, statistics

NUMBERS = "biuf"  # kinds of NumPy's types


@contextmanager
def about_partition(part):
    """Name a partition in errors."""
    try:
        yield
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{part.name}: {error}") from error


def part_of(number, seed):
    """Return the Part that is a partition."""
    return Part(seed, number, f"partition {number}")


def partition_statistics(part, X, y, sample_weight):
    """Return the TableStatistics of a partition, or None if it has no rows.

    Parameters
    ----------
    part : Part
    X : frame or array
    y : array-like
    sample_weight : array-like or None

    Raises
    ------
    TypeError, ValueError
        If the rows are invalid; the message names the partition.
    """
    if not len(X):
        return None
    with about_partition(part):
        X, y, weights = _read(X, y, sample_weight)
        return statistics(X, y, weights, part, choose_sample_size(X))


def merge_statistics(parts):
    """Return the TableStatistics of several partitions together, None if they have no rows.

    Raises
    ------
    ValueError
        If partitions differ in their columns or types; the message names two that do.
    """
    parts = [part for part in parts if part is not None]
    if not parts:
        return None
    _check_same_labels([part.sample for part in parts if part.n_rows])
    smallest = min(part.sample_size for part in parts)
    return merge([part._replace(sample_size=smallest) for part in parts])


def _check_same_labels(samples):
    """Raise an error if labels are numbers in one partition and strings in another."""
    first = samples[0] if samples else None
    for sample in samples[1:]:
        if (first.y.dtype.kind in NUMBERS) != (sample.y.dtype.kind in NUMBERS):
            numbers = [int(each.positions[0, 0]) for each in (first, sample)]
            raise ValueError(
                f"y holds {first.y.dtype} in partition {numbers[0]}, but {sample.y.dtype} in "
                f"partition {numbers[1]}. Convert it to one of the two."
            )


def encode_partition(encoder, part, X, y, sample_weight):
    """Return the Data of the training rows of a partition, encoded.

    Parameters
    ----------
    encoder : RowEncoder
    part : Part
    X : frame or array
    y : array-like
    sample_weight : array-like or None

    Returns
    -------
    Data or None
        None if there are no training rows.

    Raises
    ------
    TypeError, ValueError
        If the rows are not those that the statistics are of; the message names the partition.
    """
    if not len(X):
        return None
    with about_partition(part):
        X, y, weights = _read(X, y, sample_weight, encoder.schema.columns)
        return encoder.encode(X, y, weights, part)


def _read(X, y, sample_weight, columns=None):
    """Return the checked table, labels and weights of a partition."""
    checker = DeepNetClassifier()  # on which scikit-learn keeps the columns
    vars(checker).update(columns or {})
    X, y = check_table(checker, X, reset=columns is None), check_labels(y)
    check_consistent_length(X, y, sample_weight)
    if y.ndim > 1:
        raise ValueError("y must have one column: multilabel y needs all rows in one place.")
    weights = np.ones(len(y)) if sample_weight is None else check_weights(sample_weight, X)
    return X, y, weights


def count_rows(data):
    """Return the number of training rows of a partition."""
    return 0 if data is None else len(data.targets)
