"""A tree reduction merges each value once, in order."""

from itertools import chain

import pytest
from serial import SerialExecutor

from skdnn.distributed.executors import FAN_IN, tree_reduce


class Counting(SerialExecutor):
    """Remembers how many values each call merged."""

    def __init__(self):
        self.sizes = []

    def map(self, function, *columns):
        self.sizes += [len(values) for values in columns[0]]
        return super().map(function, *columns)


@pytest.mark.parametrize("n_values", [1, 2, FAN_IN, FAN_IN + 1, FAN_IN**2, 3 * FAN_IN**2 + 5])
def test_a_tree_reduction_merges_each_value_once_and_in_order(n_values):
    executor = Counting()
    merged = tree_reduce(
        executor, lambda parts: list(chain(*parts)), [[k] for k in range(n_values)]
    )
    assert merged == list(range(n_values))
    assert max(executor.sizes, default=1) <= FAN_IN


def test_the_shape_of_the_tree_depends_on_the_number_of_values_only():
    def merge(parts):
        return f"({' '.join(parts)})"

    first, second = ([f"{name}{k}" for k in range(20)] for name in "ab")
    executor = SerialExecutor()
    tree = tree_reduce(executor, merge, first)
    assert tree_reduce(executor, merge, second) == tree.replace("a", "b")


def test_calls_without_an_argument_are_an_error_rather_than_left_out():
    with pytest.raises(ValueError, match="shorter"):
        SerialExecutor().map(max, [1, 2], [3])
