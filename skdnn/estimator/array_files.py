"""Files of arrays that can be read without trusting who wrote them: checkpoints and model files.

A file is a zip archive, not compressed, of a manifest in JSON, and of arrays ``0.npy``, ``1.npy``
and so on. The comment at its end has the SHA-256 of all bytes before it, so that damage anywhere in
the file is noticed.

A checksum is no signature: anyone can write a file with a correct one. So sizes and shapes are also
compared with the bytes that there are, before anything is allocated: reading takes about as much
memory as the arrays, and up to some fifty times the size of the manifest. Nothing in a file is run.
"""

import hashlib
import io
import json
import math
import os
from typing import NamedTuple
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import numpy as np
from numpy.lib import format as npy

from skdnn.estimator.atomic_files import replace_file

MOST_OF_MANIFEST = 2**26  # bytes
MOST_EMPTY = 2**20  # entries that an array without bytes would have if no axis were 0
CODE_POINTS = 0x110000  # of Unicode
ZIP_START, ZIP_NAME = b"PK\3\4", 30  # how an archive begins; where its first name does


class DamagedFileError(ValueError):
    """A file is not as it was written."""


class FileKind(NamedTuple):
    """A kind of files: the name of their manifest, by which they begin, and a label.

    The label is what is before the checksum.
    """

    manifest: str
    label: bytes

    def begins(self, start):
        """Return whether a file that begins with these bytes may be of this kind."""
        signature, name = start[: len(ZIP_START)], start[ZIP_NAME:]
        return ZIP_START.startswith(signature) and self.manifest.encode().startswith(name)

    @property
    def n_first(self):
        """Number of bytes from which the kind of a file can be told."""
        return ZIP_NAME + len(self.manifest)


def is_plain(dtype):
    """Return whether arrays of this type are written as they are: numbers, times and strings."""
    # Longer numbers differ from machine to machine.
    is_number = dtype.kind in "biufmM" and dtype.itemsize <= 8
    return dtype.itemsize > 0 and (is_number or dtype.kind == "U")


def write_arrays(path, kind, manifest, arrays, previous=None):
    """Write a file, which replaces the one at ``path`` once it is complete.

    The manifest is written as JSON. The file that was there is kept at ``previous``, if given.
    """
    text = json.dumps(manifest).encode()
    if len(text) > MOST_OF_MANIFEST:
        raise ValueError(
            f"the names and categories of a network take {len(text):,} bytes; a file has room "
            f"for {MOST_OF_MANIFEST:,}. Use pickle or joblib."
        )
    with replace_file(path, previous) as file:
        # Members without a date: the same content gives the same file.
        with ZipFile(file, "w", ZIP_STORED) as archive:
            archive.comment = kind.label + bytes(_digest_size())
            archive.writestr(ZipInfo(kind.manifest), text)
            for number, array in enumerate(arrays):
                contiguous = np.asarray(array, order="C")
                with archive.open(ZipInfo(_member(number)), "w", force_zip64=True) as member:
                    npy.write_array(member, contiguous, (1, 0), allow_pickle=False)
        digest = _digest(file)
        file.seek(-len(digest), os.SEEK_END)
        file.write(digest)


def _member(number):
    return f"{number}.npy"


def _digest_size():
    return 2 * hashlib.sha256().digest_size


def _digest(file):
    """Return the SHA-256, in hexadecimal, of all of a file but as many bytes at its end."""
    left = file.seek(0, os.SEEK_END) - _digest_size()
    file.seek(0)
    digest = hashlib.sha256()
    while block := file.read(min(left, 2**20)):
        digest.update(block)
        left -= len(block)
    return digest.hexdigest().encode()


def read_arrays(file, kind):
    """Return the manifest of a file, and the list of its arrays.

    Raises
    ------
    Exception
        If it is not a file of this kind: a DamagedFileError that says what is wrong with it, or
        whatever zipfile, json and NumPy make of other bytes.
    """
    _check_digest(file, kind)
    with ZipFile(file) as archive:
        members = archive.infolist()
        _check_members(members, kind, file.seek(0, os.SEEK_END))
        manifest = json.loads(archive.read(kind.manifest))
        return manifest, [_read_array(archive.read(member)) for member in members[1:]]


def _check_digest(file, kind):
    file.seek(max(file.seek(0, os.SEEK_END) - len(kind.label) - _digest_size(), 0))
    end = file.read()
    if not end.startswith(kind.label):
        raise DamagedFileError("it is truncated, or another file")
    if end[len(kind.label) :] != _digest(file):
        raise DamagedFileError("its checksum is wrong: the file is damaged, or was changed")


def _check_members(members, kind, size):
    """Check that an archive has the members of a file of this kind, all within its bytes."""
    names = [kind.manifest, *map(_member, range(len(members) - 1))]
    if [member.filename for member in members] != names:
        raise DamagedFileError("its members are not those of such a file")
    if any(member.header_offset < 0 for member in members):  # zipfile would raise an OSError
        raise DamagedFileError("its members are not within it")
    sizes = [member.file_size for member in members]
    is_stored = all(
        member.compress_type == ZIP_STORED and member.compress_size == member.file_size
        for member in members
    )
    if not is_stored or sum(sizes) > size or sizes[0] > MOST_OF_MANIFEST:
        raise DamagedFileError("its members are compressed, or are larger than they can be")


def _read_array(content):
    """Return the array of a .npy file, given its bytes."""
    stream = io.BytesIO(content)
    if npy.read_magic(stream) != (1, 0):
        raise DamagedFileError("an array is in another version of NumPy's format")
    shape, is_fortran, dtype = npy.read_array_header_1_0(stream)
    data = memoryview(content)[stream.tell() :]
    n_entries = math.prod(n or 1 for n in shape)  # an empty list takes memory as well
    is_empty = 0 in shape and n_entries <= MOST_EMPTY
    fits = is_empty or n_entries * dtype.itemsize == len(data)
    if not (is_plain(dtype) and fits) or is_fortran:
        raise DamagedFileError(f"an array of type {dtype} and shape {shape} is not as it was saved")
    array = np.ndarray(shape, dtype, data).astype(dtype.newbyteorder("="))
    _check_entries(array)
    return array


def _check_entries(array):
    """Check that bytes stand for a boolean or a character, which NumPy takes for granted."""
    below = {"b": (np.uint8, 2), "U": (np.uint32, CODE_POINTS)}.get(array.dtype.kind)
    if below is not None:
        codes = np.ndarray(array.nbytes // np.dtype(below[0]).itemsize, below[0], array)
        if codes.max(initial=0) >= below[1]:
            raise DamagedFileError("an array has values that its type has not")
