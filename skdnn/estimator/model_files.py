"""Model files: a fitted network as data that can be loaded without trusting who wrote it.

A model file is a zip archive, not compressed, of ``manifest.json``, which is a plain value (see
:mod:`skdnn.estimator.plain_values`), and of its arrays ``0.npy``, ``1.npy`` and so on. The comment
at its end is the SHA-256 of all bytes before it, so that damage anywhere in the file is noticed.

A checksum is no signature: anyone can write a file with a correct one. So sizes and shapes are also
compared with the bytes that there are, before anything is allocated: loading takes about as much
memory as the arrays, and up to some fifty times the size of the manifest. And the parts must fit
together, because compiled kernels do not check where they read.
"""

import hashlib
import io
import json
import math
import os
from contextlib import contextmanager
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import numpy as np
from numpy.lib import format as npy
from sklearn.preprocessing import FunctionTransformer

from skdnn.core.encoded_rows import Expansion
from skdnn.estimator.atomic_files import replace_file
from skdnn.estimator.encoders import adapted
from skdnn.estimator.inputs import COLUMNS
from skdnn.estimator.plain_values import from_plain, is_plain, to_plain
from skdnn.tabular.encoder import TableEncoder

VERSION = "0.1.0"  # of skdnn
FORMAT = 1  # of the files; a higher one if earlier versions could not read them correctly
MANIFEST = "manifest.json"
MOST_OF_MANIFEST = 2**26  # bytes
MOST_EMPTY = 2**20  # entries that an array without bytes would have if no axis were 0
LABEL = b"skdnn model, sha256 "
CODE_POINTS = 0x110000  # of Unicode


class ModelFileError(ValueError):
    """A file is no model file, is damaged, or is of a later version of skdnn."""


def write_model(path, content):
    """Write a dict of objects to a model file.

    Parameters
    ----------
    path : str or path-like
    content : dict of str to object

    Raises
    ------
    TypeError
        If an object cannot be written.
    ValueError
        If all but the arrays is too large.
    """
    arrays = []
    plain = {name: to_plain(value, arrays) for name, value in content.items()}
    manifest = json.dumps({"format": FORMAT, "skdnn": VERSION, **plain}).encode()
    if len(manifest) > MOST_OF_MANIFEST:
        raise ValueError(
            f"the names and categories of a model take {len(manifest):,} bytes; a "
            f"model file has room for {MOST_OF_MANIFEST:,}. Use pickle or joblib."
        )
    with replace_file(path) as file:
        # Members without a date: the same network gives the same file.
        with ZipFile(file, "w", ZIP_STORED) as archive:
            archive.comment = LABEL + bytes(_digest_size())
            archive.writestr(ZipInfo(MANIFEST), manifest)
            for number, array in enumerate(arrays):
                with archive.open(ZipInfo(_member(number)), "w", force_zip64=True) as member:
                    npy.write_array(member, array, (1, 0), allow_pickle=False)
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


@contextmanager
def read_model(path):
    """Yield the content of a model file; errors from it are errors of the file.

    Parameters
    ----------
    path : str or path-like

    Yields
    ------
    dict of str to object

    Raises
    ------
    OSError
        If the file cannot be opened.
    ModelFileError
        If it is no model file of this or an earlier version, or is damaged.
    """
    with open(path, "rb") as file:
        try:
            yield _read(file)
        except MemoryError:
            raise
        except Exception as error:  # whatever zipfile, json and NumPy make of other bytes
            is_ours = isinstance(error, ModelFileError)
            reason = error if is_ours else f"its content cannot be read as a model: {error}"
            raise ModelFileError(f"{os.fspath(path)!r} cannot be loaded: {reason}") from error


def _read(file):
    _check_digest(file)
    with ZipFile(file) as archive:
        members = archive.infolist()
        _check_members(members, file.seek(0, os.SEEK_END))
        manifest = json.loads(archive.read(MANIFEST))
        if manifest["format"] > FORMAT:
            raise ModelFileError(
                f"it was saved by skdnn {manifest['skdnn']}, in a later format. Upgrade skdnn."
            )
        arrays = [_read_array(archive.read(member)) for member in members[1:]]
    return {name: from_plain(plain, arrays) for name, plain in manifest.items()}


