"""BLAS's own memory, touched before it is wanted.

OpenBLAS copies matrices, a part at a time, to memory of its own, and its loops ask for what
follows that part ahead of time. As long as nothing was ever written there, the processor looks for
a page of memory that does not exist, again and again. Products with few columns only ever write
the first pages, and so take up to three times as long as they need (measured on an AMD EPYC in a
virtual machine), until a larger product has written more.
"""

import numpy as np

from skdnn.core import compiling
from skdnn.core.c_functions import multiply

# Rows, terms and columns of a product that writes enough. On every kind of processor
# OpenBLAS cuts so many columns: only then it keeps the copies of all rows instead of writing one
# over the other.
SHAPE = 64, 192, 1536


def touch(dtype):
    """Write the memory that products of this type use, in all libraries that training calls."""
    n_rows, n_terms, n_columns = SHAPE
    a, b = np.zeros((n_rows, n_terms), dtype), np.zeros((n_terms, n_columns), dtype)
    out = np.empty((n_rows, n_columns), dtype)
    np.matmul(a, b, out=out)
    if compiling.is_compiled():
        multiply(a, b, out)
