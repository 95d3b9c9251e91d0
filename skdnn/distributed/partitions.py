"""What a worker computes of a partition before training: its statistics, and its encoded rows.

Partitions are numbered, and the number is the key of the hashes of their rows. So which rows are in
the sample, and which are held out, does not depend on when and where a partition is read.
"""

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.validation import check_consistent_length

from skdnn.estimator.classifier import DeepNetClassifier
from skdnn.estimator.label_checks import check_labels
from skdnn.tabular.as_frames import type_has
from skdnn.tabular.dataframes import check_table
from skdnn.tabular.sample_weights import check_weights
from skdnn.tabular.table_statistics import choose_sample_size, merge, statistics
from skdnn.tabular.user_warnings import about


def partition_statistics(part, X, y, sample_weight):
    """Return the TableStatistics of a partition, or None if it has no rows.

    Errors in the rows name the partition.
    """
    with about(part.name):
        if _has_no_rows(X, y, sample_weight):
            return None
        X, y, weights = _read(X, y, sample_weight)
        return statistics(X, y, weights, part, choose_sample_size(X))


def merge_statistics(parts):
    """Return the TableStatistics of several partitions together, None if they have no rows."""
    parts = [part for part in parts if part is not None]
    return merge(parts) if parts else None


def encode_partition(encoder, part, X, y, sample_weight):
    """Return the Data of the training rows of a partition, encoded, or None if there are none.

    It is an error, which names the partition, if the rows are not those that the statistics are of.
    """
    with about(part.name):
        if _has_no_rows(X, y, sample_weight):
            return None
        X, y, weights = _read(X, y, sample_weight, encoder.schema.columns)
        return encoder.encode(X, y, weights, part)


def _has_no_rows(X, y, sample_weight):
    """Return whether a partition is empty; check that its parts fit together."""
    if issparse(X) or type_has(X, "todense"):
        raise TypeError(
            "X has sparse rows, but training on partitions needs dense ones, for instance "
            "X.map_blocks(lambda rows: rows.toarray())."
        )
    check_consistent_length(X, y, sample_weight)
    for name, values in (("y", y), ("sample_weight", sample_weight)):
        are_indexed = hasattr(X, "iloc") and hasattr(values, "iloc")
        # Indexes that have nothing in common say nothing about which rows belong together.
        if are_indexed and not X.index.equals(values.index) and X.index.isin(values.index).any():
            raise ValueError(
                f"the index of {name} is not that of X, but rows belong together by their "
                f"position. Take {name} from the same collection as X; or, if the order is right, "
                "call reset_index(drop=True) on both."
            )
    return not len(X)


def _read(X, y, sample_weight, columns=None):
    """Return the checked table, labels and weights of a partition."""
    checker = DeepNetClassifier()  # on which scikit-learn keeps the columns
    vars(checker).update(columns or {})
    X, y = check_table(checker, X, reset=columns is None), check_labels(y)
    if y.ndim > 1:
        raise ValueError("y must have one column: multilabel y needs all rows in one place.")
    return X, y, np.ones(len(y)) if sample_weight is None else check_weights(sample_weight, X)


def count_rows(data):
    """Return the number of training rows of a partition."""
    return 0 if data is None else len(data.targets)
