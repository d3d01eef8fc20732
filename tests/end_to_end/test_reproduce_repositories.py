"""`magnus reproduce` with what is rare in a git repository: every case leaves the repository byte for byte as it was."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from safety_net import LONGEST_SECONDS

GIT = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
IGNORED = ".catalog\n.run_log_store\n__pycache__\n"
CAPTURE = "catalog: {type: file-system, config: {capture_diff: true}}\n"
LISTED = (
    "(find . -name .git -prune -o -name .catalog -prune -o -name .run_log_store -prune -o -type f -print0"
    " | sort -z | xargs -0 sha256sum; find . -type l)"
)
"""All files of the project but for those of git and magnus, so that a run has the whole project as its result."""
PIPELINE = f"dag: {{steps: {{a: {{command: 'export x=$({LISTED} | base64 -w0)', command_type: shell, returns: [x]}}}}}}"


def git(repository, *arguments):
    command = [*GIT, *arguments]
    subprocess.run(command, cwd=repository.path, check=True, capture_output=True, timeout=LONGEST_SECONDS)


def commit(repository):
    git(repository, "add", ".")
    git(repository, "commit", "-qm", "more")


@pytest.fixture
def repository(folder):
    folder.write("p.yaml", PIPELINE)
    folder.write("capture.yaml", CAPTURE)
    folder.write(".gitignore", IGNORED)
    git(folder, "init", "-q")
    commit(folder)
    return folder


def execute(repository, env=None):
    """Two runs: `named`, whose changes are only named, and `stored`."""
    for arguments in (("named",), ("stored", "-c", "capture.yaml")):
        result = repository.magnus("execute", "p.yaml", "--run-id", *arguments, env=env)
        assert result.status == 0, result.err


def state(repository):
    found = {}
    for place, folders, files in os.walk(repository.path):
        folders[:] = [name for name in folders if name not in {".catalog", ".run_log_store", "__pycache__"}]
        for name in (*files, *folders):
            file = os.path.join(place, name)
            facts = os.lstat(file)
            is_file = os.path.isfile(file) and not os.path.islink(file)
            found[file] = (Path(file).read_bytes() if is_file else b"", facts.st_mode, facts.st_mtime_ns, facts.st_ino)
    return found


def reproduce(repository, run, *more, status=0, env=None):
    """The document, and the error output; nothing of the user changed."""
    before = state(repository)
    result = repository.magnus("reproduce", run, "--json", *more, env=env)
    assert state(repository) == before
    assert "Traceback" not in result.err
    assert result.status == status, result.err + result.out
    return json.loads(result.out) if result.out else {}, result.err


def test_files_become_folders_and_folders_files(repository):
    for name in ("folder/x", "file", "linked/x"):
        repository.write(name, "1")
    commit(repository)
    change = "rm -r folder file linked; echo 2 > folder; mkdir file; echo 3 > file/x; ln -s file linked"
    subprocess.run(change, shell=True, cwd=repository.path, check=True)
    execute(repository)
    reproduce(repository, "named")
    reproduce(repository, "stored")


def test_files_in_new_folders(repository):
    repository.write("new/inner/x.py", "1")
    repository.write("new/y", "1")
    execute(repository)
    for run in ("named", "stored"):
        surroundings = reproduce(repository, run)[0]["surroundings"]
        assert "'new/inner/x.py', 'new/y'" in surroundings[-1]


def test_a_repository_in_the_project_that_is_no_submodule_is_named(repository):
    repository.write("nested/x", "1")
    subprocess.run([*GIT, "init", "-q"], cwd=repository.path / "nested", check=True, timeout=LONGEST_SECONDS)
    execute(repository)
    for run in ("named", "stored"):
        surroundings = reproduce(repository, run, status=1)[0]["surroundings"]
        assert "'nested/' is a git repository of its own in the project, so it was not there" in surroundings


def test_the_index_is_not_refreshed(repository):
    repository.write("x", "1")
    repository.write("y", "1")
    commit(repository)
    repository.write("y", "2")
    execute(repository)
    os.utime(repository.path / "x", (5, 5))
    reproduce(repository, "named")


@pytest.mark.parametrize("is_absolute", [True, False])
def test_a_repository_that_variables_name(repository, tmp_path, is_absolute):
    (repository.path / ".git").rename(tmp_path / "away.git")
    place = str(tmp_path / "away.git") if is_absolute else "../away.git"
    env = {"GIT_DIR": place, "GIT_WORK_TREE": str(repository.path)}
    repository.write("p.yaml", PIPELINE + "\n")
    repository.write("new", "1")
    execute(repository, env=env)
    reproduce(repository, "named", env=env)
    reproduce(repository, "stored", env=env)


def test_no_git(repository, tmp_path):
    execute(repository)
    _, err = reproduce(repository, "named", status=2, env={"PATH": str(tmp_path)})
    assert "git cannot be started" in err


def test_a_repository_of_another_user(repository):
    execute(repository)
    user = {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}
    _, err = reproduce(repository, "named", status=2, env=user)
    assert "dubious ownership" in err
    assert "is in no git repository" not in err


@pytest.mark.parametrize("form", ["count", "parameters"])
def test_hooks_that_variables_name_do_not_run(repository, tmp_path, form):
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in ("post-checkout", "post-index-change", "reference-transaction"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
        (hooks / name).chmod(0o755)
    execute(repository)
    counted = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.hooksPath", "GIT_CONFIG_VALUE_0": str(hooks)}
    reproduce(
        repository, "named", env=counted if form == "count" else {"GIT_CONFIG_PARAMETERS": f"'core.hookspath={hooks}'"}
    )
    assert not (tmp_path / "ran").exists()


def test_filters_in_a_file_that_the_settings_include(repository):
    filters = '[filter "up"]\n  clean = tr A-Z a-z\n  smudge = tr a-z A-Z\n  required = true\n'
    (repository.path / ".git/extra").write_text(filters)
    git(repository, "config", "include.path", "extra")
    repository.write(".gitattributes", "*.up filter=up\n")
    repository.write("a.up", "HELLO\n")
    repository.write("b.up", "HELLO\n")
    commit(repository)
    repository.write("a.up", "HELLO\nMORE\n")
    execute(repository)
    reproduce(repository, "named")
    reproduce(repository, "stored")


def test_ends_of_lines_that_git_converts(repository):
    git(repository, "config", "core.autocrlf", "true")
    lines = b"a\r\nb\r\nc\r\n" * 4
    (repository.path / "same.txt").write_bytes(lines)
    (repository.path / "changed.txt").write_bytes(lines)
    commit(repository)
    for name in ("p.yaml", "capture.yaml", ".gitignore"):
        (repository.path / name).unlink()
    git(repository, "checkout", "--", ".")
    (repository.path / "changed.txt").write_bytes(b"X\r\n" + lines)
    execute(repository)
    reproduce(repository, "named")
    reproduce(repository, "stored")


def test_names_that_are_no_utf8_and_lines_that_look_like_those_of_magnus(repository):
    name = os.fsdecode(b"caf\xe9 \r x\\n.txt")
    (repository.path / name).write_bytes(b"1\n")
    commit(repository)
    (repository.path / name).write_bytes(b"2\r# untracked: y\n3")
    (repository.path / os.fsdecode(b"un\xe9\r.txt")).write_text("u")
    execute(repository)
    reproduce(repository, "named")
    reproduce(repository, "stored")


def test_a_merge_with_conflicts(repository):
    for name, content in (("x", "1\n"), ("z", "1\n")):
        repository.write(name, content)
    commit(repository)
    git(repository, "checkout", "-qb", "other")
    repository.write("x", "2\n")
    commit(repository)
    git(repository, "checkout", "-q", "-")
    repository.write("x", "3\n")
    commit(repository)
    merge = subprocess.run([*GIT, "merge", "other"], cwd=repository.path, capture_output=True, timeout=LONGEST_SECONDS)
    assert merge.returncode == 1
    repository.write("z", "9\n")
    repository.write("intended", "new\n")
    git(repository, "add", "-N", "intended")
    execute(repository)
    reproduce(repository, "named")
    reproduce(repository, "stored")


def test_a_commit_that_no_branch_has_in_a_shallow_clone(repository, tmp_path):
    commit_twice = ("1", "2")
    for content in commit_twice:
        repository.write("x", content)
        commit(repository)
    clone = [*GIT, "clone", "-q", "--depth", "1", f"file://{repository.path}", str(tmp_path / "clone")]
    subprocess.run(clone, check=True, timeout=LONGEST_SECONDS)
    repository.path = tmp_path / "clone"
    git(repository, "checkout", "-q", "--detach")
    repository.write("x", "3")
    commit(repository)
    execute(repository)
    git(repository, "checkout", "-q", "-")
    reproduce(repository, "named")


def test_a_folder_in_which_nothing_can_be_restored_does_not_stay(repository):
    repository.write("p.yaml", PIPELINE + "\n")
    execute(repository)
    for file in (repository.path / ".catalog/.store").glob("??/*"):
        if b"diff --git" in file.read_bytes():
            file.unlink()
    _, err = reproduce(repository, "stored", "--folder", "kept", status=2)
    assert "the uncommitted changes of the run cannot be restored" in err


def test_links_that_lead_into_the_project_by_an_absolute_path(repository, tmp_path):
    repository.write("data/x", "1")
    (tmp_path / "named").symlink_to(repository.path)
    (repository.path / "link").symlink_to(repository.path / "data")
    (repository.path / "data/file").symlink_to(tmp_path / "named/data/x")
    (repository.path / "away").symlink_to(tmp_path)
    command = "echo 2 > link/x; cat data/file > y; test -d away/named; export x=$(cat y; git status --porcelain)"
    repository.write("p.yaml", f"dag: {{steps: {{a: {{command: '{command}', command_type: shell, returns: [x]}}}}}}")
    repository.write(".gitignore", IGNORED + "y\n")
    commit(repository)
    assert repository.magnus("execute", "p.yaml", "--run-id", "r").status == 0
    git(repository, "checkout", "-q", "--", ".")
    assert reproduce(repository, "r")[0]["surroundings"] == []
    assert (repository.path / "data/x").read_text() == "1"


def test_untracked_files_that_the_settings_hide_are_named(repository):
    git(repository, "config", "status.showUntrackedFiles", "no")
    repository.write("new/x", "1")
    execute(repository)
    surroundings = reproduce(repository, "named", status=1)[0]["surroundings"]
    hidden = "git does not show untracked files here, so the run did not record 'new/', and they were not there"
    assert surroundings == [hidden]


def test_a_sparse_work_tree_is_named(repository):
    repository.write("a/x", "1")
    repository.write("b/x", "1")
    commit(repository)
    git(repository, "sparse-checkout", "set", "a")
    execute(repository)
    surroundings = reproduce(repository, "named", status=1)[0]["surroundings"]
    assert surroundings == ["the work tree here is sparse; all files of the commit were there"]


def test_results_of_the_run_are_no_missing_files(repository):
    repository.write("p.yaml", "dag: {steps: {a: {command: 'if [ -z \"$SKIP\" ]; then echo 1 > out.csv; fi', "
                     "command_type: shell, catalog: {put: out.csv}}}}")  # fmt: skip
    repository.write(".gitignore", IGNORED + "out.csv\n")
    commit(repository)
    repository.magnus("execute", "p.yaml", "--run-id", "r")
    document, _ = reproduce(repository, "r", status=1, env={"SKIP": "1"})
    assert document["surroundings"] == []
