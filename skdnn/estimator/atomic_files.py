"""Files that are replaced at once: never half written, whatever happens meanwhile."""

import os
import re
import secrets
import shutil
import time
from contextlib import contextmanager, suppress
from pathlib import Path

ABANDONED = 3600  # seconds after which an unfinished file is deleted
N_RANDOM = 8  # bytes in the name of an unfinished file


@contextmanager
def replace_file(path, previous=None):
    """Yield a new binary file, which replaces ``path`` once it is complete and on the disk.

    It has the permissions of the one before, or where there is none, those of any new file. If
    ``path`` is a symbolic link, the file that it leads to is replaced. After an error, the file
    that was at ``path`` is there or at ``previous``, and the new one is deleted.

    ``previous``, if given, is where to keep the file that was at ``path``. If the process is killed
    just then, there is a complete file here and none at ``path``.
    """
    path = Path(os.path.realpath(path))
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(N_RANDOM)}.tmp")
    try:
        with unfinished.open("x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            shutil.copymode(path, unfinished)
        if previous is not None:
            with suppress(FileNotFoundError):
                os.replace(path, previous)
        os.replace(unfinished, path)
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise
    with suppress(OSError):  # the file is there; some file systems cannot do more
        _sync_folder(path.parent)


def remove_abandoned(path):
    """Remove unfinished files for ``path``, of processes that were killed long ago."""
    path = Path(os.path.realpath(path))
    name = re.compile(rf"{re.escape(path.name)}\.[0-9a-f]{{{2 * N_RANDOM}}}\.tmp")
    for unfinished in path.parent.glob("*.tmp"):
        with suppress(OSError):
            is_old = time.time() - unfinished.stat().st_mtime > ABANDONED
            if is_old and name.fullmatch(unfinished.name):
                unfinished.unlink()


def _sync_folder(folder):
    """Make sure that the names of files are on the disk; Windows has no way to."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
