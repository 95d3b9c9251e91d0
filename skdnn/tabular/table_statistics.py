"""Statistics of a table that is read part by part, and merged in any order.

Numbers of rows, missing values and classes, and the smallest and largest numbers, are exact. All
else is learnt from a sample: every row has a hash, of the seed, its part and its number therein,
and the rows with the smallest hashes are the sample. So the sample of two parts together is known
from those of each, and does not depend on the order in which parts are merged.

The shares of a sample of k rows differ from those of all rows by at most
``sqrt(log(2 / p) / (2 * k))`` but for a probability p (Dvoretzky, Kiefer & Wolfowitz, with the
constant of Massart, 1990, https://doi.org/10.1214/aop/1176990746). For the 100,000 rows of
``SAMPLE_ROWS`` and p = 0.01 this is 0.0052, at all quantiles of a column. A category with a share
of ``10 / k`` of the rows is missing from the sample with a probability of ``exp(-10)``.
"""

from fractions import Fraction
from typing import NamedTuple

import numpy as np

from skdnn.tabular.dataframes import as_table, check_finite
from skdnn.tabular.kinds import KINDS
from skdnn.tabular.row_samples import RowSample, rows_of_weight, smallest_hashes
from skdnn.tabular.user_warnings import listed

MOST_CLASSES = 10_000
SAMPLE_ROWS, SAMPLE_BYTES = 100_000, 2**27  # at most; merging takes twice as much
WITH_ZONE = "date with time zone"
NAMES = {"date": "dates without a time zone", WITH_ZONE: "dates with a time zone"}
# Held-out rows are at most so many, one in 20 of all rows, and one in 4 of the sample.
HELD_OUT_ROWS, HELD_OUT_SHARE, OF_SAMPLE = 20_000, 20, 4


