"""What users of MLPClassifier have asked for, a test each; docs/migration.md lists them."""

import pickle
import re
import tracemalloc
from pathlib import Path
from threading import Thread

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from scipy.special import expit
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_iris, make_multilabel_classification
from sklearn.metrics import recall_score
from sklearn.model_selection import GroupKFold, train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_info

from skdnn import DeepNetClassifier

X, y = load_breast_cancer(return_X_y=True)
FRAME = pd.DataFrame(X, columns=[f"c{i}" for i in range(30)])
TRAIN, VALID, y_train, y_valid = train_test_split(X, y, random_state=0)
QUICK = {"hidden_layer_sizes": (8,), "max_iter": 6, "n_members": 2, "random_state": 0}


def quick(**kwargs):
    return DeepNetClassifier(**{**QUICK, **kwargs})


def test_every_wish_of_the_page_has_its_test_here_or_where_it_says():
    page = (Path(__file__).parents[1] / "docs" / "migration.md").read_text("utf-8")
    section = page.split("## Features that users requested")[1].split("\n## ")[0]
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", section)
    assert len(named) >= 25
    for path, name in named:
        text = (Path(__file__).parents[1] / path).read_text("utf-8")
        assert f"def {name}(" in text, name


def test_class_weight_finds_more_of_a_rare_class():
    rng = np.random.default_rng(0)
    rare = rng.random(1500) < 0.08
    rows = rng.normal(size=(1500, 4)) + 0.9 * rare[:, None]
    train, test, labels, truth = train_test_split(rows, rare, random_state=0, stratify=rare)
    found = [
        recall_score(
            truth, quick(max_iter=20, class_weight=weight).fit(train, labels).predict(test)
        )
        for weight in (None, "balanced", {True: 12.0})
    ]
    assert min(found[1:]) > found[0] + 0.2


def test_a_custom_validation_set_decides_when_to_stop():
    net = quick().fit(TRAIN, y_train, X_val=VALID, y_val=y_valid)
    assert len(net.validation_loss_curve_) == net.n_iter_
    again = quick().fit(TRAIN, y_train, X_val=VALID[::-1], y_val=y_valid[::-1])
    assert again.validation_scores_ == pytest.approx(net.validation_scores_)
    heavy = np.where(y_valid == 1, 5.0, 1.0)
    other = quick().fit(TRAIN, y_train, None, VALID, y_valid, heavy)
    assert other.validation_loss_curve_ != net.validation_loss_curve_


def test_a_validation_set_goes_through_the_steps_of_a_pipeline():
    with sklearn.config_context(enable_metadata_routing=True):
        net = quick(encoder="passthrough").set_fit_request(X_val=True, y_val=True)
        steps = [("scale", StandardScaler()), ("net", net)]
        pipeline = Pipeline(steps, transform_input=["X_val"])
        pipeline.fit(TRAIN, y_train, X_val=VALID, y_val=y_valid)
    scaler = StandardScaler().fit(TRAIN)
    by_hand = quick(encoder="passthrough").fit(
        scaler.transform(TRAIN), y_train, X_val=scaler.transform(VALID), y_val=y_valid
    )
    assert pipeline[-1].validation_loss_curve_ == by_hand.validation_loss_curve_


def test_the_validation_loss_has_a_curve_beside_the_training_loss():
    net = quick(n_members=1).fit(X, y)
    assert len(net.loss_curve_) == len(net.validation_loss_curve_) == net.n_iter_
    assert net.best_iter_ == np.argmin(net.validation_loss_curve_) + 1


def test_dropout_is_for_training_only():
    net = quick(dropout=0.5, input_dropout=0.2).fit(X, y)
    np.testing.assert_array_equal(net.predict_proba(X), net.predict_proba(X))
    assert net.loss_curve_ != quick(dropout=0, input_dropout=0).fit(X, y).loss_curve_


