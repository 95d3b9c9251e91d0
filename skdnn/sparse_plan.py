"""What becomes of each column of a sparse matrix, whose zeros stay zeros."""

from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse

from skdnn.core.expansion import Expansion
from skdnn.scaling import divide
from skdnn.statistics import LevelStatistics
from skdnn.tables import NumberArray, as_table


class SparsePlan(NamedTuple):
    """All that the encoder asks of a :class:`skdnn.plan.Plan`, for columns of sparse rows.

    Attributes
    ----------
    largest : float64 ndarray of shape (n_columns,)
        What the values of each column are divided by.
    """

    largest: np.ndarray

    @property
    def levels(self):
        """Levels of no column: none is a text."""
        return {}

    @property
    def statistics(self):
        """LevelStatistics without numbers."""
        return LevelStatistics()

    def reserve_numbers(self, n_classes, many):
        """Return the plan as it is: there are no levels."""
        return self

    @property
    def expansion(self):
        """An Expansion that changes nothing."""
        return Expansion(len(self.largest))

    def read(self, X, names):
        """Return what :meth:`encode` takes: sparse rows as they are, else a table."""
        return X if issparse(X) else as_table(X, names)

    def encode(self, rows, dtype, in_training=False):
        """Return divided rows, sparse ones for sparse ones, the same in training."""
        if issparse(rows):
            values = divide(rows.data, self.largest[rows.indices]).astype(dtype)
            return type(rows)((values, rows.indices.copy(), rows.indptr.copy()), shape=rows.shape)
        blocks = [values for _, values in rows.blocks(np.arange(len(self.largest)))]
        return divide(np.hstack(blocks), self.largest).astype(dtype)

    def names(self, columns):
        """Return the names of encoded columns, which are those of X."""
        return list(columns)

    def origins(self):
        """Return the position of the column that each encoded column comes from."""
        return list(range(len(self.largest)))

    def typical_row(self, names):
        """Return a table of one row: zeros, as most values are."""
        return NumberArray(np.zeros((1, len(self.largest))), names)
