"""TableEncoder: from the columns of a table to the inputs of a neural network.

Encoded rows (n_samples, n_inputs) are CSR if both X and the rows of fit are sparse.
"""

import copy
from numbers import Integral, Real

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from skdnn.tabular._compat import Interval, StrOptions, check_feature_names_in, fit_context
from skdnn.tabular.dataframes import as_table, check_table, column_names
from skdnn.tabular.learn_columns import learn_columns
from skdnn.tabular.sample_weights import weighted_rows
from skdnn.tabular.sparse_columns import SparseColumns


class TableEncoder(TransformerMixin, BaseEstimator):
    """Encode a table of numbers, categories and dates as inputs of a neural network.

    The encoding of a column depends on its values:

    - Numbers, booleans and durations (in seconds) are scaled robustly: the median is subtracted,
      the result is divided by the interquartile range (or, if that is 0, by half of maximum -
      minimum) and clipped smoothly to [-3, 3]. The scaled number is followed by its
      piecewise-linear encoding [1]_: ``<name>_bin1``, ``<name>_bin2``, ... are the position of
      the number in each bin, from -1/2 to 1/2.
    - Missing numbers become 0, the median. If there are any in training, they are estimated where
      a ridge regression on the other numbers explains half of the variance, and an indicator
      ``<name>_missing`` is added, unless it is rarely 1 and the number is estimated.
    - Strings that are numbers or dates, in one format in at least 90 % of the cells, are read as
      such, and the other cells become missing values; a warning names the columns. Columns of a
      categorical type and strings that are all integers, which may be codes, are not read.
    - Other strings, categories and mixed objects are one-hot encoded, the most frequent category
      first. Rare categories are merged as ``infrequent``; missing values are the category
      ``missing`` if there are any in training. Categories are compared as text, so that 1, 1.0
      and "1" are one category. A category not seen in training is infrequent or, if there is no
      such category, all zeros; so are missing values if training had none.
    - Dates become numbers: seconds since 1970 in local time, month, day of the month, weekday
      and hour, scaled and binned if they vary. Time zones are converted to the one seen in fit.
      Periods are read as their first day, times of day as seconds since midnight.
    - Numbers of a sparse matrix are divided by the largest absolute value of their column, so
      that zeros remain zeros; with more columns than distinct rows, also by the fourth root of
      the share of rows with an entry.
    - Columns without information are ignored: constant columns without missing values, empty
      columns, identifiers, strings without a frequent category, and columns of a sparse matrix
      without entries. ``ignored_columns_`` has the reasons.

    A row of weight 2 is equivalent to two rows, bit for bit, in any order of the rows.

    Parameters
    ----------
    max_categories : int, default=64
        Maximum number of categories of a column, ``infrequent`` and ``missing`` not counted.
    min_frequency : float or "auto", default="auto"
        Fraction of the total weight below which a category is infrequent. "auto" is 0.001, or
        8 / (number of rows that differ) if that is less.
    n_bins : int or "auto", default="auto"
        Maximum number of bins of a number, 0 for none. "auto" is 128 for up to 16 columns of
        numbers and parts of dates, 16 for up to 64, and 0 for more; but at most one bin for
        every 160 distinct rows, and not fewer than 3.
    dtype : {"float32", "float64"}, default="float32"
        Type of the encoded values. Scaling is computed in float64.
    parse_strings : bool, default=True
        Whether strings that are numbers or dates are read as such. Otherwise they are categories.
    drop_identifiers : bool or "auto", default="auto"
        Whether to ignore strings that differ in at least 95 % of the rows, and integers that number
        the rows. "auto" ignores the strings, but keeps the integers and warns of them.
    drop_constants : bool, default=True
        Whether to ignore constant columns, and those of a sparse matrix without entries.
        ``partial_fit`` with ``encoder="auto"`` keeps them, as they may vary later.

    Attributes
    ----------
    expansion_ : Expansion
        Converts rows of :meth:`encode` to rows of :meth:`transform`.
    level_statistics_ : TargetStatistics
        Target statistics of high-cardinality columns, the first inputs of a row. They are learnt
        by :class:`DeepNetClassifier` only; an encoder fitted alone has none.
    categories_ : dict of str to list of str
        Categories of each one-hot encoded column, in the order of the encoded columns.
    ignored_columns_ : dict of str to str
        Reason for each ignored column, such as "constant"; for sparse rows, a read-only mapping.
    parsed_columns_ : dict of str to str
        Format of each column of strings that is read as numbers or dates, an example, and the
        share of its cells that are missing values.
    n_features_in_ : int
        Number of columns seen in fit.
    feature_names_in_ : ndarray of shape (``n_features_in_``,)
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
        "min_frequency": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="left")],
        "n_bins": [StrOptions({"auto"}), Interval(Integral, 0, None, closed="left")],
        "dtype": [StrOptions({"float32", "float64"})],
        "parse_strings": ["boolean"],
        "drop_identifiers": ["boolean", StrOptions({"auto"})],
        "drop_constants": ["boolean"],
    }

    def __init__(
        self,
        max_categories=64,
        min_frequency="auto",
        n_bins="auto",
        dtype="float32",
        parse_strings=True,
        drop_identifiers="auto",
        drop_constants=True,
    ):
        self.max_categories = max_categories
        self.min_frequency = min_frequency
        self.n_bins = n_bins
        self.dtype = dtype
        self.parse_strings = parse_strings
        self.drop_identifiers = drop_identifiers
        self.drop_constants = drop_constants

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y=None, sample_weight=None):
        """Learn the encoding of each column.

        Parameters
        ----------
        X : {frame, array-like, sparse matrix} of shape (n_samples, n_features)
            Training rows: a dataframe of any library, an array, a list of rows or dicts, or sparse.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), optional
            Used only to find identifier columns: rows that differ in y are distinct rows.
        sample_weight : array-like of shape (n_samples,), optional
            Weight of each row; rows of weight 0 are ignored.

        Returns
        -------
        TableEncoder
            The fitted encoder.

        Raises
        ------
        TypeError
            If a column holds lists, arrays or other containers.
        ValueError
            If X has infinite values, is empty or has rows of different lengths, or a weight is
            negative.
        """
        X = check_table(self, X, reset=True)
        y = None if issparse(y) else y
        check_consistent_length(X, y)
        X, y, weights, _ = weighted_rows(X, y, sample_weight)
        names = column_names(self)
        columns, self.ignored_columns_, parsed = learn_columns(X, names, y, weights, self)
        self._keep(columns)
        self.parsed_columns_ = {name: str(reading) for name, reading in parsed.items()}
        return self

    def _keep(self, columns):
        self._columns, self.expansion_ = columns, columns.expansion
        self.level_statistics_, names = columns.statistics, column_names(self)
        self.categories_ = {str(names[n]): kept.names for n, kept in columns.categories.items()}

    def encode(self, X):
        """Return compact rows: numbers, positions in bins, and codes of categories.

        Parameters
        ----------
        X : {frame, array-like, sparse matrix} of shape (n_samples, n_features)
            As for :meth:`transform`.

        Returns
        -------
        ndarray or CSR of shape (n_samples, n_inputs)
            Rows that ``expansion_`` converts to those of :meth:`transform`. Codes are integers;
            -1 stands for all zeros.
        """
        check_is_fitted(self)
        return self._columns.encode(table_of(self, check_table(self, X, reset=False)), self.dtype)

    def transform(self, X):
        """Return the inputs for a neural network.

        Parameters
        ----------
        X : {frame, array-like, sparse matrix} of shape (n_samples, n_features)
            Rows like those seen in fit.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs), or CSR if both X and the rows of fit are sparse
            Finite numbers.
        """
        return self.expansion_(self.encode(X))

    def get_feature_names_out(self, input_features=None):
        """Return the names of the columns of :meth:`transform`.

        Parameters
        ----------
        input_features : array-like of str, optional
            Names of the columns of X, if it had none in fit.

        Returns
        -------
        ndarray of str
            Each begins with the name of the column it comes from. "constant" is a column of
            zeros, the only column if all columns of X are ignored.
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
            Positions; -1 for the column of zeros of a table whose columns are all ignored.
        """
        check_is_fitted(self)
        return np.array([position for position, _ in self._columns.parts()] or [-1])

    def typical_row(self):
        """Return an encoded row of typical values, the default baseline of attributions.

        Returns
        -------
        ndarray of shape (1, n_outputs)
            A row as of :meth:`transform`, with the median of each column of numbers or dates and
            the most frequent category of each string column (an unknown one where none is
            frequent). All zeros if the rows of fit were sparse.
        """
        check_is_fitted(self)
        row = self._columns.typical_row(self.n_features_in_)
        return self.expansion_(self._columns.encode(row, self.dtype))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def _made_unique(names):
    """Append underscores to repeated names, such as that of a category called "missing"."""
    unique = {}
    for name in names:
        while name in unique:
            name += "_"
        unique[name] = True
    return list(unique)


# Access for the classifier; other modules do not read private attributes of the encoder.


def columns_of(encoder):
    """Return the ColumnEncoders, or SparseColumns, of a fitted encoder."""
    return encoder._columns


def table_of(encoder, X, column_warnings=None):
    """Return X, with the columns of fit, in the form that ``columns_of(encoder)`` reads."""
    if issparse(X) and not isinstance(encoder._columns, SparseColumns):
        X = X.toarray()  # subtracting the median would make most zeros nonzero
    return as_table(X, column_names(encoder), column_warnings)


def with_columns(encoder, columns):
    """Return a copy with other columns. Other threads may use the encoder, so it is not changed."""
    other = copy.copy(encoder)
    other._keep(columns)
    if other.level_statistics_.n_numbers:
        names = column_names(encoder)
        used = {str(names[position]) for position in columns.ranks}
        ignored = encoder.ignored_columns_.items()
        other.ignored_columns_ = {name: why for name, why in ignored if name not in used}
    return other