def test_each_layer_has_an_activation_of_its_own():
    net = quick(
        hidden_layer_sizes=(8, 6), activation=["tanh", "silu"], n_members=1, dtype="float64"
    )
    net.set_params(encoder="passthrough").fit(X / X.max(axis=0), y)
    hidden = np.tanh(X / X.max(axis=0) @ net.coefs_[0] + net.intercepts_[0])
    z = hidden @ net.coefs_[1] + net.intercepts_[1]
    logits = (z * expit(z)) @ net.coefs_[2] + net.intercepts_[2]
    expected = expit(logits[:, 0] / net.temperature_)
    np.testing.assert_allclose(net.predict_proba(X / X.max(axis=0))[:, 1], expected, rtol=1e-9)


def swish(z):
    return z * expit(z)


def swish_and_slope(z):
    s = expit(z)
    return z * s, s + z * s * (1 - s)


def twice_the_slope(z):
    return swish(z), 2 * swish_and_slope(z)[1]


@pytest.mark.parametrize("activation", [swish_and_slope, (swish, lambda z: swish_and_slope(z)[1])])
def test_a_custom_activation_is_used_and_checked(activation):
    float64 = {"dtype": "float64", "init": "he_normal"}
    ours = quick(activation=activation, **float64).fit(X, y)
    theirs = quick(activation="silu", **float64).fit(X, y)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-6)
    with pytest.raises(ValueError, match=r"slope of activation .* is wrong"):
        quick(activation=twice_the_slope).fit(X, y)
    with pytest.raises(ValueError, match=r"slope of activation .* is wrong"):
        quick(hidden_layer_sizes=(8, 8), activation=["relu", twice_the_slope]).fit(X, y)


def test_an_activation_without_a_slope_is_differentiated_numerically():
    float64 = {"dtype": "float64", "init": "he_normal"}
    ours = clone(quick(activation=swish, **float64)).fit(X, y)
    theirs = quick(activation="silu", **float64).fit(X, y)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-4)
    again = pickle.loads(pickle.dumps(ours))
    np.testing.assert_array_equal(again.predict_proba(X), ours.predict_proba(X))


def cross_entropy(logits, targets):
    return np.logaddexp(0, logits[:, 0]) - (targets * logits)[:, 0], expit(logits) - targets


def focal(logits, targets, gamma=2.0):
    """Lin et al., 2017, https://arxiv.org/abs/1708.02002; without its gradient."""
    sign = 2 * targets - 1
    log_p = -np.logaddexp(0, -sign * logits)
    return -(((1 - np.exp(log_p)) ** gamma) * log_p)[:, 0]


def wrong(logits, targets):
    values, gradients = cross_entropy(logits, targets)
    return values, -gradients


def test_a_custom_loss_is_minimized_and_checked():
    kwargs = {"dtype": "float64", "label_smoothing": 0.05}
    ours = quick(loss=cross_entropy, **kwargs).fit(X, y)
    theirs = quick(**kwargs).fit(X, y)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-6)
    with pytest.raises(ValueError, match=r"gradient of loss .* is wrong"):
        quick(loss=wrong).fit(X, y)


@pytest.mark.parametrize("solver", ["adamw", "lbfgs"])
def test_a_loss_without_a_gradient_is_differentiated_numerically(solver):
    net = quick(loss=focal, solver=solver, max_iter=40).fit(TRAIN, y_train)
    assert net.score(VALID, y_valid) > 0.93
    assert net.loss_curve_[-1] < net.loss_curve_[0]


def test_partial_fit_counts_epochs_and_rows():
    net = quick()
    for _ in range(5):
        net.partial_fit(X, y, classes=[0, 1])
    assert net.n_iter_ == len(net.loss_curve_) == 5
    assert net.t_ == 5 * len(y)
    assert net.fit(X, y).partial_fit(X, y).n_iter_ == 7  # early stopping does not forbid it


