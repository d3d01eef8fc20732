"""Large values go to the catalog, and nothing else changes for users."""

import json
import shutil

import pytest

from magnus.testing.maintained_catalog_contract import old

WORK = """
import os, subprocess, sys
def make(): return ["large"] * 100_000
def inside(rows): return len(rows), os.environ.get("MAGNUS_PRM_rows")
def elsewhere():
    code = "from magnus import get_parameter; print(len(get_parameter('rows')), end='')"
    return int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
def last(rows, is_broken: bool = False):
    if is_broken: raise ValueError("broken")
    return len(rows)
"""
PIPELINE = """
dag:
  start_at: make
  steps:
    make: {type: task, command: work.make, returns: [rows], next: inside}
    inside: {type: task, command: work.inside, returns: [count, variable], timeout: 1m, next: elsewhere}
    elsewhere: {type: task, command: work.elsewhere, returns: [asked], next: shell}
    shell: {type: task, command_type: shell, command: 'export size=$(wc -c < "$MAGNUS_PARAMETERS_FILE")', returns: [size], next: last}
    last: {type: task, command: work.last, returns: [end], next: success}
"""
WORKERS = "executor: {type: local, config: {enable_parallel: true, max_workers: 2}}"
EXPECTED = {"count": 100_000, "variable": None, "asked": 100_000, "end": 100_000}


@pytest.fixture
def project(folder):
    folder.write("work.py", WORK)
    folder.write("p.yaml", PIPELINE)
    return folder


def ran(folder, *arguments, status=0):
    done = folder.magnus("execute", *arguments)
    assert done.status == status, done.err
    return json.loads(done.out)


def stored(folder):
    """The contents of large values; the list of packages, which every run refers to, is smaller."""
    return [file for file in (folder.path / ".catalog/.store").glob("??/*") if file.stat().st_size > 256 * 1024]


def test_a_value_handed_through_steps_stands_once_on_disk_and_is_what_it_was(project):
    log = ran(project, "p.yaml", "--run-id", "a")
    assert {name: log["parameters"][name] for name in EXPECTED} == EXPECTED
    assert log["parameters"]["rows"] == ["large"] * 100_000
    assert log["parameters"]["size"] > 800_000
    assert (project.path / ".run_log_store/a.jsonl").stat().st_size < 50_000
    [file] = stored(project)
    reference = log["steps"]["last"]["attempts"][0]["parameters"]["rows"]
    assert (reference["large"], reference["size"]) == (".parameters/rows.json", file.stat().st_size)
    assert json.loads(project.magnus("show", "a", "--json").out) == log


def test_resuming_carries_it_on_when_the_original_is_gone(project):
    ran(project, "p.yaml", "--run-id", "a", "--is_broken", "true", status=1)
    log = ran(project, "p.yaml", "--use-cached", "a", "--run-id", "b", "--is_broken", "false")
    assert {step: log["steps"][step]["mock"] for step in ("make", "shell", "last")} == {
        "make": True,
        "shell": True,
        "last": False,
    }
    shutil.rmtree(project.path / ".catalog/a")
    (project.path / ".run_log_store/a.jsonl").unlink()
    old((project.path / ".catalog/.store").rglob("*"))
    assert "removed: 0 files" in project.magnus("gc", "--yes").out
    assert json.loads(project.magnus("show", "b", "--json").out) == log
    again = ran(project, "p.yaml", "--use-cached", "b", "--run-id", "c")
    assert again["parameters"] == log["parameters"]


def test_what_is_gone_is_made_again(project):
    ran(project, "p.yaml", "--run-id", "a", "--is_broken", "true", status=1)
    [file] = stored(project)
    file.unlink()
    done = project.magnus("execute", "p.yaml", "--use-cached", "a", "--run-id", "b", "--is_broken", "false")
    assert done.status == 0
    assert "runs 'make' and what follows: '.parameters/rows.json', which it left, is not in the catalog" in done.err
    assert json.loads(done.out)["parameters"]["rows"] == ["large"] * 100_000


def test_cleaning_up_and_verifying_know_of_it(project):
    ran(project, "p.yaml", "--run-id", "a")
    old((project.path / ".catalog/.store").rglob("*"))
    assert "removed: 0 files" in project.magnus("gc", "--yes").out
    assert project.magnus("catalog", "verify").status == 0
    [file] = stored(project)
    file.chmod(0o644)
    file.write_bytes(b"x" * file.stat().st_size)
    said = project.magnus("catalog", "verify")
    assert said.status != 0
    assert ".parameters/rows.json" in said.out + said.err
    assert "make" in said.out + said.err


def test_a_run_whose_files_were_removed_can_still_be_shown(project):
    ran(project, "p.yaml", "--run-id", "a")
    ran(project, "p.yaml", "--run-id", "b", "--is_broken", "false")
    project.magnus("gc", "--keep-last", "0", "--yes")
    old((project.path / ".catalog/.store").rglob("*"))
    project.magnus("gc", "--yes")
    assert stored(project) == []
    shown = project.magnus("show", "a", "--json")
    assert shown.status == 0, shown.err
    assert json.loads(shown.out)["parameters"]["rows"]["large"] == ".parameters/rows.json"


def test_initial_parameters_are_large_too(project):
    project.write("parameters.json", json.dumps({"rows": ["large"] * 100_000}))
    project.write(
        "p.yaml", "dag: {start_at: last, steps: {last: {type: task, command: work.last, next: success, returns: [n]}}}"
    )
    log = ran(project, "p.yaml", "-p", "parameters.json", "--run-id", "a")
    assert log["parameters"] == {"rows": ["large"] * 100_000, "n": 100_000}
    assert (project.path / ".run_log_store/a.jsonl").stat().st_size < 20_000


def test_elements_of_a_map_that_no_environment_holds_break_no_step(project):
    project.write("work.py", "def make(): return ['x' * 300_000, 'y' * 100_000]\ndef size(x): return len(x)")
    project.write(
        "p.yaml",
        """
dag:
  start_at: make
  steps:
    make: {type: task, command: work.make, returns: [xs], next: m}
    m:
      type: map
      iterate_on: xs
      iterate_as: x
      branch:
        start_at: size
        steps:
          size: {type: task, command: work.size, returns: [n], next: shell}
          shell: {type: task, command_type: shell, command: 'export said="${MAGNUS_MAP_VARIABLE-nothing}"', returns: [said], next: success}
      next: success
""",
    )
    for number, config in enumerate(("executor: {type: local}", WORKERS)):
        project.write("c.yaml", config)
        log = ran(project, "p.yaml", "-c", "c.yaml", "--run-id", f"a{number}")
        assert (log["parameters"]["n"], log["parameters"]["said"]) == ([300_000, 100_000], ["nothing", "nothing"])
        assert [len(branch["value"]) for branch in log["steps"]["m"]["branches"].values()] == [300_000, 100_000]
