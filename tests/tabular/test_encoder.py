"""TableEncoder as a whole: checks, weights, the fitted encoder, sparse and public data."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from encoder_tables import people, squash
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from public_data import public_path
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdnn import TableEncoder


@parametrize_with_checks([TableEncoder(), TableEncoder(max_categories=3, dtype="float64")])
def test_every_check_of_scikit_learn_passes(estimator, check):
    check(estimator)


# Weights, order, libraries


def table_of(rows):
    number, text, hours = zip(*rows, strict=True)
    return pd.DataFrame(
        {
            "number": np.array(number, float),
            "text": pd.Series(text, dtype=object),
            "time": np.datetime64("2024-01-01T00") + np.array(hours, "m8[h]"),
        }
    )


ROWS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)),
        st.sampled_from(["a", "b", "c", None, 1, 1.0, True]),
        st.integers(0, 3000),
    ),
    min_size=1,
    max_size=12,
)
SMALL = TableEncoder(max_categories=2, min_frequency=0.2)


def encodings(X, new, **fit_params):
    encoder = SMALL.fit(X, **fit_params)
    return encoder.transform(new), encoder.get_feature_names_out().tolist()


def assert_same_bits(one, other):
    assert one[1] == other[1]
    assert_array_equal(one[0].view(np.uint32), other[0].view(np.uint32))


@settings(deadline=None, max_examples=60, derandomize=True)
@given(ROWS, st.data(), st.sampled_from([1.0, 0.25, 0.1]))
def test_weights_equal_repeated_rows_bit_for_bit_in_any_order(rows, data, unit):
    counts = data.draw(st.lists(st.integers(0, 4), min_size=len(rows), max_size=len(rows)))
    counts[0] += 1
    X = table_of(rows)
    repeated = np.repeat(np.arange(len(rows)), counts)
    repeated = np.array(data.draw(st.permutations(repeated.tolist())))
    again = X.iloc[repeated]
    weighted = encodings(X, again, sample_weight=unit * np.array(counts))
    assert_same_bits(weighted, encodings(again, again))
    units = np.full(len(repeated), unit)
    assert_same_bits(weighted, encodings(again, again, sample_weight=units))


def test_rows_of_weight_0_are_as_if_absent():
    frame = people()
    weights = np.arange(len(frame)) % 3
    some, others = frame[weights > 0], TableEncoder().fit(frame, sample_weight=weights)
    one = TableEncoder().fit(some, sample_weight=weights[weights > 0])
    assert_array_equal(one.transform(frame), others.transform(frame))
    assert one.get_feature_names_out().tolist() == others.get_feature_names_out().tolist()


# The fitted encoder


def test_transform_is_the_expansion_of_encode():
    frame = people()
    encoder = TableEncoder().fit(frame)
    rows, matrix = encoder.encode(frame), encoder.transform(frame)
    assert rows.flags.c_contiguous
    assert rows.shape[1] == encoder.expansion_.n_inputs < matrix.shape[1]
    assert_array_equal(matrix, encoder.expansion_(rows))
    codes = rows[:, -len(encoder.expansion_.n_categories) :]
    assert_array_equal(codes, np.round(codes))
    assert len(encoder.get_feature_names_out()) == matrix.shape[1]


@pytest.mark.parametrize("n_bins", [0, 2, 16])
def test_bins_do_not_count_among_the_inputs_that_choose_the_layers(n_bins):
    frame = people()
    expansion = TableEncoder(n_bins=n_bins).fit(frame).expansion_
    without_bins = TableEncoder(n_bins=0).fit_transform(frame)
    assert expansion.n_outputs_without_bins == without_bins.shape[1]


def test_names_tell_what_became_of_each_column():
    encoder = TableEncoder(n_bins=3).fit(people())
    binned = ["age", "height", "visits", "score", "stay", "joined_time"]
    binned += ["joined_month", "joined_day", "joined_weekday", "joined_hour"]
    assert encoder.get_feature_names_out().tolist() == [
        *["age", "height", "member", "visits", "score", "stay"],
        *["joined_time", "joined_month", "joined_day", "joined_weekday", "joined_hour"],
        *["height_missing", "visits_missing", "joined_missing"],
        *[f"{name}_bin{bin}" for name in binned for bin in (1, 2, 3)],
        *[f"sex_{level}" for level in encoder.categories_["sex"]],
        *[f"town_{level}" for level in encoder.categories_["town"]],
        *[f"note_{level}" for level in encoder.categories_["note"]],
    ]
    assert set(encoder.categories_["town"]) == {"Rome", "Oslo", "Bonn", "missing"}


def test_columns_with_names_that_are_no_strings_work():
    encoder = TableEncoder(n_bins=0).fit(pd.DataFrame({3: [1, 2, 3], 7: list("aab")}))
    assert encoder.get_feature_names_out().tolist() == ["x0", "x1_a", "x1_b"]
    named = encoder.get_feature_names_out(["age", "sex"]).tolist()
    assert named == ["age", "sex_a", "sex_b"]


def test_set_output_names_the_columns():
    frame = people()
    out = TableEncoder().set_output(transform="pandas").fit_transform(frame)
    assert "town_Rome" in out
    assert out.index.equals(frame.index)


def test_it_serves_inside_a_column_transformer():
    frame = people()
    numbers = make_column_selector(dtype_include="number")
    out = make_column_transformer((TableEncoder(), numbers)).fit_transform(frame)
    assert np.isfinite(out).all()


def test_a_pickle_is_small_and_encodes_alike():
    n = 2000
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=n), "id": range(n), "k": rng.integers(0, n // 9, n)})
    X = X.astype({"id": "str", "k": "category"})
    encoder = TableEncoder().fit(X)
    pickled = pickle.dumps(encoder)
    assert len(pickled) < 4000
    assert_array_equal(pickle.loads(pickled).transform(X), encoder.transform(X))


def test_skops_needs_to_trust_only_our_own_types():
    io = pytest.importorskip("skops.io")
    frame = people()
    encoder = TableEncoder().fit(frame)
    dumped = io.dumps(encoder)
    untrusted = io.get_untrusted_types(data=dumped)
    assert all(name.startswith("skdnn.") for name in untrusted)
    assert_array_equal(
        io.loads(dumped, trusted=untrusted).transform(frame), encoder.transform(frame)
    )


def test_threads_may_share_an_encoder():
    frame = people()
    encoder = TableEncoder().fit(frame)
    before = pickle.dumps(encoder)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(encoder.transform, [frame] * 16))
    assert all((result == results[0]).all() for result in results)
    assert pickle.dumps(encoder) == before


def test_weights_of_any_size_count_alike():
    frame = people()
    weights = np.arange(len(frame)) % 4
    one = TableEncoder().fit(frame, sample_weight=weights).transform(frame)
    for power in (-1070, 1020):
        scaled = np.ldexp(weights.astype(float), power)
        other = TableEncoder().fit(frame, sample_weight=scaled).transform(frame)
        assert_array_equal(one, other)


def test_one_row_is_encoded_as_among_many():
    frame = people()
    encoder = TableEncoder().fit(frame)
    rows = [encoder.transform(frame.iloc[[i]]) for i in range(len(frame))]
    assert_array_equal(np.vstack(rows), encoder.transform(frame))


def test_a_large_array_is_encoded_as_its_columns_are(monkeypatch):
    monkeypatch.setattr("skdnn.tabular.dataframes.TILE", 10)
    X = np.random.default_rng(0).normal(size=(50, 7))
    X[:, 3] = 1
    X[4, 5] = np.nan
    encoder = TableEncoder(dtype="float64").fit(X)
    frame = pd.DataFrame(X)
    assert_array_equal(encoder.transform(X), TableEncoder(dtype="float64").fit_transform(frame))
    assert_allclose(encoder.transform(X)[:, 0], squash(X[:, 0]))
    assert_array_equal(encoder.transform(X[:, :])[4, 4:7], [0, squash(X[:, 6])[4], 1])


# Sparse


@pytest.mark.parametrize("make", [sp.csr_array, sp.csc_matrix, sp.coo_array])
@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_sparse_columns_are_divided_by_their_greatest_value(make, dtype):
    dense = np.array([[0, 4, 0], [-2, 0, 0], [1, 1, 0]], dtype)
    encoder = TableEncoder()
    out = encoder.fit_transform(make(dense))
    assert out.format == "csr"
    assert out.dtype == np.float32
    assert out.nnz == 4
    assert_array_equal(out.toarray(), [[0, 1], [-1, 0], [0.5, 0.25]])
    assert_array_equal(encoder.transform(dense), out.toarray())
    assert encoder.expansion_.n_outputs == len(encoder.get_feature_names_out()) == 2


def test_a_wide_sparse_matrix_costs_its_entries_only():
    rng = np.random.default_rng(0)
    where = np.arange(2000), rng.integers(0, 10**7, 2000)
    X = sp.csr_array((rng.random(2000), where), shape=(2000, 10**7))
    encoder = TableEncoder().fit(X)
    out = encoder.transform(X)
    assert out.nnz == X.nnz
    assert out.data.min() >= 0
    assert out.data.max() == 1


def test_sparse_rows_far_beyond_training_stay_finite():
    encoder = TableEncoder().fit(sp.csr_array([[1e-300, 1.0]]))
    out = encoder.transform(sp.csr_array([[1e300, -1e300]])).toarray()
    assert_array_equal(out, [[1e6, -1e6]])
    assert_array_equal(encoder.transform([[1e300, -1e300]]), out)


def test_changing_the_result_leaves_sparse_x_alone():
    X = sp.csr_array([[0.0, 2.0], [1.0, 0.0]])
    out = TableEncoder().fit_transform(X)
    out.data[:] = 0
    out.eliminate_zeros()
    assert_array_equal(X.toarray(), [[0, 2], [1, 0]])


def test_duplicate_entries_count_as_their_sum_and_x_stays_as_it_is():
    X = sp.csr_array((np.array([1.0, 3.0, 2.0]), [0, 0, 0], [0, 2, 3]), shape=(2, 1))
    assert_array_equal(TableEncoder().fit_transform(X).toarray(), [[1], [0.5]])
    assert X.nnz == 3


def test_sparse_weights_equal_repeated_rows():
    X = sp.csr_array(np.random.default_rng(0).poisson(1, (9, 4)))
    counts = np.arange(9) % 3
    one = TableEncoder().fit(X, sample_weight=counts).transform(X)
    other = TableEncoder().fit(X[np.repeat(np.arange(9), counts)]).transform(X)
    assert_array_equal(one.toarray(), other.toarray())


def test_sparse_rows_for_an_encoder_of_dense_rows_are_encoded_alike():
    X = np.random.default_rng(0).poisson(1, (20, 3))
    encoder = TableEncoder().fit(X)
    assert_array_equal(encoder.transform(sp.csr_array(X)), encoder.transform(X))


# Public data


@pytest.mark.parametrize("name", ["titanic", "adult", "soybean", "amazon_access", "car"])
def test_public_tables_are_encoded_without_warnings(name):
    X = pd.read_parquet(public_path(f"{name}.parquet")).drop(columns="target")
    encoder = TableEncoder().fit(X)
    matrix = encoder.transform(X)
    assert np.isfinite(matrix).all()
    assert matrix.shape == (len(X), len(encoder.get_feature_names_out()))
    assert_array_equal(encoder.transform(pl.from_pandas(X)), matrix)
