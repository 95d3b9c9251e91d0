"""Threads: how many, and BLAS kept to one each while they work."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from typing import NamedTuple

import numpy as np
import scipy.linalg  # noqa: F401 - compiled loops use its BLAS, which the limit has to find
import threadpoolctl
from joblib import cpu_count
from threadpoolctl import ThreadpoolController

from skdnn.core import blas_memory, compiling

TOUCHES = 3  # that threads make together: in one of them all at once are likely to be in BLAS
PATIENCE = 1  # seconds to wait for each other: nothing depends on it but speed

_lock = threading.Lock()
_users = 0
_limiter = None
_unlimited = 1
_touched = set()  # what BLAS's memory was touched for in this process


class Threads(NamedTuple):
    """Threads that call BLAS, which adds none of its own.

    Attributes
    ----------
    number : int
    run : callable
        Like ``map``, on these threads.
    """

    number: int
    run: Callable


@contextmanager
def threads_apart(n_jobs, dtype, at_most=None):
    """Limit BLAS to a thread, and yield the Threads to call it from.

    Parameters
    ----------
    n_jobs : int or None
        See :func:`n_threads`.
    dtype : dtype
        Of the matrices that they will multiply.
    at_most : int, optional
        Pieces of work for them.
    """
    with single_threaded_blas() as blas_threads:
        number = n_threads(n_jobs, blas_threads)
        if at_most is not None:
            number = min(number, at_most)
        with shared_map(number) as run:
            _touch_blas_memory(Threads(number, run), np.dtype(dtype))
            yield Threads(number, run)


def _touch_blas_memory(threads, dtype):
    """Touch the memory that BLAS has for as many calls at a time, once in a process."""
    case = threads.number, dtype, compiling.is_compiled()
    if case in _touched:
        return
    start = threading.Barrier(threads.number)

    def touch(_):
        for _ in range(TOUCHES if threads.number > 1 else 1):
            with suppress(threading.BrokenBarrierError):
                start.wait(PATIENCE)
            blas_memory.touch(dtype)

    list(threads.run(touch, range(threads.number)))
    _touched.add(case)


@cache
def _controller():
    return ThreadpoolController().select(user_api="blas")


def _release_control():
    """Let this thread set the limit: threadpoolctl >= 3.8 heeds only the first that ever did."""
    openblas = getattr(threadpoolctl, "OpenBLASController", None)
    if hasattr(openblas, "clear_controlling_thread"):
        openblas.clear_controlling_thread(force=True)


def _blas_threads():
    return max((info["num_threads"] for info in _controller().info()), default=1)


@contextmanager
def single_threaded_blas():
    """Limit BLAS to one thread; yield the number that it had before.

    Limits are process-wide, so fits that run at the same time share one: the first sets it
    and the last puts back what was there, also after an error.
    """
    global _users, _limiter, _unlimited
    with _lock:
        if _users == 0:
            _unlimited = _blas_threads()
            _release_control()
            _limiter = _controller().limit(limits=1)
        _users += 1
    try:
        yield _unlimited
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                _release_control()
                _limiter.restore_original_limits()
                _release_control()


def n_threads(n_jobs, blas_threads):
    """Return the number of threads to train on.

    Parameters
    ----------
    n_jobs : int or None
        As in scikit-learn; None stands for ``blas_threads``, which joblib lowers in its
        workers.
    blas_threads : int

    Returns
    -------
    int
    """
    if n_jobs is None:
        return min(blas_threads, cpu_count())
    return n_jobs if n_jobs > 0 else max(1, cpu_count() + 1 + n_jobs)


@contextmanager
def shared_map(n_workers):
    """Yield a ``map`` whose items this thread and ``n_workers - 1`` others share.

    Parameters
    ----------
    n_workers : int
    """
    if n_workers == 1:
        yield map
        return
    with ThreadPoolExecutor(n_workers - 1) as executor:

        def run(function, items):
            items = list(items)
            results = [None] * len(items)
            queue = enumerate(items)  # Python's lock makes taking from it safe

            def work():
                for index, item in queue:
                    results[index] = function(item)

            helpers = [executor.submit(work) for _ in items[1:n_workers]]
            try:
                work()
            finally:
                for helper in helpers:
                    helper.result()
            return results

        yield run
