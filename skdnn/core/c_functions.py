"""Addresses of C functions, by which compiled loops call them."""

import ctypes
import sys
from functools import cache

import numpy as np


@cache
def product(dtype):
    """Return the address of SciPy's matrix product for a type; None if it is not to be had."""
    from numba.extending import get_cython_function_address

    name = {"float32": "sgemm", "float64": "dgemm"}.get(np.dtype(dtype).name)
    return name and get_cython_function_address("scipy.linalg.cython_blas", name)


@cache
def give_way():
    """Return the address of a C function that lets other threads run."""
    if sys.platform == "win32":
        function = ctypes.WinDLL("kernel32").SwitchToThread
    else:
        function = ctypes.CDLL(None).sched_yield
    return ctypes.cast(function, ctypes.c_void_p).value
