"""The data of a fit to Parquet files: in memory if the rows are few, else read during training."""

import reprlib
from importlib import import_module
from itertools import chain

import numpy as np

from skdnn.core.random_bits import scramble
from skdnn.estimator.epoch_callbacks import checkpoints_of
from skdnn.estimator.fit_data import read_table
from skdnn.estimator.inputs import read_validation
from skdnn.estimator.parquet_stream import ParquetTable, RowStream
from skdnn.estimator.sampled_fit_data import learn_from_sample, refuse_arguments
from skdnn.tabular.dataframes import check_table
from skdnn.tabular.parquet_files import open_parquet
from skdnn.tabular.row_samples import concatenate, seed_of_hashes
from skdnn.tabular.table_statistics import choose_sample_size, merge, statistics
from skdnn.tabular.user_warnings import about, listed, warn_user

MERGED_TOGETHER = 16  # statistics of batches, so that the sample is not copied for each
# Shares of the variance, between parts of the rows that are shuffled together, above which there
# is a warning: of a class, and of an encoded column.
SORTED_BY_CLASS, SORTED = 0.05, 0.5
FEWEST_ROWS = 100  # of the sample in a part


def read_parquet(estimator, settings, before, arguments):
    """Return the FitData of the arguments of fit, as :func:`read_table` does for tables.

    The size of the rows, which decides whether there is memory for all, is that of the first ones.
    """
    table = open_table(settings, arguments)
    batches = table.read(table.files.plan())
    if (first := next(batches, None)) is None:
        raise _no_rows(table)
    batches, sample_size = chain([first], batches), choose_sample_size(first[0])
    if table.files.n_rows <= sample_size:
        batches = list(batches)
        read_statistics(table, batches, sample_size)  # its errors name the file
        X, y, weights = join_batches(batches)
        of_rows = arguments._replace(X=X, y=y, sample_weight=weights)
        return read_table(estimator, settings, before, of_rows)
    _refuse_arguments(settings, before, arguments, sample_size)
    check_table(estimator, first[0], reset=True)
    valid_samples, sums = read_validation(estimator, *arguments.validation), []
    if checkpoints_of(estimator):
        batches = _with_sums(batches, sums)
    statistics = read_statistics(table, batches, sample_size)
    if len(statistics.sample.hashes) == statistics.n_rows:  # few rows have a positive weight
        (X, y, weights), classes = statistics.sample_in_order()
        of_rows = arguments._replace(X=X, y=y, sample_weight=weights, classes=classes)
        return read_table(estimator, settings, before, of_rows)
    fit_data = learn_stream(estimator, settings, table, statistics, valid_samples)
    return fit_data._replace(fingerprint=f"{sum(sums)} {table.files.groups}")


def _refuse_arguments(settings, before, arguments, sample_size):
    unavailable = {
        "training that is continued (warm_start=True)": before is not None,
        "groups": arguments.groups is not None,
        "shuffle=False": not settings.shuffle,
    }
    refuse_arguments(settings, f"Parquet files with more than {sample_size:,} rows", unavailable)


def _no_rows(table):
    """Return an error."""
    return ValueError(f"X has no rows of positive weight in {', '.join(table.files.paths[:3])}.")


def join_batches(batches):
    """Return ``(X, y, weights)`` of all rows that were read."""
    X, y, weights, _ = zip(*batches, strict=True)
    labels = np.concatenate(y)
    labels = labels.astype(object) if labels.dtype.kind == "U" else labels
    return concatenate(X), labels, np.concatenate(weights)


def open_table(settings, arguments):
    """Return the ParquetTable of the arguments X, y and sample_weight."""
    given = {"y": arguments.y}
    if arguments.sample_weight is not None:
        given["sample_weight"] = arguments.sample_weight
    for argument, name in given.items():  # before files are opened, as X may be a mistake
        if not isinstance(name, str):
            raise ValueError(
                f"X is a path: {argument} must be the name of a column, not {reprlib.repr(name)}."
            )
    files = open_parquet(arguments.X)
    for argument, name in given.items():
        if name not in files.schema.names:
            raise ValueError(
                f"{argument}={name!r} is no column of the files, whose columns are "
                f"{listed(files.schema.names)}."
            )
    seed = seed_of_hashes(settings.random_state)
    table = ParquetTable(files, given["y"], given.get("sample_weight"), seed)
    if not table.names:
        only = ", ".join(given.values())
        raise ValueError(f"{files.paths[0]} has no columns of features: {only} is all.")
    return table


def read_statistics(table, batches, sample_size):
    """Return the TableStatistics of a ParquetTable, of batches as ``table.read`` yields them."""
    parts = []
    for X, y, weights, part in batches:
        is_full = parts and len(parts[0].sample.hashes) == sample_size
        hash_limit = parts[0].sample.hashes[-1] if is_full else None
        with about(part.name):
            parts.append(statistics(X, y, weights, part, sample_size, hash_limit))
        if len(parts) == MERGED_TOGETHER:
            parts = [merge(parts)]
    merged = merge(parts)
    if not merged.n_rows:
        raise _no_rows(table)
    return merged


