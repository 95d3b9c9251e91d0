import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - enables the import below
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    cross_val_predict,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from skdnn import DeepNetClassifier

ROOT = Path(__file__).parents[1]
X, y = load_breast_cancer(return_X_y=True)


def mixed_frame(n_rows=240):
    rng = np.random.default_rng(0)
    rows, labels = load_iris(return_X_y=True)
    pick = rng.integers(0, 150, n_rows)
    frame = pd.DataFrame(rows[pick], columns=list("abcd"))
    frame["kind"] = pd.Series(np.where(frame.a > 6, "big", "small"), dtype="category")
    frame["text"] = np.array(["red", "green", "blue"])[labels[pick]]
    frame["day"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 400, n_rows), "D")
    frame = frame.mask(rng.random(frame.shape) < 0.2)
    return frame, np.array(["s", "ve", "vi"])[labels[pick]]


FRAME, LABELS = mixed_frame()


def quick(**kwargs):
    few = {"hidden_layer_sizes": (16,), "max_iter": 10, "n_members": 2, "learning_rate_init": 0.02}
    return DeepNetClassifier(random_state=0, **{**few, **kwargs})


def test_a_raw_frame_needs_no_preprocessing():
    net = quick(max_iter=30).fit(FRAME, LABELS)
    proba = net.predict_proba(FRAME)
    np.testing.assert_allclose(proba.sum(axis=1), 1, atol=1e-12)
    assert net.score(FRAME, LABELS) > 0.9
    assert net.feature_names_in_.tolist() == FRAME.columns.tolist()


def test_unseen_categories_and_new_missing_values_predict():
    net = quick().fit(FRAME, LABELS)
    odd = FRAME.assign(text="violet", kind="huge", a=np.nan, day=pd.NaT)
    with pytest.warns(UserWarning, match="holds no category of fit"):
        assert np.isfinite(net.predict_proba(odd)).all()


def test_it_ends_a_pipeline():
    assert make_pipeline(StandardScaler(), quick()).fit(X, y).score(X, y) > 0.9
    columns = make_column_transformer((OneHotEncoder(), ["kind", "text"]), remainder="drop")
    assert make_pipeline(columns, quick(max_iter=40)).fit(FRAME, LABELS).score(FRAME, LABELS) > 0.6


def test_any_transformer_can_be_the_encoder():
    net = quick(encoder=MinMaxScaler()).fit(X, y)
    assert net.score(X, y) > 0.9
    assert net.encoder_.data_max_.shape == (30,)
    assert not hasattr(net.encoder, "data_max_")


def test_grid_search_finds_parameters():
    grid = {"hidden_layer_sizes": [(4,), (16, 8)], "dropout": [0.0, 0.2]}
    search = GridSearchCV(quick(max_iter=3), grid, cv=2, scoring="neg_log_loss").fit(FRAME, LABELS)
    assert set(search.best_params_) == set(grid)


def test_halving_search_uses_epochs_as_its_resource():
    search = HalvingGridSearchCV(
        quick(),
        {"weight_decay": [0, 0.1, 1.0]},
        resource="max_iter",
        max_resources=9,
        min_resources=1,
        factor=3,
        cv=2,
        random_state=0,
    ).fit(X, y)
    assert search.n_resources_ == [1, 3]  # 3 candidates leave 1 after two rounds
    assert search.best_estimator_.n_iter_ <= 9


def test_cross_validation_and_prediction():
    assert cross_val_score(quick(), FRAME, LABELS, cv=3).min() > 0.6
    proba = cross_val_predict(quick(), FRAME, LABELS, cv=3, method="predict_proba")
    assert proba.shape == (240, 3)


def test_calibration_voting_and_permutation_importance():
    calibrated = CalibratedClassifierCV(quick(), cv=2).fit(FRAME, LABELS)
    assert calibrated.predict_proba(FRAME).shape == (240, 3)
    voting = VotingClassifier(
        [("net", quick()), ("lr", LogisticRegression(max_iter=5000))], voting="soft"
    )
    assert voting.fit(X, y).score(X, y) > 0.9
    net = quick(max_iter=30).fit(FRAME, LABELS)
    importance = permutation_importance(net, FRAME, LABELS, n_repeats=2, random_state=0)
    assert FRAME.columns[importance.importances_mean.argmax()] in ("text", "c", "d")


