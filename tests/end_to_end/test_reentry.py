"""A pipeline run in one process, and step by step in fresh processes, leaves the same records."""

import json
from urllib.parse import quote

import pytest

from magnus import __version__
from magnus.engine.reentry.protocol import EventLines

WORK = """\
from dataclasses import dataclass

@dataclass
class Model:
    slope: float
    name: str

def fit(x: int, model_name: str = "m"):
    return Model(slope=x / 2, name=model_name)

def fail(x):
    raise ValueError(f"no {x}")

def collect(slope: float, **rest):
    return sorted(rest), slope
"""

PIPELINES = {
    "linear": {
        "start_at": "fit it",
        "steps": {
            "fit it": {"type": "task", "command": "work.fit", "next": "keep/it"},
            "keep/it": {
                "type": "task",
                "command_type": "shell",
                "command": "echo $slope > out.txt; export MAGNUS_PRM_done=true",
                "catalog": {"put": ["out.txt"]},
                "next": "stub",
            },
            "stub": {"type": "stub", "next": "collect", "anything": 1},
            "collect": {
                "type": "task",
                "command": "work.collect",
                "catalog": {"get": ["*.txt"]},
                "returns": ["names", {"name": "slope", "kind": "metric"}],
                "next": "success",
            },
        },
    },
    "failing, with retries": {
        "start_at": "a",
        "steps": {"a": {"type": "task", "command": "work.fail", "next": "success", "max_attempts": 2}},
    },
    "failing, and led on": {
        "start_at": "ä b",
        "steps": {
            "ä b": {"type": "task", "command": "work.fail", "next": "success", "on_failure": "c"},
            "c": {"type": "task", "command_type": "python-lambda", "command": "lambda x: {'y': x}", "next": "success"},
        },
    },
    "longer than a scope is carried": {
        "start_at": "s0",
        "steps": {
            f"s{n}": {
                "type": "task",
                "command_type": "python-lambda",
                "command": "lambda x: {'x': x + 1, f'y{x}': x}",
                "next": f"s{n + 1}" if n < 35 else "success",
            }
            for n in range(36)
        },
    },
}


def without_times(log):
    for gone in ("run_id", "start_time", "end_time"):
        del log[gone]
    del log["run_config"]["command_line"]
    for step in log["steps"].values():
        for attempt in step["attempts"]:
            for gone in ("start_time", "end_time", "duration"):
                del attempt[gone]
        for entry in step["data_catalog"]:
            entry["catalog_relative_path"] = entry["catalog_relative_path"].partition("/")[2]
    return log


@pytest.mark.parametrize("store", ["file-system", "chunked-fs"])
@pytest.mark.parametrize("name", PIPELINES)
def test_step_by_step_is_the_same_run(folder, name, store):
    folder.write("work.py", WORK)
    folder.write("magnus-config.yaml", f"defaults:\n  run_log_store: {{type: {store}}}\n")
    folder.write("p.yaml", json.dumps({"dag": PIPELINES[name]}))
    whole = folder.magnus("execute", "p.yaml", "--run-id", "whole", "--x", "7")
    (folder.path / "out.txt").unlink(missing_ok=True)
    for step in json.loads(whole.out)["steps"]:
        path = (
            quote(step, safe="") if quote(step) != step.replace(" ", "%20") or "/" in step else step.replace(" ", "%")
        )
        result = folder.magnus("execute_single_node", "single", path, "-f", "p.yaml", "--x", "7")
        assert result.status in {0, 1}, result.err
    single = folder.magnus("show", "single", "--json")
    assert without_times(json.loads(single.out)) == without_times(json.loads(whole.out))


def test_a_step_that_succeeded_is_left_alone(folder):
    folder.write("work.py", "")
    steps = {"a": {"type": "task", "command_type": "shell", "command": "echo x >> ran", "next": "success"}}
    folder.write("p.yaml", json.dumps({"dag": {"start_at": "a", "steps": steps}}))
    for _ in range(2):
        assert folder.magnus("execute_single_node", "r", "a", "-f", "p.yaml").status == 0
    assert (folder.path / "ran").read_text() == "x\n"


def test_a_run_begins_with_its_first_step(folder):
    steps = {"a": {"type": "stub", "next": "b"}, "b": {"type": "stub", "next": "success"}}
    folder.write("p.yaml", json.dumps({"dag": {"start_at": "a", "steps": steps}}))
    result = folder.magnus("execute_single_node", "r", "b", "-f", "p.yaml")
    assert result.status == 2
    assert result.err == "error: there is no run 'r'\n  fix: start the run with the step 'a'\n"
    result = folder.magnus("execute_single_node", "r", "c", "-f", "p.yaml")
    assert result.status == 2
    assert result.err.startswith("error: the pipeline has no step 'c'\n")


