"""Passes over a batch as a list of calls, made once and repeated at every step.

The shapes of a step never change within a fit, so a layer lists its calls once: which function
writes from which array into which. A step then is ``for function, args in calls: function(*args)``,
and what differs from step to step (rows, weights, rates, random keys) is written into small arrays.
"""

import math

import numpy as np

from skdnn.core.compiling import Kernel

LINE = 64  # bytes of a line of the processor's cache, where arrays begin


class Scratch:
    """Memory for arrays that are made again and again in the same order.

    It belongs to one thread: fits and predictions that run at the same time each have their own.
    """

    def __init__(self):
        self._memory, self._n_used = [], 0

    def reset(self):
        """Hand out the same memory from the start."""
        self._n_used = 0

    def __call__(self, shape, dtype):
        """Return a C-contiguous array of unspecified content."""
        n_bytes = math.prod(shape) * np.dtype(dtype).itemsize
        place, self._n_used = self._n_used, self._n_used + 1
        if place == len(self._memory):
            self._memory.append(np.empty(0, np.uint8))
        if len(self._memory[place]) < n_bytes:
            self._memory[place] = _aligned(n_bytes)
        return self._memory[place][:n_bytes].view(dtype).reshape(shape)


def _aligned(n_bytes):
    memory = np.empty(n_bytes + LINE, np.uint8)
    start = -memory.ctypes.data % LINE
    return memory[start : start + n_bytes]


class Tape:
    """The calls of a pass.

    Parameters
    ----------
    params : ndarray of shape (n_members, n_parameters)
        Read at every replay.
    grads : ndarray of shape (n_members, n_parameters), optional
        Where gradients are written in training; without, nothing is dropped.
    is_compiled : bool, default=False
        Whether kernels are compiled, or their NumPy twins are called.
    scratch : Scratch, optional
    differentiates : bool, default=False
        Whether there will be a backward pass, if only for the gradient of the inputs.
    row_grads : RowGradients, optional
        Where the gradient of the weights for sparse rows is written, if it is not ``grads``.

    Attributes
    ----------
    calls : list of (callable, tuple)
    keys : list of uint64 ndarray of shape (n_members,)
        Random keys, to be written anew before every replay.
    """

    def __init__(
        self,
        params,
        grads=None,
        is_compiled=False,
        scratch=None,
        differentiates=False,
        row_grads=None,
    ):
        self.params, self.grads, self.is_compiled = params, grads, is_compiled
        self.differentiates = differentiates or grads is not None
        self.calls, self.keys, self.row_grads = [], [], row_grads
        self._scratch = Scratch() if scratch is None else scratch

    def empty(self, shape, dtype=None):
        """Return an array for this tape's calls to write into."""
        return self._scratch(shape, self.params.dtype if dtype is None else dtype)

    def call(self, function, *args):
        """Add a call of a Kernel or of any function; return the function that is called."""
        if isinstance(function, Kernel):
            function = function.compiled_for(args) if self.is_compiled else function.twin
        self.calls.append((function, args))
        return function

    def matmul(self, left, right, out):
        """Add a product of matrices, one a member."""
        if len(out) == 1:  # the same bits as np.matmul has, and less to look at in every call
            self.call(left[0].dot, right[0], out[0])
        else:
            self.call(np.matmul, left, right, out)

    def new_keys(self):
        """Return an array that holds a new random key for each member at every replay."""
        self.keys.append(self.empty((len(self.params),), np.uint64))
        return self.keys[-1]

    @staticmethod
    def view(flat, start, shape):
        """Return the part of parameters or gradients that begins at ``start``.

        Returns
        -------
        ndarray of shape ``(n_members, *shape)``
        """
        return flat[:, start : start + math.prod(shape)].reshape(len(flat), *shape)

    def play(self):
        """Make all calls."""
        for function, args in self.calls:
            function(*args)
