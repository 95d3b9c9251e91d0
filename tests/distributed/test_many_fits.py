"""Many fits on a cluster: joblib's backend for Dask, and what travels to its workers."""

import pickle

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.model_selection import GridSearchCV

from skdnn import DeepNetClassifier

X, y = make_classification(300, 8, random_state=0)
NET = DeepNetClassifier(hidden_layer_sizes=(16,), n_members=2, max_iter=3, random_state=0)
GRID = {"learning_rate_init": [0.001, 0.01], "dropout": [0.0, 0.2]}


def test_an_estimator_to_be_fitted_is_a_small_pickle_whatever_it_was_fitted_on_before():
    assert len(pickle.dumps(NET)) < 2000
    fitted = clone(NET).fit(X, y)
    assert len(pickle.dumps(clone(fitted))) < 2000


def test_a_fitted_network_pickles_its_parameters_but_no_data_and_no_buffers():
    plain, sizes = clone(NET).set_params(encoder="passthrough"), []
    for times in (1, 20):
        moved = np.repeat(X, times, axis=0) + np.arange(times * 300)[:, None]
        fitted = plain.fit(moved, np.repeat(y, times))
        sizes.append(len(pickle.dumps(fitted)))
    n_parameters = sum(array.size for array in [*fitted.coefs_, *fitted.intercepts_])
    assert sizes[1] < sizes[0] + 100
    assert sizes[1] < 4 * n_parameters + 10_000 < X.nbytes


def threads_of_a_fit():
    from skdnn.estimator.threads import threads_apart

    with threads_apart(None) as threads:
        return threads.number


def test_a_grid_search_on_processes_of_a_cluster_finds_what_it_finds_in_one_process(client):
    here = GridSearchCV(NET, GRID, cv=2).fit(X, y)
    with joblib.parallel_config("dask"):
        there = GridSearchCV(NET, GRID, cv=2).fit(X, y)
    assert there.best_params_ == here.best_params_
    np.testing.assert_array_equal(
        there.cv_results_["mean_test_score"], here.cv_results_["mean_test_score"]
    )
    np.testing.assert_array_equal(there.predict_proba(X), here.predict_proba(X))


def test_a_fit_on_a_worker_uses_one_thread(client):
    with joblib.parallel_config("dask"):
        numbers = joblib.Parallel()(joblib.delayed(threads_of_a_fit)() for _ in range(4))
    assert numbers == [1] * 4
