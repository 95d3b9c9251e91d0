"""What travels to workers that fit or predict: small pickles."""

import pickle

import numpy as np
from sklearn.base import clone
from sklearn.datasets import make_classification

from skdnn import DeepNetClassifier

X, y = make_classification(300, 8, random_state=0)
NET = DeepNetClassifier(hidden_layer_sizes=(16,), n_members=2, max_iter=3, random_state=0)


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
