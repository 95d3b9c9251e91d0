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
    rounds = plan_rounds(N_ROWS, partitions_per_round, rows_per_round, n_epochs=3, seed=5)
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
    rounds = plan_rounds(np.full(12, 100), 4, 100, n_epochs=2, seed=0)
    first, second = ([[t.partition for t in turns] for turns in rounds.of_epoch(k)] for k in (0, 1))
    assert first != second
    again = plan_rounds(np.full(12, 100), 4, 100, n_epochs=2, seed=0).of_epoch(0)
    assert [[turn.partition for turn in turns] for turns in again] == first
    other = plan_rounds(np.full(12, 100), 4, 100, n_epochs=2, seed=1).of_epoch(0)
    assert [[turn.partition for turn in turns] for turns in other] != first


def test_a_round_has_about_as_many_rows_of_a_partition_as_asked_for():
    rounds = plan_rounds(np.array([1000, 1000]), 2, 250, n_epochs=1, seed=0)
    assert rounds.n_pieces == 4


def test_a_partition_with_fewer_rows_than_pieces_takes_part_while_it_has_rows():
    rounds = plan_rounds(np.array([10_000, 3]), 2, 100, n_epochs=1, seed=0)
    sizes = [len(turns) for turns in rounds.of_epoch(0)]
    assert sizes == [2] * 3 + [1] * 97
