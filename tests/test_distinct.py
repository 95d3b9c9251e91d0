import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from skdnn.distinct import BLOCK, distinct_rows, fingerprint

seeds = st.integers(0, 2**32 - 1)
KINDS = {
    "float64": lambda array: array,
    "float32": lambda array: array.astype(np.float32),
    "csr float64": lambda array: sp.csr_array(array),
    "csr float32": lambda array: sp.csr_array(array.astype(np.float32)),
}
kinds = st.sampled_from(sorted(KINDS))


def table(seed, n_rows=30, n_columns=3):
    """Return inputs, targets and weights in which rows occur more than once."""
    rng = np.random.default_rng(seed)
    inputs = rng.choice([-1.5, 0.0, 0.25], (n_rows, n_columns))
    return inputs, rng.integers(0, 2, (n_rows, 1)), rng.integers(1, 9, n_rows) / 4


def merge(kind, inputs, targets, weights, by_content=True):
    return distinct_rows(KINDS[kind](inputs), targets, weights, by_content)


@given(
    seed=seeds,
    kind=kinds,
    n_rows=st.integers(1, 40),
    n_columns=st.integers(1, 4),
    by_content=st.booleans(),
)
def test_rows_are_merged_as_unique_of_numpy_merges_them(seed, kind, n_rows, n_columns, by_content):
    inputs, targets, weights = table(seed, n_rows, n_columns)
    both = np.hstack([inputs, targets])
    _, first, group_of, counts = np.unique(
        both, axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    ours = merge(kind, inputs, targets, weights, by_content)
    assert sorted(ours.rows) == sorted(first)
    np.testing.assert_array_equal(both[ours.rows[ours.group_of]], both)
    ours_in_their_order = np.argsort(group_of[ours.rows])
    np.testing.assert_allclose(
        ours.weights[ours_in_their_order], np.bincount(group_of, weights), rtol=1e-12
    )
    assert len(ours.rows) == len(counts)
    if not by_content:
        assert (np.diff(ours.rows) > 0).all()


@given(seed=seeds, kind=kinds)
def test_the_order_of_the_rows_does_not_matter(seed, kind):
    inputs, targets, weights = table(seed)
    order = np.random.default_rng(seed).permutation(len(inputs))
    ours = merge(kind, inputs, targets, weights)
    shuffled = merge(kind, inputs[order], targets[order], weights[order])
    np.testing.assert_array_equal(inputs[order][shuffled.rows], inputs[ours.rows])
    np.testing.assert_array_equal(targets[order][shuffled.rows], targets[ours.rows])
    np.testing.assert_array_equal(shuffled.weights, ours.weights)
    assert fingerprint(shuffled, KINDS[kind](inputs[order]), targets[order]) == fingerprint(
        ours, KINDS[kind](inputs), targets
    )


@given(seed=seeds, kind=kinds)
def test_a_whole_weight_is_the_same_as_repeated_rows(seed, kind):
    inputs, targets, weights = table(seed)
    times = (4 * weights).astype(int)
    weighted = merge(kind, inputs, targets, times.astype(float))
    many = np.repeat(np.arange(len(inputs)), times)
    repeated = merge(kind, inputs[many], targets[many], np.ones(len(many)))
    np.testing.assert_array_equal(inputs[many][repeated.rows], inputs[weighted.rows])
    np.testing.assert_array_equal(repeated.weights, weighted.weights)


@pytest.mark.parametrize("kind", KINDS)
def test_minus_zero_equals_zero(kind):
    inputs, targets = np.array([[0.0, 1], [-0.0, 1], [-0.0, 2]]), np.zeros((3, 1))
    assert merge(kind, inputs, targets, np.ones(3)).group_of.tolist() in ([0, 0, 1], [1, 1, 0])


def test_minus_zero_and_zero_that_are_stored_in_sparse_rows_equal_those_that_are_not():
    values, columns, ends = [0.0, 5, -0.0, 5, 5], [0, 1, 0, 1, 1], [0, 2, 4, 5]
    matrix = sp.csr_array((np.array(values), np.array(columns), np.array(ends)), (3, 2))
    assert matrix.nnz == 5
    ours = distinct_rows(matrix, np.zeros((3, 1)), np.ones(3))
    assert ours.group_of.tolist() == [0, 0, 0]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_numbers_in_other_columns_are_another_row(kind):
    inputs = np.array([[1.0, 2, 0], [2, 1, 0], [0, 1, 2], [1, 0, 2], [1, 1, 2], [2, 2, 1]])
    ours = merge(kind, inputs, np.zeros((6, 1)), np.ones(6))
    assert len(ours.rows) == 6


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_differ_in_their_targets_alone_are_not_merged(kind):
    targets = np.array([[0, 1], [1, 0], [0, 1]])
    ours = merge(kind, np.ones((3, 2)), targets, np.ones(3))
    assert ours.group_of[0] == ours.group_of[2] != ours.group_of[1]


@pytest.mark.parametrize("kind", KINDS)
def test_more_rows_than_a_block_are_merged_across_blocks(kind):
    rng = np.random.default_rng(0)
    half = rng.normal(size=(BLOCK + 5, 2))
    inputs = np.concatenate([half, half])
    ours = merge(kind, inputs, np.zeros((len(inputs), 1)), np.ones(len(inputs)))
    assert len(ours.rows) == len(half)
    np.testing.assert_array_equal(ours.group_of[: len(half)], ours.group_of[len(half) :])
    np.testing.assert_array_equal(ours.weights, 2)


def test_the_smallest_difference_tells_rows_apart():
    inputs = np.array([[1.0], [np.nextafter(1.0, 2)], [1e-320], [0.0], [-1e-320]])
    ours = distinct_rows(inputs, np.zeros((5, 1)), np.ones(5))
    assert len(ours.rows) == 5


def test_the_fingerprint_tells_inputs_targets_and_weights_apart():
    inputs, targets, weights = table(1)

    def of(inputs, targets, weights):
        return fingerprint(distinct_rows(inputs, targets, weights), inputs, targets)

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
    distinct_rows(given_inputs, targets, weights)
    after = given_inputs.toarray() if sp.issparse(given_inputs) else given_inputs
    np.testing.assert_array_equal(after, inputs)
