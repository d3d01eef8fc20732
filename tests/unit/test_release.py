"""`make release` tags a commit only if it can be released."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

CI = Path(__file__).parents[2] / ".ci"
IDENTITY = ("-c", "user.name=a", "-c", "user.email=a@b")


@pytest.fixture(scope="module")
def release():
    sys.path.insert(0, str(CI))
    try:
        return import_module("release")
    finally:
        sys.path.remove(str(CI))


@pytest.fixture
def project(tmp_path):
    """A repository whose only commit can be released as 1.2.3."""
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## 1.2.30, 2027-01-02\n\n## 1.2.3, 2026-12-01\n")
    git(tmp_path, "init", "-q", "-b", "main")
    commit(tmp_path)
    return tmp_path


def git(folder, *arguments):
    subprocess.run(["git", *IDENTITY, *arguments], cwd=folder, check=True, capture_output=True)


def commit(folder):
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "a commit")


def test_a_clean_commit_of_main_with_a_date_is_tagged(release, project):
    assert release.objections(project, "1.2.3") == []


def changed(folder):
    (folder / "new.txt").write_text("")


def on_a_branch(folder):
    git(folder, "switch", "-q", "-c", "other")


def detached(folder):
    git(folder, "switch", "-q", "--detach")


def tagged(folder):
    git(folder, "tag", "v1.2.3")


def without_heading(folder):
    (folder / "CHANGELOG.md").write_text("# Changelog\n\n## 1.2.30, 2027-01-02\n")
    commit(folder)


def without_date(folder):
    (folder / "CHANGELOG.md").write_text("# Changelog\n\n## 1.2.3, unreleased\n")
    commit(folder)


@pytest.mark.parametrize(
    ("disturb", "reason"),
    [
        (changed, "the working tree has changes; commit or remove them:\n?? new.txt\n"),
        (on_a_branch, "the branch is other; releases are made from main"),
        (detached, "the branch is none; releases are made from main"),
        (tagged, "the tag v1.2.3 exists; raise __version__ in src/magnus/__init__.py"),
        (without_heading, "CHANGELOG.md has no heading '## 1.2.3, <date>'"),
        (without_date, "CHANGELOG.md gives no date: write '## 1.2.3, <date>' for '## 1.2.3, unreleased'"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_commit_that_cannot_be_released_is_not_tagged(release, project, disturb, reason):
    disturb(project)
    assert release.objections(project, "1.2.3") == [reason]
