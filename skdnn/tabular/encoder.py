"""TableEncoder: from the columns of a table to the inputs of a neural network.

Conventions: ``X`` is a frame, array-like or sparse matrix with the columns seen in fit. Encoded
rows (n_samples, n_inputs) are CSR if both X and the rows of fit are sparse, else an ndarray.
"""

import copy
from numbers import Integral, Real

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from skdnn._compat import Interval, StrOptions, check_feature_names_in, fit_context
from skdnn.tabular.column_encoders import SparseColumns
from skdnn.tabular.dataframes import as_table, check_table, column_names
from skdnn.tabular.learn_columns import learn_columns
from skdnn.tabular.sample_weights import weighted_rows


class TableEncoder(TransformerMixin, BaseEstimator):
    """Encode a table of numbers, categories and dates as inputs of a neural network.

    Frames of pandas or polars, arrays, lists of rows and sparse matrices are understood.
    What becomes of a column depends on what it holds:

    - Numbers, booleans and durations (in seconds) have their median subtracted, are divided
      by their interquartile range and clipped smoothly to between -3 and 3. Where the range
      is 0 they are divided by half of maximum - minimum. A gap becomes 0, the median, and if
      there were gaps in training, a column ``<name>_missing`` tells where they are. Beside the
      scaled number stands its piecewise-linear encoding: ``<name>_bin1``, ``<name>_bin2``, ...
      tell how far into each bin between quantiles the number reaches, from -1/2 to 1/2 [1]_.
    - Strings, categories and mixed objects are one-hot encoded, the most frequent level
      first. Rare levels share the level ``infrequent``; gaps have the level ``missing`` if
      there were any in training. A level is told by its text, whatever its type: 1, 1.0 and
      "1" are one level. A level not seen in training is infrequent, or all zeros if no
      level was; a gap not expected is all zeros.
    - Dates become numbers: seconds since 1970 on the clock of their zone, month, day of the
      month, weekday and hour, as far as they vary, scaled and binned like any number.
    - Numbers of a sparse matrix are divided by their greatest absolute value, so that
      zeros stay zeros.
    - Columns that tell nothing are ignored: constant ones without gaps, empty ones, and those of
      text that are unique in every row, as identifiers are, or have no frequent level.
      ``ignored_columns_`` has the reason.

    A row of weight 2 counts as two rows: the encoding is the same, bit for bit, and does not
    depend on the order of the rows.

    Parameters
    ----------
    max_categories : int, default=64
        Levels kept of a column, not counting ``infrequent`` and ``missing``.
    min_frequency : float, default=0.001
        Share of the total weight below which a level is infrequent.
    n_bins : int or "auto", default="auto"
        Bins of a column of numbers at most, 0 for none. "auto" is 32 for up to 16 columns of
        numbers and parts of dates, 16 for up to 64, and none for more; but one for 160 distinct
        rows, and at least 3.
    dtype : {"float32", "float64"}, default="float32"
        Type of the encoded values. Scaling is done in float64.

    Attributes
    ----------
    expansion_ : Expansion
        Turns rows of :meth:`encode` into rows of :meth:`transform`.
    level_statistics_ : TargetStatistics
        What levels of large columns say about y: numbers in front of the others. Only
        :class:`DeepNetClassifier` asks for them; else there are none.
    categories_ : dict of str to list of str
        Levels of each one-hot encoded column, in the order of their columns.
    ignored_columns_ : dict of str to str
        Why a column is not used: "constant", "all missing", "unique in every row" or
        "no level is frequent enough".
    n_features_in_ : int
        Number of columns seen in fit.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if all are strings.

    References
    ----------
    .. [1] Y. Gorishniy, I. Rubachev, A. Babenko, "On embeddings for numerical features in
       tabular deep learning", 2022, https://arxiv.org/abs/2203.05556

    Examples
    --------
    >>> from skdnn import TableEncoder
    >>> rows = [[22, "north"], [35, "south"], [None, "north"], [58, "north"]]
    >>> encoder = TableEncoder(n_bins=0).fit(rows)
    >>> encoder.get_feature_names_out().tolist()
    ['x0', 'x0_missing', 'x1_north', 'x1_south']
    >>> encoder.transform(rows).shape
    (4, 4)
    """

    _parameter_constraints = {  # noqa: RUF012 - scikit-learn's way to state constraints
        "max_categories": [Interval(Integral, 1, None, closed="left")],
        "min_frequency": [Interval(Real, 0, 1, closed="left")],
        "n_bins": [StrOptions({"auto"}), Interval(Integral, 0, None, closed="left")],
        "dtype": [StrOptions({"float32", "float64"})],
    }

    def __init__(self, max_categories=64, min_frequency=0.001, n_bins="auto", dtype="float32"):
        self.max_categories = max_categories
        self.min_frequency = min_frequency
        self.n_bins = n_bins
        self.dtype = dtype

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Learn the encoding of each column.

        Parameters
        ----------
        X : {frame, array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), optional
            Used only to find identifiers: rows that differ in y are different rows.
        sample_weight : array-like of shape (n_samples,), optional
            How often each row counts; rows of weight 0 are as if absent.

        Returns
        -------
        TableEncoder
            The fitted encoder.

        Raises
        ------
        TypeError
            If a column holds lists, arrays or other containers; the message names it.
        ValueError
            If X is infinite somewhere, empty or ragged, or a weight is negative.
        """
        X = check_table(self, X, reset=True)
        y = None if issparse(y) else y
        check_consistent_length(X, y)
        X, y, weights, _ = weighted_rows(X, y, sample_weight)
        names = check_feature_names_in(self)
        columns, ignored = learn_columns(X, names, y, weights, self)
        self._keep(columns)
        self.ignored_columns_ = {str(names[column]): why for column, why in ignored.items()}
        self.categories_ = {str(names[n]): kept.names for n, kept in columns.categories.items()}
        return self

    def _keep(self, columns):
        self._columns, self.expansion_ = columns, columns.expansion
        self.level_statistics_ = columns.statistics

    def encode(self, X):
        """Return compact rows: numbers, bin positions, then a code for each column of text.

        Parameters
        ----------
        X : {frame, array-like, sparse matrix} of shape (n_samples, n_features)
            As for :meth:`transform`.

        Returns
        -------
        ndarray or CSR of shape (n_samples, n_inputs)
            ``expansion_`` turns it into what :meth:`transform` returns. Codes are whole
            numbers; -1 means all zeros.
        """
        check_is_fitted(self)
        return self._encode(check_table(self, X, reset=False))

    def _encode(self, X):
        return self._columns.encode(table_of(self, X), self.dtype)

    def transform(self, X):
        """Return the inputs for a neural network.

        Parameters
        ----------
        X : {frame, array-like, sparse matrix} of shape (n_samples, n_features)
            Rows like those seen in fit.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs), or CSR if both X and the rows of fit are sparse
            Finite for any finite X.
        """
        rows = self.encode(X)
        return self.expansion_(rows)

    def get_feature_names_out(self, input_features=None):
        """Return the names of the columns of :meth:`transform`.

        Parameters
        ----------
        input_features : array-like of str, optional
            Names of the columns of X, where fit saw none.

        Returns
        -------
        ndarray of str
            Each begins with the name of the column it comes from. "constant" is the one
            column of zeros that stands for a table in which nothing varies.
        """
        check_is_fitted(self)
        given = check_feature_names_in(self, input_features)
        names = [f"{given[position]}{suffix}" for position, suffix in self._columns.parts()]
        return np.array(_made_unique(names or ["constant"]), dtype=object)

    def feature_origins(self):
        """Return the column of X that each column of :meth:`transform` comes from.

        Returns
        -------
        ndarray of int of shape (n_outputs,)
            Positions; -1 for the column of zeros that stands for a table in which nothing varies.
        """
        check_is_fitted(self)
        return np.array([position for position, _ in self._columns.parts()] or [-1])

    def typical_row(self):
        """Return the encoded row of a table's most ordinary row: what others are compared with.

        Returns
        -------
        ndarray of shape (1, n_outputs)
            Like a row of :meth:`transform`, for a row with the median of each column of numbers
            or dates and the most frequent level of each column of text (one never seen where none
            is frequent). All zeros if the rows of fit were sparse.
        """
        check_is_fitted(self)
        row = self._columns.typical_row(self.n_features_in_)
        return self.expansion_(self._encode(row))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def _made_unique(names):
    """Append underscores to a name that is taken, as by a level that is called missing."""
    unique = {}
    for name in names:
        while name in unique:
            name += "_"
        unique[name] = True
    return list(unique)


# What a classifier needs besides; nothing else reads what is private.


def columns_of(encoder):
    """Return the ColumnEncoders, or SparseColumns, of a fitted encoder."""
    return encoder._columns


def table_of(encoder, X):
    """Return what these read, for a table known to have the columns of fit."""
    if issparse(X) and not isinstance(encoder._columns, SparseColumns):
        X = X.toarray()  # zeros are moved by the scaling: sparse rows would not stay sparse
    return as_table(X, column_names(encoder))


def with_columns(encoder, columns):
    """Return a copy with other columns: an encoder in use is never changed."""
    other = copy.copy(encoder)
    other._keep(columns)
    if other.level_statistics_.n_numbers:
        names = column_names(encoder)
        used = {str(names[position]) for position in columns.ranks}
        ignored = encoder.ignored_columns_.items()
        other.ignored_columns_ = {name: why for name, why in ignored if name not in used}
    return other
