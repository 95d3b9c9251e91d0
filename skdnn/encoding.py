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
from skdnn.plan import SparsePlan
from skdnn.planning import learn_plan
from skdnn.sample_weights import weighted_rows
from skdnn.statistics import learn_statistics, numbers_in_training
from skdnn.tables import as_table, check_table, column_names


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
        plan, ignored = learn_plan(X, names, y, weights, self)
        self._keep(plan)
        self.ignored_columns_ = {str(names[column]): why for column, why in ignored.items()}
        self.categories_ = {
            str(names[column]): levels.names for column, levels in plan.levels.items()
        }
        return self

    def _keep(self, plan):
        self._plan, self.expansion_, self.level_statistics_ = plan, plan.expansion, plan.statistics

    def _with(self, plan):
        """Return a copy with another plan: an encoder in use is never changed."""
        other = copy.copy(self)
        other._keep(plan)
        return other

    def encode(self, X):
        """Return compact rows: numbers, knot coordinates, then a code for each column of text.

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
        return self.encode_checked(check_table(self, X, reset=False))

    def encode_checked(self, X, in_training=False):
        """Return what :meth:`encode` does, for a table known to have the columns of fit.

        Parameters
        ----------
        X : frame, ndarray or CSR
            As :func:`skdnn.tables.check_table` returns it.
        in_training : bool, default=False
            Whether the numbers of levels are left at 0, to be filled in by who trains.

        Returns
        -------
        ndarray or CSR
        """
        return self._plan.encode(self._table(X), self.dtype, in_training)

    def level_codes(self, X):
        """Return which level each row has in the columns that :meth:`reserve_numbers` chose.

        Returns
        -------
        ndarray of int of shape (n_samples, n_large_columns)
        """
        return self._plan.level_codes(self._table(X))

    def _table(self, X):
        if issparse(X) and not isinstance(self._plan, SparsePlan):
            X = X.toarray()  # zeros are moved by the scaling: sparse rows would not stay sparse
        return as_table(X, column_names(self))

    def reserve_numbers(self, n_classes, many):
        """Return an encoder with numbers of levels in front, all 0 until they are learnt.

        Parameters
        ----------
        n_classes : int
            Classes of y.
        many : int
            Columns of text with more levels than this get them.

        Returns
        -------
        TableEncoder
        """
        other = self._with(self._plan.reserve_numbers(n_classes, many))
        if other.level_statistics_.n_numbers:
            names = column_names(self)
            used = {str(names[position]) for position in other._plan.ranks}
            kept = {name: why for name, why in self.ignored_columns_.items() if name not in used}
            other.ignored_columns_ = kept
        return other

    def learn_numbers(self, labelled, encoded, rows, rng):
        """Return an encoder with the numbers of levels, learnt from some rows.

        Parameters
        ----------
        labelled : Labelled
            All rows.
        encoded : ndarray of shape (n_rows, n_inputs)
            What :meth:`encode_checked` returns; the rows' own numbers are written into it.
        rows : ndarray of int
            Which to learn from.
        rng : Generator
            Decides their order.

        Returns
        -------
        TableEncoder
        """
        own = numbers_in_training(labelled, rows, rng)
        encoded[rows, : own.shape[1]] = own
        statistics = learn_statistics(self.level_statistics_, labelled, rows)
        return self._with(self._plan._replace(statistics=statistics))

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
        columns = check_feature_names_in(self, input_features)
        names = [f"{columns[position]}{suffix}" for position, suffix in self._plan.parts()]
        return np.array(_made_unique(names or ["constant"]), dtype=object)

    def feature_origins(self):
        """Return the column of X that each column of :meth:`transform` comes from.

        Returns
        -------
        ndarray of int of shape (n_outputs,)
            Positions; -1 for the column of zeros that stands for a table in which nothing varies.
        """
        check_is_fitted(self)
        return np.array([position for position, _ in self._plan.parts()] or [-1])

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
        row = self._plan.typical_row(self.n_features_in_)
        return self.expansion_(self.encode_checked(row))

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