def test_bagging_and_boosting_of_arrays():
    assert BaggingClassifier(quick(max_iter=5), n_estimators=2).fit(X, y).score(X, y) > 0.85
    assert AdaBoostClassifier(quick(max_iter=5), n_estimators=2).fit(X, y).score(X, y) > 0.85


@pytest.mark.parametrize("container", [sparse.csr_array, sparse.csc_matrix, sparse.coo_array])
def test_sparse_rows_train_like_dense_ones(container):
    dense = np.where(np.random.default_rng(0).random(X.shape) < 0.7, 0, X / X.max(axis=0))
    same = {"encoder": "passthrough", "shuffle": False, "dtype": "float64", "connectivity": None}
    from_dense = quick(**same).fit(dense, y)
    from_sparse = quick(**same).fit(container(dense), y)
    expected = from_dense.predict_proba(dense)
    np.testing.assert_allclose(from_sparse.predict_proba(container(dense)), expected, rtol=1e-6)
    np.testing.assert_allclose(from_sparse.predict_proba(dense), expected, rtol=1e-6)
    assert quick().fit(container(dense), y).score(container(dense), y) > 0.75


def test_group_metadata_is_routed_through_a_pipeline():
    import sklearn

    with sklearn.config_context(enable_metadata_routing=True):
        net = quick().set_fit_request(groups=True, sample_weight=True)
        pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=True), net)
        groups = np.arange(len(y)) // 20
        pipeline.fit(X, y, groups=groups, sample_weight=np.ones(len(y)))
        assert pipeline[-1].oof_score_ > 0.8


TENSORS = """
import numpy as np, sklearn, torch
from sklearn.datasets import load_iris
from sklearn.model_selection import cross_val_score
from skdnn import DeepNetClassifier, TableEncoder

sklearn.set_config(array_api_dispatch={dispatches})
X, y = load_iris(return_X_y=True)
rows, labels, weights = (torch.from_numpy(values) for values in (X, y, y + 1.0))
same = {{}}
for encoder in ("auto", "passthrough"):
    net = DeepNetClassifier(n_members=2, max_iter=3, encoder=encoder, random_state=0)
    plain = net.fit(X, y, y + 1.0, X, y, y + 1.0).predict_proba(X)
    net.fit(rows, labels, weights, rows, labels, weights)
    same[encoder, "probabilities"] = (net.predict_proba(rows) == plain).all()
    same[encoder, "score"] = net.score(rows, labels, weights) == net.score(X, y, y + 1.0)
    same[encoder, "array"] = isinstance(net.predict(rows), np.ndarray)
    net.partial_fit(rows, labels, weights)
    net.fit(rows, labels, groups=labels * 50 + torch.arange(150) % 9)
    net.fit(rows, torch.stack([labels > 0, labels < 2], 1))
    same[encoder, "multilabel"] = net.out_activation_ == "logistic"
    DeepNetClassifier(n_members=2, max_iter=3, scoring="roc_auc_ovr").fit(rows, labels)
    same[encoder, "folds"] = len(cross_val_score(net, rows, labels, error_score="raise")) == 5
encoder = TableEncoder().fit(rows, labels, sample_weight=weights)
same["encoded"] = (encoder.transform(rows) == encoder.transform(X)).all()
print(len(same), [name for name, is_same in same.items() if not is_same])
"""


@pytest.mark.parametrize("dispatches", [False, True])
def test_tensors_are_taken_as_arrays_also_if_scikit_learn_dispatches(dispatches):
    if importlib.util.find_spec("torch") is None:
        pytest.skip("needs PyTorch")
    # SciPy reads this when it is imported, so it needs another process.
    environment = {**os.environ, "SCIPY_ARRAY_API": "1"}
    command = [sys.executable, "-c", TENSORS.format(dispatches=dispatches)]
    ran = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert ran.stdout == "11 []\n", ran.stderr
