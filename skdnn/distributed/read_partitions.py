"""The FitData of the partitions of an executor: statistics by tree reduction, and encoded rows."""

import numpy as np

from skdnn.core.batches import Blocks
from skdnn.distributed.epochs import PartitionEpochs
from skdnn.distributed.executors import tree_reduce
from skdnn.distributed.partitions import (
    count_rows,
    encode_partition,
    merge_statistics,
    partition_statistics,
)
from skdnn.estimator.epoch_callbacks import checkpoints_of
from skdnn.estimator.fit_data import FitArguments, read_table
from skdnn.estimator.sampled_fit_data import learn_from_sample, refuse_arguments
from skdnn.tabular.row_samples import Part, seed_of_hashes
from skdnn.tabular.table_statistics import SAMPLE_ROWS

# Up to so many rows are trained on in this process if the sample has them all. Of so few rows, too
# few would be held out for early stopping and calibration; in one process, all are, in folds.
IN_MEMORY_ROWS = SAMPLE_ROWS


def read_partitions(estimator, settings, executor, partitions, limits):
    """Return the FitData of the rows in partitions.

    ``partitions`` are X, y, and sample weights or None, each a list. Few rows, which are all in the
    sample, are fitted in this process, as if they had been passed to fit.
    """
    unavailable = {
        "Checkpoint": bool(checkpoints_of(estimator)),
        "warm_start=True": settings.warm_start,
    }
    refuse_arguments(settings, "training on partitions", unavailable)
    seed = seed_of_hashes(settings.random_state)
    parts = [Part(seed, number, f"partition {number}") for number in range(len(partitions[0]))]
    statistics = _read_statistics(executor, parts, partitions)
    sample = statistics.sample
    if statistics.n_rows == len(sample.hashes) <= IN_MEMORY_ROWS:
        passed, classes = statistics.sample_in_order()
        return read_table(estimator, settings, None, FitArguments(*passed, classes=classes))
    fit_data, encoder = learn_from_sample(estimator, settings, statistics)
    shared = [executor.share(encoder)] * len(parts)
    encoded = executor.map(encode_partition, shared, parts, *partitions)
    n_rows = np.array(executor.gather(executor.map(count_rows, encoded)))
    if n_rows.sum() != encoder.n_rows:
        raise ValueError(
            f"X had {encoder.n_rows:,} training rows when its statistics were computed, but "
            f"{n_rows.sum():,} when they were encoded. Its partitions are computed twice, and must "
            "be the same each time: call persist() on X, y and sample_weight first."
        )
    epochs = PartitionEpochs(executor, encoded, n_rows, fit_data.schema.seed, limits)
    blocks = Blocks(1, epochs, encoder.n_rows, mean_weight=1.0)
    return fit_data._replace(split=fit_data.split._replace(blocks=blocks))


def _read_statistics(executor, parts, partitions):
    """Return the TableStatistics of all partitions."""
    of_parts = executor.map(partition_statistics, parts, *partitions)
    (statistics,) = executor.gather([tree_reduce(executor, merge_statistics, of_parts)])
    if statistics is None or not statistics.n_rows:
        raise ValueError(f"X has no rows of positive weight in its {len(parts)} partitions.")
    return statistics
