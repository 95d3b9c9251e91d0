"""Scratch arrays that are made once and used again.

A set of buffers belongs to one layer on one thread: fits that run at the same time, and
predictions, each make their own, so nothing fitted is ever written to.
"""

import math

import numpy as np


class Buffers:
    """Arrays by name, made on first use; one name's arrays share their memory.

    Parameters
    ----------
    dtype : dtype
        Type of the arrays, unless another is asked for.
    """

    def __init__(self, dtype):
        self.dtype = np.dtype(dtype)
        self._memory = {}
        self._arrays = {}

    def __call__(self, name, shape, dtype=None):
        """Return a C-contiguous array of ``shape`` with unspecified content."""
        array = self._arrays.get((name, shape))
        if array is None:
            array = self._arrays[name, shape] = self._make(name, shape, dtype or self.dtype)
        return array

    def _make(self, name, shape, dtype):
        size = math.prod(shape)
        memory = self._memory.get(name)
        if memory is None or memory.size < size:
            # Views of the memory so far would keep it alive.
            self._arrays = {key: array for key, array in self._arrays.items() if key[0] != name}
            memory = self._memory[name] = np.empty(size, dtype)
        return memory[:size].reshape(shape)