def test_partial_fit_takes_several_labels_a_row():
    rows, labels = make_multilabel_classification(300, random_state=0)
    net = quick(hidden_layer_sizes=(32,), learning_rate_init=0.01)
    for _ in range(60):
        net.partial_fit(rows, labels, classes=range(5))
    assert net.predict(rows).shape == labels.shape
    assert (net.predict(rows) == labels).mean() > 0.9


def test_partial_fit_keeps_the_encoder_of_the_first_call_unless_it_is_told_otherwise():
    net = quick(encoder=StandardScaler()).partial_fit(X[:200], y[:200], classes=[0, 1])
    first = net.encoder_.mean_
    net.partial_fit(X[200:], y[200:])
    np.testing.assert_array_equal(net.encoder_.mean_, first)
    net.partial_fit(X[200:], y[200:], refit_encoder=True)
    np.testing.assert_allclose(net.encoder_.mean_, X[200:].mean(axis=0))


def test_threads_are_limited_while_training_and_given_back():
    before = [info["num_threads"] for info in threadpool_info()]
    during = []

    def look(estimator, rows, truth):
        during.append(max(i["num_threads"] for i in threadpool_info() if i["user_api"] == "blas"))
        return 0.5

    one = quick(n_jobs=1, scoring=look).fit(X, y)
    assert set(during) == {1}
    assert [info["num_threads"] for info in threadpool_info()] == before
    two = quick(n_jobs=2, scoring=look).fit(X, y)
    np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))


