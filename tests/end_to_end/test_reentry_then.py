"""A process that an engine starts goes on with the steps behind its own, and leaves the records of a process for each."""

import json
import subprocess
import sys

import pytest

PIPELINE = """\
dag:
  start_at: a b
  steps:
    a b: {command_type: python-lambda, command: "lambda: {'xs': [1, 2]}", next: each}
    each:
      type: map
      iterate_on: xs
      iterate_as: x
      branch: {start_at: s, steps: {s: {command_type: python-lambda, command: "lambda x: {'y': x}", next: success}}}
      next: c
    c: {command_type: python-lambda, command: "lambda y: {'z': sum(y)}", next: success}
"""
RESULTS = {"xs": [1, 2], "y": [1, 2], "z": 3}


def fused(folder, *, run="fused", check=0):
    """Run the pipeline with as few processes as there can be; what they say of branches."""

    def magnus(*command):
        result = folder.magnus(*command, "-f", "p.yaml")
        assert result.status == check, result.err
        return result.out

    magnus("execute_single_node", run, "a%20b", "--then", "each", "--branches-file", "numbers")
    for number in json.loads((folder.path / "numbers").read_text()):
        magnus("execute_single_node", run, f"each/{number}/s", "--then", "success")
    return magnus("fan", run, "each", "-m", "in", "--then", "c", "--then", "success")


def log_of(folder, run):
    log = json.loads(folder.magnus("show", run, "--json").out)
    return {
        "status": log["status"],
        "parameters": {
            name: value for step in log["steps"].values() for name, value in step.get("parameters", {}).items()
        },
        "steps": shape(log["steps"]),
    }


def shape(steps):
    """Names, statuses and the number of attempts, of branches too."""
    return {
        name: (
            step["status"],
            len(step["attempts"]),
            {key: (branch["status"], shape(branch["steps"])) for key, branch in step["branches"].items()},
        )
        for name, step in steps.items()
    }


def test_a_chain_of_few_processes_leaves_the_same_run(folder):
    folder.write("p.yaml", PIPELINE)
    assert folder.magnus("execute", "p.yaml", "--run-id", "whole").status == 0
    assert json.loads(fused(folder)) == []
    assert log_of(folder, "fused") == log_of(folder, "whole")
    assert log_of(folder, "fused")["status"] == "SUCCESS"


def test_each_process_can_be_started_again(folder):
    folder.write("p.yaml", PIPELINE)
    fused(folder)
    before = folder.magnus("show", "fused", "--json").out
    again = folder.magnus(
        "execute_single_node", "fused", "a%20b", "--then", "each", "--branches-file", "again", "-f", "p.yaml"
    )
    assert (again.status, (folder.path / "again").read_text()) == (0, "[]")
    assert (
        folder.magnus("fan", "fused", "each", "-m", "in", "--then", "c", "--then", "success", "-f", "p.yaml").status
        == 0
    )
    assert folder.magnus("show", "fused", "--json").out == before


def test_a_step_that_is_not_named_or_does_not_come_next_is_left(folder):
    folder.write("p.yaml", PIPELINE)
    for names in ([], ["--then", "c"], ["--then", "success"]):
        assert folder.magnus("execute_single_node", "r", "a%20b", *names, "-f", "p.yaml").status == 0
        assert list(json.loads(folder.magnus("show", "r", "--json").out)["steps"]) == ["a b"]


FAILING = """\
dag:
  start_at: a
  steps:
    a: {command_type: shell, command: "exit $(cat a 2> /dev/null || echo 0)", max_attempts: 2, next: b}
    b: {command_type: shell, command: "exit $(cat b 2> /dev/null || echo 0)", max_attempts: 2, next: success}
"""


def attempts(folder, run):
    steps = json.loads(folder.magnus("show", run, "--json").out)["steps"]
    return {name: [attempt["status"] for attempt in step["attempts"]] for name, step in steps.items()}


def test_a_failure_is_not_followed(folder):
    folder.write("p.yaml", FAILING)
    folder.write("a", "1")
    command = ["execute_single_node", "r", "a", "--then", "b", "--then", "success", "--then", "fail", "-f", "p.yaml"]
    assert folder.magnus(*command).status == 1
    assert attempts(folder, "r") == {"a": ["FAIL", "FAIL"]}


def test_attempts_of_every_task_are_made_one_a_process(folder):
    folder.write("p.yaml", FAILING)
    folder.write("a", "1")
    command = ["execute_single_node", "r", "a", "--one-attempt", "--then", "b", "--then", "success", "-f", "p.yaml"]
    assert folder.magnus(*command).status == 75
    folder.write("a", "0")
    folder.write("b", "1")
    assert folder.magnus(*command).status == 75
    assert attempts(folder, "r") == {"a": ["FAIL", "SUCCESS"], "b": ["FAIL"]}
    assert folder.magnus(*command).status == 1
    assert folder.magnus(*command).status == 1
    assert attempts(folder, "r") == {"a": ["FAIL", "SUCCESS"], "b": ["FAIL", "FAIL"]}


