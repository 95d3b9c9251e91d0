"""What becomes of each column of a table, applied to tables like that of training."""

from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse

from skdnn.columns import DATE_PARTS, column_from_array, date_parts
from skdnn.core.expansion import Expansion
from skdnn.knots import knot_coordinates
from skdnn.scaling import Scaling, scale
from skdnn.statistics import LevelStatistics, empty_statistics
from skdnn.tables import Frame, as_table, read_as


class Levels(NamedTuple):
    """The one-hot block of a text column.

    Attributes
    ----------
    names : list of str
        Kept levels, most frequent first; then "infrequent" and "missing" if there are any.
    codes : dict of str to int
        Code of each kept level.
    unknown : int
        Code of any other text: the infrequent level, or -1 for a block of zeros.
    gap : int
        Code of a gap: the missing level, or -1 for a block of zeros.
    """

    names: list
    codes: dict
    unknown: int
    gap: int

    def encode(self, column):
        """Return the code of each row of a text Column."""
        codes = [self.codes.get(text, self.unknown) for text in column.texts]
        return np.array([*codes, self.gap])[column.values]


class Dates(NamedTuple):
    """Which parts of a date column vary (positions in DATE_PARTS), and their scaling."""

    parts: np.ndarray
    scaling: Scaling

    @property
    def median(self):
        """The time in the middle, datetime64[us]."""
        seconds = self.scaling.center[0] if len(self.parts) else 0.0
        return np.datetime64(0, "us") + np.timedelta64(round(seconds * 1e6), "us")

    def encode(self, times):
        """Return the scaled parts (n_rows, n_parts)."""
        return scale(date_parts(times)[:, self.parts], self.scaling)


