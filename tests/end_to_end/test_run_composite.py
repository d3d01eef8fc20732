"""A composite that one process runs whole leaves the records of a run, and goes on where a process before left it."""

import json
import signal
import time

import pytest
from safety_net import LONGEST_SECONDS

WORK = """\
import os, time
from pathlib import Path

def begin():
    return {"xs": [1, 2, 3], "most": 2}

def ran(name):
    with open(f"ran-{name}", "a") as file:
        file.write("x")

def first(x):
    ran(f"first-{x}")
    return {"y": 10 * x}

def second(x):
    ran(f"second-{x}")
    if x == 2 and Path("stop").exists():
        Path("here").touch()
        time.sleep(3600)
    if x == 2 and Path("fail").exists():
        raise ValueError("on purpose")
    return {"z": x}

def total(z):
    return {"sum": sum(z)}
"""
PIPELINE = """\
dag:
  start_at: a
  steps:
    a: {command: work.begin, next: each}
    each:
      type: map
      iterate_on: xs
      iterate_as: x
      next: c
      branch:
        start_at: first
        steps:
          first: {command: work.first, next: inner}
          inner:
            type: parallel
            next: again
            branches:
              left: {start_at: second, steps: {second: {command: work.second, next: success}}}
              right: {start_at: n, steps: {n: {command_type: shell, command: "exit 1", next: success, on_failure: success}}}
          again:
            type: loop
            max_iterations: 2
            index_as: i
            branch: {start_at: l, steps: {l: {command_type: python-lambda, command: "lambda i: {'seen': i}", next: success}}}
            next: success
    c: {command: work.total, next: success}
"""
LOST = "lost: its process was evicted before it finished (SIGTERM)"
COMPOSITE = ["run_composite", "r", "each", "--workers", "2", "--then", "c", "--then", "success", "-f", "p.yaml"]


@pytest.fixture
def project(folder):
    folder.write("work.py", WORK)
    folder.write("p.yaml", PIPELINE)
    return folder


def begun(project):
    assert project.magnus("execute_single_node", "r", "a", "-f", "p.yaml").status == 0


def log_of(project, run="r"):
    return json.loads(project.magnus("show", run, "--json").out)


def shape(steps):
    """Names, statuses, messages and the number of attempts, of branches too."""
    return {
        name: (
            step["status"],
            step["message"],
            [attempt["status"] for attempt in step["attempts"]],
            {key: (branch["status"], shape(branch["steps"])) for key, branch in step["branches"].items()},
        )
        for name, step in steps.items()
    }


def ran(project):
    return {file.name.removeprefix("ran-"): len(file.read_text()) for file in sorted(project.path.glob("ran-*"))}


def undisturbed(project):
    assert project.magnus("execute", "p.yaml", "--run-id", "whole").status == 0
    for file in project.path.glob("ran-*"):
        file.unlink()
    return log_of(project, "whole")


def until(holds):
    deadline = time.monotonic() + LONGEST_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def stopped(project, number):
    """The exit status of the process that gets the signal while a step in it runs, when the others have ended."""
    project.write("stop", "")
    process = project.start(*COMPOSITE)
    until((project.path / "here").exists)
    until(lambda: branches(project).get("3", ("",))[0] == "SUCCESS")
    process.send_signal(number)
    process.communicate(timeout=LONGEST_SECONDS)
    (project.path / "stop").unlink()
    return process.returncode


def branches(project):
    each = log_of(project)["steps"].get("each", {"branches": {}})
    return {key: (branch["status"], branch["steps"]) for key, branch in each["branches"].items()}


def second(project):
    return branches(project)["2"][1]["inner"]["branches"]["left"]["steps"]["second"]