def test_attempts_of_a_task_behind_a_fan_in_are_made_one_a_process(folder):
    folder.write(
        "p.yaml",
        PIPELINE.replace("lambda y: {'z': sum(y)}", "lambda y, z: 1").replace(
            "next: success}\n", "next: success, max_attempts: 2}\n"
        ),
    )
    folder.magnus("execute_single_node", "r", "a%20b", "--then", "each", "-f", "p.yaml")
    for number in (0, 1):
        folder.magnus("execute_single_node", "r", f"each/{number}/s", "--then", "success", "-f", "p.yaml")
    command = ["fan", "r", "each", "-m", "in", "--one-attempt", "--then", "c", "-f", "p.yaml"]
    results = [folder.magnus(*command) for _ in range(3)]
    assert [result.status for result in results] == [75, 1, 1]
    assert [result.out for result in results] == ["[]\n"] * 3
    assert attempts(folder, "r")["c"] == ["FAIL", "FAIL"]


def test_a_composite_whose_branches_cannot_start_fails_the_process(folder):
    folder.write("p.yaml", PIPELINE.replace("[1, 2]", "7"))
    command = ["execute_single_node", "r", "a%20b", "--then", "each", "--branches-file", "numbers", "-f", "p.yaml"]
    result = folder.magnus(*command)
    assert (result.status, (folder.path / "numbers").read_text()) == (1, "[]")
    steps = json.loads(folder.magnus("show", "r", "--json").out)["steps"]
    assert {name: step["status"] for name, step in steps.items()} == {"a b": "SUCCESS", "each": "FAIL"}
    assert folder.magnus("execute_single_node", "r", "fail", "-f", "p.yaml").status == 1
    assert json.loads(folder.magnus("show", "r", "--json").out)["status"] == "FAIL"


KILLED_BETWEEN = """\
import os, signal, sys
from magnus.engine.reentry.engine_run import EngineRun

def dying(verb, at):
    inner = getattr(EngineRun, verb)
    def act(self, path, *more):
        if str(path) == at:
            os.kill(os.getpid(), getattr(signal, os.environ["SIGNAL"]))
        return inner(self, path, *more)
    setattr(EngineRun, verb, act)

verb, _, at = os.environ["DIES_BEFORE"].partition(" ")
dying(verb, at)
from magnus.cli.main import main
sys.exit(main())
"""


def dying(folder, tmp_path, before, signal, *command):
    """The exit status of the command that gets the signal before this act."""
    folder.write("dies.py", KILLED_BETWEEN)
    environment = {**folder.environment, "TMPDIR": str(tmp_path), "DIES_BEFORE": before, "SIGNAL": signal}
    argv = [sys.executable, "dies.py", *command, "-f", "p.yaml"]
    return subprocess.run(argv, cwd=folder.path, env=environment, check=False, stdin=subprocess.DEVNULL).returncode


