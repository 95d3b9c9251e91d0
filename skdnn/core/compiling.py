"""Loops that numba compiles where it is installed, and NumPy twins that stand in for them.

Numba is imported when training begins, never before: a process that only predicts does not
wait for a compiler. What is compiled stays on disk, where a folder for it can be written.
"""

import os
import tempfile
import threading
from contextlib import contextmanager
from functools import update_wrapper
from pathlib import Path

SWITCH = "SKDNN_NUMBA"  # environment variable
OFF = ("0", "false", "no", "off")  # its values that keep to NumPy
# What lets loops become vector instructions, short of assuming that NaN does not occur.
FAST_MATH = {"reassoc", "contract", "arcp", "nsz", "afn"}
OPTIONS = {"error_model": "numpy", "fastmath": FAST_MATH}

_lock = threading.RLock()
_wanted = None  # True or False within a block of `compiled`
_is_compiled = False


def load():
    """From now on run compiled loops, if numba is installed and not switched off."""
    global _is_compiled
    with _lock:
        if _wanted is None and not _is_compiled:
            _is_compiled = os.environ.get(SWITCH, "").lower() not in OFF and has_numba()


def has_numba():
    """Tell whether numba can be imported and may compile."""
    try:
        from numba import config
    except ImportError:
        return False
    return not config.DISABLE_JIT


def is_compiled():
    """Tell whether compiled loops run."""
    return _is_compiled


@contextmanager
def compiled(wanted):
    """Run compiled loops, or NumPy's twins, in the whole process within a block.

    Blocks may be nested, but not overlap on several threads.

    Parameters
    ----------
    wanted : bool

    Raises
    ------
    ImportError
        If compiled loops are wanted and numba is not installed.
    """
    global _wanted, _is_compiled
    if wanted and not has_numba():
        raise ImportError("compiled kernels need numba: pip install 'skdnn[fast]'.")
    before = _wanted, _is_compiled
    _wanted = _is_compiled = bool(wanted)
    try:
        yield
    finally:
        _wanted, _is_compiled = before


@contextmanager
def one_process_at_a_time():
    """Wait while another process of this user compiles.

    It then finds what that one has left on disk: each compiling the same for itself would take
    twice the time and memory.
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


def _compile_in_turn(dispatcher):
    """Make a function of numba's wait for its turn whenever it compiles for new types."""
    compile_for_types = getattr(dispatcher, "_compile_for_args", None)

    def in_turn(*args, **kwargs):
        with one_process_at_a_time():
            return compile_for_types(*args, **kwargs)

    if compile_for_types is not None:
        dispatcher._compile_for_args = in_turn
    return dispatcher


class MachineCode:
    """A loop that is compiled when it is first called, and kept on disk where that works.

    Parameters
    ----------
    loop : callable
        Element by element, as numba likes it.
    """

    def __init__(self, loop):
        self.loop, self._compiled = loop, None
        update_wrapper(self, loop)

    def __call__(self, *args):
        """Run the loop."""
        try:
            return (self._compiled or self._compile())(*args)
        except Exception:
            # Loops raise nothing themselves: the cache is damaged or cannot be read, or the disk
            # is full. That is found out before the loop begins.
            return self._compile(cache=False)(*args)

    def _compile(self, cache=True):
        from numba import njit

        with _lock:
            if self._compiled is None or not cache:
                try:
                    dispatcher = njit(cache=cache, nogil=True, **OPTIONS)(self.loop)
                except RuntimeError:  # there is no folder that the cache could be written to
                    dispatcher = njit(nogil=True, **OPTIONS)(self.loop)
                self._compiled = _compile_in_turn(dispatcher)
            return self._compiled


class Kernel:
    """A loop to compile, and the NumPy function to call without numba.

    Parameters
    ----------
    loop : callable
        Element by element, as numba likes it.
    twin : callable
        The same with NumPy.
    """

    def __init__(self, loop, twin):
        self.loop, self.twin, self._machine_code = loop, twin, MachineCode(loop)
        update_wrapper(self, loop)

    def __call__(self, *args):
        """Run the loop or its twin."""
        return self._machine_code(*args) if _is_compiled else self.twin(*args)


def kernel(twin):
    """Make the decorated loop a Kernel with this NumPy twin."""
    return lambda loop: Kernel(loop, twin)
