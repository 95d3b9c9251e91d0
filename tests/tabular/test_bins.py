import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skdnn import TableEncoder
from skdnn.tabular.bins import bin_positions, learn_bin_edges
from skdnn.tabular.scaling import learn_scaling, scale


def knots_of(values, n_bins, weights=None):
    values = np.asarray(values, float)[:, None]
    scaling = learn_scaling(values, weights)
    return learn_bin_edges(values, weights, scaling, n_bins)[0], scaling


def test_few_values_are_all_knots():
    edges, scaling = knots_of([3, 1, 1, 7, np.nan], 8)
    assert_allclose(edges, scale(np.array([[1.0], [3], [7]]), scaling)[:, 0])


def test_many_values_are_cut_at_quantiles():
    values = np.random.default_rng(0).normal(size=1001)
    edges, scaling = knots_of(values, 10)
    expected = np.quantile(values, np.linspace(0, 1, 11), method="inverted_cdf")
    assert_allclose(edges, scale(expected[:, None], scaling)[:, 0], rtol=1e-12)


def test_a_value_counts_as_the_square_root_of_its_rows():
    values = np.r_[np.zeros(100), np.repeat([1.0, 2], 4), np.arange(3.0, 9)]
    edges, scaling = knots_of(values, 4)
    # The distinct values count 10, 2, 2 and six times 1, 20 in all: 5, 10, 15 and 20 are reached at
    # 0, 0, 3 and 8.
    assert_array_equal(edges, scale(np.array([[0.0], [3], [8]]), scaling)[:, 0])


def test_frequent_values_and_a_long_tail_both_have_edges():
    values = np.r_[np.repeat([0.0, 1, 2], 3000), np.arange(3.0, 403)]
    edges, scaling = knots_of(values, 32)
    assert_array_equal(edges[:3], scale(np.array([[0.0], [1], [2]]), scaling)[:, 0])
    assert len(edges) > 20


@pytest.mark.parametrize("decimals", [0, 1, 9], ids=["few values", "ties", "hardly any ties"])
def test_a_weight_of_two_is_a_row_given_twice(decimals):
    rng = np.random.default_rng(1)
    values = rng.lognormal(1, 1.5, 400).round(decimals)
    weights = rng.integers(1, 4, 400)
    weighted, _ = knots_of(values, 16, weights.astype(float))
    repeated, _ = knots_of(np.repeat(values, weights), 16)
    assert_array_equal(weighted, repeated)
    order = rng.permutation(400)
    tenths, _ = knots_of(values[order], 16, weights[order] / 10)
    assert_array_equal(tenths, weighted)


def test_a_level_that_is_reached_exactly_is_reached_whatever_the_unit_of_weights():
    values = np.arange(32.0)
    edges, _ = knots_of(values, 16)
    for unit in (0.1, 0.3, 7e-5):
        assert_array_equal(knots_of(values, 16, np.full(32, unit))[0], edges)


@pytest.mark.parametrize(
    ("value", "coordinate"), [(-9, 0), (1, 0), (2, 0.5), (3, 1), (6, 2 - 1 / 4), (7, 2), (99, 2)]
)
def test_a_coordinate_is_linear_between_knots(value, coordinate):
    assert bin_positions(np.array([float(value)]), np.array([1.0, 3, 7]))[0] == coordinate


def test_columns_of_two_values_have_no_bins():
    X = np.array([[0.0, 1], [1, 2], [0, 3], [1, 4]])
    encoder = TableEncoder().fit(X)
    assert encoder.get_feature_names_out().tolist() == ["x0", "x1", "x1_bin1", "x1_bin2", "x1_bin3"]


@pytest.mark.parametrize(("n_columns", "n_bins"), [(16, 32), (17, 16), (64, 16), (65, 0)])
def test_the_more_columns_the_fewer_bins(n_columns, n_bins):
    X = np.random.default_rng(0).normal(size=(5200, n_columns))
    encoder = TableEncoder().fit(X)
    assert encoder.transform(X).shape[1] == n_columns * (1 + n_bins)


def test_enormous_numbers_and_missing_values_have_finite_coordinates():
    X = np.array([[1e300], [-1e300], [5e-324], [0.0], [np.nan], [3.0]])
    encoder = TableEncoder().fit(X)
    assert np.isfinite(encoder.transform(np.vstack([X, [[1.7e308], [-1.7e308]]]))).all()


@pytest.mark.parametrize(("n_rows", "n_bins"), [(100, 3), (1000, 6), (6000, 37), (32_000, 128)])
def test_fewer_distinct_rows_have_fewer_bins(n_rows, n_bins):
    X = np.random.default_rng(0).normal(size=(n_rows, 2))
    once, twice = TableEncoder().fit(X), TableEncoder().fit(np.vstack([X, X]))
    assert once.transform(X).shape[1] == twice.transform(X).shape[1] == 2 * (1 + n_bins)