def test_networks_train_side_by_side_in_threads_of_ones_own():
    nets = [quick(random_state=seed) for seed in range(3)]
    threads = [Thread(target=net.fit, args=(X, y)) for net in nets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed, net in enumerate(nets):
        expected = quick(random_state=seed).fit(X, y).predict_proba(X)
        np.testing.assert_array_equal(net.predict_proba(X), expected)


def test_prediction_takes_bounded_memory():
    net = quick(hidden_layer_sizes=(256,), n_members=4).fit(X, y)
    peaks = []
    for times in (20, 80):
        rows = np.tile(X, (times, 1))
        tracemalloc.start()
        net.predict(rows)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # 45,520 rows x 256 units x 4 members in float32 would be 186 MB.
    assert peaks[1] < peaks[0] + 30e6


def test_sample_weight_is_an_argument_of_fit_and_equals_repetition():
    times = np.random.default_rng(0).integers(0, 3, len(y))
    weighted = quick().fit(X, y, sample_weight=times).predict_proba(X)
    repeated = quick().fit(np.repeat(X, times, axis=0), np.repeat(y, times)).predict_proba(X)
    np.testing.assert_array_equal(weighted, repeated)


def test_groups_are_never_on_both_sides_of_a_members_split():
    groups = np.random.default_rng(0).integers(0, 30, len(y))
    seen = []

    class Spy(GroupKFold):
        def split(self, *args):
            for train, test in super().split(*args):
                seen.append((train, test))
                yield train, test

    net = quick(cv=Spy(3), store_oof=True, encoder="passthrough", refit_fraction=0)
    with sklearn.config_context(enable_metadata_routing=True):
        net.set_fit_request(groups=True)
        pipeline = make_pipeline(StandardScaler(), net).fit(X, y, groups=groups)
    assert len(seen) == 3
    for train, test in seen:
        assert not set(groups[train]) & set(groups[test])
    fitted = pipeline[-1]
    scaled = pipeline[0].transform(X)
    members = fitted.predict_proba_members(scaled)
    assert len(members) == 3
    # A member's own held-out rows are those of its split, and of no other group.
    for member, (_, test) in zip(members, seen, strict=True):
        log_odds = [np.log(p[:, 1] / p[:, 0]) for p in (member[test], fitted.oof_proba_[test])]
        ratio = log_odds[0] / log_odds[1]
        np.testing.assert_allclose(ratio, np.median(ratio), rtol=1e-3)  # temperatures differ


LABELS = np.array(["ham", "spam"])[y]
KINDS = {
    "int8": (y.astype(np.int8), np.int8),
    "float32": (y.astype(np.float32), np.float32),
    "bool": (y.astype(bool), np.bool_),
    "str": (LABELS, LABELS.dtype),
    "object": (LABELS.astype(object), object),
    "pandas string": (pd.Series(LABELS, dtype="string"), object),
    "pandas object": (pd.Series(LABELS, dtype=object), object),
    "pandas category": (pd.Series(LABELS, dtype="category"), object),
    "pandas category of integers": (pd.Series(y, dtype="category"), np.int64),
    "pandas boolean": (pd.Series(y.astype(bool), dtype="boolean"), np.bool_),
    "pandas Int64": (pd.Series(y, dtype="Int64"), np.int64),
    "polars string": (pl.Series(LABELS), LABELS.dtype),
}


@pytest.mark.parametrize("kind", KINDS)
def test_predicted_labels_have_the_type_of_y(kind):
    labels, dtype = KINDS[kind]
    net = quick().fit(X, labels)
    guess = net.predict(X)
    assert guess.dtype == net.classes_.dtype == dtype
    assert (guess == np.asarray(labels)).mean() > 0.8
    assert net.score(X, labels) > 0.8
    net.partial_fit(X, labels)
    assert net.predict(X[:5]).dtype == dtype


def test_columns_of_a_frame_are_remembered_by_name():
    net = quick().fit(FRAME, y)
    assert net.feature_names_in_.tolist() == FRAME.columns.tolist()
    with pytest.raises(ValueError, match="feature names should match"):
        net.predict(FRAME[FRAME.columns[::-1]])


def test_a_network_for_each_group_of_a_frame():
    table = FRAME.assign(label=y, site=np.arange(len(y)) % 3)

    def fit(rows):
        return quick().fit(rows[FRAME.columns], rows["label"])

    nets = table.groupby("site")[[*FRAME.columns, "label"]].apply(fit)
    assert nets.index.tolist() == [0, 1, 2]
    for site, rows in table.groupby("site"):
        expected = quick().fit(FRAME.loc[rows.index], y[rows.index])
        np.testing.assert_array_equal(
            nets[site].predict_proba(FRAME), expected.predict_proba(FRAME)
        )


def test_polars_frames_give_the_same_results_as_pandas():
    frame = FRAME[["c0", "c1"]].assign(kind=np.where(y ^ (X[:, 3] > 600), "a", "b"))
    polars = pl.DataFrame({name: frame[name].to_numpy() for name in frame})
    from_pandas = quick().fit(frame, y)
    from_polars = quick().fit(polars, pl.Series(y))
    expected = from_pandas.predict_proba(frame)
    np.testing.assert_array_equal(from_polars.predict_proba(polars), expected)
    assert from_polars.feature_names_in_.tolist() == ["c0", "c1", "kind"]


def test_missing_values_in_numeric_columns_are_accepted():
    gaps = np.where(np.random.default_rng(0).random(X.shape) < 0.2, np.nan, X)
    assert quick(max_iter=20).fit(gaps, y).score(gaps, y) > 0.9


def test_the_pickle_holds_parameters_but_no_rows_and_no_optimizer():
    small = quick(encoder="passthrough").fit(X / 9999, y)
    large = clone(small).fit(
        np.tile(X, (30, 1)) + np.arange(30 * len(y))[:, None] % 7 / 9, np.tile(y, 30)
    )
    sizes = [len(pickle.dumps(net)) for net in (small, large)]
    assert sizes[1] < sizes[0] + 10_000 < 100_000


def test_a_fixed_number_of_epochs_is_no_failure_to_converge():
    # Warnings are errors in these tests.
    assert quick(early_stopping=False, max_iter=3).fit(X, y).n_iter_ == 3
    iris = load_iris(return_X_y=True)
    assert quick(early_stopping=False, max_iter=3, learning_rate="onecycle").fit(*iris).n_iter_ == 3
