from unittest import mock

import numpy as np
import pytest

from skdnn.core import blas_memory
from skdnn.core.c_functions import multiply
from skdnn.core.compiling import compiled, has_numba

needs_numba = pytest.mark.skipif(not has_numba(), reason="numba is not installed")


@needs_numba
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 5), (7, 4, 1), blas_memory.SHAPE])
def test_the_product_by_address_is_that_of_numpy(shape, dtype):
    rng = np.random.default_rng(0)
    a = rng.integers(-9, 9, shape[:2]).astype(dtype)  # whole numbers: sums are exact
    b = rng.integers(-9, 9, shape[1:]).astype(dtype)
    out = np.full((shape[0], shape[2]), np.nan, dtype)
    multiply(a, b, out)
    np.testing.assert_array_equal(out, a @ b)


@pytest.mark.parametrize("is_compiled", [False, pytest.param(True, marks=needs_numba)])
def test_the_memory_of_scipys_library_is_touched_only_if_loops_call_it(is_compiled):
    with compiled(is_compiled), mock.patch.object(blas_memory, "multiply") as called:
        blas_memory.touch(np.float32)
    assert called.called == is_compiled
