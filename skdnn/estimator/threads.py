"""The number of threads, and BLAS limited to one thread while members are trained on several."""

import os
import threading
from contextlib import contextmanager, suppress
from functools import cache

import numpy as np
import threadpoolctl
from joblib import cpu_count
from threadpoolctl import ThreadpoolController

from skdnn.core.workers import Workers

TIMEOUT = 1  # seconds to wait for the other threads; matters for speed only

_lock = threading.Lock()
_users = 0
_limiter = None
_unlimited = 1
_touched = set()  # numbers of threads for which the buffers of BLAS are initialized in this process


@contextmanager
def threads_apart(n_jobs, at_most=None):
    """Limit BLAS to one thread, and yield the Workers, not more than there are cores.

    ``at_most`` is another upper bound on the number of threads, such as the number of tasks.
    """
    with single_threaded_blas() as blas_threads:
        number = min(n_threads(n_jobs, blas_threads), cpu_count())  # more would only get in the way
        with Workers(number if at_most is None else min(number, at_most)) as workers:
            _touch_blas_memory(workers)
            yield workers


def _touch_blas_memory(workers):
    """Write to the buffers of BLAS for as many simultaneous calls, once in a process.

    OpenBLAS copies matrices to internal buffers, and prefetches memory beyond a copy. Until that
    memory has been written, its pages are not mapped, and each prefetch searches for them in vain:
    products take up to three times as long (measured on an AMD EPYC of 2017 in a virtual machine),
    until a larger product has written more of the buffer.
    """
    if workers.number in _touched:
        return
    together = threading.Barrier(workers.number)  # simultaneous calls have separate buffers
    a, b = np.zeros((64, 192), np.float32), np.zeros((192, 1536), np.float32)

    def multiply(_):
        with suppress(threading.BrokenBarrierError):
            together.wait(TIMEOUT)
        np.matmul(a, b)

    workers.map(multiply, range(workers.number))
    _touched.add(workers.number)


@cache
def _controller():
    return ThreadpoolController().select(user_api="blas")


def _release_control():
    """Let this thread set the limit; in threadpoolctl >= 3.8 only the first thread could."""
    openblas = getattr(threadpoolctl, "OpenBLASController", None)
    if hasattr(openblas, "clear_controlling_thread"):
        openblas.clear_controlling_thread(force=True)


@contextmanager
def single_threaded_blas():
    """Limit BLAS to one thread; yield its number of threads before.

    The limit holds for the process, so simultaneous fits share it: the first one sets it, and the
    last one restores the previous number, also after an error.
    """
    global _users, _limiter, _unlimited
    is_user = False
    try:
        with _lock:
            if _users == 0:
                numbers = [info["num_threads"] for info in _controller().info()]
                _unlimited = max(numbers, default=1)
                _release_control()
                _limiter = _controller().limit(limits=1)
            # A signal handler cannot raise an exception between these two statements.
            _users += 1
            is_user = True
        yield _unlimited
    finally:
        if is_user:
            with _lock:
                _users -= 1
                if _users == 0:
                    _lift_limit()


def _lift_limit():
    _release_control()
    _limiter.restore_original_limits()
    _release_control()


def _after_fork():
    """Restore the BLAS threads in a child process, which has no other threads that fit."""
    global _users
    if _users:
        _users = 0
        _lift_limit()
    _lock.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_after_fork
    )


def n_threads(n_jobs, blas_threads):
    """Return the number of threads to use, as in scikit-learn.

    None means ``blas_threads``, a number that joblib lowers in its workers.
    """
    if n_jobs is None:
        return min(blas_threads, cpu_count())
    return n_jobs if n_jobs > 0 else max(1, cpu_count() + 1 + n_jobs)
