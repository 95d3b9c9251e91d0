"""Learn the encoding of each column from the training rows."""

from functools import cached_property

import numpy as np
from scipy.sparse import issparse

from skdnn.tabular import identifiers
from skdnn.tabular.bins import learn_bin_edges
from skdnn.tabular.categories import learn_categories, rank_categories
from skdnn.tabular.column_encoders import ColumnEncoders
from skdnn.tabular.column_types import NUMBER, ColumnType, spellings_of_booleans, without_blanks
from skdnn.tabular.dataframes import as_table
from skdnn.tabular.imputation import learn_regressions
from skdnn.tabular.kinds import KINDS, kind_of
from skdnn.tabular.learn_formats import NO_FORMAT, NUMBERS_OR_CODES, find_format
from skdnn.tabular.read_columns import spellings_of_numbers
from skdnn.tabular.row_hashes import distinct_rows
from skdnn.tabular.scaling import DIGITS, join_scalings, learn_scaling, weighted_shares
from skdnn.tabular.sparse_columns import ColumnsWithoutEntries, learn_sparse_columns
from skdnn.tabular.text_formats import is_missing_word
from skdnn.tabular.user_warnings import joined, listed, warn_user

CONSTANT = "constant"
ALL_MISSING = "all missing"
ALL_INFREQUENT = "no category is frequent enough"

PARSED = (
    "Columns of strings are read as numbers or dates: {}. To keep strings as categories, convert "
    "the column to a categorical type or set encoder=TableEncoder(parse_strings=False); to avoid "
    "this warning, convert it to numbers or dates."
)
AMBIGUOUS = (
    "Columns of strings can be read in two ways: {}. They are categories, or ignored if nearly all "
    "differ. Convert them by pandas.read_csv(..., thousands=','), pandas.to_numeric(...) or "
    "pandas.to_datetime(..., dayfirst=True); or, to avoid this warning, to a categorical type."
)
# (n_columns, n_bins): bins of each scaled column, up to so many columns; wide tables need no more.
BINS = ((16, 128), (64, 16), (np.inf, 0))
ROWS_PER_BIN, FEWEST_BINS = 160, 3  # distinct rows; with fewer a bin, the network would fit noise
FEWEST_EDGES = 3  # two distinct values need no bin beside the scaled number
MIN_FREQUENCY, MIN_ROWS = 0.001, 8  # of a category: part of the weight, or distinct rows
# Missing-value indicators that are 1 in fewer rows than RARE fit noise, and are left out if there
# are more than MANY_INDICATORS, or the number is estimated.
MANY_INDICATORS, RARE = 32, 0.05


def learn_columns(X, names, targets, weights, options):
    """Return the encoding of each column, and what is notable about some columns.

    The rows of ``X`` have positive weight; those that differ in ``targets`` are distinct rows;
    ``options`` is the TableEncoder. Returns ColumnEncoders, or SparseColumns of sparse rows; the
    reasons for ignored columns, by name; and the FormatChoice of columns of strings that are read
    as numbers or dates, by name.
    """
    table = as_table(X, names)
    if issparse(table):
        columns = learn_sparse_columns(table, weights, options.drop_constants)
        return columns, ColumnsWithoutEntries(names, columns.kept), {}
    targets = np.empty((len(weights), 0)) if targets is None else targets
    # Without weights, less has to be sorted.
    weights = None if (weights == weights[0]).all() else weights
    encoders, ignored, parsed = ColumnLearner(table, targets, weights, options).learn()
    return encoders, _by_name(ignored, names), _by_name(parsed, names)


def _by_name(columns, names):
    return {str(names[position]): about for position, about in sorted(columns.items())}


