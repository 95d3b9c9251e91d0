"""Dask dataframes and arrays: their partitions, and lazy predictions."""

from importlib import import_module

import numpy as np

from skdnn.tabular.as_frames import type_has


def is_collection(X):
    """Return whether X is a collection of Dask."""
    return import_dask("dask").is_dask_collection(X)


def import_dask(name):
    """Return a module of Dask; the error says what to install if there is none."""
    try:
        return import_module(name)
    except ImportError as error:
        raise ImportError(
            "DaskDeepNetClassifier needs dask, distributed and pandas: install them with `pip "
            'install "skdnn[dask]"`.'
        ) from error


def check_collection(name, collection):
    """Raise a TypeError, which names the argument, for what is not rows in partitions."""
    # Bags have no dimensions, scalars none, and those of what is delayed are delayed.
    n_dimensions = getattr(collection, "ndim", None)
    if not (is_collection(collection) and isinstance(n_dimensions, int) and n_dimensions > 0):
        raise TypeError(
            f"{name} must be a dask.dataframe or a dask.array, not {type(collection).__name__}. "
            "For data in memory, use DeepNetClassifier; or dask.dataframe.from_pandas and "
            "dask.array.from_array."
        )


def partitions_of(name, collection):
    """Return the partitions of a dask.dataframe or dask.array as a list of delayed values."""
    check_collection(name, collection)
    if type_has(collection, "numblocks") and collection.numblocks[1:] not in ((), (1,)):
        collection = collection.rechunk({1: -1})
    delayed = collection.to_delayed()
    return delayed.ravel().tolist() if isinstance(delayed, np.ndarray) else list(delayed)


def columns_of_partitions(X, y, sample_weight):
    """Return lists of the partitions of X, y and sample_weight, which correspond."""
    given = {"X": X, "y": y}
    if sample_weight is not None:
        given["sample_weight"] = sample_weight
    lists = {name: partitions_of(name, collection) for name, collection in given.items()}
    numbers = {name: len(partitions) for name, partitions in lists.items()}
    if len(set(numbers.values())) > 1:
        raise ValueError(
            f"X, y and sample_weight must have the same partitions, but their numbers are "
            f"{numbers}. Make y from the same collection as X, or call repartition or rechunk."
        )
    return lists["X"], lists["y"], lists.get("sample_weight", [None] * len(lists["X"]))


def predict_lazily(net, method, X):
    """Return ``net.predict(X)``, or what another method predicts, as a lazy collection.

    It is like X; of a dataframe, a series or a frame with its index, and a column for each class.
    """
    from dask import delayed

    check_collection("X", X)
    shipped = delayed(net, pure=False)  # one task has the network, to which the others refer
    empty = _no_rows(net, method)
    if hasattr(X, "map_partitions"):
        from dask.dataframe.dispatch import make_meta

        meta = _as_pandas(net, method, make_meta(X).index[:0], empty)
        return X.map_partitions(_predict_frame, shipped, method, meta=meta)
    shape = {"chunks": (X.chunks[0], empty.shape[1:])} if empty.ndim > 1 else {"drop_axis": 1}
    given = {"dtype": empty.dtype, "meta": empty, **shape}
    return X.rechunk({1: -1}).map_blocks(_predict_array, shipped, method, **given)


def _no_rows(net, method):
    """Return what a method predicts for no rows."""
    if method == "predict":
        return net.classes_[:0]
    n_classes = len(net.classes_)
    return np.empty(0 if method == "decision_function" and n_classes == 2 else (0, n_classes))


def _predict_array(X, net, method):
    return getattr(net, method)(X) if len(X) else _no_rows(net, method)


def _predict_frame(X, net, method):
    return _as_pandas(net, method, X.index, _predict_array(X, net, method))


def _as_pandas(net, method, index, values):
    """Return predictions as a series, or as a frame with a column for each class."""
    import pandas as pd

    if values.ndim == 1:
        dtype = pd.Series(net.classes_).dtype if method == "predict" else values.dtype
        return pd.Series(values, index=index, dtype=dtype)
    return pd.DataFrame(values, index=index, columns=net.classes_)
