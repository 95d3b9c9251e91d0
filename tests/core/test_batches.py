import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from skdnn.core.batches import Batches, DenseRows, SparseRows, plan_batches, take
from skdnn.core.tape import Tape

seeds = st.integers(0, 2**32 - 1)
counts_of_members = st.lists(st.integers(1, 40), min_size=1, max_size=4)


def make(seed, counts, batch_size, dtype=np.float64):
    """Return rows of each member, weights of all rows, and the batches."""
    rng = np.random.default_rng(seed)
    n_rows = max(counts) + 3
    member_rows = [rng.choice(n_rows, count, replace=False) for count in counts]
    weights = rng.exponential(size=n_rows) + 0.01
    layout = plan_batches(member_rows, batch_size)
    return member_rows, weights, Batches(member_rows, weights, layout, dtype)


def generators(seed, n_members, shuffle):
    return [np.random.default_rng((seed, k)) for k in range(n_members)] if shuffle else None


@given(seed=seeds, counts=counts_of_members, batch_size=st.integers(1, 45), shuffle=st.booleans())
def test_an_epoch_shows_every_row_exactly_once_to_every_member(seed, counts, batch_size, shuffle):
    member_rows, _, batches = make(seed, counts, batch_size)
    seen = [[] for _ in counts]
    for rows, weights, _ in batches.epoch(generators(seed, len(counts), shuffle)):
        for k in range(len(counts)):
            seen[k].extend(rows[k][weights[k] > 0])
    for own, rows in zip(seen, member_rows, strict=True):
        assert sorted(own) == sorted(rows)
        assert shuffle or own == rows.tolist()


@given(seed=seeds, counts=counts_of_members, batch_size=st.integers(1, 45))
def test_batches_are_nearly_equal_and_no_larger_than_asked(seed, counts, batch_size):
    _, _, batches = make(seed, counts, batch_size)
    sizes = np.array([(weights > 0).sum(axis=1) for _, weights, _ in batches.epoch()])
    assert len(sizes) == batches.layout.n_batches == np.ceil(max(counts) / batch_size)
    assert sizes.max() <= batch_size
    assert (np.ptp(sizes, axis=0) <= 1).all()


@given(seed=seeds, counts=counts_of_members, batch_size=st.integers(1, 45), shuffle=st.booleans())
def test_batch_means_add_up_to_the_weighted_mean(seed, counts, batch_size, shuffle):
    member_rows, weights, batches = make(seed, counts, batch_size)
    values = np.random.default_rng(seed).normal(size=len(weights))
    total = np.zeros(len(counts))
    for rows, batch_weights, share in batches.epoch(generators(seed, len(counts), shuffle)):
        total += share * (batch_weights * values[rows]).sum(axis=1)
    expected = [np.average(values[rows], weights=weights[rows]) for rows in member_rows]
    np.testing.assert_allclose(total, expected, rtol=1e-10, atol=1e-12)


@given(seed=seeds, count=st.integers(1, 40), batch_size=st.integers(1, 45))
def test_rows_are_divided_by_the_mean_weight_of_all_rows(seed, count, batch_size):
    (own,), weights, batches = make(seed, [count], batch_size)
    for rows, batch_weights, _ in batches.epoch():
        is_row = batch_weights[0] > 0
        expected = weights[rows[0]] / (is_row.sum() * weights[own].mean())
        np.testing.assert_allclose(batch_weights[0][is_row], expected[is_row], rtol=1e-12)


def test_a_member_sees_the_same_batches_whatever_its_neighbours_do():
    member_rows, weights, together = make(0, [9, 7, 8], 4)
    alone = Batches(member_rows[1:2], weights, together.layout, np.float64)
    rngs = generators(1, 3, shuffle=True)
    own_rngs = generators(1, 3, shuffle=True)[1:2]
    for ours, own in zip(together.epoch(rngs), alone.epoch(own_rngs), strict=True):
        for of_all, of_one in zip(ours, own, strict=True):
            np.testing.assert_array_equal(of_all[1], of_one[0])


def test_epochs_are_shuffled_anew_from_one_to_the_next():
    _, _, batches = make(2, [30], 30)
    rngs = generators(2, 1, shuffle=True)
    first, second = (next(batches.epoch(rngs))[0][0].tolist() for _ in range(2))
    assert first != second
    assert sorted(first) == sorted(second)


def test_batch_weights_have_the_type_that_was_asked_for():
    _, _, batches = make(3, [5, 4], 2, np.float32)
    assert {weights.dtype for _, weights, _ in batches.epoch()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("kind", [DenseRows, SparseRows])
def test_rows_are_taken_and_sliced_as_numpy_does(kind):
    array = np.random.default_rng(4).normal(size=(9, 4)) * (np.arange(36).reshape(9, 4) % 3 > 0)
    rows = kind(array if kind is DenseRows else sp.csr_array(array))
    chosen = np.array([[0, 8, 3], [3, 3, 1]])

    def as_array(batch):
        if kind is DenseRows:
            return batch
        return np.stack([part.toarray() for part in batch.of_members(2)])

    places = chosen.copy()
    tape = Tape(np.zeros((2, 1)))
    gathered = rows.gather(tape, places)
    for _ in range(2):
        tape.play()
        assert gathered.shape[1] == 3
        np.testing.assert_array_equal(as_array(gathered), array[places])
        places[...] = [[1, 2, 4], [5, 6, 0]]  # the next batch
    sliced = rows.slice(slice(2, 5))
    assert sliced.shape[1] == 3
    np.testing.assert_array_equal(as_array(sliced)[0], array[2:5])
    single = rows.astype(np.float32)
    assert isinstance(single, kind)
    assert single.array.dtype == np.float32


def test_rows_of_targets_are_taken_anew_at_every_replay_in_their_own_type():
    targets, rows = np.arange(10)[:, None], np.array([[3, 0], [9, 9]])
    tape = Tape(np.zeros((2, 1)))
    out = take(tape, targets, rows)
    tape.play()
    np.testing.assert_array_equal(out, rows[..., None])
    rows += [[1, 1], [0, -1]]
    tape.play()
    np.testing.assert_array_equal(out, rows[..., None])
    assert out.dtype == targets.dtype


@pytest.mark.parametrize("shuffle", [False, True])
def test_batches_assigned_a_few_at_a_time_are_those_assigned_at_once(shuffle, monkeypatch):
    found = []
    for n_rows in (1, 40, 10**6):
        monkeypatch.setattr("skdnn.core.batches.TOGETHER", n_rows)
        batches = make(0, [23, 30], 4)[-1]
        for _ in range(2):
            rngs = generators(0, 2, True) if shuffle else None
            found.append([[array.copy() for array in batch] for batch in batches.epoch(rngs)])
    for epochs in (found[::2], found[1::2]):
        for others in epochs[1:]:
            for batch, other in zip(epochs[0], others, strict=True):
                for array, other_array in zip(batch, other, strict=True):
                    np.testing.assert_array_equal(array, other_array)


def test_dense_rows_are_aligned_as_numpy_copies_others_whole_at_every_batch():
    rows = np.arange(12, dtype=np.float32).reshape(4, 3)
    memory = np.zeros(rows.nbytes + 1, np.uint8)
    unaligned = memory[1:].view(np.float32).reshape(4, 3)
    unaligned[...] = rows
    assert not unaligned.flags.aligned
    for array in (unaligned, np.asfortranarray(rows), rows[::-1][::-1]):
        found = DenseRows(array).array
        np.testing.assert_array_equal(found, rows)
        assert found.flags.aligned
        assert found.flags.c_contiguous
    assert DenseRows(rows).array is rows
