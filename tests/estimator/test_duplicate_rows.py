import math
from unittest.mock import patch

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from skdnn.estimator import duplicate_rows
from skdnn.estimator.duplicate_rows import merge_duplicate_rows
from skdnn.tabular import row_hashes
from skdnn.tabular.sample_weights import sum_by_group

seeds = st.integers(0, 2**32 - 1)
KINDS = {
    "float64": lambda array: array,
    "float32": lambda array: array.astype(np.float32),
    "csr float64": lambda array: sp.csr_array(array),
    "csr float32": lambda array: sp.csr_array(array.astype(np.float32)),
}
kinds = st.sampled_from(sorted(KINDS))
COLLISIONS = {
    "none": lambda hashes: hashes,
    "all hashes agree": np.zeros_like,
    "four hashes": lambda hashes: hashes % np.uint64(4),
    "only the last bits differ": lambda hashes: hashes >> np.uint64(50),
}
collisions = st.sampled_from(sorted(COLLISIONS))


def table(seed, n_rows=30, n_columns=3):
    """Return inputs, targets and weights in which rows occur more than once."""
    rng = np.random.default_rng(seed)
    inputs = rng.choice([-1.5, 0.0, 0.25], (n_rows, n_columns))
    return inputs, rng.integers(0, 2, (n_rows, 1)), rng.integers(1, 9, n_rows) / 4


def merge(kind, inputs, targets, weights, by_content=True, collision="none"):
    def hashes(*rows, original=duplicate_rows.hash_rows):
        return COLLISIONS[collision](original(*rows))

    with patch.object(duplicate_rows, "hash_rows", hashes):
        return merge_duplicate_rows(KINDS[kind](inputs), targets, weights, by_content)


@given(
    seed=seeds,
    kind=kinds,
    collision=collisions,
    n_rows=st.integers(1, 40),
    n_columns=st.integers(1, 4),
    by_content=st.booleans(),
)
def test_rows_are_merged_as_unique_of_numpy_merges_them(
    seed, kind, collision, n_rows, n_columns, by_content
):
    inputs, targets, weights = table(seed, n_rows, n_columns)
    both = np.hstack([inputs, targets])
    _, first, group_of = np.unique(both, axis=0, return_index=True, return_inverse=True)
    ours = merge(kind, inputs, targets, weights, by_content, collision)
    np.testing.assert_array_equal(np.sort(ours.rows), np.sort(first))
    np.testing.assert_array_equal(ours.first, first[group_of.ravel()])
    np.testing.assert_array_equal(ours.weights[first], np.bincount(group_of.ravel(), weights))
    assert ours.weights.sum() == weights.sum()
    if not by_content:
        assert (np.diff(ours.rows) > 0).all()


@given(seed=seeds, kind=kinds, collision=collisions)
def test_the_order_of_the_rows_does_not_matter(seed, kind, collision):
    inputs, targets, weights = table(seed)
    order = np.random.default_rng(seed).permutation(len(inputs))
    ours = merge(kind, inputs, targets, weights, collision=collision)
    shuffled = merge(kind, inputs[order], targets[order], weights[order], collision=collision)
    before, after = ours.rows, order[shuffled.rows]
    np.testing.assert_array_equal(inputs[after], inputs[before])
    np.testing.assert_array_equal(targets[after], targets[before])
    np.testing.assert_array_equal(shuffled.weights[shuffled.rows], ours.weights[ours.rows])
    assert shuffled.fingerprint == ours.fingerprint


@given(seed=seeds, exponent=st.integers(-300, 300))
def test_fractions_are_summed_to_the_same_bits_in_any_order(seed, exponent):
    rng = np.random.default_rng(seed)
    groups, weights = rng.integers(0, 3, 40), rng.random(40) * 10.0 ** rng.integers(-3, 3, 40)
    weights *= 10.0**exponent
    order = rng.permutation(40)
    sums = sum_by_group(groups, weights, 3)
    np.testing.assert_array_equal(sum_by_group(groups[order], weights[order], 3), sums)
    exact = [math.fsum(weights[groups == group]) for group in range(3)]
    np.testing.assert_allclose(sums, exact, rtol=1e-14)


@given(seed=seeds, kind=kinds, collision=collisions)
def test_a_whole_weight_is_the_same_as_repeated_rows(seed, kind, collision):
    inputs, targets, weights = table(seed)
    times = (4 * weights).astype(int)
    weighted = merge(kind, inputs, targets, times.astype(float), collision=collision)
    many = np.repeat(np.arange(len(inputs)), times)
    ones = np.ones(len(many))
    repeated = merge(kind, inputs[many], targets[many], ones, collision=collision)
    np.testing.assert_array_equal(inputs[many[repeated.rows]], inputs[weighted.rows])
    np.testing.assert_array_equal(repeated.weights[repeated.rows], weighted.weights[weighted.rows])
    assert repeated.fingerprint == weighted.fingerprint


