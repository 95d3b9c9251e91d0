import pickle
import subprocess
import sys
import threading

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer

from skdnn import DeepNetClassifier

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


@pytest.mark.parametrize("n_members", [1, 5, 8])
def test_the_number_of_threads_cannot_be_seen(n_members):
    alone = DeepNetClassifier(**QUICK, n_members=n_members, n_jobs=1).fit(X, y)
    for n_jobs in (None, 2, 3, -1):
        other = DeepNetClassifier(**QUICK, n_members=n_members, n_jobs=n_jobs).fit(X, y)
        np.testing.assert_array_equal(other.predict_proba(X), alone.predict_proba(X))
        assert other.loss_curve_ == alone.loss_curve_


def test_two_processes_and_joblib_workers_give_the_same_bits():
    def run():
        return subprocess.run(
            [sys.executable, "-c", PRINT_HASH], capture_output=True, text=True, check=True
        ).stdout

    assert run() == run()
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
    few = DeepNetClassifier(**QUICK).fit(X, y)
    rows = np.random.default_rng(0).normal(size=(30_000, 30)).astype(np.float32)
    many = DeepNetClassifier(**{**QUICK, "max_iter": 1}).fit(rows, rows[:, 0] > 0)
    assert len(pickle.dumps(many)) < len(pickle.dumps(few)) + 2000


def test_few_rows_do_not_depend_on_their_neighbours():
    net = DeepNetClassifier(**QUICK).fit(X, y)
    together = net.predict_proba(X)
    one_by_one = np.vstack([net.predict_proba(row[None]) for row in X[:50]])
    np.testing.assert_allclose(one_by_one, together[:50], rtol=1e-10)
