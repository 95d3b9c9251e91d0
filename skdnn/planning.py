"""Learn what becomes of each column, from the rows of training."""

import warnings
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse

from skdnn.columns import date_parts
from skdnn.knots import learn_knots
from skdnn.plan import Dates, Levels, Plan
from skdnn.scaling import Scaling, learn_scaling, weighted_shares
from skdnn.sparse_plan import SparsePlan
from skdnn.tables import as_table, determines_the_rest, read_as

CONSTANT = "constant"
ALL_MISSING = "all missing"
UNIQUE = "unique in every row"
ALL_RARE = "no level is frequent enough"

SAMPLE = 100  # texts of a column that are tried
READINGS = {"numbers": float, "dates": np.datetime64}

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


def learn_plan(X, names, targets, weights, limits):
    """Return what becomes of each column, and the reason for each that is ignored.

    Parameters
    ----------
    X : frame, ndarray or CSR
        Training rows of positive weight.
    names : sequence of str
        Of its columns.
    targets : array-like or None
        Rows that differ in these are different rows.
    weights : ndarray of shape (n_rows,)
    limits : Limits

    Returns
    -------
    plan : Plan, or SparsePlan of sparse rows
    ignored : dict of int to str
    """
    if issparse(X):
        largest = abs(X).max(axis=0).toarray().ravel().astype(np.float64)
        return SparsePlan(np.where(largest > 0, largest, 1)), {}
    # Without weights, quantiles need no sorting.
    weights = None if (weights == weights[0]).all() else weights
    return Planner(as_table(X, names), targets, weights, limits).learn()


class Planner:
    """Learn a Plan, column by column.

    Parameters
    ----------
    table : NumberArray or Frame
    targets : array-like or None
    weights : ndarray of shape (n_rows,) or None
        None if all are equal.
    limits : Limits
    """

    def __init__(self, table, targets, weights, limits):
        self.table, self.targets, self.weights, self.limits = table, targets, weights, limits
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
        is_alone = not (len(numbers) or self.dates or self.gaps or self._has_other_texts())
        self._drop_ids(is_alone)
        self._drop_single_levels()
        ranks = {p: r for p, r in self.ranks.items() if p in self.levels or self._is_rare(p)}
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
        if may_be_id and determines_the_rest(self.table, position, column, self.targets):
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
            # Adding 0 makes -0.0, which equals 0.0, have its bits.
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

    def _has_other_texts(self):
        """Tell whether a column of text that is no identifier varies."""
        others = (levels for position, levels in self.levels.items() if position not in self.ids)
        return any(len(levels.names) > 1 or _why_single(levels) == ALL_RARE for levels in others)

    def _drop_ids(self, are_alone):
        for position in self.ids:
            if are_alone and len(self.levels[position].names) > 1:
                continue
            self.ignored[position] = UNIQUE
            del self.levels[position]
            kind = _readable_as(self.table.column(position).texts)
            if kind is not None:
                warnings.warn(
                    f"Column {self.table.names[position]!r} of X is ignored: its text is another "
                    f"in every row, as identifiers are. But it reads as {kind}: convert it, or "
                    "drop it.",
                    UserWarning,
                    stacklevel=2,
                )

    def _drop_single_levels(self):
        for position, levels in list(self.levels.items()):
            if len(levels.names) < 2:
                self.ignored[position] = _why_single(levels)
                del self.levels[position]

    def _is_rare(self, position):
        """Tell whether a column is ignored, but numbers of its levels could be learnt."""
        return self.ignored.get(position) == ALL_RARE


def _readable_as(texts):
    """Return what texts can be read as, if they are no names; whole numbers may be names."""
    some = [str(text) for text in texts[:SAMPLE]]
    if all(text.isdecimal() for text in some):
        return None
    return next((kind for kind, read in READINGS.items() if _can_read(read, some)), None)


def _can_read(read, texts):
    try:
        for text in texts:
            read(text)
    except ValueError:
        return False
    return True


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
