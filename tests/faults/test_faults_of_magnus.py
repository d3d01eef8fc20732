"""Errors of magnus itself while the outcome of a step is put together: the step fails, names the fault, and nothing is lost.

Every call of a function of magnus between the end of the user's code and the put of the record is made to raise, each
in a step of its own, until there are no more of them. So one run has a step for each of these calls.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

MOST_CALLS = 500
CALLS_OF_A_CHILD = 25
WORKERS = "executor: {type: local, config: {enable_parallel: true, max_workers: 2}}"
FAULT = "fault of magnus itself"

INJECT = """\
import os
import sys

FOLDER = os.path.dirname(__import__("magnus").__file__) + os.sep
LEFT_OUT = {
    "<genexpr>",  # one that is closed drops what is raised in it
    "dump",  # of the pickler: its errors are about the value
}


def within(frame, name):
    while frame is not None and frame.f_code.co_filename.startswith(FOLDER):
        if frame.f_code.co_name == name:
            return True
        frame = frame.f_back
    return False


def arm(n):
    left = n

    def trace(frame, event, argument):
        nonlocal left
        code = frame.f_code
        if event != "call" or not code.co_filename.startswith(FOLDER) or code.co_name in LEFT_OUT:
            return None
        if within(frame, "read_items"):  # an item that cannot be read is left as it is: that is meant
            return None
        if code.co_name == "put_step":
            sys.settrace(None)
            return None
        left -= 1
        if left == 0:
            with open(os.environ["INJECTED"], "a") as file:
                file.write(f"{n} {code.co_filename.removeprefix(FOLDER)}:{code.co_qualname}\\n")
            return int  # called with a frame it raises a TypeError there, and stands in no traceback
        return None

    sys.settrace(trace)
"""

SITE = """\
import inject
from magnus.tasks import shell

run = shell.run_process

def run_and_arm(argv, **more):
    code = run(argv, **more)
    if "MAGNUS_PRM_n" in more["environment"]:
        inject.arm(int(more["environment"]["MAGNUS_PRM_n"]))
    return code

shell.run_process = run_and_arm
"""

WORK = """\
import os

import magnus
import magnus.tasks.functions.results  # else a process loads it in the step that it happens to run first
from inject import arm

def numbers(most): return {"numbers": list(range(1, most + 1))}

def of_python(n):
    arm(n)
    return {"a": 1, "b": [1, {"c": 2.5}]}

def of_metrics(n):
    magnus.track_this(step=3, loss=0.5)
    magnus.track_this(scores={"a": 1})
    os.environ["MAGNUS_TRACK_variance"] = "0.6"
    os.environ["MAGNUS_PRM_spam"] = "World"
    arm(n)
    return 0.5

def of_objects(n):
    magnus.put_object({1, 2}, "kept")
    arm(n)
    return {n}

def of_files(n):
    with open("made.txt", "w") as file:
        file.write(str(n))
    magnus.put_in_catalog("made.txt")
    arm(n)

def without_a_name(n):
    arm(n)
    return "text"

def in_child(n):
    arm(n)
    return {"a": 1}
"""

REENTRY = """\
import sys

from magnus.cli.main import main

def magnus(*arguments):
    sys.argv[1:] = arguments
    try:
        main()
    except SystemExit:
        pass

MOST = int(sys.argv[1])
magnus("fan", "mine", "each", "-m", "out", "-p", "parameters.yaml")
for number in range(MOST):
    magnus("execute_single_node", "mine", f"each/{number}/do")
