"""Files of checkpoints, replaced only when the new file is complete.

They are files of arrays (see :mod:`skdnn.estimator.array_files`).
"""

import os
from contextlib import suppress
from itertools import count
from typing import NamedTuple

from skdnn.estimator.array_files import DamagedFileError, FileKind, read_arrays, write_arrays

CHECKPOINT = FileKind("checkpoint.json", b"skdnn checkpoint 1, sha256 ")


class Contents(NamedTuple):
    """Contents of a file: the identity of the fit, and arrays.

    These are the result of training if ``is_done``, else a snapshot of it.
    """

    identity: dict
    is_done: bool
    arrays: dict


def previous_of(path):
    """Return the path of the file that was written before."""
    return path.with_name(path.name + ".previous")


def is_foreign(path):
    """Return whether there is a file that was never a checkpoint, not even a truncated one."""
    with suppress(OSError), path.open("rb") as file:
        return not CHECKPOINT.begins(file.read(CHECKPOINT.n_first))
    return False


def set_aside(path):
    """Rename a damaged file, so that nothing overwrites it; return its new path."""
    for number in count(1):
        end = ".unreadable" if number == 1 else f".unreadable-{number}"
        kept = path.with_name(path.name + end)
        with suppress(FileExistsError):
            kept.touch(exist_ok=False)  # reserves the name: renaming would replace another file
            break
    try:
        os.replace(path, kept)
    except OSError:
        kept.unlink()
        raise
    return kept


def save(path, contents):
    """Write a file, and keep the one before as the previous one.

    At any moment the file or the previous one is complete, even if the process is killed or the
    computer stops. After an OSError, what was written before can still be read.
    """
    manifest = contents.identity, contents.is_done, list(contents.arrays)
    write_arrays(path, CHECKPOINT, manifest, contents.arrays.values(), previous_of(path))


def load(path):
    """Return the Contents of a file; raise a DamagedFileError if it is no complete checkpoint."""
    with path.open("rb") as file:
        try:
            (identity, is_done, names), arrays = read_arrays(file, CHECKPOINT)
            return Contents(dict(identity), bool(is_done), dict(zip(names, arrays, strict=True)))
        except (OSError, MemoryError, DamagedFileError):
            raise
        except Exception as error:  # of any kind, whatever is in the file
            raise DamagedFileError(f"its content is not that of a checkpoint: {error}") from error