def test_it_leaves_the_records_of_a_run(project):
    whole = undisturbed(project)
    begun(project)
    assert project.magnus(*COMPOSITE).status == 0
    assert shape(log_of(project)["steps"]) == shape(whole["steps"])
    assert log_of(project)["status"] == "SUCCESS"
    assert set(ran(project).values()) == {1}
    before = log_of(project)
    assert project.magnus(*COMPOSITE).status == 0
    assert log_of(project) == before


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9)], ids=["SIGTERM", "SIGKILL"]
)
def test_what_succeeded_stands_when_the_process_goes_away(project, number, status):
    whole = undisturbed(project)
    begun(project)
    assert stopped(project, number) == status
    until(lambda: second(project)["message"] == LOST)  # after SIGKILL workers end by themselves
    assert (second(project)["status"], log_of(project)["status"]) == ("PROCESSING", "PROCESSING")
    assert [attempt["message"] for attempt in second(project)["attempts"]] == [LOST]
    assert project.magnus(*COMPOSITE).status == 0
    assert ran(project) == {"first-1": 1, "first-2": 1, "first-3": 1, "second-1": 1, "second-2": 2, "second-3": 1}
    assert [attempt["message"] for attempt in second(project)["attempts"]] == [LOST, ""]
    shown, expected = shape(log_of(project)["steps"]), shape(whole["steps"])
    for log in (shown, expected):
        steps = log["each"][3]["2"][1]["inner"][3]["left"][1]
        steps["second"] = (*steps["second"][:2], [], steps["second"][3])
    assert shown == expected


def test_a_stop_by_the_user_fails_what_has_not_ended(project):
    begun(project)
    assert stopped(project, signal.SIGINT) == 130
    each = log_of(project)["steps"]["each"]
    assert (each["status"], each["message"], second(project)["message"]) == ("FAIL", "interrupted", "interrupted")


@pytest.mark.parametrize("handled", [False, True], ids=["plain", "on_failure"])
def test_a_composite_that_the_user_stopped_is_tried_again_at_once(project, handled):
    if handled:
        project.write(
            "p.yaml", PIPELINE.replace("{command: work.second,", "{command: work.second, on_failure: success,")
        )
    begun(project)
    assert stopped(project, signal.SIGINT) == 130
    ended = ["end_run", "r", "--engine-status", "Failed", "-f", "p.yaml"]
    assert project.magnus(*ended).status == 0
    assert log_of(project)["status"] == "FAIL"
    assert project.magnus(*COMPOSITE).status == 0
    assert [attempt["status"] for attempt in second(project)["attempts"]] == ["FAIL", "SUCCESS"]
    assert ran(project) == {"first-1": 1, "first-2": 1, "first-3": 1, "second-1": 1, "second-2": 2, "second-3": 1}
    assert log_of(project)["status"] == "SUCCESS"


def test_what_failed_is_tried_again(project):
    begun(project)
    project.write("fail", "")
    assert project.magnus(*COMPOSITE).status == 1
    assert project.magnus("execute_single_node", "r", "fail", "-f", "p.yaml").status == 1
    log = log_of(project)
    assert (log["status"], log["steps"]["each"]["message"]) == ("FAIL", "branch 2 failed")
    (project.path / "fail").unlink()
    assert project.magnus(*COMPOSITE).status == 0
    assert ran(project) == {"first-1": 1, "first-2": 1, "first-3": 1, "second-1": 1, "second-2": 2, "second-3": 1}
    log = log_of(project)
    assert (log["status"], log["steps"]["each"]["status"], log["steps"]["each"]["message"]) == (
        "SUCCESS",
        "SUCCESS",
        "",
    )
    assert [attempt["status"] for attempt in second(project)["attempts"]] == ["FAIL", "SUCCESS"]


def test_what_failed_is_tried_again_by_a_process_that_goes_away(project):
    begun(project)
    project.write("fail", "")
    assert project.magnus(*COMPOSITE).status == 1
    (project.path / "fail").unlink()
    assert stopped(project, signal.SIGTERM) == 143
    assert project.magnus(*COMPOSITE).status == 0
    assert [attempt["status"] for attempt in second(project)["attempts"]] == ["FAIL", "FAIL", "SUCCESS"]
    assert ran(project)["second-2"] == 3
    assert log_of(project)["status"] == "SUCCESS"


def test_a_worker_that_dies_ends_an_attempt(project):
    project.write("p.yaml", PIPELINE.replace("{command: work.second,", "{command: work.second, max_attempts: 2,"))
    project.write("work.py", WORK + "\n\ndef total(z):\n    return {'sum': sum(z)}\n")
    project.write(
        "work.py",
        WORK.replace("time.sleep(3600)", "Path('stop').unlink(); os.kill(os.getpid(), 9)"),
    )
    project.write("stop", "")
    begun(project)
    assert project.magnus(*COMPOSITE).status == 0
    assert [attempt["status"] for attempt in second(project)["attempts"]] == ["FAIL", "SUCCESS"]


