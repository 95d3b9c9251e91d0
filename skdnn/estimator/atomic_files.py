"""Files that are replaced at once: never half written, whatever happens meanwhile."""

import os
import secrets
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replace_file(path, previous=None):
    """Yield a new binary file, which replaces ``path`` once it is complete and on the disk.

    After an error, the file that was at ``path`` is there or at ``previous``, and the new one is
    deleted.

    Parameters
    ----------
    path : str or path-like
    previous : path-like, optional
        Where to keep the file that was at ``path``. If the process is killed just then, there is a
        complete file here and none at ``path``.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    path = Path(path)
    unfinished = path.with_name(f"{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with unfinished.open("x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
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


def _sync_folder(folder):
    """Make sure that the names of files are on the disk; Windows has no way to."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