"""

TASKS = {
    "python": {"command": "work.of_python"},
    "metrics": {"command": "work.of_metrics", "returns": [{"name": "accuracy", "kind": "metric"}]},
    "objects": {"command": "work.of_objects", "returns": [{"name": "made", "kind": "object"}]},
    "files": {"command": "work.of_files", "catalog": {"put": ["*.txt"]}},
    "text": {"command": "work.without_a_name"},
    "shell": {
        "command_type": "shell",
        "command": "echo $n > made.$n; mv made.$n made.csv; export MAGNUS_PRM_a=$n MAGNUS_TRACK_b_STEP_1=2 c=3",
        "returns": [{"name": "c", "kind": "metric"}],
        "catalog": {"put": ["*.csv"]},
    },
}


class Project:
    """A folder of a user in which steps are disturbed."""

    def __init__(self, folder: Path):
        self.folder = folder
        for name, text in {
            "inject.py": INJECT,
            "work.py": WORK,
            "sitecustomize.py": SITE,
            "reentry.py": REENTRY,
        }.items():
            (folder / name).write_text(text)

    def write(self, task, most):
        do = {"type": "task", **task, "next": "success", "on_failure": "caught"}
        caught = {
            "type": "task",
            "command_type": "python-lambda",
            "command": "lambda n: {'caught': n}",
            "next": "success",
        }
        each = {
            "type": "map",
            "iterate_on": "numbers",
            "iterate_as": "n",
            "branch": {"start_at": "do", "steps": {"do": do, "caught": caught}},
            "next": "success",
        }
        (self.folder / "pipeline.yaml").write_text(json.dumps({"dag": {"start_at": "each", "steps": {"each": each}}}))
        (self.folder / "parameters.yaml").write_text(json.dumps({"numbers": list(range(1, most + 1))}))

    def python(self, *arguments):
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "PYTHONPATH": str(self.folder),
            "INJECTED": str(self.folder / "injected"),
        }
        command = [sys.executable, *arguments]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def execute(self, task, *options, most=MOST_CALLS):
        self.write(task, most)
        out = self.python("-m", "magnus", "execute", "-p", "parameters.yaml", *options)
        return json.loads(out)["steps"]["each"]["branches"]

    def injected(self):
        """The calls that raised, by their number."""
        lines = (line.split(maxsplit=1) for line in (self.folder / "injected").read_text().splitlines())
        return {int(number): place for number, place in lines}


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def assert_all_were_reached(injected):
    """Each call raised once, but for a few that only the first step of a process makes, and then there were no more."""
    assert 10 <= max(injected) < MOST_CALLS  # ten calls are the least that any of the tasks makes
    assert len(injected) >= max(injected) - 10


def assert_each_fault_failed_its_step(branches, injected):
    assert_all_were_reached(injected)
    wrong = []
    for number in range(1, MOST_CALLS + 1):
        branch = branches[str(number)]
        do = branch["steps"]["do"]
        [attempt] = do["attempts"]
        if branch["status"] != "SUCCESS":
            wrong.append((number, injected.get(number), branch["status"], do["message"]))
        elif number not in injected:
            if (do["status"], attempt["status"], "caught" in branch["steps"]) != ("SUCCESS", "SUCCESS", False):
                wrong.append((number, "undisturbed", do["message"]))
        elif do["status"] != "FAIL" or FAULT not in do["message"] or branch["steps"]["caught"]["status"] != "SUCCESS":
            wrong.append((number, injected[number], do["status"], do["message"]))
    assert wrong == []


@pytest.mark.parametrize("name", TASKS)
def test_in_one_process(project, name):
    assert_each_fault_failed_its_step(project.execute(TASKS[name]), project.injected())


@pytest.mark.parametrize("name", ["metrics", "objects", "shell"])
def test_in_workers(project, name):
    (project.folder / "workers.yaml").write_text(WORKERS)
    branches = project.execute(TASKS[name], "-c", "workers.yaml")
    assert_each_fault_failed_its_step(branches, project.injected())


def test_in_a_child_process(project):
    """A fault of the child process fails the step that waits for it, whose own calls the other tests reach."""
    branches = project.execute({"command": "work.in_child", "timeout": 60}, most=CALLS_OF_A_CHILD)
    steps = {int(number): branch["steps"]["do"] for number, branch in branches.items()}
    failed = {number: step["message"] for number, step in steps.items() if step["status"] == "FAIL"}
    assert failed.keys() == project.injected().keys(), sorted(project.injected().items())[-3:]
    assert [message for message in failed.values() if FAULT not in message] == []
    assert {branch["status"] for branch in branches.values()} == {"SUCCESS"}


@pytest.mark.parametrize("name", ["metrics", "shell"])
def test_in_processes_of_another_engine(project, name):
    project.write(TASKS[name], MOST_CALLS)
    project.python("reentry.py", str(MOST_CALLS))
    log = json.loads(project.python("-m", "magnus", "show", "mine", "--json"))
    injected = project.injected()
    wrong = []
    for number, branch in log["steps"]["each"]["branches"].items():
        do = branch["steps"]["do"]
        expected = ("FAIL", True) if int(number) in injected else ("SUCCESS", False)
        if (do["status"], FAULT in do["message"]) != expected or len(do["attempts"]) != 1:
            wrong.append((number, injected.get(int(number)), do["status"], do["message"]))
    assert wrong == []
    assert_all_were_reached(injected)
