"""Kernels: loops that numba compiles where it is installed, each with a NumPy twin.

Numba is imported when training begins, never before: a process that only predicts does not wait
for a compiler. A kernel is compiled when a fit first needs it for the types of its arrays, and
kept on disk (in ``__pycache__``, or where ``NUMBA_CACHE_DIR`` says). Whether kernels are compiled
depends on what is installed and on the environment variable ``SKDNN_NUMBA`` alone.
"""

import importlib
import logging
import os
import tempfile
import threading
import time
from contextlib import contextmanager
from functools import update_wrapper
from hashlib import sha256
from inspect import getsourcefile
from pathlib import Path
from types import FunctionType

import numpy as np

from skdnn.core import elementary

SWITCH = "SKDNN_NUMBA"  # environment variable
OFF = ("0", "false", "no", "off")  # its values that keep to NumPy
# What lets loops become vector instructions, short of assuming that NaN does not occur.
FAST_MATH = {"reassoc", "contract", "arcp", "nsz", "afn"}
OPTIONS = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": FAST_MATH,
    "no_cfunc_wrapper": True,  # which would take time to compile, and C calls none of them
}
SILENT_SECONDS = 0.5  # of compiling, after which a message says what takes so long
MESSAGE = (
    "skdnn: compiling for this machine, which takes a few seconds %s. "
    "(To silence this: logging.getLogger('skdnn').setLevel('ERROR').)"
)

logger = logging.getLogger("skdnn")
_lock = threading.RLock()  # held while a kernel is made ready
_compiler_lock = threading.RLock()  # held by the thread that imports or compiles
_backend = None  # found out when training first begins
_is_cached = True  # whether what is compiled is kept on disk
_seconds = 0.0  # spent compiling in this process


def backend():
    """Return what runs kernels: "numba" or "numpy"."""
    global _backend
    with _lock:
        if _backend is None:
            wanted = os.environ.get(SWITCH, "").lower() not in OFF
            _backend = "numba" if wanted and has_numba() else "numpy"
    return _backend


def has_numba():
    """Tell whether numba can be imported and may compile."""
    numba = _on_new_thread(_import_numba)
    return numba is not None and not numba.config.DISABLE_JIT


def _import_numba():
    try:
        return importlib.import_module("numba")
    except Exception:  # it is not installed, or its own libraries cannot be loaded
        return None


class Kernel:
    """A loop to compile, and the NumPy function to call without numba.

    Parameters
    ----------
    loop : callable
        Takes arrays and numbers, writes to some of the arrays and returns nothing. The arrays are
        C-contiguous.
    twin : callable
        The same with NumPy, to rounding.
    calls : tuple of function, default=()
        Functions that the loop calls, compiled with it, each behind those that it calls itself.
    is_cached : bool, default=True
        Whether the compiled loop is kept on disk.
    """

    def __init__(self, loop, twin, calls=(), is_cached=True):
        self.loop, self.twin, self.calls, self.is_cached = loop, twin, calls, is_cached
        self._dispatcher, self._ready = None, set()
        update_wrapper(self, loop)

    def __call__(self, *args):
        """Run the twin: calling a kernel compiles nothing."""
        self.twin(*args)

    def __reduce__(self):
        """Pickle a kernel by its name, as a function is."""
        return self.__qualname__

    def compiled_for(self, args):
        """Return the compiled loop for arguments of these types.

        It is loaded or compiled here, and errors are handled or raised here, not by its calls.
        """
        kinds = tuple(map(_type_key, args))
        if kinds not in self._ready:
            with _lock:
                _on_new_thread(self._compile, args)
                self._ready.add(kinds)
        return self._dispatcher

    def _compile(self, args):
        import numba

        with _one_process_at_a_time():
            start = time.perf_counter()
            types = tuple(map(numba.typeof, args))
            if self._dispatcher is None:
                self._dispatcher = self._dispatch(self.is_cached and _is_cached)
            try:
                self._dispatcher.compile(types)
            except Exception:
                self._compile_without_disk(types)
            if self._dispatcher.stats.cache_misses or not _is_cached:
                _count_seconds(time.perf_counter() - start)

    def _compile_without_disk(self, types):
        """Compile after a failure: what is on disk may be damaged, or there may be no room left."""
        global _is_cached
        if types not in self._dispatcher.overloads:
            self._dispatcher = self._dispatch(is_cached=False)
            self._ready.clear()
            self._dispatcher.compile(types)
        _is_cached = False  # it was the disk: without it, this works

    def _dispatch(self, is_cached):
        global _is_cached
        from numba import njit

        elementary.register()
        loop = self._with_calls()
        try:
            return njit(cache=is_cached, **OPTIONS)(loop)
        except RuntimeError:  # there is no folder that could be written to
            _is_cached = False
            return njit(**OPTIONS)(loop)

    def _with_calls(self):
        """Return the loop with compiled functions in the place of those that it calls."""
        from numba import njit

        compiled_calls = {}
        for function in self.calls:
            inner = _with_names(function, compiled_calls)
            compiled_calls[function] = njit(no_cpython_wrapper=True, **OPTIONS)(inner)
        loop = _with_names(self.loop, compiled_calls)
        # Numba looks at the loop's own file to see whether what it kept is stale.
        loop.__qualname__ = f"{self.__name__}_{_version((*self.calls, elementary.exp))}"
        return loop