def _with_sums(batches, sums):
    """Yield batches of rows, and append to ``sums`` a number for each of them.

    The sum of these differs if a value, or the place of a row, is another one.
    """
    pandas = import_module("pandas")
    for X, y, weights, part in batches:
        with about(part.name):
            labelled = pandas.concat([X, pandas.DataFrame({"y": y, "weight": weights})], axis=1)
            hashes = pandas.util.hash_pandas_object(labelled, index=False).to_numpy()
        sums.append(int(scramble(hashes + part.hashes(len(hashes))).sum(dtype=np.uint64)))
        yield X, y, weights, part


def learn_stream(estimator, settings, table, statistics, valid_samples):
    """Return the FitData of a table whose rows are read during training.

    ``valid_samples`` are the validation rows passed to fit, or None.
    """
    fit_data, encoder = learn_from_sample(estimator, settings, statistics, valid_samples)
    stream = RowStream(table, encoder, fit_data.encoded.shape[1])
    _warn_of_order(stream, fit_data.prepared, statistics)
    data = stream.data()
    rows = [np.arange(len(data.targets))] * fit_data.n_members
    split = fit_data.split._replace(data=data, train_rows=rows, blocks=stream.blocks(data))
    return fit_data._replace(split=split)


def _warn_of_order(stream, prepared, statistics):
    """Warn if the rows are in such an order that blocks differ, although they are shuffled."""
    sample = statistics.sample.by_position()
    trained = sample.hashes >= stream.encoder.held_out_below
    places = places_in_stream(stream.pieces(0), sample.positions[trained])
    n_parts = min(stream.table.files.n_rows // stream.n_buffered, trained.sum() // FEWEST_ROWS)
    if n_parts < 2:
        return
    part_of = places * n_parts // stream.table.files.n_rows
    targets, columns = prepared.data.targets[:, 0], prepared.data.rows.array.T
    of_classes = share_of_classes(part_of, targets, n_parts)
    of_columns = max(share_between(part_of, column, n_parts) for column in columns)
    if of_classes > SORTED_BY_CLASS or of_columns > SORTED:
        by = "class" if of_classes > SORTED_BY_CLASS else "the values of a column"
        warn_user(
            f"The rows of the files are sorted by {by}, and row groups are so large, or so few, "
            "that rows which are read together are alike, also after shuffling. The network learns "
            "poorly from such rows. Write the rows to files in random order before, for instance "
            "with DuckDB: duckdb.sql(\"COPY (SELECT * FROM 'rows.parquet' ORDER BY random()) TO "
            "'shuffled.parquet' (ROW_GROUP_SIZE 50000)\"). The user guide on data larger than "
            "memory has code that needs pyarrow only."
        )


def share_of_classes(groups, targets, n_groups):
    """Return the largest of :func:`share_between` of the one-hot encoded targets (n_rows,)."""
    classes, codes = np.unique(targets, return_inverse=True)
    places = codes.ravel() * n_groups + groups
    counts = np.bincount(places, minlength=len(classes) * n_groups).reshape(-1, n_groups)
    sizes, frequencies = counts.sum(axis=0), counts.sum(axis=1, keepdims=True) / len(targets)
    totals = len(targets) * frequencies[:, 0] * (1 - frequencies[:, 0])
    return _share(counts - frequencies * sizes, sizes, totals).max()


def share_between(groups, values, n_groups):
    """Return the share of the variance of values between groups, without what is random.

    ``values`` are (n_rows,), and so are ``groups``, the number of each row's group.
    """
    centered = values.astype(float) - values.mean(dtype=float)
    sums, sizes = np.bincount(groups, centered, n_groups), np.bincount(groups, minlength=n_groups)
    return _share(sums, sizes, (centered**2).sum())


def _share(sums, sizes, totals):
    """Return the share, given the sums (..., n_groups) of centered values, and sums of squares."""
    between = (sums**2 / np.maximum(sizes, 1)).sum(axis=-1)
    random_share = (len(sizes) - 1) / max(sizes.sum() - 1, 1)
    return between / np.maximum(totals, np.finfo(float).tiny) - random_share


def places_in_stream(pieces, positions):
    """Return the place of some rows in the order in which Pieces are read.

    ``positions`` (n_rows, 2) are the file, and the number of the row in it.
    """
    places = np.array([(piece.file, piece.first_row, piece.n_rows) for piece in pieces])
    starts = np.cumsum(places[:, 2]) - places[:, 2]
    order = np.lexsort((places[:, 1], places[:, 0]))
    # One number for file and row, so that a piece is found by bisection.
    rows, wanted = (table[:, 0] * 2**40 + table[:, 1] for table in (places[order], positions))
    found = order[np.searchsorted(rows, wanted, "right") - 1]
    return starts[found] + positions[:, 1] - places[found, 1]
