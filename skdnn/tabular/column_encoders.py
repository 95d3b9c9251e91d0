"""The fitted encoding of each column, applied to tables with the columns of training."""

from functools import cache
from typing import NamedTuple

import numpy as np

from skdnn.core.encoded_rows import Expansion
from skdnn.tabular import identifiers
from skdnn.tabular.bins import bin_positions
from skdnn.tabular.categories import as_categories_of_fit
from skdnn.tabular.column_types import NOT_BOOLEAN, NUMBER, ColumnError, string_column
from skdnn.tabular.dataframes import Frame
from skdnn.tabular.dates import TIME, date_parts
from skdnn.tabular.imputation import estimate
from skdnn.tabular.row_hashes import distinct_rows
from skdnn.tabular.scaling import Scaling, scale
from skdnn.tabular.target_statistics import TargetStatistics, empty_statistics
from skdnn.tabular.unknown_categories import unknown_cells
from skdnn.tabular.user_warnings import FEW_NEW, INFORMATIVE, UNKNOWN


class ColumnEncoders(NamedTuple):
    """The encoding of each column of a table; columns are referred to by position.

    An encoded row holds target statistics, scaled numbers, scaled parts of dates and other kinds,
    missing-value indicators, positions in the bins of all these, and codes of categories, in this
    order. "Scaled columns" are the numbers, then the parts.

    Attributes
    ----------
    numbers : ndarray of int
        Columns of numbers, except constant ones.
    kind_parts : dict of int to ndarray of int
        Columns of a Kind with ``numbers``, as dates are: indices of the parts that vary.
    scaling : Scaling
        Of the scaled columns.
    missing : list of int
        Columns of numbers or dates that have a missing-value indicator.
    categories : dict of int to Categories
    ranks : dict of int to dict of str to int
        Rank by frequency of every category of the columns in ``categories`` and of those without a
        frequent one. After :meth:`with_target_statistics`, of high-cardinality columns only.
    types : dict of int to ColumnType
        Of all columns but those of plain numbers.
    bin_edges : dict of int to ndarray
        By index of the scaled column, not by position in the table.
    statistics : TargetStatistics
        Of the high-cardinality columns, which are those in ``ranks``.
    constants : dict of int to float, str or None
        The only value of columns without information: NaN or "" if missing, None of identifiers.
    regressions : dict of int to ndarray
        Coefficients that estimate missing numbers, by index of the scaled column.
    """

    numbers: np.ndarray
    kind_parts: dict
    scaling: Scaling
    missing: list
    categories: dict
    ranks: dict
    types: dict
    bin_edges: dict = {}  # noqa: RUF012 - never written to
    statistics: TargetStatistics = TargetStatistics()
    constants: dict = {}  # noqa: RUF012 - never written to
    regressions: dict = {}  # noqa: RUF012 - never written to

    def with_target_statistics(self, n_classes, many):
        """Return a copy with target statistics, still 0, of columns with > ``many`` categories."""
        large = {column: ranks for column, ranks in self.ranks.items() if len(ranks) > many}
        types = dict(self.types)
        for position in self.ranks.keys() - large:  # only frequent categories are kept
            codes = getattr(self.categories.get(position), "codes", ())
            spellings = {n: text for n, text in types[position].spellings.items() if text in codes}
            types[position] = types[position]._replace(spellings=spellings)
        statistics = empty_statistics([len(ranks) + 2 for ranks in large.values()], n_classes)
        return self._replace(ranks=large, types=types, statistics=statistics)

    @property
    def expansion(self):
        """The Expansion of encoded rows; if all columns are ignored, they are one number, 0."""
        n_numbers = self.statistics.n_numbers + len(self.scaling.center) + len(self.missing)
        n_categories = tuple(len(categories.names) for categories in self.categories.values())
        n_bins = tuple(len(bin_edges) - 1 for bin_edges in self.bin_edges.values())
        return Expansion(max(n_numbers, 0 if n_categories else 1), n_categories, n_bins)

    def encode(self, table, dtype, in_training=False):
        """Return the encoded rows of a table; in training, target statistics are left at 0."""
        layout, n_statistics = self.expansion, self.statistics.n_numbers
        rows = np.zeros((table.n_rows, layout.n_inputs), dtype)
        if n_statistics and not in_training:
            rows[:, :n_statistics] = self.statistics.numbers(self.category_codes(table))
        sources, indicators, constant = self._indicators(layout.n_numbers - len(self.missing))
        looks_for_missing = bool(len(sources) or self.regressions)
        missing = np.zeros((table.n_rows, looks_for_missing * len(self.scaling.center)), bool)
        for some, span, values in self.read(table, by_rows=True):
            scaled = scale(values, self.scaling.take(span))
            rows[some, n_statistics + span.start : n_statistics + span.stop] = scaled
            for target, (column, bin_edges) in enumerate(self.bin_edges.items(), layout.n_numbers):
                if span.start <= column < span.stop:
                    rows[some, target] = bin_positions(scaled[:, column - span.start], bin_edges)
            if looks_for_missing:
                missing[some, span] = np.isnan(values)
        rows[:, indicators] = missing[:, sources]
        self._estimate(rows, missing)
        for position, n in constant:
            rows[:, n] = np.isnan(table.values(position, self.types.get(position, NUMBER))[:, 0])
        for column, position in enumerate(self.categories, layout.n_inputs - len(self.categories)):
            strings = self.strings(table, position)
            rows[:, column] = self.categories[position].encode(strings)
        return rows

    def _estimate(self, rows, missing):
        """Write estimates of missing numbers over their medians, and over positions in bins."""
        start, first_bin = self.statistics.n_numbers, self.expansion.n_numbers
        bins = {column: place for place, column in enumerate(self.bin_edges, first_bin)}
        scaled, found = rows[:, start : start + missing.shape[1]], []
        with_missing = set(np.flatnonzero(missing.any(axis=0)).tolist())
        for column in with_missing & self.regressions.keys():
            places = np.flatnonzero(missing[:, column])
            found.append((column, places, estimate(scaled[places], self.regressions[column])))
        for column, places, estimates in found:  # none is estimated from another estimate
            scaled[places, column] = estimates
            if column in bins:
                rows[places, bins[column]] = bin_positions(estimates, self.bin_edges[column])

    def _indicators(self, start):
        """Return scaled columns and their indicators, which follow from ``start`` on, as arrays.

        Also pairs of a column of the table that has no scaled column, and its indicator.
        """
        of_parts = (position for position, parts in self.kind_parts.items() for _ in parts)
        scaled = [*enumerate((*self.numbers.tolist(), *of_parts))]
        firsts = {position: column for column, position in reversed(scaled)}
        places = list(zip(self.missing, range(start, start + len(self.missing)), strict=True))
        pairs = [(firsts[position], column) for position, column in places if position in firsts]
        constant = [place for place in places if place[0] not in firsts]
        return *np.array(pairs, np.intp).reshape(-1, 2).T, constant

    def read(self, table, by_rows=False):
        """Yield ``(rows, span, values)``: unscaled values of some scaled columns (and rows)."""
        yield from (table.tiles if by_rows else table.blocks)(self.numbers, self.number_types())
        start = len(self.numbers)
        for position, parts in self.kind_parts.items():
            span = slice(start, start + len(parts))
            if len(parts):
                yield slice(None), span, table.values(position, self.types[position])[:, parts]
            start = span.stop

    def number_types(self):
        """Return ``types``, and NOT_BOOLEAN for numbers that were not only 0 and 1 in fit."""
        n, (center, spread, _) = len(self.numbers), self.scaling
        are_other = ~(np.isin(center[:n], (0, 1)) & np.isin(spread[:n], (0.5, 1)))
        are_other[[column for column in self.bin_edges if column < n]] = True  # has three values
        return dict.fromkeys(self.numbers[are_other].tolist(), NOT_BOOLEAN) | self.types

    def strings(self, table, position, warns=True):
        """Return a string Column, of the categories that its strings stand for."""
        column = table.strings(position, self.types[position])
        known = self.ranks.get(position), self.categories.get(position)
        column = as_categories_of_fit(column, *known, self.types[position].spellings)
        if warns and (cells := unknown_cells(column, *known, self.types[position])):
            table.warn(position, cells)
        return column

    def category_codes(self, table):
        """Return the rank of each row's category in the columns with ranks, (n_rows, n_columns).

        After the ranks come the codes of missing values and of unknown categories.
        """
        # Of those in ``categories``, ``encode`` warns.
        columns = [self.strings(table, p, p not in self.categories) for p in self.ranks]
        ranked = zip(columns, self.ranks.values(), strict=True)
        return np.column_stack([c.encode(ranks, len(ranks) + 1, len(ranks)) for c, ranks in ranked])

    def changes(self, table, targets, warned):
        """Return new categories, and information where fit had none: texts by (position, reason).

        Left out are columns without their infrequent categories, and what is in ``warned``.
        """
        found = {}
        complete = {p: kept.codes for p, kept in self.categories.items() if kept.unknown < 0}
        for position, seen in (complete | self.ranks).items():
            if (position, UNKNOWN) in warned:
                continue
            column = self.strings(table, position)
            are_new = column.encode(dict.fromkeys(seen, False), True, False)
            if are_new.mean() > FEW_NEW:
                new = next(text for text in column.strings if text not in seen)
                found[position, UNKNOWN] = f"new categories such as {new!r}"
        distinct = cache(lambda: distinct_rows(table, targets)[1])  # takes long
        for position, value in self.constants.items():
            key = position, INFORMATIVE
            if key not in warned and self._is_informative(table, position, value, distinct):
                what = "different in every row" if value is None else "constant or missing"
                found[key] = f"no longer {what}"
        return {key: f"{table.names[key[0]]!r} ({text})" for key, text in found.items()}

    def _is_informative(self, table, position, value, distinct):
        """Return whether a column has information, given that in ``constants``."""
        if value is None:
            column = table.column(position)
            known, n_values = ~column.missing, len(np.unique(column.values[~column.missing]))
            why = identifiers.why_identifier
            return not (why(n_values, known.sum()) or why(n_values, known[distinct()].sum()))
        if isinstance(value, str):
            strings = table.strings(position, self.types[position])
            known = dict.fromkeys((value, *self.types[position].spellings), False)
            return strings.encode(known, True, False).mean() > FEW_NEW
        try:
            values = table.values(position, self.types.get(position, NUMBER))[:, 0]
        except ValueError as error:
            is_used = position in {*self.numbers.tolist(), *self.kind_parts, *self.missing}
            if is_used or not isinstance(error.__cause__, ColumnError):
                raise
            return (~table.column(position).missing).mean() > FEW_NEW  # of another kind
        return ((values != value) & ~np.isnan(values)).mean() > FEW_NEW

    def parts(self):
        """Return the position in X and the suffix of the name of each expanded column."""
        # Without target statistics there are ranks, but no tables.
        tables = zip(self.ranks, self.statistics.tables, strict=False)
        targets = [(place, f"_target{n}") for place, table in tables for n in range(table.shape[1])]
        scaled = [(position, "") for position in self.numbers.tolist()]
        for position, parts in self.kind_parts.items():
            scaled += [(position, f"_{self.types[position].names[part]}") for part in parts]
        binned = []
        for column, bin_edges in self.bin_edges.items():
            position, suffix = scaled[column]
            binned += [(position, f"{suffix}_bin{number}") for number in range(1, len(bin_edges))]
        missing = [(position, "_missing") for position in self.missing]
        categories = [(n, f"_{name}") for n, kept in self.categories.items() for name in kept.names]
        return targets + scaled + missing + binned + categories

    def typical_row(self, n_columns):
        """Return a table of one row: medians, and the most frequent or an unknown category."""
        row = [0] * n_columns
        centers = iter(self.scaling.center)
        for position in self.numbers.tolist():
            row[position] = next(centers)
        for position, parts in self.kind_parts.items():
            row[position] = np.zeros(len(self.types[position].names))
            row[position][parts] = [next(centers) for _ in parts]
            if self.types[position].kind == "date":  # whose parts must be those of one time
                row[position] = date_parts(np.array([round(row[position][0] * 1e6)], TIME))[0]
        # Without a frequent category any string is encoded as infrequent, also this one.
        for position in self.ranks:
            row[position] = "infrequent"
        for position, categories in self.categories.items():
            row[position] = categories.names[0]
        return TypicalRow(row, range(n_columns), 1)


class TypicalRow(Frame):
    """A table of one row, whose values have the types of fit."""

    def warn(self, position, unknown):
        """Do nothing, as these are no values of a user."""

    def values(self, position, fitted):
        """Return the numbers of a column."""
        return np.array(self.columns[position], np.float64).reshape(1, -1)

    def strings(self, position, fitted):
        """Return the Column of a category."""
        return string_column([self.columns[position]])
