"""Folders of magnus itself are ignored by git, from the moment they are made."""

import subprocess

import pytest

from magnus.engine.own_folder import ignore_in_git, make_own_folder


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
