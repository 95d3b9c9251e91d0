"""Files of checkpoints: arrays with a checksum, replaced only when the new file is complete.

A file is MAGIC, the length of the header in 8 bytes, the header in JSON, the bytes of the arrays,
and a BLAKE2 checksum of all that. Nothing in it is executed, or becomes larger by reading it.
"""

import hashlib
import json
import math
import os
import re
import time
from contextlib import suppress
from itertools import count
from typing import NamedTuple

import numpy as np

from skdnn.estimator.atomic_files import replace_file

MAGIC = b"skdnn checkpoint 1\n"
N_CHECKED, BLOCK = 32, 2**20  # bytes of the checksum, and of what is read in one go
# Types of arrays: numbers and strings, no objects, and none that take no bytes.
DTYPE = re.compile("[<>|][biufU][1-9][0-9]{0,5}")  # NumPy 1 misreads larger sizes
# Of booleans and characters: type of the same size, and largest valid number.
LARGEST = {"b": ("u1", 1), "U": ("u4", 0x10FFFF)}
ABANDONED = 3600  # seconds after which an unfinished file is deleted


class Contents(NamedTuple):
    """Contents of a file.

    Attributes
    ----------
    identity : dict of str to str
        Of the fit.
    is_done : bool
        Whether the arrays are the result of training, not a snapshot of it.
    arrays : dict of str to ndarray
    """

    identity: dict
    is_done: bool
    arrays: dict


def previous_of(path):
    """Return the path of the file that was written before.

    Parameters
    ----------
    path : Path
    """
    return path.with_name(path.name + ".previous")


def is_foreign(path):
    """Return whether there is a file that was never a checkpoint, not even a truncated one.

    Parameters
    ----------
    path : Path
    """
    try:
        with path.open("rb") as file:
            return not MAGIC.startswith(file.read(len(MAGIC)))
    except OSError:
        return False


def set_aside(path):
    """Rename a damaged file, so that nothing overwrites it; return its new path.

    Parameters
    ----------
    path : Path

    Raises
    ------
    OSError
        If it cannot be renamed.
    """
    for number in count(1):
        end = ".unreadable" if number == 1 else f".unreadable-{number}"
        kept = path.with_name(path.name + end)
        try:
            kept.touch(exist_ok=False)  # reserves the name: renaming would replace another file
            break
        except FileExistsError:
            continue
    try:
        os.replace(path, kept)
    except OSError:
        kept.unlink()
        raise
    return kept


def save(path, contents):
    """Write a file, and keep the one before as the previous one.

    At any moment the file or the previous one is complete, even if the process is killed or the
    computer stops.

    Parameters
    ----------
    path : Path
    contents : Contents

    Raises
    ------
    OSError
        If it cannot be written. What was written before can still be read.
    """
    with replace_file(path, previous=previous_of(path)) as file:
        for part in _parts(contents):
            file.write(part)


def _parts(contents):
    """Yield the parts of a file, as bytes or arrays of bytes.

    Parameters
    ----------
    contents : Contents
    """
    arrays = contents.arrays.values()
    layout = [(name, array.dtype.str, array.shape) for name, array in contents.arrays.items()]
    text = json.dumps([contents.identity, contents.is_done, layout]).encode()
    checksum = hashlib.blake2b(digest_size=N_CHECKED)
    data = (np.ascontiguousarray(array).reshape(-1).view(np.uint8) for array in arrays)
    for part in (MAGIC, len(text).to_bytes(8, "little"), text, *data):
        checksum.update(part)
        yield part
    yield checksum.digest()


def load(path):
    """Return the Contents of a file.

    Parameters
    ----------
    path : Path

    Raises
    ------
    OSError
        If it cannot be read.
    ValueError
        If it is not a complete checkpoint.
    """
    with path.open("rb") as file:
        end = os.fstat(file.fileno()).st_size - N_CHECKED
        if file.read(len(MAGIC)) != MAGIC:
            raise ValueError("it is not a checkpoint of this version of skdnn")
        if not _has_checksum(file, end):
            raise ValueError("it is truncated or damaged")
        file.seek(len(MAGIC))
        length = int.from_bytes(file.read(8), "little")
        try:
            identity, is_done, layout = json.loads(file.read(min(length, end)))
            arrays = {name: _read_array(file, end, *of_array) for name, *of_array in layout}
            return Contents(dict(identity), bool(is_done), arrays)
        except (TypeError, OverflowError, RecursionError) as error:
            raise ValueError("its header is not valid") from error


def _has_checksum(file, end):
    """Return whether a file has at ``end`` the checksum of what is before.

    Parameters
    ----------
    file : file-like
        At the end of MAGIC.
    end : int
        In bytes.
    """
    checksum = hashlib.blake2b(MAGIC, digest_size=N_CHECKED)
    while block := file.read(max(0, min(BLOCK, end - file.tell()))):
        checksum.update(block)
    return file.read() == checksum.digest()


def _read_array(file, end, dtype, shape):
    """Return the next array.

    Parameters
    ----------
    file : file-like
        Where the array begins.
    end : int
        Byte at which it must have ended.
    dtype : str
    shape : list of int
    """
    if not DTYPE.fullmatch(dtype):
        raise ValueError("its header is not valid")
    dtype, n_values = np.dtype(dtype), math.prod(shape)
    if not 0 <= n_values * dtype.itemsize <= end - file.tell():
        raise ValueError("its header is not valid")
    array = np.fromfile(file, dtype, n_values)
    unit, largest = LARGEST.get(dtype.kind, (None, None))
    if unit and array.view(dtype.str[0] + unit).max(initial=0) > largest:
        raise ValueError("its values are not valid")
    return array.reshape(shape)


def remove_abandoned(path):
    """Remove unfinished files of the same name, of processes that were killed long ago.

    Parameters
    ----------
    path : Path
        Of the checkpoint.
    """
    for unfinished in path.parent.glob("*.tmp"):
        with suppress(OSError):
            is_old = time.time() - unfinished.stat().st_mtime > ABANDONED
            if is_old and unfinished.name.startswith(f"{path.name}."):
                unfinished.unlink()
