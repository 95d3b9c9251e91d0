"""Scratch arrays that are made once and used again.

A set of buffers belongs to one layer on one thread: fits that run at the same time, and
predictions, each make their own, so nothing fitted is ever written to.
"""

import math

import numpy as np


class Buffers:
    """Arrays by name, allocated on first use and reused while they are large enough.

    Parameters
    ----------
    dtype : dtype
        Type of all arrays.
    """

    def __init__(self, dtype):
        self.dtype = np.dtype(dtype)
        self._arrays = {}

    def __call__(self, name, shape):
        """Return a C-contiguous array of ``shape`` with unspecified content."""
        size = math.prod(shape)
        array = self._arrays.get(name)
        if array is None or array.size < size:
            array = self._arrays[name] = np.empty(size, self.dtype)
        return array[:size].reshape(shape)
