"""What becomes of each column: learn it from a table, then apply it to tables like it."""

from typing import NamedTuple

import numpy as np

from skdnn.columns import DATE_PARTS, column_from_array, date_parts
from skdnn.core.expansion import Expansion
from skdnn.knots import knot_coordinates, learn_knots
from skdnn.scaling import Scaling, learn_scaling, scale, weighted_shares
from skdnn.tables import Frame, determines_the_rest, read_as

CONSTANT = "constant"
ALL_MISSING = "all missing"
UNIQUE = "unique in every row"
ALL_RARE = "no level is frequent enough"


# Bins of each scaled column, up to so many of them: the inputs of wide tables are many already.
BINS = ((16, 32), (64, 16), (np.inf, 0))
ROWS_PER_BIN, FEWEST_BINS = 160, 3  # distinct rows: finer bins would follow the noise
FEWEST_KNOTS = 3  # two values are told apart by the number itself
ODD = 0x9E3779B97F4A7C15  # multiplier of hashes (Steele et al., 2014)


class Limits(NamedTuple):
    """How finely columns are encoded.

    Attributes
    ----------
    max_categories : int
        Levels of a text column that are kept at most.
    min_frequency : float
        Share of the weight that each of them has at least.
    n_bins : int or "auto"
        Bins of a column of numbers at most.
    """

    max_categories: int
    min_frequency: float
    n_bins: int | str

    def bins_for(self, n_columns, count_rows):
        """Return the bins of each of ``n_columns`` scaled columns.

        ``count_rows()`` returns the number of distinct rows.
        """
        if not isinstance(self.n_bins, str):
            return self.n_bins
        most = next(n_bins for limit, n_bins in BINS if n_columns <= limit)
        return min(most, max(count_rows() // ROWS_PER_BIN, FEWEST_BINS)) if most else 0


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

    An encoded row holds the scaled numbers, the parts of dates, the indicators of gaps, the knot
    coordinates of numbers and parts of dates, and the codes of texts, in this order.

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
        Every level of the columns in ``levels``, the rare ones too, by frequency.
    knots : dict of int to ndarray
        By column of an encoded row, not by position in the table.
    """

    numbers: np.ndarray
    scaling: Scaling
    dates: dict
    gaps: list
    levels: dict
    ranks: dict
    knots: dict

    @property
    def expansion(self):
        """The Expansion of encoded rows; where nothing varies, one number that is 0."""
        n_numbers = len(self.numbers) + sum(len(date.parts) for date in self.dates.values())
        n_numbers += len(self.gaps)
        n_levels = tuple(len(levels.names) for levels in self.levels.values())
        n_bins = tuple(len(knots) - 1 for knots in self.knots.values())
        return Expansion(n_numbers if n_levels else max(n_numbers, 1), n_levels, n_bins)

    def encode(self, table, dtype, n_free=0):
        """Return the encoded rows (n_rows, n_free + n_inputs) of a table; free columns are 0."""
        expansion = self.expansion
        everything = np.zeros((table.n_rows, n_free + expansion.n_inputs), dtype)
        rows = everything[:, n_free:]
        for span, columns, values in table.tiles(self.numbers):
            scaled = scale(values, self.scaling.take(columns))
            self._write(scaled, rows[span], columns.start, expansion)
        start = len(self.numbers)
        for position, dates in self.dates.items():
            scaled = dates.encode(read_as(table, position, "time"))
            self._write(scaled, rows, start, expansion)
            start += len(dates.parts)
        for column, position in enumerate(self.gaps, start):
            kind = "time" if position in self.dates else "number"
            rows[:, column] = np.isnan(read_as(table, position, kind))
        first = expansion.n_inputs - len(self.levels)
        for column, (position, levels) in enumerate(self.levels.items(), first):
            rows[:, column] = levels.encode(read_as(table, position, "text"))
        return everything

    def _write(self, scaled, rows, start, expansion):
        """Write scaled columns and their knot coordinates into encoded rows."""
        stop = start + scaled.shape[1]
        rows[:, start:stop] = scaled
        for target, (column, knots) in enumerate(self.knots.items(), expansion.n_numbers):
            if start <= column < stop:
                rows[:, target] = knot_coordinates(scaled[:, column - start], knots)

    def level_codes(self, table, positions):
        """Return the rank of the level in some text columns, (n_rows, n_positions).

        A gap is a level after all others, and one that training did not have comes after that.
        """
        codes = np.empty((table.n_rows, len(positions)), np.intp)
        for column, position in enumerate(positions):
            texts, ranks = read_as(table, position, "text"), self.ranks[position]
            of_text = [ranks.get(text, len(ranks) + 1) for text in texts.texts]
            codes[:, column] = np.array([*of_text, len(ranks)])[texts.values]
        return codes

    def parts(self):
        """Return ``(position, suffix)`` of each expanded column: whence it comes, what it is."""
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
        return scaled + gaps + binned + levels

    def names(self, columns):
        """Return the names of expanded columns, given those of the table's columns."""
        names = [f"{columns[position]}{suffix}" for position, suffix in self.parts()]
        return _made_unique(names or ["constant"])

    def origins(self):
        """Return the position of the column that each expanded column comes from, -1 for none."""
        return [position for position, _ in self.parts()] or [-1]

    def typical_row(self, names):
        """Return a table of one row: medians, and the most frequent levels.

        Columns that are ignored are 0.
        """
        values = {position: [0.0] for position in range(len(names))}
        centers = self.scaling.center.tolist()
        values |= {p: [center] for p, center in zip(self.numbers.tolist(), centers, strict=True)}
        values |= {position: [dates.median] for position, dates in self.dates.items()}
        # Without a frequent level any text is infrequent, the one that says so too.
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


class Planner:
    """Learn a Plan, column by column.

    Parameters
    ----------
    table : NumberArray or Frame
        Training rows of positive weight.
    y : array-like or None
        Their targets: rows that differ in y are different rows.
    weights : ndarray of shape (n_rows,) or None
        None if all are equal.
    limits : Limits
    """

    def __init__(self, table, y, weights, limits):
        self.table, self.y, self.weights, self.limits = table, y, weights, limits
        self.numbers, self.gaps, self.ids = [], [], []
        self.dates, self.levels, self.ranks, self.ignored = {}, {}, {}, {}

    def learn(self):
        """Return the Plan, and the reason for each column that is ignored."""
        add = {"number": self._add_number, "time": self._add_time, "text": self._add_text}
        for position in range(len(self.table.names)):
            column = self.table.column(position)
            add[column.kind](position, column)
        numbers, scaling = self._scale_numbers()
        knots = self._learn_knots(numbers, scaling)
        if len(numbers) or self.dates or self.gaps or len(self.ids) < len(self.levels):
            self._drop_ids()
        self._drop_single_levels()
        ranks = {position: self.ranks[position] for position in self.levels}
        plan = Plan(numbers, scaling, self.dates, sorted(self.gaps), self.levels, ranks, knots)
        return plan, dict(sorted(self.ignored.items()))

    def _add_number(self, position, column):
        self.numbers.append(position)

    def _add_time(self, position, column):
        scaling = learn_scaling(date_parts(column.values), self.weights)
        parts = np.flatnonzero(scaling.spread)
        if self._has_values(position, scaling.take(0)):
            self.dates[position] = Dates(parts, scaling.take(parts))

    def _add_text(self, position, column):
        ranked = rank_levels(column, self.weights)
        self.ranks[position] = {text: rank for rank, (_, text) in enumerate(ranked)}
        levels = learn_levels(ranked, column.gaps.any(), self.limits)
        self.levels[position] = levels
        may_be_id = levels.gap < 0 and np.ptp(column.values) > 0
        if may_be_id and determines_the_rest(self.table, position, column, self.y):
            self.ids.append(position)

    def _scale_numbers(self):
        blocks = self.table.blocks(np.array(self.numbers, np.intp))
        learnt = [learn_scaling(values, self.weights) for _, values in blocks]
        if not learnt:
            return np.array([], np.intp), Scaling(*np.empty((2, 0)), np.empty(0, bool))
        scaling = Scaling(*map(np.concatenate, zip(*learnt, strict=True)))
        for column, position in enumerate(self.numbers):
            self._has_values(position, scaling.take(column))
        kept = np.flatnonzero(scaling.spread)
        return np.array(self.numbers)[kept], scaling.take(kept)

    def _learn_knots(self, numbers, scaling):
        n_columns = len(numbers) + sum(len(dates.parts) for dates in self.dates.values())
        n_bins = self.limits.bins_for(n_columns, self._count_distinct_rows)
        if not n_bins:
            return {}
        learnt = []
        for span, values in self.table.blocks(numbers):
            learnt += learn_knots(values, self.weights, scaling.take(span), n_bins)
        for position, dates in self.dates.items():
            parts = date_parts(read_as(self.table, position, "time"))[:, dates.parts]
            learnt += learn_knots(parts, self.weights, dates.scaling, n_bins)
        return {column: knots for column, knots in enumerate(learnt) if len(knots) >= FEWEST_KNOTS}

    def _count_distinct_rows(self):
        """Return the number of distinct rows, which repeating rows does not change."""
        hashes = np.zeros(self.table.n_rows, np.uint64)
        for position in range(len(self.table.names)):
            values = self.table.column(position).values
            numbers = np.ascontiguousarray(values if values.dtype.kind == "M" else values + 0.0)
            words = numbers.astype(np.float64).view(np.uint64)
            hashes = (hashes ^ (words >> np.uint64(29)) ^ words) * np.uint64(ODD)
        return len(np.unique(hashes))

    def _has_values(self, position, scaling):
        """Note why a column of numbers or dates is ignored, or that it has gaps."""
        if np.isnan(scaling.center):
            self.ignored[position] = ALL_MISSING
        elif scaling.has_gaps:
            self.gaps.append(position)
        elif scaling.spread == 0:
            self.ignored[position] = CONSTANT
        return position not in self.ignored

    def _drop_ids(self):
        for position in self.ids:
            self.ignored[position] = UNIQUE
            del self.levels[position]

    def _drop_single_levels(self):
        for position, levels in list(self.levels.items()):
            if len(levels.names) < 2:
                self.ignored[position] = _why_single(levels)
                del self.levels[position]


def _why_single(levels):
    if levels.codes:
        return CONSTANT
    return ALL_RARE if levels.unknown == 0 else ALL_MISSING


def rank_levels(column, weights):
    """Return (-share, text) of each level of a text Column, the most frequent first."""
    shares = weighted_shares(column.values, weights, len(column.texts)).tolist()
    occurs = np.bincount(column.values[~column.gaps], minlength=len(shares)) > 0
    return sorted((-shares[code], column.texts[code]) for code in np.flatnonzero(occurs))


def learn_levels(ranked, has_gaps, limits):
    """Return the Levels of a text column, given its ranked levels."""
    frequent = [text for share, text in ranked if -share >= limits.min_frequency]
    names = frequent[: limits.max_categories]
    codes = {text: code for code, text in enumerate(names)}
    unknown = gap = -1
    if len(names) < len(ranked):
        unknown = len(names)
        names.append("infrequent")
    if has_gaps:
        gap = len(names)
        names.append("missing")
    return Levels(names, codes, unknown, gap)