def told(folder, **more):
    """The re-entry command of a first step, told something by the engine that starts it."""
    steps = {"a": {"type": "task", "command_type": "shell", "command": "echo said", "next": "success"}}
    folder.write("p.yaml", json.dumps({"dag": {"start_at": "a", "steps": steps}}))
    reentry = json.dumps({"version": __version__, **more})
    return folder.magnus("execute_single_node", "r", "a", "-f", "p.yaml", env={"MAGNUS_REENTRY": reentry})


def test_an_engine_that_asks_for_events_gets_them_on_standard_output_alone(folder):
    result = told(folder, events=True)
    lines = EventLines()
    events = list(lines.feed(result.out.encode()))
    assert (result.status, result.err, lines.rest) == (0, "", b"")
    assert [type(event).__name__ for event in events] == ["StepStarted", "StepOutput", "StepEnded"]
    assert events[1].data == b"said\n"


def test_what_runs_the_step_is_recorded_beside_the_code_of_the_run(folder):
    identity = {"code_identifier": "sha256:0", "code_identifier_type": "docker", "code_identifier_dependable": True}
    result = told(folder, code_identities=[identity])
    assert result.status == 0, result.err
    log = json.loads(folder.magnus("show", "r", "--json").out)
    [recorded] = log["steps"]["a"]["code_identities"]
    assert identity.items() <= recorded.items()


def test_an_engine_of_another_version_is_refused(folder):
    result = told(folder, version="9.9")
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith(f"error: the step was started by magnus 9.9, and this is magnus {__version__}\n")
    assert folder.runs() == []


def test_an_attempt_whose_process_died_is_recorded_and_leaves_as_many_to_make(folder):
    folder.write(
        "work.py",
        "import os\n"
        "def f():\n"
        "    number = int(os.environ['MAGNUS_STEP_ATTEMPT'])\n"
        "    if number == 0: os.kill(os.getpid(), 9)\n"
        "    if number == 1: raise ValueError('on purpose')\n"
        "    return {'number': number}\n",
    )
    folder.write("p.yaml", "dag: {start_at: a, steps: {a: {command: work.f, max_attempts: 2, next: success}}}")
    command = ["execute_single_node", "mine", "a", "--one-attempt", "-f", "p.yaml"]
    assert [folder.magnus(*command).status for _ in range(3)] == [-9, 75, 0]
    step = json.loads(folder.magnus("show", "mine", "--json").out)["steps"]["a"]
    assert [attempt["message"] for attempt in step["attempts"]] == [
        "the process died before it could record how the attempt finished",
        "ValueError: on purpose (work.py:5 in f)",
        "",
    ]
    assert step["status"] == "SUCCESS"


LOOP = """\
dag:
  start_at: o
  steps:
    o:
      type: loop
      max_iterations: 3
      index_as: i
      branch: {start_at: b, steps: {b: {command_type: python-lambda, command: "lambda i: {'seen': i}", next: success}}}
      next: success
"""


def round_of_loop(folder, number):
    """Run the steps of the round."""
    for step in ("b", "success"):
        assert folder.magnus("execute_single_node", "mine", f"o/{number}/{step}", "-f", "p.yaml").status == 0


def test_a_round_is_joined_once_however_often_its_process_begins(folder):
    folder.write("p.yaml", LOOP)

    def fan(*options):
        result = folder.magnus("fan", "mine", "o", *options, "--branches-file", "next", "-f", "p.yaml")
        return result.status, json.loads(result.out), (folder.path / "next").read_text()

    assert fan("-m", "out") == (0, ["o/0"], "0")
    round_of_loop(folder, 0)
    for _ in range(2):
        assert fan("-m", "in", "--round", "0") == (0, ["o/1"], "1")
    before = folder.magnus("show", "mine", "--json").out
    assert fan("-m", "in", "--round", "0") == (0, ["o/1"], "1")
    assert folder.magnus("show", "mine", "--json").out == before
    round_of_loop(folder, 1)
    assert fan("-m", "in") == (0, ["o/2"], "2")
    assert fan("-m", "in", "--round", "0") == (0, ["o/1"], "1")
    assert fan("-m", "in", "--round", "1") == (0, ["o/2"], "2")
    round_of_loop(folder, 2)
    for _ in range(2):
        assert fan("-m", "in", "--round", "2") == (0, [], "")
    step = json.loads(folder.magnus("show", "mine", "--json").out)["steps"]["o"]
    assert (step["status"], list(step["branches"])) == ("SUCCESS", ["0", "1", "2"])


