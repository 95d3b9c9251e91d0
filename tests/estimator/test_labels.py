import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.special import expit
from sklearn.datasets import load_iris, make_multilabel_classification
from sklearn.metrics import f1_score

from skdnn import DeepNetClassifier

X, y = load_iris(return_X_y=True)
QUICK = {"max_iter": 20, "hidden_layer_sizes": (16,), "n_members": 2, "random_state": 0}
NAMES = np.array(["setosa", "versicolor", "virginica"])


@pytest.mark.parametrize(
    "labels",
    [
        y,
        y.astype(float),
        y.astype(np.uint8),
        NAMES[y],
        NAMES[y].astype(object),
        pd.Series(NAMES[y]),
        pd.Series(NAMES[y], dtype="category"),
        pd.Series(y, dtype="Int64"),
        pd.Series(NAMES[y], dtype="string[pyarrow]"),
        pl.Series(NAMES[y]),
        list(NAMES[y]),
        y == 1,
    ],
    ids=lambda labels: f"{type(labels).__name__}-{getattr(labels, 'dtype', '')}",
)
def test_labels_of_any_kind_come_back(labels):
    net = DeepNetClassifier(**QUICK).fit(X, labels)
    predicted = net.predict(X)
    assert set(predicted) <= set(np.asarray(labels).tolist())
    assert net.score(X, labels) > 0.6
    assert net.predict_proba(X).shape == (150, len(set(np.asarray(labels).tolist())))


def test_two_classes_have_one_sigmoid_and_more_have_a_softmax():
    two = DeepNetClassifier(**QUICK).fit(X, y == 0)
    more = DeepNetClassifier(**QUICK).fit(X, y)
    assert (two.n_outputs_, two.out_activation_) == (1, "logistic")
    assert (more.n_outputs_, more.out_activation_) == (3, "softmax")
    assert (more.n_layers_, more.n_features_in_) == (3, 4)


def test_decisions_have_the_order_of_the_probabilities():
    two = DeepNetClassifier(**QUICK).fit(X, y == 0)
    np.testing.assert_allclose(expit(two.decision_function(X)), two.predict_proba(X)[:, 1])
    more = DeepNetClassifier(**QUICK).fit(X, y)
    np.testing.assert_allclose(np.exp(more.decision_function(X)), more.predict_proba(X))
    np.testing.assert_allclose(np.exp(more.predict_log_proba(X)), more.predict_proba(X))


def test_decisions_stay_finite_where_probabilities_saturate():
    net = DeepNetClassifier(**QUICK, encoder="passthrough").fit(X, y == 0)
    far = X * 1e6
    assert np.isfinite(net.decision_function(far)).all()
    assert np.isfinite(net.predict_log_proba(far)).all()
    assert np.isfinite(net.predict_proba(far)).all()


def test_multilabel_is_learnt_by_independent_sigmoids():
    rows, labels = make_multilabel_classification(400, 10, n_classes=4, random_state=0)
    net = DeepNetClassifier(random_state=0, max_iter=40).fit(rows, labels)
    proba = net.predict_proba(rows)
    assert proba.shape == (400, 4)
    assert not np.allclose(proba.sum(axis=1), 1)
    np.testing.assert_array_equal(net.predict(rows), proba > 0.5)
    np.testing.assert_allclose(expit(net.decision_function(rows)), proba)
    assert f1_score(labels, net.predict(rows), average="macro") > 0.8
    assert 0 < net.oof_score_ < 1


def test_partial_fit_takes_multilabel():
    rows, labels = make_multilabel_classification(100, 5, n_classes=3, random_state=0)
    net = DeepNetClassifier(**QUICK).partial_fit(rows, labels, classes=[0, 1, 2])
    assert net.partial_fit(rows, labels).n_iter_ == 2