def test_it_resumes_what_another_run_has_of_the_step(project):
    project.write("fail", "")
    assert project.magnus("execute", "p.yaml", "--run-id", "before").status == 1
    (project.path / "fail").unlink()
    before = ran(project)
    resumed = ["--use-cached", "before"]
    assert project.magnus("execute_single_node", "r", "a", "-f", "p.yaml", *resumed).status == 0
    assert project.magnus(*COMPOSITE, *resumed).status == 0
    after = ran(project)
    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {"second-2": 1}
    assert log_of(project)["status"] == "SUCCESS"


SAME_FILE = """\
import time
from pathlib import Path

def write(x):
    Path("model.txt").write_text(f"model of {x}")
    time.sleep(0.3)
"""
ONE_FILE_A_BRANCH = """\
dag:
  start_at: each
  steps:
    each:
      type: map
      iterate_on: xs
      iterate_as: x
      next: success
      branch: {start_at: s, steps: {s: {command: work.write, catalog: {put: [model.txt]}, next: success}}}
"""


@pytest.mark.parametrize("volume", ["", "inside"], ids=["volume-beside", "volume-inside"])
def test_its_steps_have_working_directories_of_their_own_where_those_of_the_engine_have(folder, tmp_path, volume):
    data = folder.path / volume if volume else tmp_path / "volume"
    data.mkdir()
    folder.write("work.py", SAME_FILE)
    folder.write("p.yaml", ONE_FILE_A_BRANCH)
    argo = {"image": "x", "persistent_volumes": [{"name": "data", "mount_path": str(data)}]}
    configuration = {
        "executor": {"type": "argo", "config": argo},
        "run_log_store": {"type": "chunked-fs", "config": {"log_folder": str(data / "runs")}},
        "catalog": {"type": "file-system", "config": {"catalog_location": str(data / "catalog")}},
    }
    folder.write("c.yaml", json.dumps(configuration))
    command = ["run_composite", "r", "each", "--workers", "2", "-f", "p.yaml", "-c", "c.yaml", "--xs", "[1, 2, 3]"]
    assert folder.magnus(*command).status == 0
    files = sorted((data / "catalog" / "r" / ".branches").rglob("model.txt"))
    assert [file.read_text() for file in files] == ["model of 1", "model of 2", "model of 3"]
    assert not (folder.path / "model.txt").exists()


def test_secrets_of_steps_before_are_masked_in_its_workers(folder):
    folder.write("magnus-config.yaml", "defaults: {secrets: {type: env-secrets-manager}}")
    folder.write(
        "p.yaml",
        json.dumps(
            {
                "dag": {
                    "start_at": "a",
                    "steps": {
                        "a": {"command_type": "shell", "command": "true", "secrets": ["TOKEN_OF_MINE"], "next": "p"},
                        "p": {
                            "type": "parallel",
                            "next": "success",
                            "branches": {
                                "only": {
                                    "start_at": "s",
                                    "steps": {
                                        "s": {
                                            "command_type": "shell",
                                            "command": "printf 'abra%s' cadabra",
                                            "next": "success",
                                        }
                                    },
                                }
                            },
                        },
                    },
                }
            }
        ),
    )
    environment = {"TOKEN_OF_MINE": "abracadabra"}
    assert folder.magnus("execute_single_node", "r", "a", "-f", "p.yaml", env=environment).status == 0
    result = folder.magnus("run_composite", "r", "p", "-f", "p.yaml", env=environment)
    assert (result.status, "abracadabra" in result.err) == (0, False)
    [log] = (file for file in (folder.path / ".catalog/r/.logs").rglob("*.log"))
    assert log.read_text() == "*****"


def test_a_task_is_no_composite(folder):
    folder.write("p.yaml", "dag: {start_at: a, steps: {a: {type: stub, next: success}}}")
    result = folder.magnus("run_composite", "r", "a", "-f", "p.yaml")
    assert (result.status, result.err) == (2, "error: 'a' has no branches\n  fix: magnus execute_single_node r a\n")
