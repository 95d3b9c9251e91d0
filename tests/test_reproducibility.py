import os
import pickle
import subprocess
import sys
import threading
import tracemalloc

import joblib
import numpy as np
import pytest
import skops.io
from backends import compiled
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer

from skdnn import DeepNetClassifier, TableEncoder
from skdnn.core.compiling import has_numba
from skdnn.core.steps import count_slices
from skdnn.estimator import threads

X, y = load_breast_cancer(return_X_y=True)
FRAME = load_breast_cancer(as_frame=True).data.assign(
    size=lambda f: np.where(f["mean radius"] > 14, "large", "small")
)
QUICK = {"max_iter": 5, "hidden_layer_sizes": (32, 16), "random_state": 7}
PRINT_HASH = """
import hashlib, sys
from sklearn.datasets import load_breast_cancer
from skdnn import DeepNetClassifier
X, y = load_breast_cancer(return_X_y=True)
net = DeepNetClassifier(max_iter=5, hidden_layer_sizes=(32, 16), random_state=7).fit(X, y)
print(hashlib.sha256(net.predict_proba(X).tobytes()).hexdigest())
"""


@pytest.fixture
def _four_cores(monkeypatch):
    """Let fits use up to four threads on any machine."""
    monkeypatch.setattr(threads, "cpu_count", lambda: 4)


@pytest.mark.usefixtures("_four_cores")
@pytest.mark.parametrize("n_members", [1, 5, 8])
def test_the_number_of_threads_cannot_be_seen(n_members):
    alone = DeepNetClassifier(**QUICK, n_members=n_members, n_jobs=1).fit(X, y)
    for n_jobs in (None, 2, 3, -1):
        other = DeepNetClassifier(**QUICK, n_members=n_members, n_jobs=n_jobs).fit(X, y)
        np.testing.assert_array_equal(other.predict_proba(X), alone.predict_proba(X))
        assert other.loss_curve_ == alone.loss_curve_


def test_two_processes_and_joblib_workers_give_the_same_bits():
    def run(n_threads):
        threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), n_threads)
        return subprocess.run(
            [sys.executable, "-c", PRINT_HASH],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, **threads},
        ).stdout

    assert run("1") == run("2")
    here = DeepNetClassifier(**QUICK).fit(X, y).predict_proba(X)
    (there,) = joblib.Parallel(n_jobs=2)([joblib.delayed(_fit_and_predict)()])
    np.testing.assert_array_equal(here, there)


def _fit_and_predict():
    return DeepNetClassifier(**QUICK).fit(X, y).predict_proba(X)


def test_another_seed_gives_another_network():
    first = DeepNetClassifier(**QUICK).fit(X, y)
    second = clone(first).set_params(random_state=8).fit(X, y)
    assert not np.allclose(first.predict_proba(X), second.predict_proba(X))


