"""C functions: their addresses, by which compiled loops call them, and one called from here."""

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


def multiply(a, b, out):
    """Write the product of two C-contiguous matrices, with SciPy's function if it is to be had.

    Unlike the functions of ``scipy.linalg.blas``, it does not hold Python's lock meanwhile.
    """
    if product(a.dtype) is None:
        return
    real = ctypes.c_float if a.dtype == np.float32 else ctypes.c_double
    n_rows, n_terms, n_columns = (ctypes.byref(ctypes.c_int(n)) for n in (*a.shape, b.shape[1]))
    one, zero = ctypes.byref(real(1)), ctypes.byref(real(0))
    # BLAS's matrices lie column by column: for it these are transposed, and b comes first.
    function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 13)(product(a.dtype))
    first, second = (b.ctypes.data, n_columns), (a.ctypes.data, n_terms)
    sizes = n_columns, n_rows, n_terms
    function(b"N", b"N", *sizes, one, *first, *second, zero, out.ctypes.data, n_columns)


@cache
def give_way():
    """Return the address of a C function that lets other threads run."""
    if sys.platform == "win32":
        function = ctypes.WinDLL("kernel32").SwitchToThread
    else:
        function = ctypes.CDLL(None).sched_yield
    return ctypes.cast(function, ctypes.c_void_p).value
