"""What the run log says so that a run can be made again."""

import json
import subprocess
import sys

import pytest
from safety_net import LONGEST_SECONDS

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


EDITING = """\
import importlib, json, os, sys
from pathlib import Path
from magnus import Pipeline, PythonTask
import work

def code():
    steps = [PythonTask(name=f"s{n}", function=work.f, returns=["x"]) for n in range(2)]
    run = Pipeline(steps=steps).execute()
    listed = run.run_config["code"]
    pieces = {name: dict(map(tuple, (listed["pieces"][n] for n in numbers))) for name, numbers in listed["steps"].items()}
    return [run.parameters["x"], pieces]

def edit(old, new):
    file = Path("work.py")
    file.write_text(file.read_text().replace(old, new))
    importlib.reload(work)

seen = [code(), code()]
edit("return 1", "return 22")
seen += [code()]
edit("return g()", "return g() + h()")
seen += [code()]
edit("return g() + h()", "return g()")
edit("return 22", "return 1")
seen += [code()]
Path("seen.json").write_text(json.dumps(seen))
"""


def test_the_code_of_a_function_is_that_of_each_run_of_one_program(folder):
    folder.write("work.py", "def f(): return g()\ndef g(): return 1\ndef h(): return 300\n")
    folder.write("program.py", EDITING)
    command = [sys.executable, "program.py"]
    subprocess.run(command, cwd=folder.path, env=folder.environment, check=True, timeout=LONGEST_SECONDS)
    first, again, of_callee, of_itself, back = json.loads((folder.path / "seen.json").read_text())
    assert [values[0] for values in (first, again, of_callee, of_itself, back)] == [1, 1, 22, 322, 1]
    for _, steps in (first, again, of_callee, of_itself, back):
        assert steps["s0"] == steps["s1"]
    hashes = [steps["s0"] for _, steps in (first, again, of_callee, of_itself, back)]
    assert hashes[0] == hashes[1] == hashes[4]
    assert hashes[2]["work.py:f"] == hashes[0]["work.py:f"]
    assert hashes[2]["work.py:g"] != hashes[0]["work.py:g"]
    assert hashes[3]["work.py:f"] != hashes[0]["work.py:f"]
    assert hashes[3].keys() == {"work.py:f", "work.py:g", "work.py:h"}
