"""A file of a checkpoint is read as it was written, or refused."""

import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.reliability.mutated_models import as_file
from skdnn.estimator.array_files import DamagedFileError, write_arrays
from skdnn.estimator.checkpoint_file import (
    CHECKPOINT,
    Contents,
    is_foreign,
    load,
    previous_of,
    save,
    set_aside,
)
from skdnn.estimator.model_files import MODEL

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


def forged(manifest, *arrays):
    """Return a file with a correct checksum."""
    text = manifest if isinstance(manifest, bytes) else json.dumps(manifest).encode()
    members = {CHECKPOINT.manifest: text}
    for number, array in enumerate(arrays):
        np.save(stream := io.BytesIO(), array)
        members[f"{number}.npy"] = stream.getvalue()
    return as_file(members, label=CHECKPOINT.label)


def test_what_is_read_is_what_was_written(path):
    contents = load(path)
    assert (contents.identity, contents.is_done) == ({"version": "1"}, False)
    assert contents.arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert contents.arrays[name].dtype == array.dtype.newbyteorder("=")
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
    with pytest.raises(ValueError, match=r"truncated|damaged"):
        load(damaged)


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"\xff",
        b"[" * 10**5,
        {},
        [],
        [{}, False],
        [{}, False, 3],
        [3, False, ["a"]],
        [{}, False, ["a", "b"]],
        [{}, False, []],
        [{}, False, [["a"]]],
    ],
    ids=lambda manifest: str(manifest)[:30],
)
def test_a_forged_manifest_is_refused(manifest, tmp_path):
    (tmp_path / "file").write_bytes(forged([{}, False, ["a"]], np.zeros(8)))
    assert load(tmp_path / "file").arrays.keys() == {"a"}
    (tmp_path / "file").write_bytes(forged(manifest, np.zeros(8)))
    with pytest.raises(DamagedFileError):
        load(tmp_path / "file")


def test_a_model_file_is_no_checkpoint(tmp_path):
    path = tmp_path / "file"
    write_arrays(path, MODEL, [{}, False, ["a"]], [np.zeros(8)])
    assert is_foreign(path)
    with pytest.raises(DamagedFileError, match="another file"):
        load(path)


def test_any_beginning_of_a_checkpoint_is_none_of_another_file(path):
    content = path.read_bytes()
    for length in range(CHECKPOINT.n_first + 10):
        start = path.with_name("start")
        start.write_bytes(content[:length])
        assert not is_foreign(start)
    start.write_bytes(b"Pk" + content[2:])
    assert is_foreign(start)


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