def test_fits_in_several_threads_do_not_disturb_each_other():
    expected = _fit_and_predict()
    results = {}
    threads = [
        threading.Thread(target=lambda i=i: results.update({i: _fit_and_predict()}))
        for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results.values():
        np.testing.assert_array_equal(result, expected)
    assert len(results) == 4


def test_predicting_writes_nothing_that_is_fitted():
    net = DeepNetClassifier(**QUICK).fit(FRAME, y)
    before = pickle.dumps(net)
    net.predict_proba(FRAME)
    net.predict(FRAME.iloc[:1])
    assert pickle.dumps(net) == before


def test_a_pickle_predicts_identically():
    net = DeepNetClassifier(**QUICK).fit(FRAME, y)
    copy = pickle.loads(pickle.dumps(net))
    np.testing.assert_array_equal(copy.predict_proba(FRAME), net.predict_proba(FRAME))


def test_skops_needs_to_trust_only_our_own_types():
    net = DeepNetClassifier(**QUICK).fit(FRAME, y)
    stored = skops.io.dumps(net)
    trusted = skops.io.get_untrusted_types(data=stored)
    assert all(name.startswith("skdnn.") for name in trusted), trusted
    copy = skops.io.loads(stored, trusted=trusted)
    np.testing.assert_array_equal(copy.predict_proba(FRAME), net.predict_proba(FRAME))


def test_a_fitted_model_holds_no_training_data():
    # A hundred times the rows, the same parameters: the pickle must not grow with the data.
    quick = {**QUICK, "encoder": TableEncoder(n_bins=8)}
    few = DeepNetClassifier(**quick).fit(X, y)
    rows = np.random.default_rng(0).normal(size=(30_000, 30)).astype(np.float32)
    many = DeepNetClassifier(**{**quick, "max_iter": 1}).fit(rows, rows[:, 0] > 0)
    assert len(pickle.dumps(many)) < len(pickle.dumps(few)) + 2000


def test_few_rows_do_not_depend_on_their_neighbours():
    net = DeepNetClassifier(**QUICK).fit(X, y)
    together = net.predict_proba(X)
    one_by_one = np.vstack([net.predict_proba(row[None]) for row in X[:50]])
    np.testing.assert_allclose(one_by_one, together[:50], rtol=1e-10)


def rows_by_weight_and_by_repetition(seed):
    """Return weights, and the rows that they stand for in another order."""
    rng = np.random.default_rng(seed)
    weights = rng.integers(0, 4, len(X))
    return weights, rng.permutation(np.repeat(np.arange(len(X)), weights))


@pytest.mark.filterwarnings("ignore:Maximum iterations")
@pytest.mark.parametrize(
    "parameters",
    [
        {"n_members": 3},
        {"n_members": 1},
        {"n_members": 2, "early_stopping": False},
        {"n_members": 2, "solver": "lbfgs"},
        {"n_members": 1, "solver": "gd"},
    ],
    ids=str,
)
def test_repeated_and_shuffled_rows_leave_no_trace_in_anything_fitted(parameters):
    weights, many = rows_by_weight_and_by_repetition(0)
    net = DeepNetClassifier(**QUICK, **parameters, store_oof=True)
    weighted = clone(net).fit(X, y, sample_weight=weights)
    assert_same_fit(clone(net).fit(X[many], y[many]), weighted, many)


def test_splits_of_ones_own_do_not_see_repeated_and_shuffled_rows_either():
    weights, many = rows_by_weight_and_by_repetition(1)
    side = np.random.default_rng(2).integers(0, 3, (3, len(X)))
    net = DeepNetClassifier(**QUICK, store_oof=True)

    def fit(rows, **kwargs):
        splits = [(np.flatnonzero(s == 0), np.flatnonzero(s == 1)) for s in side[:, rows]]
        return clone(net).set_params(cv=splits).fit(X[rows], y[rows], **kwargs)

    weighted = fit(np.arange(len(X)), sample_weight=weights)
    assert_same_fit(fit(many), weighted, many)


def test_partial_fit_does_not_see_repeated_and_shuffled_rows_either():
    weights, many = rows_by_weight_and_by_repetition(3)
    net = DeepNetClassifier(**QUICK)
    weighted = clone(net).partial_fit(X, y, weights, classes=[0, 1])
    assert_same_fit(clone(net).partial_fit(X[many], y[many], classes=[0, 1]), weighted, many)


def assert_same_fit(ours, weighted, many):
    np.testing.assert_array_equal(ours._fitted.state.params, weighted._fitted.state.params)
    assert ours.loss_curve_ == weighted.loss_curve_
    assert ours.temperature_ == weighted.temperature_
    assert getattr(ours, "oof_score_", None) == getattr(weighted, "oof_score_", None)
    if hasattr(weighted, "oof_proba_"):
        np.testing.assert_array_equal(ours.oof_proba_, weighted.oof_proba_[many])


@pytest.mark.parametrize("early_stopping", [True, False])
def test_fit_makes_no_copy_of_the_rows(early_stopping):
    rng = np.random.default_rng(0)
    rows = rng.random((20_000, 400), dtype=np.float32)
    rows[:100] = rows[100:200]
    net = DeepNetClassifier(
        (8,), encoder="passthrough", n_members=2, n_jobs=1, max_iter=1,
        early_stopping=early_stopping, random_state=0,
    )  # fmt: skip
    labels = rng.integers(0, 2, len(rows))
    net.fit(rows[:500], labels[:500])  # whatever is imported or compiled only once
    tracemalloc.start()
    net.fit(rows, labels)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < rows.nbytes / 2


LARGE = {
    "hidden_layer_sizes": (2000,),
    "dropout": 0.1,
    "batch_size": 400,
    "max_iter": 2,
    "random_state": 0,
}


@pytest.mark.usefixtures("_four_cores")
@pytest.mark.parametrize("n_members", [1, 2])
def test_large_networks_are_the_same_on_any_number_of_threads(n_members):
    rng = np.random.default_rng(0)
    wide = rng.normal(size=(1000, 60)).astype(np.float32)
    labels = (wide[:, 0] > 0).astype(int)
    net = DeepNetClassifier(**LARGE, n_members=n_members)
    one, two, four = (
        clone(net).set_params(n_jobs=n_jobs).fit(wide, labels) for n_jobs in (1, 2, 4)
    )
    # Batches of 300 rows of one member, 250 of two: in slices if there is one member.
    assert (
        count_slices(
            n_members == 1, 250 if n_members > 1 else 300, one._fitted.state.params.shape[1]
        )
        > 1
    ) == (n_members == 1)
    np.testing.assert_array_equal(one._fitted.state.params, two._fitted.state.params)
    np.testing.assert_array_equal(one._fitted.state.params, four._fitted.state.params)
    assert one.loss_curve_ == four.loss_curve_


@pytest.mark.filterwarnings("ignore:Maximum iterations")
@pytest.mark.skipif(not has_numba(), reason="numba is not installed")
@pytest.mark.parametrize("solver", ["adamw", "adam", "sgd"])
def test_compiled_kernels_and_numpy_agree_in_the_first_epochs(solver):
    net = DeepNetClassifier(solver=solver, max_iter=5, n_members=2, random_state=0)
    curves = []
    for wanted in (True, False):
        with compiled(wanted):
            curves.append(clone(net).fit(X, y).member_loss_curves_)
    np.testing.assert_allclose(*curves, rtol=1e-4)
