"""Statistics under sample weights."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from skdnn.tabular.scaling import weighted_quantile, weighted_shares

PROBABILITIES = [0, 0.25, 0.5, 0.75, 1]
numpy_2 = pytest.mark.skipif(
    np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="quantiles under weights came with 2.0"
)


@st.composite
def weighted_tables(draw):
    n_rows, n_columns = draw(st.integers(1, 30)), draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = rng.integers(0, draw(st.sampled_from([3, 100])), (n_rows, n_columns)).astype(float)
    values[rng.random(values.shape) < draw(st.sampled_from([0, 0.2]))] = np.nan
    return values, rng.integers(1, 5, n_rows)


@numpy_2
@settings(deadline=None, derandomize=True)
@given(weighted_tables())
def test_quantiles_are_those_of_numpy(table):
    values, weights = table
    ours = weighted_quantile(values, weights.astype(float), PROBABILITIES)
    for column, quantiles in zip(values.T, ours.T, strict=True):
        known = ~np.isnan(column)
        if not known.any():
            assert np.isnan(quantiles).all()
            continue
        theirs = np.quantile(
            column[known], PROBABILITIES, method="inverted_cdf", weights=weights[known]
        )
        assert_array_equal(quantiles, theirs)


@settings(deadline=None, derandomize=True)
@given(weighted_tables(), st.sampled_from([1, 0.1, 1 / 3]))
def test_quantiles_under_weights_are_those_of_repeated_rows(table, unit):
    values, weights = table
    repeated = np.repeat(values, weights, axis=0)
    rng = np.random.default_rng(0)
    expected = weighted_quantile(rng.permutation(repeated), None, PROBABILITIES)
    assert_array_equal(weighted_quantile(values, weights * unit, PROBABILITIES), expected)
    units = np.full(len(repeated), unit)
    assert_array_equal(weighted_quantile(repeated, units, PROBABILITIES), expected)


@pytest.mark.parametrize("n_columns", [1, 60])  # selecting and sorting
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float16, np.float32, np.int64])
def test_quantiles_without_weights_are_those_of_numpy(dtype, n_columns):
    rng = np.random.default_rng(0)
    values = rng.integers(0, 99, (101, n_columns)).astype(dtype)
    expected = np.quantile(values.astype(float), PROBABILITIES, axis=0, method="inverted_cdf")
    quantiles = weighted_quantile(values, None, PROBABILITIES)
    assert quantiles.dtype == dtype
    assert_array_equal(quantiles.astype(float), expected)


def test_columns_with_different_numbers_of_missing_values_are_sorted_right():
    values = np.random.default_rng(0).normal(size=(40, 30))
    for column in range(30):
        values[:column, column] = np.nan
    expected = np.nanquantile(values, PROBABILITIES, axis=0, method="inverted_cdf")
    assert_array_equal(weighted_quantile(values, None, PROBABILITIES), expected)


def test_shares_do_not_depend_on_how_sums_are_rounded():
    codes = np.array([0, 0, 0, 1, -1])
    shares = weighted_shares(codes, np.array([0.1, 0.1, 0.1, 0.3, 0.4]), 2)
    assert shares[0] == shares[1] == 0.3
