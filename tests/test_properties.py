"""What is true of any table and any small network, to the last bit where nothing else is said."""

import multiprocessing
import pickle
import tempfile
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_tables import KINDS, LABELS, NUMBERS, parameters, tables
from sklearn.base import clone

from skdnn import DeepNetClassifier, TableEncoder

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),  # all that these tables give reason for
]


def assert_same(ours, theirs, X):
    """Check that two networks are the same in what they predict and in what they learnt."""
    for name in ("predict_proba", "decision_function", "predict_proba_members"):
        np.testing.assert_array_equal(getattr(ours, name)(X), getattr(theirs, name)(X))
    assert ours.temperature_ == theirs.temperature_
    np.testing.assert_array_equal(ours.best_iter_, theirs.best_iter_)


def assert_sane(net, X):
    proba = net.predict_proba(X)
    assert (proba >= 0).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-12)
    assert np.isfinite(net.predict_log_proba(X)).all()
    assert np.isfinite(net.decision_function(X)).all()
    assert np.isin(net.predict(X), net.classes_).all()


@given(tables(), parameters())
def test_the_order_of_the_rows_does_not_matter(table, params):
    X, y, rng = table
    weights, order = (
        rng.random(len(y)) * 10.0 ** rng.integers(-3, 3, len(y)),
        rng.permutation(len(y)),
    )
    ours = DeepNetClassifier(**params).fit(X, y, weights)
    theirs = DeepNetClassifier(**params).fit(X.iloc[order], y[order], weights[order])
    assert_same(ours, theirs, X)


@given(tables(), parameters())
def test_an_integer_weight_is_a_repeated_row(table, params):
    X, y, rng = table
    weights = rng.integers(0, 5, len(y))
    weights[: y.max() + 1] += 1  # every class is left
    many = rng.permutation(np.repeat(np.arange(len(y)), weights))
    weighted = DeepNetClassifier(**params).fit(X, y, weights)
    repeated = DeepNetClassifier(**params).fit(X.iloc[many], y[many])
    assert_same(weighted, repeated, X)


@given(tables(), parameters())
def test_fitting_again_and_fitting_a_clone_give_the_same_and_change_no_argument(table, params):
    X, y, _ = table
    before = X.copy(), y.copy()
    net = DeepNetClassifier(**params).fit(X, y)
    other = clone(net).fit(X, y)
    assert_same(net, other, X)
    assert_same(net.fit(X[::-1], y[::-1]).fit(X, y), other, X)
    pd.testing.assert_frame_equal(X, before[0])
    np.testing.assert_array_equal(y, before[1])
    assert net.get_params() == DeepNetClassifier(**params).get_params()


@given(tables(), parameters(), st.sampled_from(LABELS))
def test_classes_are_only_ranks(table, params, names):
    X, y, _ = table
    if isinstance(params["class_weight"], dict):
        params["class_weight"] = None
    plain = DeepNetClassifier(**params).fit(X, y)
    named = DeepNetClassifier(**params).fit(X, names[y])
    assert_same(plain, named, X)
    np.testing.assert_array_equal(named.predict(X), names[plain.predict(X)])
    assert named.classes_.tolist() == names[: y.max() + 1].tolist()


@given(tables(NUMBERS[:2] + NUMBERS[4:]), parameters(), st.integers(-100, 100))
def test_a_power_of_2_times_a_column_of_numbers_changes_nothing(table, params, exponent):
    X, y, _ = table
    scaled = X * 2.0**exponent
    ours = DeepNetClassifier(**params).fit(X, y)
    theirs = DeepNetClassifier(**params).fit(scaled, y)
    for name in ("predict_proba", "decision_function"):
        np.testing.assert_array_equal(getattr(theirs, name)(scaled), getattr(ours, name)(X))


@given(tables([kind for kind in KINDS if kind not in ("constant", "missing")], min_columns=2))
def test_shuffled_and_repeated_columns_are_encoded_as_they_are_alone(table):
    X, y, rng = table
    encoder = TableEncoder(n_bins=5).fit(X, y)
    order = rng.permutation(X.columns)
    shuffled = TableEncoder(n_bins=5).fit(X[order], y)
    twice = X.join(X.add_prefix("again_"))
    repeated = TableEncoder(n_bins=5).fit(twice, y)
    alone = by_name(encoder, X)
    assert by_name(shuffled, X[order]).keys() == alone.keys()
    found = by_name(repeated, twice)
    assert found.keys() == alone.keys() | {f"again_{name}" for name in alone}
    known = X.notna().all(axis=1).to_numpy()  # estimates depend on the other columns
    for name, column in alone.items():
        in_order = by_name(shuffled, X[order])[name]
        np.testing.assert_allclose(in_order, column, rtol=0, atol=1e-5)
        np.testing.assert_array_equal(in_order[known], column[known])
        np.testing.assert_array_equal(found[name][known], column[known])
        np.testing.assert_array_equal(found[f"again_{name}"][known], column[known])