class ColumnLearner:
    """Learn the encoding of a table, column by column; ``weights`` are None if all are equal."""

    def __init__(self, table, targets, weights, options):
        self.table, self.targets, self.weights, self.options = table, targets, weights, options
        self.numbers, self.missing, self.scalings = [], [], []
        self.strings, self.categories, self.ranks, self.ignored = {}, {}, {}, {}
        self.types, self.parsed, self.ambiguous, self.integers = {}, {}, {}, {}
        self.kind_parts, self.constants, self.sentences = {}, {}, []

    def learn(self):
        """Return the result of :func:`learn_columns`, by position."""
        for position in range(len(self.table.names)):
            column = self.table.column(position)
            add = self._add_text if column.kind == "text" else self._add_numbers
            add(position, column, ColumnType(column.kind, column.zone))
        numbers, scaling = self._scale_numbers()
        scaling = join_scalings([scaling, *self.scalings])
        self._choose_strings(are_only=not (len(numbers) or self.kind_parts or self.missing))
        self._warn_of_strings()
        missing = sorted(self.missing)
        given = numbers, self.kind_parts, scaling, missing, self.categories, self.ranks, self.types
        columns = ColumnEncoders(*given, constants=self.constants)
        columns = columns._replace(bin_edges=self._learn_bin_edges(columns))
        columns = columns._replace(regressions=learn_regressions(self.table, columns))
        columns = columns._replace(missing=self._choose_indicators(columns))
        return columns, self.ignored, self.parsed

    def _add_numbers(self, position, column, its_type):
        if its_type != NUMBER:
            self.types[position] = its_type
        if KINDS[column.kind].numbers is not None:
            return self._add_several(position, column, its_type)
        if column.kind == "number" and identifiers.are_integers(column.values):
            self.integers[position] = column.values
            if identifiers.are_rounded(column.values):
                warn_user(f"Column {self.table.names[position]!r} of X {identifiers.ROUNDED}")
        if column.has_booleans:
            self.types[position] = its_type
        self.numbers.append(position)

    def _add_several(self, position, column, its_type):
        if learn := KINDS[column.kind].learn:
            shares = {value: -share for share, value in rank_categories(column, self.weights)}
            its_type = self.types[position] = its_type._replace(learnt=learn(shares))
        scaling = learn_scaling(self.table.values(position, its_type), self.weights)
        parts = np.flatnonzero(scaling.spread)
        if self._has_values(position, scaling.take(parts[0] if len(parts) else 0)):
            self.kind_parts[position] = parts
            self.scalings.append(scaling.take(parts))

    def _add_text(self, position, column, its_type):
        ranked = rank_categories(column, self.weights)
        if self.options.parse_strings and not column.is_categorical:
            choice = find_format(ranked)
            if choice.format is not None:
                self.parsed[position] = choice
                return self._add_numbers(position, *self.table.parse(position, choice.format))
            if choice.alternatives:
                self.ambiguous[position] = choice
        booleans = spellings_of_booleans(column.strings)
        kinds = {kind_of(text) for text in column.strings if not is_missing_word(text)}
        kinds |= {"number", "boolean"} if booleans else set()
        given = (*sorted(kinds),), (), booleans, (), {}, column.is_categorical, column.has_numbers
        self.types[position] = ColumnType(its_type.kind, None, None, *given)
        if booleans and not column.is_categorical:
            column = without_blanks(column)
            ranked = rank_categories(column, self.weights)
        self.strings[position] = ranked, column.missing

    def _choose_strings(self, are_only):
        """Keep the categories of each string column, or the reason why it is ignored.

        ``are_only`` tells whether the table has no other columns to learn from.
        """
        found = {position: self._learn_categories(*text) for position, text in self.strings.items()}
        reasons = {position: self._why_ignored(*text) for position, text in found.items()}
        are_only = are_only and not {None, ALL_INFREQUENT}.intersection(reasons.values())
        for position, (ranked, categories, _) in found.items():
            reason = reasons[position]
            may_be_words = reason in identifiers.REASONS and position not in self.ambiguous
            if may_be_words and identifiers.are_sentences([t for _, t in ranked]):
                self.sentences.append(position)
            if reason in identifiers.REASONS and are_only and len(categories.names) > 1:
                reason = None  # without identifier columns, no column would be left
            if reason is None:
                self.categories[position] = categories
            else:
                self.ignored[position] = reason
            if reason in (None, ALL_INFREQUENT):  # target statistics may use infrequent categories
                self.ranks[position] = {text: rank for rank, (_, text) in enumerate(ranked)}
            else:
                value = ranked[0][1] if ranked else ""
                self.constants[position] = None if reason in identifiers.REASONS else value
            if reason not in identifiers.REASONS and "number" in self.types[position].kinds:
                spellings = spellings_of_numbers(ranked)
                self.types[position] = self.types[position]._replace(spellings=spellings)
            choice = self.ambiguous.get(position, NO_FORMAT)
            if reason in identifiers.REASONS and choice.alternatives == NUMBERS_OR_CODES:
                del self.ambiguous[position]

    def _learn_categories(self, ranked, missing):
        if (share := self.options.min_frequency) == "auto":
            share = min(MIN_FREQUENCY, round(MIN_ROWS / len(self._distinct[0]), DIGITS))
        categories = learn_categories(ranked, missing.any(), self.options.max_categories, share)
        return ranked, categories, missing

    def _why_ignored(self, ranked, categories, missing):
        """Return why a string column is ignored, or None if it is not."""
        if self.options.drop_identifiers and len(ranked) > 1:
            n_rows = np.count_nonzero(~missing[self._distinct[1]])
            if reason := identifiers.why_identifier(len(ranked), n_rows):
                return reason
        if len(categories.names) > 1 or (categories.codes and not self.options.drop_constants):
            return None
        if categories.codes:
            return CONSTANT
        return ALL_INFREQUENT if ranked else ALL_MISSING

    def _warn_of_strings(self):
        unused = [p for p, why in self.ignored.items() if why in (CONSTANT, ALL_MISSING)]
        for choices, message in ((self.parsed, PARSED), (self.ambiguous, AMBIGUOUS)):
            used = [(self.table.names[p], how) for p, how in choices.items() if p not in unused]
            if used:
                named = [f"{name!r} as {how}" for name, how in used]
                warn_user(message.format(joined(named, "; ")))
        if self.sentences:
            names = [self.table.names[position] for position in self.sentences]
            warn_user(identifiers.SENTENCES.format(listed(names), names[0]))

    def _scale_numbers(self):
        self._find_row_numbers()
        numbers = np.array(self.numbers, np.intp)
        blocks = self.table.blocks(numbers, self.types)
        scaling = join_scalings([learn_scaling(values, self.weights) for *_, values in blocks])
        for column, position in enumerate(self.numbers):
            self._has_values(position, scaling.take(column))
        if not self.options.drop_constants:
            constant = (scaling.spread == 0) & ~np.isnan(scaling.center)
            scaling = scaling._replace(spread=np.where(constant, 1, scaling.spread))
        kept = np.flatnonzero(scaling.spread)
        return numbers[kept], scaling.take(kept)

    def _choose_indicators(self, columns):
        """Return the columns with a missing-value indicator; ignore columns without any input."""
        estimated = columns.numbers[[*columns.regressions]].tolist()
        candidates = self.missing if len(self.missing) > MANY_INDICATORS else estimated
        rare = {p for p in candidates if self._share_missing(p) < RARE}
        varying = {position for position, parts in self.kind_parts.items() if len(parts)}
        useless = rare.difference(varying, columns.numbers.tolist())
        self.ignored |= dict.fromkeys(useless, CONSTANT)
        return [position for position in columns.missing if position not in rare]

    def _share_missing(self, position):
        values = self.table.values(position, self.types.get(position, NUMBER))[:, 0]
        return weighted_shares(np.isnan(values).astype(np.intp), self.weights, 2)[1]

    def _find_row_numbers(self):
        """Ignore or warn of columns of row numbers, as ``drop_identifiers`` says."""
        drop = self.options.drop_identifiers
        if not drop or not self.integers:
            return
        n_rows = len(self._distinct[1])
        found = [n for n, x in self.integers.items() if identifiers.are_row_numbers(x, n_rows)]
        if drop != "auto":
            self.ignored |= dict.fromkeys(found, identifiers.ROW_NUMBERS)
            self.constants |= dict.fromkeys(found)
            self.numbers = [position for position in self.numbers if position not in found]
        elif found:
            warn_user(identifiers.IN_ORDER.format(listed([self.table.names[n] for n in found])))

    def _learn_bin_edges(self, encoders):
        if (n_bins := self.options.n_bins) == "auto":
            n_bins = next(n for limit, n in BINS if len(encoders.scaling.center) <= limit)
            if n_bins:
                n_bins = min(n_bins, max(len(self._distinct[0]) // ROWS_PER_BIN, FEWEST_BINS))
        if not n_bins:
            return {}
        learnt = []
        for _, span, values in encoders.read(self.table):
            learnt += learn_bin_edges(values, self.weights, encoders.scaling.take(span), n_bins)
        return {column: edges for column, edges in enumerate(learnt) if len(edges) >= FEWEST_EDGES}

    @cached_property
    def _distinct(self):
        return distinct_rows(self.table, self.targets)

    def _has_values(self, position, scaling):
        """Return whether a column is kept; record its missing values or why it is ignored."""
        if not scaling.spread > 0:
            self.constants[position] = float(scaling.center)
        if np.isnan(scaling.center):
            self.ignored[position] = ALL_MISSING
        elif scaling.has_missing:
            self.missing.append(position)
        elif scaling.spread == 0 and self.options.drop_constants:
            self.ignored[position] = CONSTANT
        return position not in self.ignored
