"""A file of a checkpoint is read as it was written, or refused."""

import hashlib
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skdnn.estimator.checkpoint_file import (
    MAGIC,
    N_CHECKED,
    Contents,
    load,
    previous_of,
    save,
    set_aside,
)

ARRAYS = {
    "params": np.random.default_rng(0).normal(size=(2, 5)).astype(np.float32),
    "empty": np.zeros((0, 3)),
    "number": np.array(7),
    "flags": np.array([True, False]),
    "words": np.array([{"a": 1}, "äöü"], str),
    "reversed": np.arange(6.0).reshape(2, 3)[:, ::-1].T,
    "other end": np.arange(3, dtype=">i4"),
    "nan": np.array([np.nan, np.inf, -0.0]),
}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("folder") / "file"
    save(path, Contents({"version": "1"}, False, ARRAYS))
    return path


def forged(header, content=b""):
    """Return a file with a correct checksum."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    body = MAGIC + len(text).to_bytes(8, "little") + text + content
    return body + hashlib.blake2b(body, digest_size=N_CHECKED).digest()


def test_what_is_read_is_what_was_written(path):
    contents = load(path)
    assert (contents.identity, contents.is_done) == ({"version": "1"}, False)
    assert contents.arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert contents.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(contents.arrays[name], array)
    assert contents.arrays["params"].flags.writeable


def test_the_file_before_is_kept(tmp_path):
    path = tmp_path / "file"
    for number in range(3):
        save(path, Contents({}, False, {"number": np.array(number)}))
    assert load(path).arrays["number"] == 2
    assert load(previous_of(path)).arrays["number"] == 1
    assert len(list(tmp_path.iterdir())) == 2


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_a_file_of_which_any_part_has_changed_is_refused(data, path):
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    kind = data.draw(st.sampled_from(["flip", "cut", "drop", "double", "add"]))
    if kind == "flip":
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    elif kind == "cut":
        del content[place:]
    elif kind == "drop":
        del content[place]
    elif kind == "double":
        content[place:place] = content[: place + 1]
    else:
        content += bytes([place % 256])
    damaged = path.with_name("damaged")
    damaged.write_bytes(content)
    with pytest.raises(ValueError, match=r"not a checkpoint|truncated or damaged"):
        load(damaged)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\xff",
        b"[" * 10**5,
        {},
        [],
        [{}, False],
        [{}, False, 3],
        [3, False, []],
        [{}, False, [["a"]]],
        [{}, False, [["a", "<f8", [10**15]]]],
        [{}, False, [["a", "<f8", [-1]]]],
        [{}, False, [["a", "<f8", "text"]]],
        [{}, False, [["a", "<f8", [0.5]]]],
        [{}, False, [["a", "|O", [1]]]],
        [{}, False, [["a", "|V8", [1]]]],
        [{}, False, [["a", "nonsense", [1]]]],
        [{}, False, [["a", "<U0", [10**15]]]],
        [{}, False, [["a", "<f8", [0, 10**30]]]],
        [{}, False, [["a", "<U" + "9" * 30, [0]]]],
        [{}, False, [["a", {"names": ["b"], "formats": ["<f8"]}, [1]]]],
        [{}, False, [["a", 5, [1]]]],
        [{}, False, [[["a"], "<f8", [1]]]],
    ],
    ids=lambda header: str(header)[:30],
)
def test_a_forged_header_is_refused(header, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(forged(header, bytes(64)))
    with pytest.raises(ValueError, match=r".+"):
        load(path)


@pytest.mark.parametrize(
    ("dtype", "content"),
    [
        ("|b1", b"\1\2"),
        ("<U1", b"\0\0\x11\0" * 2),
        (">U1", b"\0\x11\0\0" * 2),
    ],
)
def test_booleans_and_characters_that_do_not_exist_are_refused(dtype, content, tmp_path):
    (tmp_path / "file").write_bytes(forged([{}, False, [["a", dtype, [2]]]], content))
    with pytest.raises(ValueError, match="not valid"):
        load(tmp_path / "file")


def test_a_file_is_set_aside_to_a_name_that_is_free(tmp_path):
    kept = []
    for number in range(3):
        (tmp_path / "file").write_text(str(number))
        kept.append(set_aside(tmp_path / "file"))
    assert [path.name for path in kept] == [f"file.unreadable{end}" for end in ("", "-2", "-3")]
    assert [path.read_text() for path in kept] == ["0", "1", "2"]
    with pytest.raises(FileNotFoundError):
        set_aside(tmp_path / "file")
    assert len(list(tmp_path.iterdir())) == 3


def test_a_forged_length_of_the_header_is_refused(tmp_path):
    path, body = tmp_path / "file", MAGIC + b"\xff" * 8 + bytes(10)
    path.write_bytes(body + hashlib.blake2b(body, digest_size=N_CHECKED).digest())
    with pytest.raises(ValueError, match=r".+"):
        load(path)
