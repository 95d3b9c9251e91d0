"""Learn the encoding of each column from the training rows."""

import warnings
from contextlib import suppress
from functools import cached_property

import numpy as np
from scipy.sparse import issparse

from skdnn.core.random_bits import scramble
from skdnn.tabular.bins import learn_bin_edges
from skdnn.tabular.categories import learn_categories, rank_categories
from skdnn.tabular.column_encoders import ColumnEncoders, SparseColumns
from skdnn.tabular.column_types import read_column
from skdnn.tabular.dataframes import as_table
from skdnn.tabular.dates import date_parts
from skdnn.tabular.row_hashes import hash_columns
from skdnn.tabular.scaling import join_scalings, learn_scaling

CONSTANT = "constant"
ALL_MISSING = "all missing"
UNIQUE = "unique in every row"
ALL_INFREQUENT = "no category is frequent enough"

SAMPLE = 100  # strings of an identifier column that are tried
READABLE_TYPES = {"numbers": "f8", "dates": "M8[us]"}

# (n_columns, n_bins): bins of each scaled column, up to so many columns; wide tables need no more.
BINS = ((16, 32), (64, 16), (np.inf, 0))
ROWS_PER_BIN, FEWEST_BINS = 160, 3  # distinct rows; with fewer a bin, the network would fit noise
FEWEST_EDGES = 3  # two distinct values need no bin beside the scaled number


def learn_columns(X, names, targets, weights, limits):
    """Return the encoding of each column, and the reason for each ignored column.

    Parameters
    ----------
    X : frame, ndarray or CSR
        Training rows of positive weight.
    names : sequence of str
        Names of the columns.
    targets : array-like or None
        Rows that differ in these are distinct rows.
    weights : ndarray of shape (n_rows,)
    limits : TableEncoder
        Gives max_categories, min_frequency and n_bins.

    Returns
    -------
    encoders : ColumnEncoders, or SparseColumns of sparse rows
    ignored : dict of int to str
    """
    table = as_table(X, names)
    if issparse(table):
        largest = abs(table).max(axis=0).toarray().ravel().astype(np.float64)
        return SparseColumns(np.where(largest > 0, largest, 1)), {}
    targets = np.empty((len(weights), 0)) if targets is None else targets
    # Without weights, quantiles need no sorting.
    weights = None if (weights == weights[0]).all() else weights
    return ColumnLearner(table, targets, weights, limits).learn()