@given(seed=seeds)
def test_the_order_of_the_rows_is_the_same_for_float32_and_float64(seed):
    single = np.random.default_rng(seed).normal(size=(50, 3)).astype(np.float32)
    keys, ones = np.zeros((50, 1), int), np.ones(50)
    expected = merge_duplicate_rows(single, keys, ones)
    found = merge_duplicate_rows(single.astype(float), keys, ones)
    np.testing.assert_array_equal(found.rows, expected.rows)


def test_numbers_that_differ_beyond_float32_are_told_apart():
    close = np.array([[1.0], [1.0 + 1e-12], [1e300], [2e300], [1.0], [-1e300]])
    found = merge_duplicate_rows(close, np.zeros((6, 1), int), np.ones(6))
    assert sorted(found.rows.tolist()) == [0, 1, 2, 3, 5]
    assert found.weights[0] == 2


@pytest.mark.parametrize("kind", KINDS)
def test_minus_zero_equals_zero(kind):
    inputs, targets = np.array([[0.0, 1], [-0.0, 1], [-0.0, 2]]), np.zeros((3, 1), int)
    assert merge(kind, inputs, targets, np.ones(3)).first.tolist() == [0, 0, 2]


def test_minus_zero_and_zero_that_are_stored_in_sparse_rows_equal_those_that_are_not():
    values, columns, ends = [0.0, 5, -0.0, 5, 5], [0, 1, 0, 1, 1], [0, 2, 4, 5]
    matrix = sp.csr_array((np.array(values), np.array(columns), np.array(ends)), (3, 2))
    assert matrix.nnz == 5
    ours = merge_duplicate_rows(matrix, np.zeros((3, 1), int), np.ones(3))
    assert ours.first.tolist() == [0, 0, 0]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_numbers_in_other_columns_are_another_row(kind):
    inputs = np.array([[1.0, 2, 0], [2, 1, 0], [0, 1, 2], [1, 0, 2], [1, 1, 2], [2, 2, 1]])
    ours = merge(kind, inputs, np.zeros((6, 1), int), np.ones(6))
    assert len(ours.rows) == 6


@pytest.mark.parametrize("collision", COLLISIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_differ_in_their_targets_alone_are_not_merged(kind, collision):
    targets = np.array([[0, 1], [1, 0], [0, 1]])
    ours = merge(kind, np.ones((3, 2)), targets, np.ones(3), collision=collision)
    assert ours.first.tolist() == [0, 1, 0]


@pytest.mark.parametrize("kind", KINDS)
def test_more_rows_than_a_block_are_merged_across_blocks(kind):
    half = np.random.default_rng(0).normal(size=(2005, 2))
    inputs = np.concatenate([half, half])
    with patch.object(duplicate_rows, "HASH_BLOCK", 64), patch.object(row_hashes, "HASH_BLOCK", 64):
        ours = merge(kind, inputs, np.zeros((4010, 1), int), np.ones(4010))
    np.testing.assert_array_equal(np.sort(ours.rows), np.arange(2005))
    np.testing.assert_array_equal(ours.first, np.tile(np.arange(2005), 2))
    np.testing.assert_array_equal(ours.weights, np.repeat([2, 0], 2005))


def test_the_smallest_difference_tells_rows_apart():
    inputs = np.array([[1.0], [np.nextafter(1.0, 2)], [1e-320], [0.0], [-1e-320]])
    ours = merge_duplicate_rows(inputs, np.zeros((5, 1), int), np.ones(5))
    assert len(ours.rows) == 5


def test_the_fingerprint_tells_inputs_targets_and_weights_apart():
    inputs, targets, weights = table(1)

    def of(inputs, targets, weights):
        return merge_duplicate_rows(inputs, targets, weights).fingerprint

    other_inputs, other_targets, other_weights = inputs.copy(), targets.copy(), weights.copy()
    other_inputs[3, 1] += 1e-9
    other_targets[3] = 1 - targets[3]
    other_weights[3] += 0.25
    assert of(inputs, targets, weights) == of(inputs.copy(), targets.copy(), weights.copy())
    variants = {
        of(inputs, targets, weights),
        of(other_inputs, targets, weights),
        of(inputs, other_targets, weights),
        of(inputs, targets, other_weights),
        of(inputs[1:], targets[1:], weights[1:]),
    }
    assert len(variants) == 5


@pytest.mark.parametrize("kind", KINDS)
def test_inputs_are_only_read(kind):
    inputs, targets, weights = table(2)
    given_inputs = KINDS[kind](inputs.copy())
    merge_duplicate_rows(given_inputs, targets, weights)
    after = given_inputs.toarray() if sp.issparse(given_inputs) else given_inputs
    np.testing.assert_array_equal(after, inputs)
