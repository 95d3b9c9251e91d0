"""TableEncoder: from the columns of a table to the inputs of a neural network."""

from functools import lru_cache
from numbers import Integral, Real

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import (
    _check_feature_names_in,
    _check_sample_weight,
    check_consistent_length,
    check_is_fitted,
    validate_data,
)

from skdnn.core.expansion import Expansion
from skdnn.plan import Limits, Planner
from skdnn.scaling import divide
from skdnn.statistics import (
    LevelStatistics,
    empty_statistics,
    learn_statistics,
    numbers_in_training,
)
from skdnn.tables import as_table, check_column_names, read_rows


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
      month, weekday and hour, as far as they vary, scaled like any number.
    - Numbers of a sparse matrix are divided by their greatest absolute value, so that
      zeros stay zeros.
    - Columns that tell nothing are ignored: constant ones, empty ones, and those of text
      that are unique in every row, as identifiers are. ``ignored_columns_`` has the reason.

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
    level_statistics_ : LevelStatistics
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
    >>> from skdnn.encoding import TableEncoder
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

    @_fit_context(prefer_skip_nested_validation=True)
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
        check_column_names(X)
        X = read_rows(self, X)
        validate_data(self, X, skip_check_array=True)
        X, y, weights = _weighted_rows(X, None if issparse(y) else y, sample_weight)
        if issparse(X):
            return self._fit_sparse(X)
        names = _check_feature_names_in(self)
        limits = Limits(self.max_categories, self.min_frequency, self.n_bins)
        self._plan, ignored = Planner(as_table(X, names), y, weights, limits).learn()
        self._largest = None
        self.expansion_, self.level_statistics_ = self._plan.expansion, LevelStatistics()
        self.ignored_columns_ = {str(names[column]): why for column, why in ignored.items()}
        self.categories_ = {
            str(names[column]): levels.names for column, levels in self._plan.levels.items()
        }
        return self

    def _fit_sparse(self, X):
        largest = abs(X).max(axis=0).toarray().ravel().astype(np.float64)
        self._largest = np.where(largest > 0, largest, 1)
        self._plan = None
        self.expansion_ = Expansion(X.shape[1])
        self.ignored_columns_, self.categories_ = {}, {}
        self.level_statistics_ = LevelStatistics()
        return self

    def encode(self, X):
        """Return compact rows: numbers, knot coordinates, then a code for each column of text.

        Parameters
        ----------
        X : {frame, array-like, sparse matrix} of shape (n_samples, n_features)
            Rows like those seen in fit.

        Returns
        -------
        ndarray of shape (n_samples, n_inputs), or CSR if both X and the rows of fit are sparse
            ``expansion_`` turns it into what :meth:`transform` returns. Codes are whole
            numbers; -1 means all zeros.
        """
        check_is_fitted(self)
        X = read_rows(self, X)
        validate_data(self, X, reset=False, skip_check_array=True)
        return self._encode(X)

    def encode_checked(self, X, in_training=False):
        """Return what :meth:`encode` does, for a table known to have the columns of fit.

        Parameters
        ----------
        X : {frame, array-like, sparse matrix} of shape (n_samples, n_features)
            Rows like those seen in fit.
        in_training : bool, default=False
            Whether the numbers of levels are left at 0, to be filled in by who trains.

        Returns
        -------
        ndarray of shape (n_samples, n_inputs), or CSR if both X and the rows of fit are sparse
        """
        return self._encode(read_rows(self, X), in_training)

    def level_codes(self, X):
        """Return which level each row has in the columns that :meth:`reserve_numbers` chose.

        Parameters
        ----------
        X : {frame, array-like} of shape (n_samples, n_features)
            Rows like those seen in fit.

        Returns
        -------
        ndarray of int of shape (n_samples, n_large_columns)
        """
        return self._plan.level_codes(as_table(read_rows(self, X), _names(self)), self._large)

    def reserve_numbers(self, n_classes, many):
        """Put numbers of levels in front of encoded rows, all 0 until they are learnt.

        Parameters
        ----------
        n_classes : int
            Classes of y.
        many : int
            Columns of text with more levels than this get them.
        """
        if self._plan is None:
            return
        ranks = {column: of for column, of in self._plan.ranks.items() if len(of) > many}
        self._plan, self._large = self._plan._replace(ranks=ranks), list(ranks)
        n_codes = [len(of) + 2 for of in ranks.values()]
        self.level_statistics_ = empty_statistics(n_codes, n_classes)
        n_numbers = self.expansion_.n_numbers + self.level_statistics_.n_numbers
        self.expansion_ = self.expansion_._replace(n_numbers=n_numbers)

    def learn_numbers(self, labelled, encoded, rows, rng):
        """Learn the numbers of levels from some rows, and write those rows' own into them.

        Parameters
        ----------
        labelled : Labelled
            All rows.
        encoded : ndarray of shape (n_rows, n_inputs)
            What :meth:`encode_checked` returns; written to.
        rows : ndarray of int
            Which to learn from.
        rng : Generator
            Decides their order.
        """
        own = numbers_in_training(labelled, rows, rng)
        encoded[rows, : own.shape[1]] = own
        self.level_statistics_ = learn_statistics(self.level_statistics_, labelled, rows)

    def _encode(self, X, in_training=False):
        if self._plan is None:
            return self._encode_sparse(X) if issparse(X) else self._divide(X)
        # Zeros are moved by the scaling: there is no sparse result to return.
        X = X.toarray() if issparse(X) else X
        return self._encode_table(as_table(X, _names(self)), in_training)

    def _encode_table(self, table, in_training=False):
        n_numbers = self.level_statistics_.n_numbers
        rows = self._plan.encode(table, self.dtype, n_numbers)
        if n_numbers and not in_training:
            codes = self._plan.level_codes(table, self._large)
            rows[:, :n_numbers] = self.level_statistics_.numbers(codes)
        return rows

    def _encode_sparse(self, X):
        values = divide(X.data, self._largest[X.indices]).astype(self.dtype)
        return type(X)((values, X.indices.copy(), X.indptr.copy()), shape=X.shape)

    def _divide(self, X):
        """Return dense rows of an encoder of sparse rows."""
        table = as_table(X, _names(self))
        blocks = [values for _, values in table.blocks(np.arange(self.n_features_in_))]
        return divide(np.hstack(blocks), self._largest).astype(self.dtype)

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
        columns = _check_feature_names_in(self, input_features)
        if self._plan is None:
            return columns
        names = [f"{columns[position]}_target{number}" for position, number in self._numbers()]
        return np.array(names + self._plan.names(columns), dtype=object)

    def _numbers(self):
        """Return, for each number of levels, the column it is about and its place there."""
        tables = self.level_statistics_.tables
        large = zip(self._large, tables, strict=True) if tables else ()
        return [(column, number) for column, table in large for number in range(table.shape[1])]

    def feature_origins(self):
        """Return the column of X that each column of :meth:`transform` comes from.

        Returns
        -------
        ndarray of int of shape (n_outputs,)
            Positions; -1 for the column of zeros that stands for a table in which nothing varies.
        """
        check_is_fitted(self)
        if self._plan is None:
            return np.arange(self.n_features_in_)
        return np.array([column for column, _ in self._numbers()] + self._plan.origins())

    def typical_row(self):
        """Return the encoded row of a table's most ordinary row: what others are compared with.

        Returns
        -------
        ndarray of shape (1, n_outputs)
            Like a row of :meth:`transform`, for a row with the median of each column of numbers
            or dates and the most frequent level of each column of text. All zeros if the rows of
            fit were sparse.
        """
        check_is_fitted(self)
        if self._plan is None:
            return np.zeros((1, self.n_features_in_), self.dtype)
        return self.expansion_(self._encode_table(self._plan.typical_row(_names(self))))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def _names(encoder):
    """Return the names of the columns, or those that scikit-learn makes up."""
    names = getattr(encoder, "feature_names_in_", None)
    return _generated_names(encoder.n_features_in_) if names is None else names


@lru_cache(maxsize=16)  # making names takes longer than encoding a row
def _generated_names(n_features):
    return tuple(f"x{number}" for number in range(n_features))


def _weighted_rows(X, y, sample_weight):
    """Return the rows of positive weight and their weights, None if these are all equal."""
    check_consistent_length(X, y)
    if sample_weight is None:
        return X, y, None
    weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    kept = np.flatnonzero(weights)
    if not len(kept):
        raise ValueError(
            f"sample_weight is zero for all {len(weights)} rows; at least one must be positive."
        )
    if len(kept) < len(weights):
        X = _safe_indexing(X, kept)
        y = None if y is None else np.asarray(y)[kept]
        weights = weights[kept]
    # A power of 2 changes no digit and keeps sums of enormous weights finite.
    weights = np.ldexp(weights, -np.frexp(weights.max())[1])
    return X, y, None if (weights == weights[0]).all() else weights
