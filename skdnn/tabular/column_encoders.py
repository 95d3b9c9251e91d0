"""What becomes of each column of a table, applied to tables like that of training."""

from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse

from skdnn.core.encoded_rows import Expansion
from skdnn.tabular.bins import bin_positions
from skdnn.tabular.dates import DATE_PARTS, date_parts
from skdnn.tabular.scaling import Scaling, divide, scale
from skdnn.tabular.target_statistics import TargetStatistics, empty_statistics


class ColumnEncoders(NamedTuple):
    """What becomes of each column; columns are given by position.

    An encoded row holds the numbers of levels, the scaled numbers, the parts of dates, the
    indicators of gaps, the bin positions of numbers and parts of dates, and the codes of texts,
    in this order.

    Attributes
    ----------
    numbers : ndarray of int
        Columns of numbers that vary.
    dates : dict of int to ndarray of int
        The parts of each column of dates that vary, by their places in DATE_PARTS.
    scaling : Scaling
        Of the numbers, then of the parts of dates: the scaled columns.
    missing : list of int
        Columns of numbers or dates that had gaps.
    categories : dict of int to Categories
    ranks : dict of int to dict of str to int
        Every level, the rare ones too, by frequency, of the columns in ``categories`` and of those
        without a frequent level; of the large columns alone once :meth:`with_target_statistics`
        has chosen them.
    bin_edges : dict of int to ndarray
        By scaled column, not by position in the table.
    statistics : TargetStatistics
        The numbers of levels of the large columns, those with ranks.
    """

    numbers: np.ndarray
    dates: dict
    scaling: Scaling
    missing: list
    categories: dict
    ranks: dict
    bin_edges: dict = {}  # noqa: RUF012 - never written to
    statistics: TargetStatistics = TargetStatistics()

    def with_target_statistics(self, n_classes, many):
        """Return the same with target statistics, all 0, of columns with more categories."""
        large = {column: ranks for column, ranks in self.ranks.items() if len(ranks) > many}
        n_codes = [len(ranks) + 2 for ranks in large.values()]
        return self._replace(ranks=large, statistics=empty_statistics(n_codes, n_classes))

    @property
    def expansion(self):
        """The Expansion of encoded rows; where nothing varies, one number that is 0."""
        n_numbers = self.statistics.n_numbers + len(self.scaling.center) + len(self.missing)
        n_categories = tuple(len(categories.names) for categories in self.categories.values())
        n_bins = tuple(len(bin_edges) - 1 for bin_edges in self.bin_edges.values())
        return Expansion(max(n_numbers, 0 if n_categories else 1), n_categories, n_bins)

    def encode(self, table, dtype, in_training=False):
        """Return the encoded rows of a table; in training, numbers of levels are left at 0."""
        layout, n_statistics = self.expansion, self.statistics.n_numbers
        rows = np.zeros((table.n_rows, layout.n_inputs), dtype)
        if n_statistics and not in_training:
            rows[:, :n_statistics] = self.statistics.numbers(self.category_codes(table))
        for some, span, values in self.read(table, table.tiles):
            scaled = scale(values, self.scaling.take(span))
            rows[some, n_statistics + span.start : n_statistics + span.stop] = scaled
            for target, (column, bin_edges) in enumerate(self.bin_edges.items(), layout.n_numbers):
                if span.start <= column < span.stop:
                    rows[some, target] = bin_positions(scaled[:, column - span.start], bin_edges)
        for column, position in enumerate(self.missing, layout.n_numbers - len(self.missing)):
            kind = "time" if position in self.dates else "number"
            rows[:, column] = np.isnan(table.values(position, kind))
        for column, position in enumerate(self.categories, layout.n_inputs - len(self.categories)):
            rows[:, column] = self.categories[position].encode(table.strings(position))
        return rows

    def read(self, table, blocks):
        """Yield ``(rows, span, values)``, not scaled yet, for spans of the scaled columns.

        ``blocks`` is one of the table's methods of this name and ``tiles``.
        """
        yield from blocks(self.numbers)
        start = len(self.numbers)
        for position, parts in self.dates.items():
            span = slice(start, start + len(parts))
            yield slice(None), span, date_parts(table.values(position, "time"))[:, parts]
            start = span.stop

    def category_codes(self, table):
        """Return the rank of the level in each column that has ranks, (n_rows, n_ranked).

        A gap is a level after all others, and one that training did not have comes after that.
        """
        columns = [(table.strings(position), ranks) for position, ranks in self.ranks.items()]
        codes = [column.encode(ranks, len(ranks) + 1, len(ranks)) for column, ranks in columns]
        return np.column_stack(codes)

    def parts(self):
        """Return ``(position, suffix)`` of each expanded column: whence it comes, what it is."""
        # Until numbers are reserved there are ranks, but no tables.
        tables = zip(self.ranks, self.statistics.tables, strict=False)
        targets = [(place, f"_target{n}") for place, table in tables for n in range(table.shape[1])]
        scaled = [(position, "") for position in self.numbers.tolist()]
        for position, parts in self.dates.items():
            scaled += [(position, f"_{DATE_PARTS[part]}") for part in parts]
        binned = []
        for column, bin_edges in self.bin_edges.items():
            position, suffix = scaled[column]
            binned += [(position, f"{suffix}_bin{number}") for number in range(1, len(bin_edges))]
        missing = [(position, "_missing") for position in self.missing]
        blocks = self.categories.items()
        categories = [(place, f"_{name}") for place, block in blocks for name in block.names]
        return targets + scaled + missing + binned + categories

    def typical_row(self, n_columns):
        """Return an array of one row: medians, and the most frequent levels.

        Where no level is frequent it is one that was never seen. Columns that are ignored are 0.
        """
        row = np.zeros((1, n_columns), object)
        row[0, self.numbers] = self.scaling.center[: len(self.numbers)]
        start = len(self.numbers)
        for position, parts in self.dates.items():
            seconds = self.scaling.center[start] if len(parts) else 0  # the first part is the time
            row[0, position] = np.datetime64(round(seconds * 1e6), "us")
            start += len(parts)
        # Without a frequent level any text is infrequent, the one that says so too.
        row[0, list(self.ranks)] = "infrequent"
        for position, categories in self.categories.items():
            row[0, position] = categories.names[0]
        return row


