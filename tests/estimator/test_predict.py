"""Predictions by blocks of rows: the same as in one go, whoever computes them."""

import copy
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from encoder_tables import people
from scipy.sparse import coo_array, csr_array
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from skdnn import DeepNetClassifier, TableEncoder
from skdnn.estimator.encoder_adapters import block_reader
from skdnn.estimator.fitted_model import fitted_model
from skdnn.estimator.predict import FEWEST_ROWS, MOST_ROWS, predict_blocks, spans_of

QUICK = {"max_iter": 2, "hidden_layer_sizes": (16,), "n_members": 2, "random_state": 0}


def numbers(n_rows, n_columns=5):
    return np.random.default_rng(n_rows).normal(size=(n_rows, n_columns))


def repeated(frame, times=20):
    return pd.concat([frame] * times, ignore_index=True)


@pytest.mark.parametrize("n_rows", [1, 255, 256, 257, 5000, 16 * MOST_ROWS + 1])
def test_blocks_cover_all_rows_once(n_rows):
    rows = np.arange(n_rows)
    spans = spans_of(n_rows)
    np.testing.assert_array_equal(np.concatenate([rows[span] for span in spans]), rows)
    assert max(span.stop - span.start for span in spans) <= MOST_ROWS
    assert all(span.stop - span.start >= FEWEST_ROWS for span in spans[:-1])


@pytest.mark.parametrize("kind", ["pandas", "polars", "objects", "array", "sparse"])
def test_rows_encoded_in_blocks_are_those_encoded_in_one_go(kind):
    X = {
        "pandas": lambda: repeated(people()),
        "polars": lambda: pl.from_pandas(repeated(people())),
        "objects": lambda: repeated(people()).drop(columns="joined").astype(object).to_numpy(),
        "array": lambda: np.where(numbers(480) > 1, np.nan, numbers(480)),
        "sparse": lambda: csr_array(np.maximum(numbers(480), 0)),
    }[kind]()
    encoder = TableEncoder().fit(X)
    read = block_reader(encoder, X, "float32")
    blocks = [read(slice(start, start + 7)) for start in range(0, 480, 7)]
    together = encoder.encode(X)
    if kind == "sparse":
        blocks, together = [block.toarray() for block in blocks], together.toarray()
    np.testing.assert_array_equal(np.concatenate(blocks), together)


@pytest.mark.parametrize("n_rows", [1, 6, 300, 1001, 5000])
@pytest.mark.parametrize("n_members", [1, 3])
def test_neither_n_jobs_nor_the_threads_of_blas_change_a_bit(n_members, n_rows):
    train, X = numbers(200, 600), numbers(n_rows, 600)
    net = DeepNetClassifier(**{**QUICK, "n_members": n_members, "hidden_layer_sizes": (256,)})
    net.fit(train, np.arange(200) % 3)
    expected = net.set_params(n_jobs=1).predict_proba(X)
    for n_jobs, limit in ((2, 1), (None, 1), (1, 2), (None, 2), (3, 2)):
        with threadpool_limits(limit):
            found = net.set_params(n_jobs=n_jobs).predict_proba(X)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("n_rows", [1, 700, 3000])
def test_probabilities_are_those_of_the_parameters_in_another_network(n_rows):
    X, y = numbers(300), np.arange(300) % 3
    net = DeepNetClassifier(**{**QUICK, "n_members": 1}, encoder="passthrough").fit(X, y)
    other = MLPClassifier((16,), max_iter=1, solver="sgd")
    with pytest.warns(UserWarning, match="Maximum iterations"):
        other.fit(X, y)
    other.coefs_ = [weights.astype(float) for weights in net.coefs_]
    other.intercepts_ = [bias.astype(float) for bias in net.intercepts_]
    for layer in (other.coefs_, other.intercepts_):
        layer[-1] /= net.temperature_
    rows = numbers(n_rows)
    np.testing.assert_allclose(net.predict_proba(rows), other.predict_proba(rows), atol=1e-6)


@pytest.mark.parametrize("encoder", ["auto", "passthrough"])
def test_sparse_rows_of_any_format_are_predicted_as_dense_ones(encoder):
    X = np.maximum(numbers(300), 0)
    net = DeepNetClassifier(**QUICK, encoder=encoder).fit(X, np.arange(300) % 2)
    expected = net.predict_proba(X)
    for kind in (csr_array, coo_array):
        np.testing.assert_allclose(net.predict_proba(kind(X)), expected, rtol=1e-9)


@pytest.mark.parametrize("encoder", ["auto", "passthrough"])
@pytest.mark.parametrize(("cell", "word"), [(np.inf, "infinity"), (np.nan, "NaN")])
def test_a_cell_that_is_not_finite_is_found_in_any_block(encoder, cell, word):
    X = numbers(5000)
    net = DeepNetClassifier(**QUICK, encoder=encoder).fit(X[:200], np.arange(200) % 2)
    X[4321, 2] = cell
    if encoder == "auto" and np.isnan(cell):
        assert np.isfinite(net.predict_proba(X)).all()
        return
    for kind in (np.asarray, np.asfortranarray):
        with pytest.raises(ValueError, match=f"Input X contains {word}"):
            net.predict_proba(kind(X))


