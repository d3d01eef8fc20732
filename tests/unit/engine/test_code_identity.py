import os
import subprocess

import pytest

from magnus.engine.provenance import CodeVersion, read_commit, start_commit_query

ENVIRONMENT = {
    **os.environ,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    **{f"GIT_{who}_{what}": "a@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


def git(folder, *arguments):
    done = subprocess.run(["git", *arguments], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def identity(folder, *own):
    return read_commit(start_commit_query(folder, ENVIRONMENT, own))


@pytest.fixture
def repository(tmp_path):
    git(tmp_path, "init", "-q")
    (tmp_path / "a.py").write_text("1")
    git(tmp_path, "add", "a.py")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


def test_a_clean_commit(repository):
    [found] = identity(repository)
    assert found.code_identifier == git(repository, "rev-parse", "HEAD")
    assert found.code_identifier_type == "git"
    assert found.code_identifier_dependable
    assert (found.code_identifier_url, found.code_identifier_message) == ("", "")


@pytest.mark.parametrize("change", ["changed", "staged", "untracked", "renamed"])
def test_any_change_makes_it_not_dependable(repository, change):
    name = "a.py" if change == "changed" else "b c.py"
    (repository / name).write_text("2")
    if change == "staged":
        git(repository, "add", name)
    if change == "renamed":
        (repository / name).unlink()
        git(repository, "mv", "a.py", name)
    [found] = identity(repository)
    assert not found.code_identifier_dependable
    names = f"{name}, a.py" if change == "renamed" else name
    assert found.code_identifier_message == f"changed: {names}"


def test_folders_of_magnus_do_not_count(repository):
    (repository / ".catalog").mkdir()
    (repository / ".catalog" / "x").write_text("1")
    [found] = identity(repository, repository / ".catalog")
    assert found.code_identifier_dependable


def test_credentials_are_left_out_of_the_url(repository):
    git(repository, "remote", "add", "origin", "https://user:secret@example.org/team/project.git")
    [found] = identity(repository)
    assert found.code_identifier_url == "https://example.org/team/project.git"


def test_no_repository_no_commit_and_no_git_are_fine(tmp_path):
    assert identity(tmp_path) == ()
    git(tmp_path, "init", "-q")
    assert identity(tmp_path) == ()
    assert read_commit(start_commit_query(tmp_path, {"PATH": str(tmp_path)})) in {(), identity(tmp_path)}


def test_git_is_asked_at_the_first_reading_once(repository):
    version = CodeVersion(repository, ENVIRONMENT, with_changes=True)
    version.wait()
    (repository / "a.py").write_text("2")
    [identity] = version.identities
    assert not identity.code_identifier_dependable
    assert b"+2" in version.changes
    git(repository, "checkout", "-q", "a.py")
    assert version.identities == (identity,)


def test_git_works_from_the_start_on(repository):
    version = CodeVersion(repository, ENVIRONMENT)
    version.start()
    version.wait()
    (repository / "a.py").write_text("2")
    assert version.identities[0].code_identifier_dependable
    assert version.changes == b""


@pytest.mark.parametrize("inside", ["", "b/c", "link/c"])
def test_a_repository_is_around_its_folders(repository, inside):
    (repository / "b" / "c").mkdir(parents=True)
    (repository / "link").symlink_to("b")
    assert CodeVersion(repository / inside, ENVIRONMENT).identities


def test_a_work_tree_and_a_repository_of_the_environment_count(repository, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    git(repository, "worktree", "add", "-q", str(other / "tree"))
    assert CodeVersion(other / "tree", ENVIRONMENT).identities
    assert CodeVersion(other, {**ENVIRONMENT, "GIT_DIR": str(repository / ".git")}).identities


def test_no_git_is_started_where_no_repository_is(tmp_path):
    (tmp_path / "git").write_text("#!/bin/sh\ntouch started\n")
    (tmp_path / "git").chmod(0o755)
    version = CodeVersion(tmp_path, {**ENVIRONMENT, "PATH": f"{tmp_path}:{os.environ['PATH']}"}, with_changes=True)
    assert (version.identities, version.changes) == ((), b"")
    assert not (tmp_path / "started").exists()
