"""Folders of magnus itself are ignored by git, from the moment they are made."""

import os
import subprocess
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from magnus.system.atomic_files import ignore_in_git, make_own_folder, remove_folder


def test_git_ignores_a_new_folder_and_what_is_in_it(tmp_path):
    subprocess.run(["git", "init", "-q", "."], cwd=tmp_path, check=True)
    make_own_folder(tmp_path / "deep" / "store")
    (tmp_path / "deep" / "store" / "record").write_text("x")
    assert (tmp_path / "deep" / "store" / ".gitignore").read_text() == "*\n"
    assert not (tmp_path / "deep" / ".gitignore").exists()
    status = subprocess.run(["git", "status", "--short"], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert status.stdout == ""


def test_a_folder_that_is_there_is_left_as_it_is(tmp_path):
    make_own_folder(tmp_path)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / ".gitignore").write_text("mine\n")
    ignore_in_git(tmp_path)
    assert (tmp_path / ".gitignore").read_text() == "mine\n"


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        make_own_folder(tmp_path / "file" / "store")


@contextmanager
def as_user(folder):
    """Nobody, who owns the folder, where root may write everywhere."""
    if os.geteuid():
        yield
        return
    for path in (folder, *folder.rglob("*")):
        os.chown(path, 65534, -1, follow_symlinks=False)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_folders_that_nobody_may_write_to_are_removed():
    with TemporaryDirectory() as own:
        place = Path(own)
        place.chmod(0o777)
        (place / "outside").mkdir(mode=0o750)
        folder = place / "folder"
        for name in ("a/b/file", "c/file"):
            (folder / name).parent.mkdir(parents=True)
            (folder / name).touch()
        (folder / "c/link").symlink_to(place / "outside")
        for name, mode in {"a/b": 0o555, "a": 0o555, "c": 0o000, "": 0o555}.items():
            (folder / name).chmod(mode)
        with as_user(folder):
            remove_folder(folder)
        assert os.listdir(place) == ["outside"]
        assert (place / "outside").stat().st_mode & 0o777 == 0o750
