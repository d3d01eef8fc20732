"""What differs from the commit."""

import os
import subprocess

import pytest

from magnus.engine import provenance

ENVIRONMENT = {
    **os.environ,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    **{f"GIT_{who}_{what}": "a@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


def git(folder, *arguments, **more):
    return subprocess.run(["git", *arguments], cwd=folder, env=ENVIRONMENT, capture_output=True, check=True, **more)


def changes(folder, *own):
    return provenance.read_diff(provenance.start_diff_query(folder, ENVIRONMENT, own))


@pytest.fixture
def repository(tmp_path):
    git(tmp_path, "init", "-q")
    (tmp_path / "a.py").write_text("1\n")
    (tmp_path / "b.bin").write_bytes(bytes(range(256)))
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def test_nothing_differs(repository):
    assert changes(repository) == b""


def test_it_can_be_applied_to_the_commit(repository):
    git(repository, "config", "diff.noprefix", "true")
    (repository / "a.py").write_text("2\n")
    (repository / "b.bin").write_bytes(bytes(range(256))[::-1])
    (repository / "staged.py").write_text("new\n")
    git(repository, "add", "staged.py")
    found = changes(repository)
    git(repository, "reset", "-q", "--hard")
    git(repository, "config", "--unset", "diff.noprefix")
    git(repository, "apply", "-", input=found)
    assert (repository / "a.py").read_text() == "2\n"
    assert (repository / "b.bin").read_bytes() == bytes(range(256))[::-1]
    assert (repository / "staged.py").read_text() == "new\n"


def test_untracked_files_are_named_and_their_content_is_not_told(repository):
    (repository / "new\nfile").write_text("content")
    (repository / ".gitignore").write_text("*.log")
    (repository / "a.log").write_text("content")
    assert changes(repository) == b"# untracked: .gitignore\n# untracked: new\\nfile\n"


def test_a_folder_below_sees_all_of_it(repository):
    (repository / "below").mkdir()
    (repository / "a.py").write_text("2\n")
    assert b"+++ b/a.py\n" in changes(repository / "below")


def test_folders_of_magnus_do_not_count(repository):
    (repository / ".catalog").mkdir()
    (repository / ".catalog" / "x").write_text("x")
    assert changes(repository, repository / ".catalog") == b""


def test_too_much_is_cut_and_says_so(repository, monkeypatch):
    monkeypatch.setattr(provenance, "_MOST_BYTES", 1000)
    (repository / "a.py").write_text("line\n" * 1_000_000)
    found = changes(repository)
    assert found.startswith(b"diff --git a/a.py b/a.py\n")
    assert found.endswith(b"\n# cut: there is more than 1000 bytes of it\n")
    assert len(found) < 1100


def test_where_there_is_no_commit_no_repository_or_no_git(tmp_path):
    assert changes(tmp_path) == b""
    git(tmp_path, "init", "-q")
    (tmp_path / "a").write_text("a")
    assert changes(tmp_path) in {b"", b"# untracked: a\n"}
    assert provenance.read_diff(provenance.start_diff_query(tmp_path, {"PATH": "/nowhere"})) == b""
