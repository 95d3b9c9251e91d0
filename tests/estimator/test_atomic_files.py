"""A file is replaced at once, and stays what it is otherwise: its permissions, and links to it."""

import os

import pytest

from skdnn.estimator.atomic_files import replace_file

needs_posix = pytest.mark.skipif(os.name == "nt", reason="permissions and links of POSIX systems")


def write(path, content, previous=None):
    with replace_file(path, previous) as file:
        file.write(content)


@needs_posix
def test_a_file_that_is_replaced_keeps_its_permissions_and_a_new_one_has_the_usual(tmp_path):
    usual = tmp_path / "usual"
    usual.touch()
    for mode in (0o600, 0o640, 0o444):
        path = tmp_path / f"file{mode}"
        write(path, b"1")
        assert path.stat().st_mode == usual.stat().st_mode
        path.chmod(mode)
        for previous in (None, tmp_path / "previous"):
            write(path, b"2", previous)
            assert path.stat().st_mode & 0o777 == mode


@needs_posix
def test_the_file_that_a_symbolic_link_leads_to_is_replaced(tmp_path):
    folder, link = tmp_path / "folder", tmp_path / "link"
    folder.mkdir()
    link.symlink_to(folder / "file")
    for content in (b"1", b"2"):  # at first, the link leads to nothing
        write(link, content)
        assert link.is_symlink()
        assert (folder / "file").read_bytes() == content
    assert [each.name for each in folder.iterdir()] == ["file"]


def test_after_an_error_there_is_the_file_before_and_no_other(tmp_path):
    path = tmp_path / "file"
    write(path, b"1")
    with pytest.raises(TypeError):
        write(path, "no bytes")
    assert path.read_bytes() == b"1"
    assert list(tmp_path.iterdir()) == [path]
