"""Random samples of rows: those of the smallest hashes, so that samples of parts can be merged."""

import copy
from importlib import import_module
from typing import NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from skdnn.core.random_bits import GOLDEN, random_words, scramble
from skdnn.tabular.read_columns import as_text
from skdnn.tabular.sample_weights import take_rows


def seed_of_hashes(random_state):
    """Return a seed for the hashes of rows.

    It is drawn from a copy of random_state. So if all rows are then read into memory, the fit draws
    the numbers that it would draw for a table.
    """
    return int(copy.deepcopy(check_random_state(random_state)).randint(np.iinfo(np.int32).max))


class Part(NamedTuple):
    """Where rows come from.

    Attributes
    ----------
    seed : int
        Of the hashes, the same for all parts.
    key : int
        Number of the part.
    name : str
        Name of the part in messages.
    first_row : int
        Number of its first row, if these are only some rows of the part.
    """

    seed: int
    key: int
    name: str
    first_row: int = 0

    def hashes(self, n_rows):
        """Return the hashes of so many rows, from the first on."""
        key = scramble(np.array([self.seed], np.uint64)) + np.uint64(self.key)
        rows = np.arange(self.first_row + 1, self.first_row + n_rows + 1, dtype=np.uint64)
        return scramble(random_words(key, 1)[0] + rows * GOLDEN)


class RowSample(NamedTuple):
    """Some rows of a table, in the order of their hashes.

    Attributes
    ----------
    hashes : uint64 ndarray of shape (n_rows,)
    positions : int64 ndarray of shape (n_rows, 2)
        Key of the part, and number of the row in it.
    X : frame or ndarray
    y : ndarray of shape (n_rows,)
    weights : ndarray of shape (n_rows,)
    """

    hashes: np.ndarray
    positions: np.ndarray
    X: object
    y: np.ndarray
    weights: np.ndarray

    def take(self, rows):
        """Return some of the rows, given by their numbers."""
        X = take_rows(self.X, rows)
        X = X.reset_index(drop=True) if hasattr(X, "iloc") else X
        hashes, positions = self.hashes[rows], self.positions[rows]
        return RowSample(hashes, positions, X, self.y[rows], self.weights[rows])

    def by_position(self):
        """Return the rows in the order of the table."""
        return self.take(np.lexsort(self.positions.T[::-1]))


def rows_of_weight(X, y, weights, part, from_hash=0):
    """Return the RowSample of all rows of positive weight, in their order.

    Rows with hashes smaller than ``from_hash`` are left out.
    """
    hashes = part.hashes(len(y))
    rows = np.flatnonzero((weights > 0) & (hashes >= np.uint64(from_hash)))
    positions = np.stack([np.full(len(y), part.key), part.first_row + np.arange(len(y))], axis=1)
    everything = RowSample(hashes, positions, X, y, weights)
    return everything if len(rows) == len(y) else everything.take(rows)


def smallest_hashes(samples, sample_size):
    """Return the rows with the smallest hashes of several samples."""
    samples = [sample for sample in samples if len(sample.hashes)] or samples[:1]
    if len(samples) == 1:
        is_longer = len(samples[0].hashes) > sample_size
        return samples[0].take(np.arange(sample_size)) if is_longer else samples[0]
    arrays = zip(*(sample[:2] + sample[3:] for sample in samples), strict=True)  # but X
    hashes, positions, y, weights = map(np.concatenate, arrays)
    order = np.argsort(hashes, kind="stable")[:sample_size]
    return RowSample(hashes, positions, concatenate([s.X for s in samples]), y, weights).take(order)


def concatenate(tables):
    """Return the rows of several tables of one type, one after the other."""
    first = tables[0]
    if isinstance(first, np.ndarray):
        return np.concatenate(tables)
    library, columns = import_module(type(first).__module__.partition(".")[0]), {}
    for name in first.columns:
        parts = [table[name] for table in tables]
        if all(hasattr(part, "cat") for part in parts):  # otherwise these become strings
            columns[name] = _concatenate_categories(library, parts)
        else:
            columns[name] = library.concat(parts, ignore_index=True)
    return library.DataFrame(columns)


def _concatenate_categories(library, parts):
    """Return columns of categories, one after the other; as strings if their types differ."""
    parts = [part.astype("category") for part in parts]
    if len({part.cat.categories.dtype for part in parts}) == 1:
        return library.api.types.union_categoricals(parts, ignore_order=True)
    strings = [part.astype(object).map(as_text) for part in parts]
    return library.concat(strings, ignore_index=True).astype("category")