class SparseColumns(NamedTuple):
    """All that the encoder asks of a :class:`ColumnEncoders`, for columns of sparse rows.

    Attributes
    ----------
    largest : float64 ndarray of shape (n_columns,)
        What the values of each column are divided by.
    """

    largest: np.ndarray

    @property
    def categories(self):
        """Levels of no column: none is a text."""
        return {}

    @property
    def statistics(self):
        """TargetStatistics without numbers."""
        return TargetStatistics()

    def with_target_statistics(self, n_classes, many):
        """Return the same: there are no categories."""
        return self

    @property
    def expansion(self):
        """An Expansion that changes nothing."""
        return Expansion(len(self.largest))

    def encode(self, rows, dtype, in_training=False):
        """Return divided rows, sparse ones for sparse ones, the same in training."""
        if issparse(rows):
            values = divide(rows.data, self.largest[rows.indices]).astype(dtype)
            return type(rows)((values, rows.indices.copy(), rows.indptr.copy()), shape=rows.shape)
        blocks = [values for *_, values in rows.blocks(np.arange(len(self.largest)))]
        return divide(np.hstack(blocks), self.largest).astype(dtype)

    def parts(self):
        """Return ``(position, suffix)`` of each encoded column, which is called like that of X."""
        return [(position, "") for position in range(len(self.largest))]

    def typical_row(self, n_columns):
        """Return an array of one row: zeros, as most values are."""
        return np.zeros((1, n_columns))
