import numpy as np

from skdnn.core.buffers import Buffers


def test_a_smaller_array_reuses_the_memory_of_a_larger_one():
    buffers = Buffers(np.float32)
    large = buffers("a", (3, 4))
    small = buffers("a", (2, 5))
    assert small.shape == (2, 5)
    assert small.dtype == np.float32
    assert small.flags.c_contiguous
    assert np.shares_memory(large, small)


def test_a_larger_array_and_another_name_get_memory_of_their_own():
    buffers = Buffers(np.float64)
    first = buffers("a", (2, 2))
    assert not np.shares_memory(first, buffers("b", (2, 2)))
    assert not np.shares_memory(first, buffers("a", (3, 3)))
