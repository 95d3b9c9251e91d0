"""Metadata through pipelines and searches reaches fit as if it were passed to it directly."""

import numpy as np
import pytest
import sklearn
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skdnn import DeepNetClassifier, TableEncoder

X, y = load_iris(return_X_y=True, as_frame=True)
rng = np.random.default_rng(0)
GROUPS, WEIGHTS = np.arange(150) % 10, rng.integers(1, 4, 150).astype(float)
ROWS = StandardScaler().fit(X, sample_weight=WEIGHTS).transform(X)


@pytest.fixture(autouse=True)
def _routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def quick(**kwargs):
    few = {"hidden_layer_sizes": (8,), "max_iter": 5, "n_members": 5, "encoder": "passthrough"}
    return DeepNetClassifier(**{**few, "random_state": 0, **kwargs})


def test_weights_and_groups_reach_the_last_step_of_a_pipeline():
    scaler = StandardScaler().set_fit_request(sample_weight=True)
    net = quick().set_fit_request(sample_weight=True, groups=True)
    pipeline = make_pipeline(scaler, net).fit(X, y, sample_weight=WEIGHTS, groups=GROUPS)
    expected = quick().fit(ROWS, y, WEIGHTS, groups=GROUPS)
    np.testing.assert_array_equal(pipeline.predict_proba(X), expected.predict_proba(ROWS))
    unweighted = quick().fit(ROWS, y, groups=GROUPS)
    assert (pipeline.predict_proba(X) != unweighted.predict_proba(ROWS)).any()


class Recorder(DeepNetClassifier):
    """Remember the groups of each fit."""

    seen = ()

    def fit(self, X, y, sample_weight=None, groups=None):
        Recorder.seen = [*Recorder.seen, groups]
        return super().fit(X, y, sample_weight, groups=groups)


def test_groups_reach_the_splitter_of_a_search_and_the_members_of_each_fit():
    Recorder.seen = ()
    net = Recorder((4,), max_iter=2, n_members=2).set_fit_request(groups=True)
    search = GridSearchCV(net, {"dropout": [0.0, 0.2]}, cv=GroupKFold(5))
    search.fit(X, y, groups=GROUPS)
    assert [len(groups) for groups in Recorder.seen] == [120] * 10 + [150]
    for fold, groups in enumerate(Recorder.seen[:5]):
        assert len(set(groups)) == 8, fold  # two of ten groups are held out


def test_weights_reach_every_fit_of_a_cross_validation():
    net = quick().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
    params = {"sample_weight": WEIGHTS}
    result = cross_validate(net, X, y, cv=2, params=params, return_estimator=True)
    rows = sklearn.model_selection.StratifiedKFold(2).split(X, y)
    for (train, test), fitted, score in zip(
        rows, result["estimator"], result["test_score"], strict=True
    ):
        expected = quick().fit(X.iloc[train], y[train], WEIGHTS[train])
        np.testing.assert_array_equal(fitted.predict_proba(X), expected.predict_proba(X))
        assert score == expected.score(X.iloc[test], y[test], WEIGHTS[test])


def test_validation_rows_pass_through_the_earlier_steps():
    net = quick(n_members=2).set_fit_request(X_val=True, y_val=True, sample_weight_val=True)
    steps = [("encode", TableEncoder()), ("net", net)]
    pipeline = Pipeline(steps, transform_input=["X_val"])
    valid = {"y_val": y[1::2], "sample_weight_val": WEIGHTS[1::2]}
    pipeline.fit(X[::2], y[::2], X_val=X[1::2], **valid)
    encoder = TableEncoder().fit(X[::2])
    rows = encoder.transform(X[::2])
    expected = quick(n_members=2).fit(rows, y[::2], X_val=encoder.transform(X[1::2]), **valid)
    assert pipeline[-1].validation_loss_curve_ == expected.validation_loss_curve_


def test_what_is_not_requested_is_refused():
    with pytest.raises(sklearn.exceptions.UnsetMetadataPassedError, match="groups"):
        make_pipeline(StandardScaler(), quick()).fit(X, y, groups=GROUPS)
