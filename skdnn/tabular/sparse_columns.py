"""The encoding of sparse rows, of which only the columns with entries in fit are used."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse

from skdnn.core.encoded_rows import Expansion
from skdnn.tabular.dataframes import NumberArray, check_finite
from skdnn.tabular.row_hashes import hash_rows
from skdnn.tabular.sample_weights import sum_by_group
from skdnn.tabular.scaling import DIGITS, scale_sparse
from skdnn.tabular.target_statistics import TargetStatistics
from skdnn.tabular.user_warnings import FEW_NEW, INFORMATIVE, joined

NO_ENTRIES = "no entries"
# With more columns than distinct rows, those with few entries are scaled up by this power of the
# share of the rows that have one. With 1/2, they would have standard deviations near 1.
RARITY = 1 / 4


def learn_sparse_columns(table, weights, drop_empty):
    """Return the SparseColumns of CSR rows; ``drop_empty`` leaves out columns without entries."""
    largest = abs(table).max(axis=0).toarray().ravel().astype(np.float64)
    kept = np.flatnonzero((largest > 0) | (not drop_empty))
    kept = kept if len(kept) else np.zeros(1, np.intp)  # a network needs an input
    # Not in partial_fit, where later rows have other entries.
    if drop_empty and len(kept) > len(np.unique(hash_rows(table, np.empty((table.shape[0], 0))))):
        of_entries = np.repeat(weights, np.diff(table.indptr)) * (table.data != 0)
        shares = sum_by_group(table.indices, of_entries, len(largest)) / weights.sum()
        largest *= np.round(shares, DIGITS).clip(10.0**-DIGITS) ** RARITY
    divisors = largest[kept]
    return SparseColumns(kept, np.where(divisors > 0, divisors, 1))


class SparseColumns(NamedTuple):
    """The encoding of sparse rows, with the interface of :class:`ColumnEncoders`.

    Attributes
    ----------
    kept : ndarray of int of shape (n_kept,)
        Columns that had entries, in ascending order; all others are ignored.
    divisors : float64 ndarray of shape (n_kept,)
        Divisors of these columns: the largest absolute value; in wide tables, less where entries
        are few.
    """

    kept: np.ndarray
    divisors: np.ndarray

    # There are no string columns.
    categories = {}  # noqa: RUF012 - never written to
    statistics = TargetStatistics()

    def with_target_statistics(self, n_classes, many):
        """Return this object, as there are no categories."""
        return self

    def changes(self, table, targets, warned):
        """Return a text if columns without entries in fit have many; it is one for all columns."""
        entries = table.indices[table.data != 0] if issparse(table) else self.kept
        new = entries[~np.isin(entries, self.kept)]
        if (-1, INFORMATIVE) in warned or len(new) <= FEW_NEW * len(entries):
            return {}
        columns = joined([f"'x{position}'" for position in np.unique(new)])
        return {(-1, INFORMATIVE): f"{columns} (no longer without entries)"}

    @property
    def expansion(self):
        """An Expansion that changes nothing."""
        return Expansion(len(self.divisors))

    def encode(self, rows, dtype, in_training=False):
        """Return divided rows, sparse if ``rows`` is sparse."""
        if issparse(rows):
            places = np.searchsorted(self.kept, rows.indices)
            are_kept = self.kept.take(places, mode="clip") == rows.indices
            places = places[are_kept].astype(rows.indices.dtype)
            values = scale_sparse(rows.data[are_kept], self.divisors[places]).astype(dtype)
            ends = np.append(0, np.cumsum(are_kept))[rows.indptr].astype(rows.indptr.dtype)
            return type(rows)((values, places, ends), shape=(rows.shape[0], len(self.kept)))
        values = np.hstack([values for *_, values in rows.blocks(self.kept, {})])
        if np.isnan(values).any():  # as for sparse rows, where missing values would become zeros
            check_finite(values, names=[rows.names[position] for position in self.kept])
        return scale_sparse(values, self.divisors).astype(dtype)

    def parts(self):
        """Return the position in X and the suffix, which is empty, of each encoded column."""
        return [(position, "") for position in self.kept.tolist()]

    def typical_row(self, n_columns):
        """Return a table of one row: zeros, as most values are."""
        return NumberArray(np.zeros((n_columns, 1)), range(n_columns), 1)


class ColumnsWithoutEntries(Mapping):
    """The ignored columns of sparse rows, as a read-only dict of names and the reason.

    There may be a million of them: names are made when they are read. ``names`` are those of all
    columns, of which ``kept`` had entries.
    """

    def __init__(self, names, kept):
        self._names, self._kept = names, kept

    def __len__(self):
        return len(self._names) - len(self._kept)

    def __iter__(self):
        positions = np.delete(np.arange(len(self._names)), self._kept)
        return (str(self._names[position]) for position in positions)

    def __getitem__(self, name):
        if name not in iter(self):
            raise KeyError(name)
        return NO_ENTRIES

    def items(self):
        """Return pairs of name and reason."""
        return dict.fromkeys(self, NO_ENTRIES).items()

    def values(self):
        """Return the reason, for each ignored column."""
        return [NO_ENTRIES] * len(self)

    def __repr__(self):
        return f"{{{len(self)} columns: {NO_ENTRIES!r}}}"
