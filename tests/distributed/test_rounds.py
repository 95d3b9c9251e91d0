"""The rounds of a fit, by counting what is trained on."""

from collections import Counter

import numpy as np
import pytest

from skdnn.distributed.rounds import plan_rounds

N_ROWS = np.array([900, 0, 1000, 350, 801, 640])


@pytest.mark.parametrize("partitions_per_round", [1, 2, 3, 100])
@pytest.mark.parametrize("rows_per_round", [100, 300, 10_000])
def test_each_epoch_gives_each_partition_with_rows_each_of_its_pieces_once(
    partitions_per_round, rows_per_round
):
    rounds = plan_rounds(N_ROWS, partitions_per_round, 1, rows_per_round, 3, 5)
    numbers = []
    for epoch in range(3):
        found = Counter()
        for turns in rounds.of_epoch(epoch):
            assert 1 <= len(turns) <= partitions_per_round
            assert {turn.epoch for turn in turns} == {epoch}
            partitions = [turn.partition for turn in turns]
            assert partitions == sorted(set(partitions))
            (number,) = {turn.number for turn in turns}
            numbers.append(number)
            found.update((turn.partition, turn.piece) for turn in turns)
        pieces = range(rounds.n_pieces)
        expected = {(k, piece) for k in np.flatnonzero(N_ROWS) for piece in pieces}
        assert found == dict.fromkeys(expected, 1)
    assert numbers == list(range(rounds.n_rounds))


def test_epochs_train_partitions_in_other_groups():
    rounds = plan_rounds(np.full(12, 100), 4, 10, 10, 2, 0)
    first, second = ([[t.partition for t in turns] for turns in rounds.of_epoch(k)] for k in (0, 1))
    assert first != second
    again = plan_rounds(np.full(12, 100), 4, 10, 10, 2, 0).of_epoch(0)
    assert [[turn.partition for turn in turns] for turns in again] == first
    other = plan_rounds(np.full(12, 100), 4, 10, 10, 2, 1).of_epoch(0)
    assert [[turn.partition for turn in turns] for turns in other] != first


def test_a_round_has_about_as_many_steps_as_asked_for():
    rounds = plan_rounds(np.array([100_000, 100_000]), 2, 10, 125, 4, 0)
    assert (rounds.n_pieces, rounds.n_rounds) == (80, 320)


def test_a_short_fit_has_64_rounds_or_rounds_of_16_steps():
    n_rows = np.array([64_000, 32_000])
    assert plan_rounds(n_rows, 2, 100, 1000, 4, 0).n_rounds == 64
    assert plan_rounds(n_rows, 2, 1000, 1000, 4, 0).n_rounds == 4 * 4
    assert plan_rounds(n_rows, 1, 100, 1000, 4, 0).n_rounds == 64
    assert plan_rounds(n_rows, 2, 1000, 8, 4, 0).n_rounds == 4 * 8


def test_a_partition_with_fewer_rows_than_pieces_takes_part_while_it_has_rows():
    rounds = plan_rounds(np.array([10_000, 3]), 2, 10, 10, 1, 0)
    sizes = [len(turns) for turns in rounds.of_epoch(0)]
    assert sizes == [2] * 3 + [1] * 97


def test_rounds_in_which_no_partition_of_a_group_has_a_row_are_left_out_but_numbered():
    n_rows = np.array([1_000_000] + [50] * 15)
    rounds = plan_rounds(n_rows, 8, 64, 128, 2, 0)
    numbers, found = [], Counter()
    for epoch in range(2):
        for turns in rounds.of_epoch(epoch):
            assert turns
            numbers.append(turns[0].number)
            found.update((turn.partition, turn.piece) for turn in turns if epoch == 0)
    assert len(numbers) == 2 * (rounds.n_pieces + 50)
    assert numbers == sorted(set(numbers))
    assert numbers[-1] < rounds.n_rounds == 4 * rounds.n_pieces
    sizes = np.minimum(n_rows, rounds.n_pieces)
    expected = {(k, piece) for k, size in enumerate(sizes) for piece in range(size)}
    assert found == dict.fromkeys(expected, 1)
