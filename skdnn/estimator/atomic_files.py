"""Files that are replaced at once: never half written, whatever happens meanwhile."""

import os
import secrets
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replace_file(path):
    """Yield a new binary file, which replaces ``path`` once it is complete and on the disk.

    After an error, the file that was at ``path`` is still there, and the new one is deleted.

    Parameters
    ----------
    path : str or path-like

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    path = Path(path)
    unfinished = path.with_name(f".{secrets.token_hex(8)}.unfinished")
    try:
        with unfinished.open("x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
