"""DaskDeepNetClassifier: DeepNetClassifier for data on a Dask cluster."""

from copy import copy
from dataclasses import KW_ONLY, dataclass

import numpy as np
from sklearn.metrics import accuracy_score

from skdnn.distributed.dask_collections import columns_of_partitions, is_collection, predict_lazily
from skdnn.distributed.executors import DaskExecutor
from skdnn.distributed.read_partitions import read_partitions
from skdnn.distributed.rounds import RoundLimits
from skdnn.estimator.classifier import DeepNetClassifier
from skdnn.estimator.fit_data import FitArguments
from skdnn.estimator.fitted_model import fitted_model
from skdnn.estimator.label_checks import check_labels
from skdnn.estimator.parameters import CONSTRAINTS, POSITIVE_INT, settings_of
from skdnn.tabular._compat import fit_context


@dataclass(eq=False, repr=False)
class DaskDeepNetClassifier(DeepNetClassifier):
    """A :class:`DeepNetClassifier` trained on the workers of a Dask cluster.

    ``fit`` takes a ``dask.dataframe`` or a ``dask.array``. The workers keep its partitions, and
    exchange parameters only. The encoder is fitted to a random sample of the rows, and some of its
    rows are held out. In each round, several partitions start from the same parameters, and each
    takes some steps on its own rows; the mean of the resulting parameters, with momentum, is where
    the next round starts.

    The result depends on the partitions and on ``random_state``, but neither on the number of
    workers nor on workers that are lost: their tasks are run again elsewhere.

    Parameters
    ----------
    client : distributed.Client, default=None
        Client of the cluster to train on. None is the current client.
    partitions_per_round : int, default=8
        Largest number of partitions that train at the same time. If it is less than the number of
        worker threads, the members of the ensemble are divided among the threads.
    steps_per_round : int, default=128
        About how many steps are between two averages, at most: there are fewer if a fit would
        have less than 64 rounds. More take less communication; fewer are closer to training on one
        machine.
    **params
        The other parameters are those of :class:`DeepNetClassifier`.

    See Also
    --------
    DeepNetClassifier : For rows in memory and in Parquet files.

    Notes
    -----
    The rounds are those of DiLoCo, https://arxiv.org/abs/2311.08105. Fitted attributes are those of
    :class:`DeepNetClassifier`, which ``to_local`` returns.
    """

    _: KW_ONLY
    client: object = None
    partitions_per_round: int = 8
    steps_per_round: int = 128

    _parameter_constraints = {  # noqa: RUF012 - never written to
        **CONSTRAINTS,
        "client": "no_validation",
        "partitions_per_round": [POSITIVE_INT],
        "steps_per_round": [POSITIVE_INT],
    }

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None):
        """Fit the ensemble to collections of Dask.

        Parameters
        ----------
        X : dask.dataframe or dask.array of shape (n_samples, n_features)
            Training rows.
        y : dask.dataframe.Series or dask.array of shape (n_samples,)
            Class labels, in the same partitions.
        sample_weight : dask.dataframe.Series or dask.array of shape (n_samples,), default=None
            Non-negative weights, in the same partitions.

        Returns
        -------
        DaskDeepNetClassifier
            The fitted estimator.

        Raises
        ------
        ValueError
            If the input is invalid; the message names the partition. The estimator stays as it was.
        """
        fresh = self._copy_to_fit(None)
        arguments = FitArguments(X, y, sample_weight, are_partitions=True)
        self._keep(fresh._train(settings_of(self, None), None, arguments))
        return self

    def _read_fit_data(self, settings, before, arguments):
        columns = self._columns(*arguments[:3])  # an error about X comes before one about a client
        limits = RoundLimits(self.partitions_per_round, self.steps_per_round)
        return read_partitions(self, settings, self._executor(), columns, limits)

    def _executor(self):
        return DaskExecutor(self.client)

    def _columns(self, X, y, sample_weight):
        return columns_of_partitions(X, y, sample_weight)

    @property
    def partial_fit(self):
        """Not available: ``to_local().partial_fit`` goes on with rows in memory."""
        raise AttributeError(
            "DaskDeepNetClassifier has no partial_fit. To train a fitted network further on rows "
            "in memory, use net.to_local().partial_fit(X, y)."
        )

    def predict_proba(self, X):
        """Return class probabilities, of a collection as a lazy collection.

        Parameters
        ----------
        X : dask.dataframe, dask.array or table in memory, of shape (n_samples, n_features)
            Rows like those seen in fit.

        Returns
        -------
        dask.dataframe, dask.array or ndarray of shape (n_samples, n_classes)
            For a dataframe, with its index, and a column for each class.
        """
        return self._predict_lazily("predict_proba", X)

    def predict(self, X):
        """Return the most probable class of each row, of a collection as a lazy collection.

        Parameters
        ----------
        X : dask.dataframe, dask.array or table in memory, of shape (n_samples, n_features)
            Rows like those seen in fit.

        Returns
        -------
        dask.dataframe.Series, dask.array or ndarray of shape (n_samples,)
            For a dataframe, with its index.
        """
        return self._predict_lazily("predict", X)

    def predict_log_proba(self, X):
        """Return the logarithm of ``predict_proba(X)``, of a collection as a lazy collection.

        Parameters
        ----------
        X : dask.dataframe, dask.array or table in memory, of shape (n_samples, n_features)
            Rows like those seen in fit.

        Returns
        -------
        dask.dataframe, dask.array or ndarray of shape (n_samples, n_classes)
            For a dataframe, with its index, and a column for each class.
        """
        return self._predict_lazily("predict_log_proba", X)

    def decision_function(self, X):
        """Return log-odds or log-probabilities, of a collection as a lazy collection.

        Parameters
        ----------
        X : dask.dataframe, dask.array or table in memory, of shape (n_samples, n_features)
            Rows like those seen in fit.

        Returns
        -------
        collection or ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes, the log-odds of the second; for more classes, log-probabilities. For a
            dataframe, with its index.
        """
        return self._predict_lazily("decision_function", X)

    def predict_proba_members(self, X):
        """Return the class probabilities of each member, for rows in memory.

        Parameters
        ----------
        X : table in memory, of shape (n_samples, n_features)
            Rows like those seen in fit.

        Returns
        -------
        ndarray of shape (n_members, n_samples, n_classes)

        Raises
        ------
        TypeError
            If X is a collection of Dask.
        """
        if is_collection(X):
            raise TypeError(
                "predict_proba_members has no lazy result, as it has three axes. Reduce it in each "
                "partition, for instance local = net.to_local(), then X.map_partitions(lambda "
                "part: pandas.Series(local.predict_proba_members(part)[:, :, 1].std(axis=0), "
                "part.index)), or X.map_blocks for a dask.array."
            )
        return super().predict_proba_members(X)

    def score(self, X, y, sample_weight=None):
        """Return the accuracy, of collections or of rows in memory.

        Parameters
        ----------
        X : dask.dataframe, dask.array or table in memory, of shape (n_samples, n_features)
            Rows like those seen in fit.
        y : array-like or collection of shape (n_samples,)
            True labels.
        sample_weight : array-like or collection of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        float
        """
        if not is_collection(X):
            return super().score(X, y, sample_weight)
        weights = None if sample_weight is None else np.asarray(sample_weight)
        # Each np.asarray computes a collection once; scikit-learn would do it several times.
        labels, predicted = check_labels(np.asarray(y)), np.asarray(self.predict(X))
        return accuracy_score(labels, predicted, sample_weight=weights)

    def _predict_lazily(self, method, X):
        if not is_collection(X):
            return getattr(super(), method)(X)
        # One thread for each call, as a worker has several calls at the same time.
        return predict_lazily(self.to_local().set_params(n_jobs=1), method, X)

    def to_local(self):
        """Return the fitted network as a DeepNetClassifier, for rows in memory.

        Returns
        -------
        DeepNetClassifier
            It has the same parameters and attributes, but no client.
        """
        params = self.get_params(deep=False)
        names = DeepNetClassifier().get_params(deep=False)
        net = DeepNetClassifier(**{name: params[name] for name in names})
        net._keep(fitted_model(self))
        return net

    def save(self, path):
        """Save the fitted network to a model file, which :func:`skdnn.load` reads.

        Parameters
        ----------
        path : str or path-like
            File to write. It contains what ``to_local`` returns: ``skdnn.load`` gives a
            :class:`DeepNetClassifier`.
        """
        self.to_local().save(path)

    def __sklearn_clone__(self):
        """Return an unfitted clone with the same client, of which there is no copy."""
        clone = super(DaskDeepNetClassifier, copy(self)).__sklearn_clone__()  # has no client
        return clone.set_params(client=self.client)

    def __getstate__(self):
        """Return the state to pickle, without the client."""
        return {**super().__getstate__(), "client": None}

    def __sklearn_tags__(self):
        """Return scikit-learn's tags: partitions have neither sparse rows nor multilabel y."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.classifier_tags.multi_label = False
        return tags
