"""Threads: how many, and BLAS kept to one each while they work."""

import os
import threading
from contextlib import contextmanager, suppress
from functools import cache

import numpy as np
import threadpoolctl
from joblib import cpu_count
from threadpoolctl import ThreadpoolController

from skdnn.core.workers import Workers

PATIENCE = 1  # seconds to wait for each other: nothing depends on it but speed

_lock = threading.Lock()
_users = 0
_limiter = None
_unlimited = 1
_touched = set()  # numbers of threads that BLAS's memory was touched for in this process


@contextmanager
def threads_apart(n_jobs, at_most=None):
    """Limit BLAS to a thread, and yield the Workers to call it from.

    Parameters
    ----------
    n_jobs : int or None
        See :func:`n_threads`.
    at_most : int, optional
        Pieces of work for them.
    """
    with single_threaded_blas() as blas_threads:
        number = n_threads(n_jobs, blas_threads)
        with Workers(number if at_most is None else min(number, at_most)) as workers:
            _touch_blas_memory(workers)
            yield workers


def _touch_blas_memory(workers):
    """Write the memory that BLAS has for as many calls at a time, once in a process.

    OpenBLAS copies matrices to memory of its own, and its loops ask ahead of time for what follows
    a copy. As long as nothing was ever written there, the processor looks for a page of memory that
    does not exist, again and again: products take up to three times as long (measured on an AMD
    EPYC of 2017 in a virtual machine), until a larger one has written more.
    """
    if workers.number in _touched:
        return
    together = threading.Barrier(workers.number)  # calls at the same time have memory each
    a, b = np.zeros((64, 192), np.float32), np.zeros((192, 1536), np.float32)

    def multiply(_):
        with suppress(threading.BrokenBarrierError):
            together.wait(PATIENCE)
        np.matmul(a, b)

    workers.map(multiply, range(workers.number))
    _touched.add(workers.number)


@cache
def _controller():
    return ThreadpoolController().select(user_api="blas")


def _release_control():
    """Let this thread set the limit: threadpoolctl >= 3.8 heeds only the first that ever did."""
    openblas = getattr(threadpoolctl, "OpenBLASController", None)
    if hasattr(openblas, "clear_controlling_thread"):
        openblas.clear_controlling_thread(force=True)


@contextmanager
def single_threaded_blas():
    """Limit BLAS to one thread; yield the number that it had before.

    Limits are process-wide, so fits that run at the same time share one: the first sets it
    and the last puts back what was there, also after an error.
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
            # An exception of a signal's handler cannot come between the two.
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
    """Give a child its BLAS threads back: the fits of its parent's other threads are not here."""
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
