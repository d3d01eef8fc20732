"""What the run log says so that a run can be made again."""

import subprocess
import sys

import pytest

PIPELINE = "dag: {start_at: a, steps: {a: {type: task, command_type: shell, command: 'true', next: success, catalog: {put: ['**/*']}}}}"
CAPTURE = "catalog: {type: file-system, config: {capture_diff: true}}"


@pytest.fixture
def repository(folder):
    folder.write("p.yaml", PIPELINE)
    folder.write("c.yaml", CAPTURE)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for arguments in (("init", "-q"), ("add", "."), ("commit", "-qm", "first")):
        subprocess.run([*git, *arguments], cwd=folder.path, check=True)
    return folder


def kept(folder):
    return [file.read_text() for file in (folder.path / ".catalog").glob("*/.logs/changes.diff")]


def test_the_environment_and_the_command_line_without_secrets(folder):
    folder.write("p.yaml", PIPELINE)
    run = folder.magnus("execute", "p.yaml", "--db_password", "hunter22", "--x", "3").log["run_config"]
    assert run["command_line"][1:] == ["execute", "p.yaml", "--db_password", "*****", "--x", "3"]
    assert run["environment"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert set(run["environment"]) == {"python", "implementation", "platform", "magnus", "packages_hash"}
    assert "changes" not in run


def test_changes_are_kept_where_that_is_wanted(repository):
    repository.write("p.yaml", PIPELINE + " # changed")
    repository.write("new.txt", "")
    ran = repository.magnus("execute", "p.yaml", "-c", "c.yaml", "--run-id", "r")
    [diff] = kept(repository)
    assert diff.startswith("# untracked: new.txt\ndiff --git a/p.yaml b/p.yaml\n")
    assert "# changed" in diff
    assert ran.log["run_config"]["changes"]["size"] == len(diff)
    entries = ran.log["steps"]["a"]["data_catalog"]
    assert sorted(entry["name"] for entry in entries) == ["c.yaml", "new.txt", "p.yaml"]
    assert repository.magnus("catalog", "verify", "r").status == 0
    for file in (repository.path / ".catalog" / ".store").glob("??/*"):
        if file.read_text() == diff:
            file.unlink()
    assert "changes.diff  missing" in repository.magnus("catalog", "verify", "r").out


def test_a_clean_tree_has_none(repository):
    assert repository.magnus("execute", "p.yaml", "-c", "c.yaml").status == 0
    assert kept(repository) == []


def test_nobody_asked(repository):
    repository.write("p.yaml", PIPELINE + " # changed")
    assert "changes" not in repository.magnus("execute", "p.yaml").log["run_config"]
    assert kept(repository) == []


def test_that_they_cannot_be_kept_is_a_warning(repository):
    repository.write("p.yaml", PIPELINE.replace(", catalog: {put: ['**/*']}", ""))
    repository.write(".catalog", "in the way")
    ran = repository.magnus("execute", "p.yaml", "-c", "c.yaml")
    assert (ran.status, ran.log["status"]) == (0, "SUCCESS")
    assert "warning" in ran.err
    assert "the changes since the commit are not stored" in ran.err