def kernel(twin, calls=()):
    """Make the decorated loop a Kernel with this NumPy twin."""
    return lambda loop: Kernel(loop, twin, calls)


def _with_names(function, replacements):
    """Return the function with other values behind some of its global names."""
    names = {
        name: replacements[value]
        for name, value in function.__globals__.items()
        if isinstance(value, FunctionType) and value in replacements
    }
    scope = {**function.__globals__, **names}
    copy = FunctionType(function.__code__, scope, function.__name__, closure=function.__closure__)
    copy.__module__, copy.__doc__ = function.__module__, function.__doc__
    return copy


def _version(functions):
    """Return a text that changes with the files of some functions."""
    try:
        paths = sorted({getsourcefile(function) for function in functions})
        contents = b"".join(Path(path).read_bytes() for path in paths)
    except (TypeError, OSError):
        return "unknown"
    return sha256(contents).hexdigest()[:12]


def _type_key(arg):
    """Return a key that is the same for arguments of the same type in numba."""
    if isinstance(arg, np.ndarray):
        flags = arg.flags
        return arg.dtype.char, arg.ndim, flags.c_contiguous, flags.aligned, flags.writeable
    return tuple(map(_type_key, arg)) if isinstance(arg, tuple) else type(arg)


def _count_seconds(seconds):
    """Add to what compiling has taken; say so once if it is much."""
    global _seconds
    before, _seconds = _seconds, _seconds + seconds
    if before <= SILENT_SECONDS < _seconds:
        how_often = (
            "once" if _is_cached else "in each process: set NUMBA_CACHE_DIR to a folder to keep"
        )
        logger.warning(MESSAGE, how_often)


def _on_new_thread(function, *args):
    """Call a function on a new thread, and return its result or raise its exception.

    Signal handlers run on the main thread. So an exception that they raise, such as
    KeyboardInterrupt, neither ends the function nor is taken for an error of it.
    """
    finished = []

    def call():
        try:
            with _compiler_lock:
                finished.append((function(*args), None))
        except BaseException as error:
            finished.append((None, error))

    thread = threading.Thread(target=call, name="skdnn-compile")
    try:
        thread.start()
    except RuntimeError:  # no more threads can be started
        call()
    else:
        thread.join()
    result, error = finished[0]
    if error is not None:
        raise error
    return result


@contextmanager
def _one_process_at_a_time():
    """Wait while another process of this user compiles: the two would mix up their files.

    It then finds what that one has left on disk.
    """
    file = None
    try:
        import fcntl

        file = open(Path(tempfile.gettempdir()) / f"skdnn-compiling-{os.getuid()}.lock", "a")  # noqa: SIM115
        fcntl.flock(file, fcntl.LOCK_EX)
    except (ImportError, OSError):
        pass  # Windows, or nowhere to put the file: compile side by side
    try:
        yield
    finally:
        if file is not None:
            file.close()


def _before_fork():
    _lock.acquire()
    _compiler_lock.acquire()


def _after_fork():
    _compiler_lock.release()
    _lock.release()


if hasattr(os, "register_at_fork"):
    # A child forked while another thread compiles would find the compiler locked for good.
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork
    )
