"""Columns of sparse rows: those without entries in training cost nothing and change nothing."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from numpy.testing import assert_array_equal

from skdnn import DeepNetClassifier, TableEncoder, integrated_gradients

N_COLUMNS = 40


def wide(n_rows=30, seed=0):
    """Return rows with entries in some columns, and these columns; one has a stored zero."""
    rng = np.random.default_rng(seed)
    used = np.array([3, 4, 11, 20, 39])
    dense = np.zeros((n_rows, N_COLUMNS))
    dense[:, used] = rng.poisson(1, (n_rows, 5)) * rng.random((n_rows, 5))
    X = sp.csr_array(dense).tolil()
    X[0, 7] = 1.0
    X = X.tocsr()
    X.data[X.indices == 7] = 0.0
    return sp.csr_array(X), used


X, USED = wide()
Y = (X.toarray()[:, 3] > 0.2).astype(int)
QUICK = {"hidden_layer_sizes": (8,), "max_iter": 5, "n_members": 2, "random_state": 0}


def test_rows_are_those_of_the_table_without_these_columns():
    encoder, narrow = TableEncoder().fit(X), TableEncoder().fit(X[:, USED])
    new = sp.csr_array(np.random.default_rng(1).poisson(1, (20, N_COLUMNS)))
    out = encoder.transform(new)
    assert out.format == "csr"
    assert out.shape == (20, len(USED))
    assert out.has_canonical_format
    assert_array_equal(out.toarray(), narrow.transform(new[:, USED]).toarray())
    for rows in (new.tocsc(), new.tocoo(), new.toarray(), pd.DataFrame(new.toarray())):
        encoded = encoder.transform(rows)
        encoded = encoded.toarray() if sp.issparse(encoded) else encoded
        assert_array_equal(encoded, out.toarray())


def test_names_origins_and_reasons_agree():
    encoder = TableEncoder().fit(X)
    ignored = [f"x{n}" for n in range(N_COLUMNS) if n not in USED]
    assert encoder.get_feature_names_out().tolist() == [f"x{n}" for n in USED]
    assert_array_equal(encoder.feature_origins(), USED)
    assert encoder.typical_row().shape == (1, len(USED))
    assert list(encoder.ignored_columns_) == ignored
    assert encoder.ignored_columns_ == dict.fromkeys(ignored, "no entries")
    assert dict(encoder.ignored_columns_) == dict.fromkeys(ignored, "no entries")
    assert encoder.ignored_columns_["x7"] == "no entries"
    assert "x3" not in encoder.ignored_columns_
    assert repr(encoder.ignored_columns_) == "{35 columns: 'no entries'}"
    assert pickle.loads(pickle.dumps(encoder)).ignored_columns_ == encoder.ignored_columns_


def test_names_that_are_given_later_are_used():
    given = [f"word {n}" for n in range(N_COLUMNS)]
    names = TableEncoder().fit(X).get_feature_names_out(given)
    assert names.tolist() == [f"word {n}" for n in USED]


def test_a_matrix_without_entries_keeps_one_column():
    encoder = TableEncoder().fit(sp.csr_array((5, 9)))
    assert encoder.transform(sp.csr_array(np.ones((2, 9)))).shape == (2, 1)
    assert len(encoder.ignored_columns_) == 8


def test_entries_are_divided_by_the_largest_and_of_wide_tables_are_larger_where_they_are_few():
    tall = np.array([[4.0, 0, 0], [2, 0, -8], [1, 0, 4], [1, 5, 0]])
    scaled = TableEncoder().fit_transform(sp.csr_array(tall)).toarray()
    assert_array_equal(scaled, (tall / [4, 5, 8]).astype(np.float32))
    wide = sp.csr_array(np.tile(tall, 2))
    rarity = np.tile([1.0, 1 / 4, 1 / 2], 2) ** 0.25
    expected = (wide.toarray() / np.tile([4, 5, 8], 2) / rarity).astype(np.float32)
    assert_array_equal(TableEncoder().fit_transform(wide).toarray(), expected)
    # In partial_fit, columns without entries may have some later.
    whole = TableEncoder(drop_constants=False).fit_transform(wide).toarray()
    assert_array_equal(whole, (wide.toarray() / np.tile([4, 5, 8], 2)).astype(np.float32))
    # Once and three times the first row; and a row of nearly no weight.
    least = TableEncoder().fit(wide, sample_weight=[1, 1, 1, 1e-14]).transform(wide).toarray()
    assert least[3, 1] == pytest.approx(1000)
    weighted = TableEncoder().fit(wide, sample_weight=[3, 1, 1, 1])
    again = TableEncoder().fit(wide[[0, 0, 0, 1, 2, 3]])
    assert_array_equal(weighted.transform(wide).toarray(), again.transform(wide).toarray())


def test_all_columns_can_be_kept():
    encoder = TableEncoder(drop_constants=False).fit(X)
    assert encoder.transform(X).shape == X.shape
    assert encoder.ignored_columns_ == {}


def test_a_network_is_that_of_the_table_without_these_columns_to_the_bit():
    net, narrow = (
        DeepNetClassifier(**QUICK).fit(X, Y),
        DeepNetClassifier(**QUICK).fit(X[:, USED], Y),
    )
    new = sp.csr_array(np.random.default_rng(1).poisson(1, (20, N_COLUMNS)))
    expected = narrow.predict_proba(new[:, USED])
    assert_array_equal(net.predict_proba(new), expected)
    assert_array_equal(
        net.predict_proba(new.toarray()), narrow.predict_proba(new.toarray()[:, USED])
    )
    assert net.coefs_[0].shape[-2] == len(USED)
    for one, other in zip(net.coefs_, narrow.coefs_, strict=True):
        assert_array_equal(one, other)


def test_a_network_says_how_many_columns_it_ignores_and_attributes_nothing_to_them():
    net = DeepNetClassifier(**QUICK).fit(X, Y)
    assert "40 columns -> 5 inputs" in str(net.summary())
    assert "x0 (no entries)" in str(net.summary())
    assert set(net.summary().ignored_columns.values()) == {"no entries"}
    found = integrated_gradients(net, X[:6])
    assert found.values.shape == (6, N_COLUMNS)
    others = np.setdiff1d(np.arange(N_COLUMNS), USED)
    assert not found.values[:, others].any()
    assert found.values[:, USED].any()
    narrow = integrated_gradients(DeepNetClassifier(**QUICK).fit(X[:, USED], Y), X[:6, USED])
    assert_array_equal(found.values[:, USED], narrow.values)


@pytest.mark.parametrize("n_columns", [2**12, 2**20])
def test_a_million_columns_are_counted_and_not_listed(n_columns):
    rng = np.random.default_rng(0)
    places = np.repeat(np.arange(40), 5), rng.integers(0, n_columns, 200)
    rows = sp.csr_array((np.ones(200), places), shape=(40, n_columns))
    net = DeepNetClassifier(**QUICK).fit(rows, np.arange(40) % 2)
    n_used = len(np.unique(places[1]))
    assert f"ignored: {n_columns - n_used:,} columns (no entries)" in str(net.summary())
    assert len(pickle.dumps(net)) < 2**17


def test_partial_fit_learns_from_columns_whose_entries_come_later():
    first, later = X.toarray(), np.zeros((200, N_COLUMNS))
    first[:, 30] = 0
    later[::2, 30] = 1.0
    net = DeepNetClassifier((8,), n_members=2, learning_rate_init=0.05, random_state=0)
    net.partial_fit(sp.csr_array(first), Y, classes=[0, 1])
    for _ in range(20):
        net.partial_fit(sp.csr_array(later), np.arange(200) % 2)
    assert net.score(sp.csr_array(later), np.arange(200) % 2) == 1