class TableStatistics(NamedTuple):
    """Statistics of the rows of positive weight.

    Attributes
    ----------
    n_rows : int
    first_part : tuple of (int, str)
        Key and name of the part, or of the first of several parts.
    class_weights : dict of label to Fraction
        Sum of the weights of each class, exact, so that the order of summation does not matter; 0
        for classes whose rows all have weight 0.
    label_kind : (kind, key, name of a part) or None
        Kind of the labels, and a part that has it; None without rows.
    names : tuple of str
        Names of the columns.
    kinds : tuple of (kind, key, name of a part) or None
        Kind of each column, as :mod:`skdnn.tabular.column_types` names them or ``WITH_ZONE``, and
        a part that has it; None of columns without values.
    n_missing : int64 ndarray of shape (n_columns,)
    low, high : float64 ndarray of shape (n_columns,)
        NaN for columns that are not numbers or durations, or have no values.
    sample_size : int
        Largest number of rows in the sample.
    sample : RowSample
    """

    n_rows: int
    first_part: tuple
    class_weights: dict
    label_kind: tuple | None
    names: tuple
    kinds: tuple
    n_missing: np.ndarray
    low: np.ndarray
    high: np.ndarray
    sample_size: int
    sample: RowSample

    @property
    def held_out_below(self):
        """The hash below which rows are held out: those of the sample's smallest hashes."""
        n_sampled = len(self.sample.hashes)
        n_rows = min(HELD_OUT_ROWS, self.n_rows // HELD_OUT_SHARE, n_sampled // OF_SAMPLE)
        return self.sample.hashes[n_rows]

    @property
    def classes(self):
        """The labels of all classes, in the type of y."""
        labels, y = list(self.class_weights), self.sample.y
        return np.array(labels, None if y.dtype.kind == "U" else y.dtype)

    def sample_in_order(self):
        """Return ``(X, y, weights)`` of the sample in the order of the table, and the classes.

        The classes are None, as y tells them, unless all rows of a class have weight 0.
        """
        rows = self.sample.by_position()
        y = rows.y.astype(object) if rows.y.dtype.kind == "U" else rows.y
        return (rows.X, y, rows.weights), None if all(self.class_weights.values()) else self.classes


def choose_sample_size(X):
    """Return the number of rows to sample of a table, given some of its rows."""
    n_rows = max(len(X), 1)
    n_bytes = int(X.memory_usage(deep=True).sum()) if hasattr(X, "memory_usage") else X.nbytes
    return max(1, min(SAMPLE_ROWS, SAMPLE_BYTES * n_rows // max(n_bytes, 1)))


def statistics(X, y, weights, part, sample_size, hash_limit=None):
    """Return the TableStatistics of some rows.

    X is as :func:`skdnn.tabular.dataframes.check_table` returns it, with named columns or not;
    labels are checked; rows of weight 0 are not counted. Rows with the hash ``hash_limit`` or a
    larger one are left out of the sample, as they would not stay in it.
    """
    names = tuple(map(str, getattr(X, "columns", range(X.shape[1]))))
    kept = rows_of_weight(X, y, weights, part)
    table = as_table(kept.X, names)
    columns = [_of_column(table, position, part) for position in range(len(names))]
    kinds, n_missing, low, high = zip(*columns, strict=True) if columns else ((),) * 4
    may_stay = hash_limit is None or kept.hashes < hash_limit
    rows = np.flatnonzero(np.broadcast_to(may_stay, len(kept.y)))
    rows = rows[np.argsort(kept.hashes[rows], kind="stable")][:sample_size]
    label_kind = "number" if y.dtype.kind in "biuf" else "date" if y.dtype.kind in "mM" else "text"
    return TableStatistics(
        n_rows=len(kept.y),
        first_part=(part.key, part.name),
        class_weights=_sum_by_class(y, kept.y, kept.weights),
        label_kind=(label_kind, part.key, part.name) if len(y) else None,
        names=names,
        kinds=kinds,
        n_missing=np.array(n_missing, np.int64),
        low=np.array(low, float),
        high=np.array(high, float),
        sample_size=sample_size,
        sample=kept.take(rows),
    )


def _of_column(table, position, part):
    """Return ((kind, key, name) or None, number of missing values, minimum, maximum)."""
    column = table.column(position)
    known = ~column.missing
    n_missing = int(column.missing.sum())
    if not known.any():
        return None, n_missing, np.nan, np.nan
    kind = WITH_ZONE if column.zone else column.kind, part.key, part.name
    if column.values.dtype.kind == "M" or column.strings is not None:
        return kind, n_missing, np.nan, np.nan
    values = column.values[known]
    check_finite(values[:, None], names=[table.names[position]])
    return kind, n_missing, float(values.min()), float(values.max())


def _sum_by_class(y, labels, weights):
    """Return the sum of the weights of each class as a dict, also of those without rows."""
    sums = dict.fromkeys(_few_classes(np.unique(y).tolist()), Fraction(0))
    classes, codes = np.unique(labels, return_inverse=True)
    exponent = np.frexp(weights.max(initial=0))[1]  # sums of very large weights stay finite
    totals = np.bincount(codes.ravel(), np.ldexp(weights, -exponent), len(classes))
    factor = Fraction(2) ** int(exponent)
    exact = [Fraction(total) * factor for total in totals.tolist()]
    return sums | dict(zip(classes.tolist(), exact, strict=True))


def _few_classes(labels):
    """Return the labels of all classes; raise an error if there are too many."""
    if len(labels) > MOST_CLASSES:
        raise ValueError(
            f"y has more than {MOST_CLASSES:,} different values, such as {next(iter(labels))!r}. "
            "It may be an identifier or a regression target."
        )
    return labels


def merge(parts):
    """Return the TableStatistics of several parts together, in whatever order they come.

    The sample has as many rows as the smallest ``sample_size`` allows. It is an error if parts
    differ in their columns, or in the kind of values of a column or of y.
    """
    first = parts[0]
    for part in parts[1:]:
        if part.names != first.names:
            differing = sorted({*first.names} ^ {*part.names})
            what = f"the columns {listed(differing)}" if differing else "the order of columns"
            both = " and ".join(each.first_part[1] for each in (first, part))
            raise ValueError(f"{both} differ in {what}. All parts of a table need the same ones.")
    sample_size = min(part.sample_size for part in parts)
    kinds = zip(*(part.kinds for part in parts), strict=True)
    class_weights = {}
    for part in parts:
        for label, weight in part.class_weights.items():
            class_weights[label] = class_weights.get(label, Fraction(0)) + weight
    columns = [f"Column {name!r} of X" for name in first.names]
    return TableStatistics(
        n_rows=sum(part.n_rows for part in parts),
        first_part=min(part.first_part for part in parts),
        class_weights=_few_classes(class_weights),
        label_kind=_common_kind("y", [part.label_kind for part in parts]),
        names=first.names,
        kinds=tuple(_common_kind(*column) for column in zip(columns, kinds, strict=True)),
        n_missing=np.sum([part.n_missing for part in parts], axis=0),
        low=np.fmin.reduce([part.low for part in parts]),
        high=np.fmax.reduce([part.high for part in parts]),
        sample_size=sample_size,
        sample=smallest_hashes([part.sample for part in parts], sample_size),
    )


def _common_kind(name, found):
    """Return the kind of values that all parts have, with the first of these; there must be one."""
    known = sorted(filter(None, found), key=lambda kind: kind[1:])
    for kind in known:
        if kind[0] != known[0][0]:
            first, other = (NAMES.get(k) or KINDS[k].plural for k in (known[0][0], kind[0]))
            raise ValueError(
                f"{name} holds {first} in {known[0][2]}, but {other} in {kind[2]}. Convert it to "
                "one of the two in all parts."
            )
    return known[0] if known else None