@pytest.mark.parametrize(("name", "status"), [("SIGKILL", -9), ("SIGTERM", 143), ("SIGINT", 130)])
@pytest.mark.parametrize(
    ("before", "command"),
    [
        ("fan_out each", ["execute_single_node", "r", "a%20b", "--then", "each", "--branches-file", "numbers"]),
        ("step c", ["fan", "r", "each", "-m", "in", "--then", "c", "--then", "success"]),
        ("step success", ["fan", "r", "each", "-m", "in", "--then", "c", "--then", "success"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_process_that_ends_between_two_steps_is_started_again(folder, tmp_path, before, command, name, status):
    folder.write("p.yaml", PIPELINE)
    assert folder.magnus("execute", "p.yaml", "--run-id", "whole").status == 0
    if command[0] == "fan":
        folder.magnus("execute_single_node", "r", "a%20b", "--then", "each", "-f", "p.yaml")
        for number in (0, 1):
            folder.magnus("execute_single_node", "r", f"each/{number}/s", "--then", "success", "-f", "p.yaml")
    assert dying(folder, tmp_path, before, name, *command) == status
    assert json.loads(folder.magnus("show", "r", "--json").out)["status"] == "PROCESSING"
    assert folder.magnus(*command, "-f", "p.yaml").status == 0
    if command[0] != "fan":
        assert (folder.path / "numbers").read_text() == "[0, 1]"
        for number in (0, 1):
            folder.magnus("execute_single_node", "r", f"each/{number}/s", "--then", "success", "-f", "p.yaml")
        folder.magnus("fan", "r", "each", "-m", "in", "--then", "c", "--then", "success", "-f", "p.yaml")
    assert log_of(folder, "r") == log_of(folder, "whole")


def test_the_step_that_a_failure_leads_to_records_what_a_dead_process_left(folder, tmp_path):
    folder.write("p.yaml", PIPELINE)
    command = ["execute_single_node", "r", "a%20b", "--then", "each"]
    assert dying(folder, tmp_path, "fan_out each", "SIGKILL", *command) == -9
    assert folder.magnus("execute_single_node", "r", "fail", "-f", "p.yaml").status == 1
    log = json.loads(folder.magnus("show", "r", "--json").out)
    assert {name: step["status"] for name, step in log["steps"].items()} == {
        "a b": "SUCCESS",
        "each": "FAIL",
        "fail": "FAIL",
    }
    assert log["steps"]["each"]["message"].startswith("lost: no process of it recorded anything")


COUNTED = """\
import sys
from magnus.app.composition import run_context
opened = []
inner = run_context.run_context

def counted(*given, **named):
    opened.append(given)
    return inner(*given, **named)

run_context.run_context = counted
from magnus.cli.main import main
try:
    sys.exit(main())
finally:
    with open("opened", "a") as file:
        print(len(opened), file=file)
"""


def test_a_run_that_lost_its_end_alone_says_so(folder, tmp_path):
    folder.write("p.yaml", FAILING)
    command = ["execute_single_node", "r", "a", "--then", "b", "--then", "success"]
    assert dying(folder, tmp_path, "step success", "SIGKILL", *command) == -9
    assert folder.magnus("execute_single_node", "r", "fail", "-f", "p.yaml").status == 1
    summary = json.loads(folder.magnus("show", "r", "--json").out)
    message = "lost: every step succeeded, and the process that was to record the end of the run died before it did"
    assert (summary["status"], message in folder.magnus("show", "r").out) == ("FAIL", True)


def test_a_process_opens_one_context_of_its_run(folder):
    folder.write("p.yaml", PIPELINE)
    folder.write("counted.py", COUNTED)
    folder.write("fails.yaml", PIPELINE.replace("sum(y)", "1 / 0"))
    assert folder.magnus("execute", "fails.yaml", "--run-id", "failed").status == 1
    for command in (
        ["execute_single_node", "r", "a%20b", "--use-cached", "failed"],
        ["fan", "r", "each", "-m", "out"],
        ["execute_single_node", "r", "each/0/s", "--then", "success"],
        ["fan", "r", "each", "-m", "in", "--then", "c", "--then", "success"],
        ["end_run", "other"],
    ):
        argv = [sys.executable, "counted.py", *command, "-f", "p.yaml"]
        done = subprocess.run(argv, cwd=folder.path, env=folder.environment, check=False, capture_output=True)
        assert done.returncode == 0, done.stderr
    assert (folder.path / "opened").read_text() == "1\n" * 5


def test_a_loop_goes_on_behind_its_last_round_alone(folder):
    folder.write(
        "p.yaml",
        """\
dag:
  start_at: o
  steps:
    o:
      type: loop
      max_iterations: 2
      branch: {start_at: b, steps: {b: {type: stub, next: success}}}
      next: m
    m:
      type: loop
      max_iterations: 1
      branch: {start_at: b, steps: {b: {type: stub, next: success}}}
      next: success
""",
    )

    def fan_in(*options):
        files = ["--branches-file", "own", "--then", "m", "--then-branches-file", "next"]
        result = folder.magnus("fan", "r", "o", "-m", "in", *options, *files, "-f", "p.yaml")
        written = [
            (folder.path / name).read_text() if (folder.path / name).exists() else None for name in ("own", "next")
        ]
        return result.status, json.loads(result.out), *written

    assert folder.magnus("fan", "r", "o", "-m", "out", "-f", "p.yaml").status == 0
    for number, ended in ((0, (0, ["o/1"], "1", None)), (1, (0, [], "", "0"))):
        folder.magnus("execute_single_node", "r", f"o/{number}/b", "--then", "success", "-f", "p.yaml")
        assert fan_in("--round", str(number)) == ended
        assert fan_in("--round", str(number)) == ended


def test_a_parameter_may_be_named_nearly_as_the_option(folder):
    folder.write("p.yaml", PIPELINE)
    assert folder.magnus("execute_single_node", "r", "a%20b", "-f", "p.yaml", "--when", "2024-05-06").status == 0
    assert json.loads(folder.magnus("show", "r", "--json").out)["parameters"]["when"] == "2024-05-06"


def test_names_that_cannot_come_next_are_refused(folder):
    folder.write("p.yaml", PIPELINE)
    result = folder.magnus("execute_single_node", "r", "a%20b", "--then", "nothing", "-f", "p.yaml")
    assert (result.status, result.err.splitlines()[0]) == (2, "error: the pipeline has no step 'nothing'")
    result = folder.magnus("execute_single_node", "r", "a%20b", "--then", "each/0/s", "-f", "p.yaml")
    assert result.err == "error: '--then each/0/s' names a step inside another one\n  fix: name a step beside 'a%20b'\n"
    result = folder.magnus("fan", "r", "each", "-m", "out", "--then", "c", "-f", "p.yaml")
    assert (result.status, "'--then' goes with '-m in'" in result.err) == (2, True)
    assert folder.runs() == []
