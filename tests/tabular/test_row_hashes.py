import sys

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from skdnn.tabular import row_hashes
from skdnn.tabular.row_hashes import hash_columns, hash_rows

seeds = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [1.0, 2.0, -2.0, 255.0])
def test_rows_of_few_digits_seldom_share_a_hash(dtype, value):
    # The first bits of a float of few digits are all it has: half of the rows would meet if the
    # hash did not spread them.
    patterns = np.arange(2**14)[:, None] >> np.arange(14) & 1
    inputs = (value * np.repeat(patterns, 2, axis=1)).astype(dtype)
    assert len(np.unique(hash_rows(inputs, np.zeros((2**14, 1), int)))) > 2**14 - 5


@given(seed=seeds, n_columns=st.integers(1, 9), dtype=st.sampled_from([np.float32, np.float64]))
def test_the_hash_is_the_sum_of_products_modulo_two_to_the_64(seed, n_columns, dtype):
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(5, n_columns)).astype(dtype)
    inputs[:, rng.random(n_columns) < 0.5] = 0
    multipliers = rng.integers(0, 2**64, (3, n_columns), np.uint64)

    def words(number):
        nearest = np.float32(number)
        rest = np.float64(number) - np.float64(nearest)
        bits = int.from_bytes(rest.tobytes(), sys.byteorder)
        return int.from_bytes(nearest.tobytes(), sys.byteorder), bits % 2**32, bits >> 32

    expected = [
        sum(
            word * int(multipliers[which, column])
            for column, number in enumerate(row)
            for which, word in enumerate(words(number))
        )
        % 2**64
        for row in inputs
    ]
    assert row_hashes._hash_dense(inputs, multipliers).tolist() == expected
    assert row_hashes._hash_sparse(sp.csr_array(inputs), multipliers).tolist() == expected


@pytest.mark.parametrize("values", [[1e300, 2e300, -1e300], [1.0, 1 + 1e-12, np.nan], [0, 1, -1]])
def test_columns_are_hashed_beyond_the_range_and_the_digits_of_float32(values):
    column = np.array([*values, *values])
    hashes = hash_columns([np.zeros(6, bool), column])
    assert len(np.unique(hashes)) == 3
    assert hashes[:3].tolist() == hashes[3:].tolist()


def test_numbers_that_change_places_give_another_hash():
    low, high = np.array([1.0, 2.0]), np.array([2.0, 1.0])
    assert len(np.unique(hash_columns([low, high]))) == 2