def test_a_round_that_cannot_be_joined_says_why(folder):
    folder.write(
        "p.yaml",
        LOOP.replace("      next: success\n", "      next: p\n")
        + "    p: {type: parallel, next: success, branches: {only: {start_at: s, steps: {s: {type: stub, next: success}}}}}\n",
    )
    folder.magnus("fan", "mine", "o", "-m", "out", "-f", "p.yaml")
    result = folder.magnus("fan", "mine", "o", "-m", "in", "--round", "1", "-f", "p.yaml")
    assert (result.status, result.err) == (
        2,
        "error: iteration 1 of 'o' has not started: iteration 0 is the current one\n  fix: join it first, with '--round 0'\n",
    )
    result = folder.magnus("fan", "mine", "o", "-m", "out", "--round", "0", "-f", "p.yaml")
    assert (result.status, "'--round' goes with '-m in'" in result.err) == (2, True)
    result = folder.magnus("fan", "mine", "p", "-m", "in", "--round", "0", "-f", "p.yaml")
    assert (result.status, result.err) == (
        2,
        "error: 'p' is of type parallel, which has no iterations\n  fix: leave out '--round'\n",
    )


@pytest.mark.parametrize("failures", ["", " disk\nfull ", "x" * 501], ids=["none", "text", "long"])
def test_the_end_of_a_run_shows_the_failures_of_an_engine_as_they_are(folder, failures):
    folder.write("p.yaml", "dag: {start_at: a, steps: {a: {type: stub, next: success}}}")
    ended = folder.magnus("end_run", "r", "--engine-status", "Dead", "--engine-failures", failures, "-f", "p.yaml")
    assert ended.status == 0, ended.err
    reason = f"; the engine says: {failures.strip()[:500]}" if failures else ""
    log = json.loads(folder.magnus("show", "r", "--json").out)
    outcome = "the engine stopped the run as 'Dead' before it reached its end"
    assert (log["status"], log["message"]) == ("FAIL", f"{outcome}{reason}")


def test_the_end_of_a_run_shows_few_of_many_reasons_of_an_engine_and_explains_a_missing_role(folder):
    folder.write("p.yaml", "dag: {start_at: a, steps: {a: {type: stub, next: success}}}")
    volumes = [{"name": "data", "mount_path": str(folder.path)}]
    executor = {"type": "argo", "config": {"image": "project", "persistent_volumes": volumes}}
    folder.write("c.yaml", json.dumps({"executor": executor}))
    messages = [*(f"reason {number}" for number in range(4)), "workflowtaskresults.argoproj.io is forbidden"]
    failures = json.dumps([{"displayName": "a", "message": message} for message in messages])
    ended = folder.magnus("end_run", "r", "--engine-failures", failures, "-f", "p.yaml", "-c", "c.yaml")
    assert ended.status == 0, ended.err
    log = json.loads(folder.magnus("show", "r", "--json").out)
    assert "; the engine says: reason 0; reason 1; reason 2; and 2 more; the account of the workflow" in log["message"]
    assert log["steps"]["a"]["message"].endswith("; the engine says: reason 0")


@pytest.mark.parametrize("store", ["file-system", "chunked-fs"])
def test_a_step_behind_a_damaged_record_does_not_run_with_older_parameters(folder, store):
    folder.write("magnus-config.yaml", f"defaults:\n  run_log_store: {{type: {store}}}\n")
    steps = {name: {"command_type": "python-lambda", "command": "lambda x: {'x': x + 1}"} for name in ("a", "b", "c")}
    folder.write("p.yaml", json.dumps({"dag": {"steps": steps}}))

    def run(step):
        return folder.magnus("execute_single_node", "r", step, "-f", "p.yaml", "--x", "1")

    assert [run(step).status for step in ("a", "b")] == [0, 0]
    [file] = [file for file in (folder.path / ".run_log_store").rglob("*.json*") if b'"x":3' in file.read_bytes()]
    file.write_bytes(file.read_bytes().replace(b'"x":3', b'"x":7'))
    refused = run("c")
    assert refused.status == 3
    assert "error: the record of step 'b' is damaged" in refused.err
    assert "fix: run that step again: magnus execute_single_node r b\n" in refused.err
    assert [run(step).status for step in ("b", "b", "c")] == [1, 0, 0]  # its attempt was lost with the record
    assert json.loads(folder.magnus("show", "r", "--json").out)["parameters"]["x"] == 4