def _check_digest(file):
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - len(LABEL) - _digest_size(), 0))
    end = file.read()
    if not end.startswith(LABEL):
        raise ModelFileError("it is not a complete model file, as net.save writes it.")
    if end[len(LABEL) :] != _digest(file):
        raise ModelFileError("its checksum is wrong: the file is damaged, or was changed.")


def _check_members(members, size):
    """Check that an archive has the members of a model file, all within its bytes."""
    names = [MANIFEST, *map(_member, range(len(members) - 1))]
    if [member.filename for member in members] != names:
        raise ModelFileError("its members are not those of a model file.")
    sizes = [member.file_size for member in members]
    is_stored = all(
        member.compress_type == ZIP_STORED and member.compress_size == member.file_size
        for member in members
    )
    if not is_stored or sum(sizes) > size or sizes[0] > MOST_OF_MANIFEST:
        raise ModelFileError("its members are compressed, or are larger than they can be.")


def _read_array(content):
    """Return the array of a .npy file, given its bytes."""
    stream = io.BytesIO(content)
    if npy.read_magic(stream) != (1, 0):
        raise ModelFileError("an array is in another version of NumPy's format.")
    shape, is_fortran, dtype = npy.read_array_header_1_0(stream)
    data = memoryview(content)[stream.tell() :]
    n_entries = math.prod(n or 1 for n in shape)  # an empty list takes memory as well
    is_empty = 0 in shape and n_entries <= MOST_EMPTY
    fits = is_empty or n_entries * dtype.itemsize == len(data)
    if not (is_plain(dtype) and fits) or is_fortran:
        raise ModelFileError(f"an array of type {dtype} and shape {shape} is not as it was saved.")
    array = np.ndarray(shape, dtype, data).astype(dtype.newbyteorder("="))
    _check_entries(array)
    return array


def _check_entries(array):
    """Check that bytes stand for a boolean or a character, which NumPy takes for granted."""
    below = {"b": (np.uint8, 2), "U": (np.uint32, CODE_POINTS)}.get(array.dtype.kind)
    if below is not None:
        codes = np.ndarray(array.nbytes // np.dtype(below[0]).itemsize, below[0], array)
        if codes.max(initial=0) >= below[1]:
            raise ModelFileError("an array has values that its type has not.")


def check_model(fitted):
    """Return a FittedModel if its parts fit together.

    Kernels rely on it: they do not check where they read and write.

    Parameters
    ----------
    fitted : FittedModel
        Of a file.

    Returns
    -------
    FittedModel

    Raises
    ------
    Exception
        If they do not.
    """
    schema, widths, params = fitted.schema, fitted.widths, fitted.state.params
    n_members, n_parameters = params.shape
    encoder, curves, of_members = schema.encoder, fitted.curves, (n_members,)
    # Widths first: they are compared with bytes of the file, and others are made of them.
    are_widths = len(widths) > 1 and all(0 < width <= n_parameters for width in widths)
    is_known = type(encoder) in (TableEncoder, FunctionTransformer)
    _check(are_widths and is_known and set(schema.columns) <= set(COLUMNS))
    layout = adapted(encoder).expansion or Expansion(widths[0])
    sizes = layout.n_bins + layout.n_categories
    _check(layout.n_outputs == widths[0] and min(sizes, default=1) > 0)
    rule_state = fitted.state.rule_state.values()
    _check(
        fitted.network().n_parameters == n_parameters
        and schema.dtype in ("float32", "float64")
        and {array.dtype.name for array in (params, *rule_state)} == {schema.dtype}
        and {array.shape for array in (params, *rule_state)} == {params.shape}
        and schema.labels.classes.shape == (len(schema.labels.classes),)
        and schema.labels.n_outputs == widths[-1]
        and fitted.member_weights.shape == of_members
        and fitted.member_temperatures.shape == of_members
        and fitted.best_iter.shape == of_members
        and curves.shape == (3, n_members, curves.shape[-1])
        and n_members % len(fitted.variants) == 0
    )
    return fitted


def _check(fits):
    if not fits:
        raise ModelFileError("the parts of the network do not fit together.")