class ColumnLearner:
    """Learn the encoding of a table, column by column.

    Parameters
    ----------
    table : NumberArray or Frame
    targets : array-like
    weights : ndarray of shape (n_rows,) or None
        None if all are equal.
    limits : TableEncoder
    """

    def __init__(self, table, targets, weights, limits):
        self.table, self.targets, self.weights, self.limits = table, targets, weights, limits
        self.numbers, self.missing, self.scalings = [], [], []
        self.dates, self.strings, self.categories, self.ranks, self.ignored = {}, {}, {}, {}, {}

    def learn(self):
        """Return the ColumnEncoders, and the reason for each ignored column."""
        add = {"number": self._add_number, "time": self._add_time, "text": self._add_text}
        for position in range(len(self.table.names)):
            column = self.table.column(position)
            add[column.kind](position, column)
        numbers, scaling = self._scale_numbers()
        scaling = join_scalings([scaling, *self.scalings])
        self._choose_strings(are_only=not (len(numbers) or self.dates or self.missing))
        missing = sorted(self.missing)
        columns = ColumnEncoders(numbers, self.dates, scaling, missing, self.categories, self.ranks)
        columns = columns._replace(bin_edges=self._learn_bin_edges(columns))
        return columns, dict(sorted(self.ignored.items()))

    def _add_number(self, position, column):
        self.numbers.append(position)

    def _add_time(self, position, column):
        scaling = learn_scaling(date_parts(column.values), self.weights)
        parts = np.flatnonzero(scaling.spread)
        if self._has_values(position, scaling.take(0)):
            self.dates[position] = parts
            self.scalings.append(scaling.take(parts))

    def _add_text(self, position, column):
        ranked = rank_categories(column, self.weights)
        self.strings[position] = ranked, learn_categories(ranked, column.missing.any(), self.limits)

    def _choose_strings(self, are_only):
        """Keep the categories of each string column, or the reason why it is ignored.

        ``are_only`` tells whether the table has no other columns to learn from.
        """
        reasons = {position: self._why_ignored(*text) for position, text in self.strings.items()}
        are_only = are_only and not {None, ALL_INFREQUENT}.intersection(reasons.values())
        for position, (ranked, categories) in self.strings.items():
            reason = reasons[position]
            if reason == UNIQUE and are_only and len(categories.names) > 1:
                reason = None  # without identifier columns, no column would be left
            if reason is None:
                self.categories[position] = categories
            else:
                self.ignored[position] = reason
            if reason in (None, ALL_INFREQUENT):  # target statistics may use infrequent categories
                self.ranks[position] = {text: rank for rank, (_, text) in enumerate(ranked)}
            if reason == UNIQUE:
                self._warn_if_readable(position)

    def _why_ignored(self, ranked, categories):
        """Return why a string column is ignored, or None if it is not."""
        # An identifier column has as many values as there are distinct rows.
        if categories.missing < 0 and len(ranked) > 1 and len(ranked) == self._n_distinct[1]:
            return UNIQUE
        if len(categories.names) > 1:
            return None
        if categories.codes:
            return CONSTANT
        return ALL_INFREQUENT if ranked else ALL_MISSING

    def _warn_if_readable(self, position):
        kind = _readable_as(self.table.column(position).strings)
        if kind is not None:
            warnings.warn(
                f"Column {self.table.names[position]!r} of X is ignored as an identifier column: "
                f"its strings differ in every row. But they can be read as {kind}: convert the "
                "column, or drop it.",
                UserWarning,
                stacklevel=2,
            )

    def _scale_numbers(self):
        numbers = np.array(self.numbers, np.intp)
        blocks = self.table.blocks(numbers)
        scaling = join_scalings([learn_scaling(values, self.weights) for *_, values in blocks])
        for column, position in enumerate(self.numbers):
            self._has_values(position, scaling.take(column))
        kept = np.flatnonzero(scaling.spread)
        return numbers[kept], scaling.take(kept)

    def _learn_bin_edges(self, encoders):
        n_bins = self.limits.n_bins
        if n_bins == "auto":
            n_columns = len(encoders.scaling.center)
            n_bins = next(n_bins for limit, n_bins in BINS if n_columns <= limit)
            if n_bins:
                n_bins = min(n_bins, max(self._n_distinct[0] // ROWS_PER_BIN, FEWEST_BINS))
        if not n_bins:
            return {}
        learnt = []
        for _, span, values in encoders.read(self.table, self.table.blocks):
            learnt += learn_bin_edges(values, self.weights, encoders.scaling.take(span), n_bins)
        return {column: edges for column, edges in enumerate(learnt) if len(edges) >= FEWEST_EDGES}

    @cached_property
    def _n_distinct(self):
        """The numbers of distinct rows of X, and of X and targets together."""
        columns = map(self.table.column, range(len(self.table.names)))
        hashes = hash_columns(column.values for column in columns)
        targets = np.asarray(self.targets).reshape(self.table.n_rows, -1).T
        of_targets = hash_columns(read_column(target).values for target in targets)
        return len(np.unique(hashes)), len(np.unique(scramble(hashes) + of_targets))

    def _has_values(self, position, scaling):
        """Return whether a column is kept; record its missing values or why it is ignored."""
        if np.isnan(scaling.center):
            self.ignored[position] = ALL_MISSING
        elif scaling.has_missing:
            self.missing.append(position)
        elif scaling.spread == 0:
            self.ignored[position] = CONSTANT
        return position not in self.ignored


def _readable_as(strings):
    """Return "numbers" or "dates" if strings can be read as such; integers may be identifiers."""
    some = np.array(strings[:SAMPLE])
    if np.char.isdecimal(some).all():
        return None
    for kind, dtype in READABLE_TYPES.items():
        with suppress(ValueError):
            some.astype(dtype)
            return kind
    return None
