"""A cluster of two processes; the oracle is the executor in this one."""

import os
import pickle
import uuid

import joblib
import numpy as np
import pandas as pd
import pytest
from attribute_names import attribute_names
from serial import SMALL, SerialClassifier, assert_same_bits, cut, rows
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import skdnn
from skdnn import DeepNetClassifier
from skdnn.callbacks import EarlyStopping
from skdnn.distributed import DaskDeepNetClassifier
from skdnn.distributed.dask_collections import partitions_of
from skdnn.tabular._compat import callbacks_of

da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")
import dask  # noqa: E402
import dask.bag  # noqa: E402

X, y = rows(900)
NUMBERS = X[list("abcd")].to_numpy()


def collections(n_partitions=3):
    frame = dd.from_pandas(X.assign(label=y), npartitions=n_partitions)
    return frame[list("abcde")], frame["label"]


@pytest.fixture(scope="module")
def client():
    distributed = pytest.importorskip("dask.distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as client:
        yield client


@pytest.fixture(scope="module")
def net(client):
    return DaskDeepNetClassifier(client=client, **SMALL).fit(*collections())


def test_a_fit_on_workers_has_the_bits_of_one_in_this_process(net):
    expected = SerialClassifier(**SMALL).fit(cut(X, 300, 300), cut(y, 300, 300))
    assert_same_bits(net, expected)


def test_arrays_with_weights_are_fitted_to_as_frames_are(client):
    weights = np.random.default_rng(0).uniform(0, 2, 900)
    given = NUMBERS, y.to_numpy(object), weights
    arrays = [da.from_array(array, chunks=(300, *array.shape[1:])) for array in given]
    arrays[0] = arrays[0].rechunk((300, 2))  # columns are put together again
    net = DaskDeepNetClassifier(**SMALL).fit(*arrays)
    parts = [cut(array, 300, 300) for array in (NUMBERS, y.to_numpy(), weights)]
    assert_same_bits(net, SerialClassifier(**SMALL).fit(*parts))


def test_columns_may_have_the_names_of_attributes():
    names = attribute_names()
    frame = pd.DataFrame(np.arange(4.0 * len(names)).reshape(4, -1), columns=names)
    parts = partitions_of("X", dd.from_pandas(frame, npartitions=2))
    pd.testing.assert_frame_equal(pd.concat([part.compute() for part in parts]), frame)


def test_an_error_on_a_worker_names_the_partition(client):
    frame, labels = collections()

    def spoil(part):
        return part.assign(a=np.inf) if 300 in part.index else part

    wrong = frame.map_partitions(spoil, meta=frame._meta)
    with pytest.raises(ValueError, match=r"partition 1: .*'a'"):
        DaskDeepNetClassifier(**SMALL).fit(wrong, labels)


METHODS = "predict", "predict_proba", "predict_log_proba", "decision_function"


@pytest.mark.parametrize("method", METHODS)
def test_predictions_are_lazy_and_those_of_the_local_network(net, method):
    frame, _ = collections()
    lazy, expected = getattr(net, method)(frame), getattr(net.to_local(), method)(X)
    assert lazy.npartitions == 3
    computed = lazy.compute()
    np.testing.assert_array_equal(computed, expected)
    pd.testing.assert_index_equal(computed.index, X.index)
    if computed.ndim == 1:
        assert lazy.dtype == computed.dtype
    else:
        assert lazy.dtypes.equals(computed.dtypes)
        assert lazy.columns.tolist() == computed.columns.tolist() == ["no", "yes"]
    np.testing.assert_array_equal(getattr(net, method)(X), expected)
    empty = frame[frame["a"] > 100]
    assert len(getattr(net, method)(empty).compute()) == 0


def counting(part, path):
    (path / str(uuid.uuid4())).touch()
    return part


@pytest.mark.parametrize("weighted", [False, True])
def test_scores_are_those_in_memory_and_read_each_partition_once(net, tmp_path, weighted):
    frame, labels = (
        each.map_partitions(counting, tmp_path, meta=each._meta) for each in collections()
    )
    weights = np.random.default_rng(0).uniform(0, 2, 900)
    given = ([da.from_array(weights, chunks=300)], [weights]) if weighted else ([], [])
    assert net.score(frame, labels, *given[0]) == net.to_local().score(X, y, *given[1])
    assert len(list(tmp_path.iterdir())) == 2 * 3


THREE = pd.Series(np.arange(len(y)) % 3)


@pytest.mark.parametrize(
    "labels",
    [y, y == "yes", (y == "yes").astype(int), THREE],
    ids=["str", "bool", "int", "three classes"],
)
def test_predictions_of_arrays_have_the_shape_and_type_they_say(client, labels):
    array = da.from_array(NUMBERS, chunks=(400, 2))
    net = DaskDeepNetClassifier(**SMALL).fit(array, da.from_array(labels.to_numpy(), chunks=400))
    for method in METHODS:
        lazy, expected = getattr(net, method)(array), getattr(net.to_local(), method)(NUMBERS)
        computed = lazy.compute()
        assert (lazy.shape, lazy.dtype) == (computed.shape, computed.dtype)
        np.testing.assert_array_equal(computed, expected)


def test_to_local_is_a_plain_classifier_which_is_saved_and_pickled_without_a_client(net, tmp_path):
    local = net.to_local()
    assert type(local) is DeepNetClassifier
    assert_same_bits(local, net)
    for again in (pickle.loads(pickle.dumps(net)), pickle.loads(pickle.dumps(local))):
        np.testing.assert_array_equal(again.predict_proba(X), local.predict_proba(X))
    net.save(tmp_path / "net.skdnn")
    loaded = skdnn.load(tmp_path / "net.skdnn")
    np.testing.assert_allclose(loaded.predict_proba(X), local.predict_proba(X), atol=1e-6)


def test_clones_have_the_client(net):
    assert clone(net).client is net.client
    assert not hasattr(clone(net), "classes_")
    assert clone(DaskDeepNetClassifier(**SMALL)).get_params() == clone(net).get_params() | {
        "client": None
    }


def test_clones_have_the_metadata_requests_and_callbacks():
    with config_context(enable_metadata_routing=True):
        net = DaskDeepNetClassifier().set_fit_request(sample_weight=True)
        assert clone(net).get_metadata_routing().fit.requests["sample_weight"] is True
    pytest.importorskip("sklearn.callback")
    callback = EarlyStopping()
    assert callbacks_of(clone(DaskDeepNetClassifier().set_callbacks(callback))) == [callback]


def test_members_of_a_collection_are_refused_with_what_to_do(net):
    with pytest.raises(TypeError, match=r"net\.to_local\(\), then X\.map_partitions"):
        net.predict_proba_members(collections()[0])
    expected = net.to_local().predict_proba_members(X)
    np.testing.assert_array_equal(net.predict_proba_members(X), expected)


def test_partial_fit_is_not_available(net):
    assert not hasattr(net, "partial_fit")
    with pytest.raises(AttributeError, match=r"to_local\(\)\.partial_fit"):
        net.partial_fit(X, y)
    net.to_local().partial_fit(X, y)


def test_an_error_about_x_comes_before_one_about_the_client(monkeypatch):
    distributed = pytest.importorskip("distributed")

    def no_client():
        raise ValueError("No clients found")

    monkeypatch.setattr(distributed, "get_client", no_client)
    with pytest.raises(TypeError, match=r"X must be a .* not DataFrame"):
        DaskDeepNetClassifier().fit(X, y)
    with pytest.raises(ValueError, match="No clients found"):
        DaskDeepNetClassifier().fit(*collections())


def test_what_are_not_corresponding_collections_is_refused(client):
    frame, labels = collections()
    with pytest.raises(TypeError, match=r"X must be a .* not DataFrame"):
        DaskDeepNetClassifier(**SMALL).fit(X, labels)
    with pytest.raises(TypeError, match=r"y must be a .* not Series"):
        DaskDeepNetClassifier(**SMALL).fit(frame, y)
    with pytest.raises(ValueError, match="'X': 3, 'y': 2"):
        DaskDeepNetClassifier(**SMALL).fit(frame, collections(2)[1])
    net = DaskDeepNetClassifier(**SMALL)
    for wrong in (None, dask.delayed(X), frame["a"].sum(), dask.bag.from_sequence([1, 2])):
        with pytest.raises(TypeError, match=r"X must be a dask\.dataframe or a dask\.array"):
            net.fit(wrong, labels)
        with pytest.raises(TypeError, match=r"y must be a dask\.dataframe or a dask\.array"):
            net.fit(frame, wrong)
        if wrong is not None:
            with pytest.raises(TypeError, match=r"sample_weight must be a dask\.dataframe or"):
                net.fit(frame, labels, wrong)


def test_what_is_no_table_is_not_predicted_either(net):
    for wrong in (dask.delayed(X), dask.bag.from_sequence([1, 2])):
        with pytest.raises(TypeError, match=r"X must be a dask\.dataframe or a dask\.array"):
            net.predict(wrong)


def test_partitions_that_are_other_rows_when_they_are_computed_again_are_an_error(client, tmp_path):
    frame, labels = collections()
    seen = str(tmp_path / "seen")

    def shrink(part, seen):
        if 300 not in part.index:
            return part
        if not os.path.exists(seen):
            open(seen, "w").close()
            return part
        return part[:-5]

    other, of_other = (
        each.map_partitions(shrink, seen + name, meta=each._meta)
        for each, name in ((frame, "X"), (labels, "y"))
    )
    with pytest.raises(ValueError, match=r"855 training rows .* but 850 .* call persist\(\)"):
        DaskDeepNetClassifier(**SMALL).fit(other, of_other)


@pytest.mark.parametrize("name", ["partitions_per_round", "steps_per_round"])
def test_numbers_of_a_round_are_positive(client, name):
    with pytest.raises(ValueError, match=f"The '{name}' parameter"):
        DaskDeepNetClassifier(**SMALL, **{name: 0}).fit(*collections())


def threads_of_a_fit():
    from skdnn.estimator.threads import threads_apart

    with threads_apart(None) as threads:
        return threads.number


def test_a_grid_search_on_processes_of_a_cluster_finds_what_it_finds_in_one_process(client):
    net = DeepNetClassifier(**SMALL)
    here, there = (GridSearchCV(net, {"dropout": [0.0, 0.2]}, cv=2) for _ in range(2))
    here.fit(X, y)
    with joblib.parallel_config("dask"):
        there.fit(X, y)
    assert there.best_params_ == here.best_params_
    np.testing.assert_array_equal(
        there.cv_results_["mean_test_score"], here.cv_results_["mean_test_score"]
    )
    np.testing.assert_array_equal(there.predict_proba(X), here.predict_proba(X))


def test_a_fit_on_a_worker_uses_one_thread(client):
    with joblib.parallel_config("dask"):
        numbers = joblib.Parallel()(joblib.delayed(threads_of_a_fit)() for _ in range(4))
    assert numbers == [1] * 4