class Ranks(TransformerMixin, BaseEstimator):
    """A transformer whose rows depend on each other."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return X.argsort(axis=0).argsort(axis=0) / len(X)


def test_a_transformer_of_ones_own_sees_all_rows_at_once():
    X = numbers(3000)
    net = DeepNetClassifier(**QUICK, encoder=Ranks()).fit(X[:200], np.arange(200) % 2)
    plain = DeepNetClassifier(**QUICK, encoder="passthrough")
    plain.fit(Ranks().transform(X[:200]), np.arange(200) % 2)
    expected = plain.predict_proba(Ranks().transform(X))
    np.testing.assert_array_equal(net.predict_proba(X), expected)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_a_copy_predicts_the_same_bits(copied):
    net = DeepNetClassifier(**QUICK).fit(people(), np.arange(24) % 2)
    frame = repeated(people(), 60)
    np.testing.assert_array_equal(copied(net).predict_proba(frame), net.predict_proba(frame))
    np.testing.assert_array_equal(
        copied(net).predict_proba(frame[:1]), net.predict_proba(frame[:1])
    )


def test_a_pickle_holds_the_parameters_once():
    X, y = numbers(100, 50), np.arange(100) % 2
    net = DeepNetClassifier(**{**QUICK, "hidden_layer_sizes": (200, 200)}).fit(X, y)
    n_parameters = sum(array.size for array in (*net.coefs_, *net.intercepts_))
    assert len(pickle.dumps(net)) < 4 * n_parameters + 20_000


def test_predicting_rebinds_no_attribute():
    net = DeepNetClassifier(**QUICK).fit(people(), np.arange(24) % 2)
    before, encoder_before = dict(vars(net)), dict(vars(net.encoder_))
    for rows in (people(), people()[:1], repeated(people(), 60)):
        net.predict_proba(rows)
        net.predict(rows)
    for now, then in ((vars(net), before), (vars(net.encoder_), encoder_before)):
        assert now.keys() == then.keys()
        assert all(now[name] is then[name] for name in then)


def test_predictions_follow_further_training():
    X, y = numbers(200), np.arange(200) % 2
    net = DeepNetClassifier(**QUICK).partial_fit(X, y, classes=[0, 1])
    first = net.predict_proba(X[:5])
    assert (net.partial_fit(X, y).predict_proba(X[:5]) != first).any()
    first = net.predict_proba(X[:5])
    assert (net.set_params(warm_start=True).fit(X, y).predict_proba(X[:5]) != first).any()


def test_weights_that_were_learnt_cannot_be_changed_halfway():
    net = DeepNetClassifier(**QUICK).fit(numbers(50), np.arange(50) % 2)
    for array in (*net.coefs_, *net.intercepts_):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_a_frame_where_arrays_were_seen_warns_once():
    X = numbers(50)
    net = DeepNetClassifier(**QUICK).fit(X, np.arange(50) % 2)
    with pytest.warns(UserWarning, match="without feature names") as caught:
        net.predict_proba(pd.DataFrame(X).add_prefix("c"))
    assert len(caught) == 1


def test_training_during_a_prediction_does_not_mix_old_and_new():
    X = numbers(3 * MOST_ROWS)
    y = (X[:, 0] > 0).astype(int)
    net = DeepNetClassifier(**QUICK).fit(X, y)
    expected = predict_blocks(fitted_model(net), 1, X, first_member, np.empty((len(X), 1)))

    def train_meanwhile(logits, weights):
        net.partial_fit(X[:100], y[:100])
        return first_member(logits, weights)

    before = fitted_model(net)
    mixed = predict_blocks(before, 1, X, train_meanwhile, np.empty((len(X), 1)))
    np.testing.assert_array_equal(mixed, expected)
    later = predict_blocks(fitted_model(net), 1, X, first_member, np.empty((len(X), 1)))
    assert not np.array_equal(later, expected)


def first_member(logits, weights):
    return logits[0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("later", [np.asarray, pd.DataFrame])
def test_a_model_of_sparse_rows_takes_dense_ones_as_well(later, dtype):
    X = np.maximum(numbers(200), 0)
    y = (X[:, 0] > 0).astype(int)
    net = DeepNetClassifier(**QUICK, dtype=dtype).partial_fit(csr_array(X), y, classes=[0, 1])
    expected = net.predict_proba(csr_array(X))
    np.testing.assert_allclose(net.predict_proba(later(X)), expected, rtol=1e-5)
    net.partial_fit(later(X), y)
    assert np.isfinite(net.predict_proba(X)).all()
