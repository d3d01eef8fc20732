"""With `isolated: true` each step works in a fresh copy of the project, as in a container of its own."""

import json
import os
import shutil
from pathlib import Path

import pytest
import yaml

WORK = """
import os
import shutil
from pathlib import Path

HOME = Path(__file__).parent


def make():
    Path("made.txt").write_text("made")
    Path("input.txt").unlink()
    os.makedirs("out", exist_ok=True)
    Path("out/kept.txt").write_text("kept")
    return {"first": sorted({*os.listdir()} - {"__pycache__"})}


def look():
    import helper

    return {"second": sorted({*os.listdir()} - {"__pycache__"}), "read": (HOME / "input.txt").read_text(), "out": os.listdir("out")}


def fail():
    Path("left").touch()
    raise ValueError("no")
"""
DAG = {
    "start_at": "make",
    "steps": {
        "make": {"command": "work.make", "catalog": {"put": ["out/*"]}, "next": "look"},
        "look": {"command": "work.look", "catalog": {"get": ["out/*"]}, "next": "shell"},
        "shell": {
            "command_type": "shell",
            "command": "export MAGNUS_PRM_third=$(ls -I __pycache__ | tr '\\n' ' ')",
            "next": "timed",
        },
        "timed": {"command": "work.look", "timeout": 60, "catalog": {"get": ["out/*"]}, "next": "failing"},
        "failing": {"command": "work.fail", "max_attempts": 2, "next": "success", "on_failure": "after"},
        "after": {"command_type": "shell", "command": "[ ! -e left ]", "next": "success"},
    },
}
PROJECT = ["helper.py", "input.txt", "magnus-config.yaml", "pipeline.yaml", "work.py"]


@pytest.mark.parametrize("parallel", [False, True])
def test_nothing_but_the_catalog_goes_from_step_to_step(folder, parallel):
    for name, text in {"work.py": WORK, "helper.py": "", "input.txt": "input"}.items():
        folder.write(name, text)
    folder.write("pipeline.yaml", yaml.safe_dump({"dag": DAG}))
    executor = {"type": "local", "config": {"isolated": True, "enable_parallel": parallel}}
    folder.write("magnus-config.yaml", json.dumps({"defaults": {"executor": executor}}))
    done = folder.magnus("execute")
    assert done.status == 0, done.err
    found = done.log["parameters"]
    assert found["first"] == sorted([*set(PROJECT) - {"input.txt"}, "made.txt", "out"])
    assert found["second"] == sorted([*PROJECT, "out"])
    assert (found["read"], found["out"]) == ("input", ["kept.txt"])
    assert found["third"].split() == PROJECT
    assert done.log["steps"]["after"]["status"] == "SUCCESS"
    left = {path.name for path in folder.path.iterdir()} - {"__pycache__", ".catalog", ".run_log_store"}
    assert left == set(PROJECT)
    assert list(Path(folder.environment["TMPDIR"]).iterdir()) == []


def test_copies_in_the_project_itself_do_not_hold_each_other(folder):
    look = "import os, time\ndef look(i):\n    time.sleep(0.1)\n    return {'found': sorted(os.listdir('tmp'))}\n"
    folder.write("work.py", look)
    folder.write("tmp/note", "")
    branch = {"start_at": "look", "steps": {"look": {"command": "work.look", "next": "success"}}}
    steps = {"each": {"type": "map", "iterate_on": "items", "iterate_as": "i", "branch": branch, "next": "success"}}
    folder.write("pipeline.yaml", yaml.safe_dump({"dag": {"start_at": "each", "steps": steps}}))
    executor = {"type": "local", "config": {"isolated": True, "enable_parallel": True, "max_workers": 2}}
    folder.write("magnus-config.yaml", json.dumps({"defaults": {"executor": executor}}))
    project = Path(folder.environment["TMPDIR"]) / "p"  # a short path, else another folder than TMPDIR is taken
    shutil.copytree(folder.path, project)
    folder.path = project
    folder.environment["TMPDIR"] = str(project / "tmp")
    done = folder.magnus("execute", "--items", "[1, 2, 3, 4]")
    left = os.listdir(project / "tmp")
    shutil.rmtree(project)
    assert done.status == 0, done.err
    assert done.log["parameters"]["found"] == [["note"]] * 4
    assert left == ["note"]


def test_a_project_that_cannot_be_copied_fails_the_step(folder):
    folder.write("pipeline.yaml", yaml.safe_dump({"dag": DAG}))
    folder.write("work.py", WORK)
    folder.write(
        "magnus-config.yaml", json.dumps({"defaults": {"executor": {"type": "local", "config": {"isolated": True}}}})
    )
    before = os.getcwd()
    os.chdir(folder.path)
    try:
        for _ in range(25):  # a path that is too long to be opened
            os.mkdir("n" * 200)
            os.chdir("n" * 200)
    finally:
        os.chdir(before)
    done = folder.magnus("execute")
    assert done.status == 1
    assert "the project could not be copied for the step" in done.log["steps"]["make"]["message"]


def test_check_warns_of_files_that_are_not_brought(folder):
    folder.write("work.py", "def make(): open('a.txt', 'w')\ndef use(): open('a.txt')\n")
    steps = {
        "make": {"command": "work.make", "catalog": {"put": ["a.txt"]}, "next": "use"},
        "use": {"command": "work.use", "next": "success"},
    }
    folder.write("pipeline.yaml", yaml.safe_dump({"dag": {"start_at": "make", "steps": steps}}))
    folder.write("c.yaml", json.dumps({"executor": {"type": "local", "config": {"isolated": True}}}))
    assert "step 'use': the step names 'a.txt'" in folder.magnus("check", "-c", "c.yaml").out
    assert "a.txt" not in folder.magnus("check").out