def by_name(encoder, X):
    return dict(zip(encoder.get_feature_names_out(), encoder.transform(X).T, strict=True))


@given(tables([*NUMBERS, "strings", "dates"], min_columns=2))
def test_logistic_regression_finds_the_same_for_shuffled_columns(table):
    X, y, rng = table
    order = rng.permutation(X.columns)
    params = {"n_members": 1, "early_stopping": False, "dtype": "float64", "max_iter": 1000}
    net = DeepNetClassifier((), solver="lbfgs", alpha=10.0, tol=1e-9, **params)
    plain, shuffled = clone(net).fit(X, y), clone(net).fit(X[order], y)
    np.testing.assert_allclose(shuffled.predict_proba(X[order]), plain.predict_proba(X), atol=1e-3)


def unlike_before(X, rng):
    """Return rows with cells of X in other rows, others missing, and numbers of any size."""
    columns = {}
    for name, column in X.items():
        cells = rng.permutation(column.to_numpy(object, na_value=None))
        cells[rng.random(len(cells)) < 0.3] = None
        columns[name] = pd.Series(
            cells, dtype=object if column.dtype.kind in "bi" else column.dtype
        )
        if column.dtype == np.float64:
            factor = 10.0 ** rng.integers(-300, 300)
            columns[name] = (columns[name] * factor).clip(-1e308, 1e308)
    return pd.DataFrame(columns)


@given(tables(), tables(), parameters())
def test_probabilities_are_finite_and_sum_to_1_also_of_rows_unlike_any_before(table, other, params):
    X, y, _ = table
    net = DeepNetClassifier(**params).fit(X, y)
    assert_sane(net, X)
    assert_sane(net, unlike_before(X, other.rng))


@given(tables(), parameters())
def test_a_row_alone_is_predicted_as_it_is_among_others(table, params):
    X, y, rng = table
    net = DeepNetClassifier(**params).fit(X, y)
    together, row = net.predict_proba(X), int(rng.integers(len(y)))
    np.testing.assert_allclose(net.predict_proba(X.iloc[[row]])[0], together[row], rtol=1e-10)
    order = rng.permutation(len(y))
    np.testing.assert_allclose(net.predict_proba(X.iloc[order]), together[order], rtol=1e-10)


@given(tables(), parameters())
def test_training_may_go_on_on_any_rows(table, params):
    X, y, rng = table
    params = {**params, "warm_start": True, "scoring": None}
    net, order = DeepNetClassifier(**params).fit(X, y), rng.permutation(len(y))
    other = clone(net).fit(X, y)
    assert_same(net.fit(X.iloc[order], y[order]), other.fit(X, y), X)
    if params["solver"] != "lbfgs":
        half = slice(0, len(y) // 2 + 2)
        assert_sane(net.partial_fit(X[half], y[half]), X)


@pytest.fixture(scope="module")
def process():
    """Return another process, started anew."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        yield pool


def predict_there(stored, X):
    return pickle.loads(stored).predict_proba(X)


@given(tables(), parameters())
def test_a_pickle_predicts_the_same_in_another_process(process, table, params):
    X, y, _ = table
    net = DeepNetClassifier(**params).fit(X, y)
    there = process.submit(predict_there, pickle.dumps(net), X).result()
    np.testing.assert_array_equal(there, net.predict_proba(X))


def layouts(X, y):
    """Yield the same rows and labels in arrays of every layout."""
    frozen, labels = X.copy(), y.copy()
    frozen.setflags(write=False)
    labels.setflags(write=False)
    yield frozen, labels
    yield np.asfortranarray(X), y
    yield X.astype(">f8"), y.astype(">i8")
    yield np.repeat(X, 2, axis=0)[::2], np.repeat(y, 2)[::2]
    with tempfile.TemporaryFile() as file:
        mapped = np.memmap(file, np.float64, "w+", shape=X.shape)
        mapped[:] = X
        yield mapped, y


@given(tables(["numbers", "few numbers", "integers"]), parameters())
def test_arrays_of_any_layout_are_trained_on_and_predicted_alike(table, params):
    X, y, _ = table
    plain = np.ascontiguousarray(X.to_numpy(np.float64))
    ours = DeepNetClassifier(**params).fit(plain, y)
    for rows, labels in layouts(plain, y):
        assert_same(DeepNetClassifier(**params).fit(rows, labels), ours, rows)
        np.testing.assert_array_equal(ours.predict_proba(rows), ours.predict_proba(plain))
