"""Choose what runs kernels, for tests of both."""

from contextlib import contextmanager

from skdnn.core import compiling


@contextmanager
def compiled(wanted):
    """Run compiled kernels, or their NumPy twins, within a block; numba must be there for it."""
    before, compiling._backend = compiling._backend, "numba" if wanted else "numpy"
    try:
        yield
    finally:
        compiling._backend = before