class Plan(NamedTuple):
    """What becomes of each column; columns are given by position.

    An encoded row holds the numbers of levels, the scaled numbers, the parts of dates, the
    indicators of gaps, the knot coordinates of numbers and parts of dates, and the codes of texts,
    in this order.

    Attributes
    ----------
    numbers : ndarray of shape (n_scaled,)
        Columns of numbers that vary.
    scaling : Scaling
        Theirs.
    dates : dict of int to Dates
    gaps : list of int
        Columns of numbers or dates that had gaps.
    levels : dict of int to Levels
    ranks : dict of int to dict of str to int
        Every level, the rare ones too, by frequency, of the columns in ``levels`` and of those
        without a frequent level; of the large columns alone once :meth:`reserve_numbers` has
        chosen them.
    knots : dict of int to ndarray
        By column of an encoded row after the numbers of levels, not by position in the table.
    statistics : LevelStatistics
        The numbers of levels of the large columns, those with ranks.
    """

    numbers: np.ndarray
    scaling: Scaling
    dates: dict
    gaps: list
    levels: dict
    ranks: dict
    knots: dict
    statistics: LevelStatistics = LevelStatistics()

    def reserve_numbers(self, n_classes, many):
        """Return the plan with numbers, all 0, of columns that have more levels than this."""
        large = {column: ranks for column, ranks in self.ranks.items() if len(ranks) > many}
        n_codes = [len(ranks) + 2 for ranks in large.values()]
        return self._replace(ranks=large, statistics=empty_statistics(n_codes, n_classes))

    @property
    def expansion(self):
        """The Expansion of encoded rows; where nothing varies, one number that is 0."""
        layout = self._layout()
        return layout._replace(n_numbers=self.statistics.n_numbers + layout.n_numbers)

    def _layout(self):
        """Return the Expansion of what comes after the numbers of levels."""
        n_numbers = len(self.numbers) + sum(len(date.parts) for date in self.dates.values())
        n_numbers += len(self.gaps)
        n_levels = tuple(len(levels.names) for levels in self.levels.values())
        n_bins = tuple(len(knots) - 1 for knots in self.knots.values())
        fewest = 0 if n_levels or self.statistics.n_numbers else 1
        return Expansion(max(n_numbers, fewest), n_levels, n_bins)

    def read(self, X, names):
        """Return the table that :meth:`encode` takes."""
        # Zeros are moved by the scaling: sparse rows would not stay sparse.
        return as_table(X.toarray() if issparse(X) else X, names)

    def encode(self, table, dtype, in_training=False):
        """Return the encoded rows of a table; in training, numbers of levels are left at 0."""
        layout, n_statistics = self._layout(), self.statistics.n_numbers
        rows = np.zeros((table.n_rows, n_statistics + layout.n_inputs), dtype)
        if n_statistics and not in_training:
            rows[:, :n_statistics] = self.statistics.numbers(self.level_codes(table))
        self._encode_columns(table, rows[:, n_statistics:], layout)
        return rows

    def _encode_columns(self, table, rows, layout):
        """Write all but the numbers of levels."""
        for span, columns, values in table.tiles(self.numbers):
            scaled = scale(values, self.scaling.take(columns))
            self._write(scaled, rows[span], columns.start, layout)
        start = len(self.numbers)
        for position, dates in self.dates.items():
            scaled = dates.encode(read_as(table, position, "time"))
            self._write(scaled, rows, start, layout)
            start += len(dates.parts)
        for column, position in enumerate(self.gaps, start):
            kind = "time" if position in self.dates else "number"
            rows[:, column] = np.isnan(read_as(table, position, kind))
        first = layout.n_inputs - len(self.levels)
        for column, (position, levels) in enumerate(self.levels.items(), first):
            rows[:, column] = levels.encode(read_as(table, position, "text"))

    def _write(self, scaled, rows, start, layout):
        """Write scaled columns and their knot coordinates into encoded rows."""
        stop = start + scaled.shape[1]
        rows[:, start:stop] = scaled
        for target, (column, knots) in enumerate(self.knots.items(), layout.n_numbers):
            if start <= column < stop:
                rows[:, target] = knot_coordinates(scaled[:, column - start], knots)

    def level_codes(self, table):
        """Return the rank of the level in each column that has ranks, (n_rows, n_ranked).

        A gap is a level after all others, and one that training did not have comes after that.
        """
        codes = np.empty((table.n_rows, len(self.ranks)), np.intp)
        for column, (position, ranks) in enumerate(self.ranks.items()):
            texts = read_as(table, position, "text")
            of_text = [ranks.get(text, len(ranks) + 1) for text in texts.texts]
            codes[:, column] = np.array([*of_text, len(ranks)])[texts.values]
        return codes

    def parts(self):
        """Return ``(position, suffix)`` of each expanded column: whence it comes, what it is."""
        # Until numbers are reserved there are ranks, but no tables.
        targets = [
            (position, f"_target{number}")
            for position, table in zip(self.ranks, self.statistics.tables, strict=False)
            for number in range(table.shape[1])
        ]
        scaled = [(position, "") for position in self.numbers.tolist()]
        for position, dates in self.dates.items():
            scaled += [(position, f"_{DATE_PARTS[part]}") for part in dates.parts]
        binned = []
        for column, knots in self.knots.items():
            position, suffix = scaled[column]
            binned += [(position, f"{suffix}_bin{number}") for number in range(1, len(knots))]
        gaps = [(position, "_missing") for position in self.gaps]
        levels = [
            (position, f"_{name}")
            for position, levels in self.levels.items()
            for name in levels.names
        ]
        return targets + scaled + gaps + binned + levels

    def names(self, columns):
        """Return the names of expanded columns, given those of the table's columns."""
        names = [f"{columns[position]}{suffix}" for position, suffix in self.parts()]
        return _made_unique(names or ["constant"])

    def origins(self):
        """Return the position of the column that each expanded column comes from, -1 for none."""
        return [position for position, _ in self.parts()] or [-1]

    def typical_row(self, names):
        """Return a table of one row: medians, and the most frequent levels.

        Where no level is frequent it is one that was never seen. Columns that are ignored are 0.
        """
        values = {position: [0.0] for position in range(len(names))}
        centers = self.scaling.center.tolist()
        values |= {p: [center] for p, center in zip(self.numbers.tolist(), centers, strict=True)}
        values |= {position: [dates.median] for position, dates in self.dates.items()}
        # Without a frequent level any text is infrequent, the one that says so too.
        values |= {position: ["infrequent"] for position in self.ranks}
        values |= {position: [levels.names[0]] for position, levels in self.levels.items()}
        columns = [np.array(values[position]) for position in range(len(names))]
        return Frame(columns, names, 1, column_from_array)


def _made_unique(names):
    """Append underscores to a name that is taken, as by a level that is called missing."""
    unique = {}
    for name in names:
        while name in unique:
            name += "_"
        unique[name] = True
    return list(unique)
