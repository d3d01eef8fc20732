"""Running again: only what had not succeeded runs, and the run is what it would have been."""

import hashlib
import json
import os
import re
import subprocess
import sys
import time

import pytest
from forked import kept
from safety_net import LONGEST_SECONDS

from magnus import Map, Parallel, Pipeline, PythonTask, pickled
from magnus.errors import RunFailed

WORK = """\
import os, time
def count(name):
    with open("calls.txt", "a") as file: file.write(name + "\\n")
def broken(name): return os.path.exists("broken-" + name)
def begin(n=20): count("begin"); return list(range(n))
def step(x=0, **rest):
    name = os.environ["MAGNUS_STEP_NAME"]; count(name)
    if broken(name): raise ValueError("broken")
    return {"x": x + 1}
def item(i):
    count(f"item {i}")
    if broken(f"item-{i}"): raise ValueError("broken")
    return {"y": i * i}
def after(y): count("after"); return {"sum": sum(v for v in y)}
def left(i):
    count(f"left {i}")
    if broken(f"left-{i}"): raise ValueError("broken")
    return {"l": i}
def right(i): count(f"right {i}"); return {"r": -i}
def round_(i, total=0):
    count(f"round {i}")
    if broken(f"round-{i}"): raise ValueError("broken")
    return {"total": total + i, "stop": i >= 4}
def obj(): count("obj"); return {1, 2}
def use(o):
    count("use")
    if broken("use"): raise ValueError("broken")
    return {"size": len(o)}
def writes():
    count("writes")
    with open("made.txt", "w") as file: file.write("made")
def reads():
    count("reads")
    if broken("reads"): raise ValueError("broken")
    with open("made.txt") as file: return {"said": file.read()}
"""


def task(command, following="success", **more):
    return {"type": "task", "command": f"work.{command}", "next": following, **more}


def pipe(**steps):
    return {"start_at": next(iter(steps)), "steps": steps}


def object_and_file():
    """A pipeline in which one step keeps an object and another a file; `use` needs the object, `reads` the file."""
    return pipe(
        obj=task("obj", "writes", returns=[{"name": "o", "kind": "object"}]),
        writes=task("writes", "use", catalog={"put": "made.txt"}),
        use=task("use", "reads"),
        reads=task("reads", catalog={"get": "made.txt"}),
    )


class Folder:
    def __init__(self, path, commands):
        self.path = path
        self.commands = commands

    def break_(self, *names):
        for name in names:
            (self.path / f"broken-{name}").touch()

    def mend(self):
        for file in self.path.glob("broken-*"):
            file.unlink()

    def calls(self):
        """What was called since the last time."""
        file = self.path / "calls.txt"
        said = file.read_text().split("\n")[:-1] if file.exists() else []
        file.unlink(missing_ok=True)
        return said

    def magnus(self, *arguments):
        return self.commands(*arguments, cwd=self.path, env=kept())

    def log(self, *arguments, status=0):
        done = self.magnus(*arguments)
        assert done.returncode == status, done.stderr
        return json.loads(done.stdout)

    def pipeline(self, dag):
        (self.path / "p.yaml").write_text(json.dumps({"dag": dag}))

    def fails(self, dag, *broken, arguments=()):
        """Run it, with these broken; then it is mended."""
        self.pipeline(dag)
        self.break_(*broken)
        log = self.log("execute", "p.yaml", "--run-id", "first", *arguments, status=1)
        self.mend()
        self.calls()
        return log


@pytest.fixture(params=[False, True], ids=["in this process", "in workers"])
def folder(tmp_path, request, commands):
    (tmp_path / "work.py").write_text(WORK)
    if request.param:
        executor = {"type": "local", "config": {"enable_parallel": True, "max_workers": 2}}
        (tmp_path / "magnus-config.yaml").write_text(json.dumps({"defaults": {"executor": executor}}))
    return Folder(tmp_path, commands)


def statuses(log):
    return {name: (step["status"], step["mock"]) for name, step in log["steps"].items()}


def test_a_chain_goes_on_where_it_failed(folder):
    names = [f"s{n}" for n in range(100)]
    dag = pipe(**{n: task("step", f) for n, f in zip(names, [*names[1:], "success"], strict=True)})
    folder.fails(dag, "s90", arguments=("--x", "0", "--tag", "t"))
    log = folder.log("retry", "first", "--run-id", "second")
    assert folder.calls() == names[90:]
    assert (log["status"], log["parameters"]["x"]) == ("SUCCESS", 100)
    assert (log["use_cached"], log["original_run_id"]) == (True, "first")
    assert [step["mock"] for step in log["steps"].values()] == [True] * 90 + [False] * 11
    assert log["steps"]["s3"]["attempts"] == []
    original = folder.log("show", "first", "--json")
    assert (original["status"], original["use_cached"]) == ("FAIL", False)


def test_one_of_the_branches_of_a_map(folder):
    branch = pipe(item=task("item", "more"), more={"type": "stub", "next": "success"})
    each = {"type": "map", "iterate_on": "is", "iterate_as": "i", "branch": branch, "next": "after"}
    dag = pipe(begin=task("begin", "m", returns=["is"]), m=each, after=task("after"))
    folder.fails(dag, "item-6", "item-11")
    done = folder.magnus("retry", "first", "--run-id", "second")
    assert sorted(folder.calls()) == ["after", "item 11", "item 6"]
    log = json.loads(done.stdout)
    assert log["parameters"]["sum"] == sum(i * i for i in range(20))
    branches = log["steps"]["m"]["branches"]
    assert [key for key, value in branches.items() if not value["steps"]["item"]["mock"]] == ["6", "11"]
    assert "resumes first: 37 steps are reused" in done.stderr
    assert "runs 'm/6/item' and what follows: it failed: ValueError: broken" in done.stderr


def test_one_of_two_parallel_branches_inside_a_map(folder):
    both = {"type": "parallel", "next": "success", "branches": {"l": pipe(l=task("left")), "r": pipe(r=task("right"))}}
    each = {"type": "map", "iterate_on": "is", "iterate_as": "i", "branch": pipe(both=both), "next": "success"}
    folder.fails(pipe(begin=task("begin", "m", returns=["is"]), m=each), "left-2", arguments=("--n", "4"))
    log = folder.log("retry", "first")
    assert folder.calls() == ["left 2"]
    assert (log["parameters"]["l"], log["parameters"]["r"]) == ([0, 1, 2, 3], [0, -1, -2, -3])


def test_the_third_round_of_a_loop(folder):
    loop = {"type": "loop", "branch": pipe(r=task("round_")), "max_iterations": 9, "break_on": "stop", "index_as": "i"}
    folder.fails(pipe(l={**loop, "next": "success"}), "round-2")
    log = folder.log("retry", "first")
    assert folder.calls() == ["round 2", "round 3", "round 4"]
    assert log["parameters"]["total"] == 10
    assert list(log["steps"]["l"]["branches"]) == ["0", "1", "2", "3", "4"]


def test_after_a_conditional(folder):
    chosen = {"type": "conditional", "parameter": "x", "branches": {"1": pipe(inner=task("step"))}, "next": "last"}
    folder.fails(pipe(a=task("step", "c"), c=chosen, last=task("step")), "last")
    log = folder.log("retry", "first")
    assert folder.calls() == ["last"]
    assert log["parameters"]["x"] == 3
    assert log["steps"]["c"]["branches"]["1"]["steps"]["inner"]["mock"]


def test_objects_and_files_of_what_is_reused(folder):
    folder.fails(object_and_file(), "use")
    (folder.path / "made.txt").unlink()
    log = folder.log("retry", "first", "--run-id", "second")
    assert folder.calls() == ["use", "reads"]
    assert (log["parameters"]["size"], log["parameters"]["said"]) == (2, "made")
    assert (folder.path / ".catalog" / "second" / "made.txt").read_text() == "made"
    [entry] = log["steps"]["writes"]["data_catalog"]
    assert entry["catalog_relative_path"] == "second/made.txt"


def test_a_run_that_went_on_is_gone_on_with(folder):
    dag = pipe(a=task("step", "b"), b=task("step", "c"), c=task("step"))
    folder.fails(dag, "b")
    folder.break_("c")
    folder.log("retry", "first", "--run-id", "second", status=1)
    assert folder.calls() == ["b", "c"]
    folder.mend()
    log = folder.log("execute", "--use-cached", "second")
    assert folder.calls() == ["c"]
    assert log["parameters"]["x"] == 3
    assert log["original_run_id"] == "second"


def test_what_came_after_a_failure_runs_again(folder):
    dag = pipe(a=task("step", "b", on_failure="saved"), b=task("step"), saved=task("step", "last"), last=task("step"))
    folder.fails(dag, "a", "last")
    log = folder.log("retry", "first")
    assert folder.calls() == ["a", "b"]
    assert list(log["steps"]) == ["a", "b", "success"]


def test_the_ways_to_say_it(folder):
    dag = pipe(a=task("step", "b"), b=task("step"))
    folder.fails(dag, "b")
    assert folder.log("execute", "p.yaml", "--use-cached", "first", "--run-id", "second")["run_id"] == "second"
    third = folder.log("execute", "p.yaml", "--run-id", "first", "--use-cached")
    assert third["run_id"] not in {"first", "second"}
    assert third["original_run_id"] == "first"
    assert folder.calls() == ["b", "b"]
    for arguments in (["execute", "p.yaml", "--use-cached"], ["execute", "p.yaml", "--dry-run"]):
        assert folder.magnus(*arguments).returncode == 2


def test_runs_are_named_by_latest_and_by_their_beginnings(folder):
    folder.fails(pipe(a=task("step", "b"), b=task("step")), "b")
    third = folder.log("retry", "latest", "--run-id", "third")
    assert (third["original_run_id"], folder.calls()) == ("first", ["b"])
    assert folder.log("execute", "--use-cached", "fir", "--run-id", "fine")["original_run_id"] == "first"
    for arguments in (
        ("retry", "fi"),
        ("execute", "p.yaml", "--use-cached", "fi"),
        ("catalog", "verify", "fi"),
        ("show", "fi"),
    ):
        done = folder.magnus(*arguments)
        assert done.returncode == 2
        assert "'fi' is a prefix of 2 run ids: 'fine', 'first'" in done.stderr
    for arguments in (("retry", "thrid"), ("catalog", "verify", "thrid"), ("logs", "thrid"), ("gc", "--keep", "thrid")):
        done = folder.magnus(*arguments)
        assert done.returncode == 2
        assert "there is no run 'thrid'\n" in done.stderr
        assert "did you mean 'third'? magnus runs lists all of them" in done.stderr
    assert folder.magnus("catalog", "verify", "latest", "third").stdout.startswith("read 0 files, 0 B of 2 runs")


def test_what_changed_is_said(folder):
    dag = pipe(a=task("step", "b"), b=task("step"), loose={"type": "stub", "next": "success"})
    folder.fails(dag, "b", arguments=("--x", "1"))
    (folder.path / "work.py").write_text("# changed\n" + WORK)
    folder.pipeline(pipe(a=task("step", "b", retry=2), b=task("step", "c"), c=task("step")))
    said = folder.magnus("retry", "first", "--x", "5", "--dry-run")
    assert folder.calls() == []
    assert said.returncode == 0
    for change in (
        "step 'a' is defined in another way (retry)",
        "step 'b' is defined in another way (next)",
        "step 'c' is new",
        "step 'loose' is gone",
        "parameter 'x' has another value",
    ):
        assert f"changed since: {change}" in said.stderr
    assert "other code" not in said.stderr  # a comment is none
    folder.pipeline(dag)
    (folder.path / "work.py").write_text(WORK.replace('"x": x + 1', '"x": x + 2'))
    said = folder.magnus("retry", "first", "--strict")
    assert said.returncode == 2
    assert "step 'a' has other code (work.py: step)" in said.stderr
    assert folder.calls() == []
    assert sorted(file.stem for file in (folder.path / ".run_log_store").glob("*.jsonl")) == ["first"]


def test_code_of_reducers_and_files_of_pipelines_are_watched(folder):
    (folder.path / "reducers.py").write_text("def total(*values): return sum(values)\n")
    (folder.path / "inner").mkdir()
    inner = pipe(again=task("step"), deep={"type": "dag", "dag_definition": "deep.yaml", "next": "success"})
    (folder.path / "inner" / "p.yaml").write_text(json.dumps({"dag": inner}))
    (folder.path / "inner" / "deep.yaml").write_text(json.dumps({"dag": pipe(last=task("step"))}))
    each = {"type": "map", "iterate_on": "is", "iterate_as": "i", "branch": pipe(item=task("item")), "next": "d"}
    each["reducer"] = "reducers.total"
    dag = {"type": "dag", "dag_definition": "inner/p.yaml", "next": "success"}
    folder.fails(pipe(m=each, d=dag), "again", arguments=("--is", "[1, 2]"))
    assert "changed since" not in folder.magnus("retry", "first", "--dry-run").stderr
    (folder.path / "reducers.py").write_text("def total(*values): return -sum(values)\n")
    (folder.path / "inner" / "deep.yaml").write_text(json.dumps({"dag": pipe(last=task("step", retry=3))}))
    said = folder.magnus("retry", "first", "--dry-run").stderr
    changes = [line for line in said.splitlines() if "changed since" in line]
    assert changes == [
        "  changed since: step 'm' has other code (reducers.py: total)",
        "  changed since: step 'd/deep/last' is defined in another way (retry)",
    ]


def test_the_plan_names_the_branches_of_the_new_run(folder):
    branch = pipe(item=task("item"))
    each = {"type": "map", "iterate_on": "is", "iterate_as": "i", "branch": branch, "next": "success"}
    folder.fails(pipe(m=each), "item-3", arguments=("--is", "[1, 1, 2, 3, 4]"))
    said = folder.magnus("retry", "first", "--is", "[3, 2, 5, 1, 1, 1]", "--dry-run").stderr
    assert [line for line in said.splitlines() if "runs '" in line] == [
        "  runs 'm/0/item' and what follows: it failed: ValueError: broken (work.py:12 in item)",
        "  runs 'm/2/item' and what follows: it had not started",
        "  runs 'm/5/item' and what follows: it had not started",
    ]
    assert "3 steps are reused" in said


def test_the_plan_names_the_branch_that_is_chosen_now(folder):
    branches = {"1": pipe(one=task("step")), "2": pipe(two=task("step"))}
    chosen = {"type": "conditional", "parameter": "n", "branches": branches, "next": "success"}
    folder.fails(pipe(c=chosen), "one", arguments=("--n", "1"))
    assert "runs 'c/1/one' and what follows: it failed" in folder.magnus("retry", "first", "--dry-run").stderr
    said = folder.magnus("retry", "first", "--n", "2", "--dry-run").stderr
    assert "runs 'c/2/two' and what follows: it had not started" in said
    assert "c/1" not in said
    said = folder.magnus("retry", "first", "--n", "3", "--dry-run").stderr
    assert "runs 'c' and what follows: it cannot start: 'n' is '3', which is none of '1', '2'" in said


def test_the_plan_follows_the_rounds_of_a_loop(folder):
    fails = {"type": "task", "command_type": "python-lambda", "command": "lambda i: {'z': 1 // (2 - i)}"}
    branch = pipe(r={**fails, "next": "success"})
    inner = {"type": "map", "iterate_on": "is", "iterate_as": "k", "branch": branch, "next": "success"}
    loop = {"type": "loop", "branch": pipe(l=inner), "max_iterations": 9, "index_as": "i", "next": "success"}
    folder.fails(pipe(l=loop), arguments=("--is", "[1]"))
    said = folder.magnus("retry", "first", "--is", "[1, 2]", "--dry-run").stderr
    assert "runs 'l/2/l/1/r' and what follows: it failed" in said
    assert "runs 'l/2/l/2/r' and what follows: it had not started" in said


def test_branches_of_a_map_are_known_by_their_value(folder):
    branch = pipe(item=task("item"))
    each = {"type": "map", "iterate_on": "is", "iterate_as": "i", "branch": branch, "next": "success"}
    folder.fails(pipe(m=each), "item-3", arguments=("--is", "[1, 1, 2, 3, 4]"))
    log = folder.log("retry", "first", "--is", "[3, 2, 5, 1, 1, 1]")
    assert sorted(folder.calls()) == ["item 1", "item 3", "item 5"]
    assert log["parameters"]["y"] == [9, 4, 25, 1, 1, 1]


def test_what_the_catalog_does_not_have_any_more_is_made_again(folder):
    folder.fails(object_and_file(), "use")
    digest = hashlib.sha256(b"made").hexdigest()
    (folder.path / ".catalog" / ".store" / digest[:2] / digest[2:]).unlink()
    planned = folder.magnus("retry", "first", "--dry-run")
    assert "resumes first: 1 step is reused" in planned.stderr
    assert "runs 'writes' and what follows: 'made.txt', which it left, is not in the catalog any more" in planned.stderr
    assert folder.log("retry", "first")["parameters"]["said"] == "made"
    assert folder.calls() == ["writes", "use", "reads"]


def test_the_code_of_a_step_is_what_it_reaches(folder):
    (folder.path / "helpers.py").write_text("SCALE = 2\nOTHER = 3\ndef helper(): return SCALE\n")
    work = "import helpers\ndef a(): return {'x': helpers.helper()}\ndef b(): raise ValueError\n"
    (folder.path / "work.py").write_text(work)
    folder.fails(pipe(a=task("a", "b"), b=task("b")))
    (folder.path / "work.py").write_text(work.replace("raise ValueError", "return {'y': 1}"))
    said = folder.magnus("retry", "first", "--dry-run").stderr
    assert [line for line in said.splitlines() if "changed" in line] == [
        "  changed since: step 'b' has other code (work.py: b)"
    ]
    (folder.path / "work.py").write_text(work)
    (folder.path / "helpers.py").write_text("SCALE = 2\nOTHER = 30\ndef helper(): return SCALE\n")
    assert folder.magnus("retry", "first", "--strict", "--dry-run").returncode == 0
    (folder.path / "helpers.py").write_text("SCALE = 5\nOTHER = 3\ndef helper(): return SCALE\n")
    refused = folder.magnus("retry", "first", "--strict")
    assert refused.returncode == 2
    assert "step 'a' has other code (helpers.py: SCALE)" in refused.stderr


def test_the_code_of_a_reused_step_is_that_of_the_run_in_which_it_ran(folder):
    folder.fails(pipe(a=task("step", "b"), b=task("use")), "use")
    (folder.path / "work.py").write_text(WORK.replace('"x": x + 1', '"x": x + 2'))
    folder.log("retry", "first", "--run-id", "second", status=1)
    said = folder.magnus("retry", "second", "--dry-run").stderr
    assert "changed since: step 'a' has other code (work.py: step)" in said
    (folder.path / "work.py").write_text(WORK)
    assert "other code" not in folder.magnus("retry", "second", "--dry-run").stderr


def test_reused_steps_that_read_what_changed_are_named(folder):
    work = """
def judge(min_auc=0.5): return {"good": 0.6 > min_auc}
def other(n=1): return {"m": n}
def sees(**rest): return {"seen": len(rest)}
def last(): raise ValueError
"""
    (folder.path / "work.py").write_text(work)
    command = "export MAGNUS_PRM_said=$min_auc"
    shell = {"type": "task", "command_type": "shell", "next": "success"}
    branch = pipe(inner=task("judge"), plain={**shell, "command": "echo no"})
    branch["steps"]["inner"]["next"] = "plain"
    each = {"type": "map", "iterate_on": "is", "iterate_as": "i", "branch": branch, "next": "sets"}
    dag = pipe(
        judge=task("judge", "other"),
        other=task("other", "said"),
        said={**shell, "command": command, "next": "each"},
        each=each,
        sets={**shell, "command": "export MAGNUS_PRM_min_auc=7", "next": "after"},
        after=task("judge", "last"),
        last=task("last"),
    )
    folder.fails(dag, arguments=("--min_auc", "0.5", "--is", "[1, 2]"))
    (folder.path / "work.py").write_text(work.replace("raise ValueError", "return {'z': 1}"))
    done = folder.magnus("retry", "first", "--run-id", "second", "--min_auc", "0.8")
    read = "is reused, and read 'min_auc', which was 0.5, is 0.8"
    assert [line for line in done.stderr.splitlines() if "warning" in line] == [
        f"  warning: '{step}' {read}" for step in ("judge", "said", "each/1/inner", "each/2/inner")
    ]
    log = json.loads(done.stdout)
    message = "reused although it read 'min_auc', which changed since"
    steps = {**log["steps"], **log["steps"]["each"]["branches"]["2"]["steps"]}
    assert {name for name, step in steps.items() if step["message"] == message} == {"judge", "said", "inner"}
    assert log["status"] == "SUCCESS"
    shown = folder.magnus("show", "second").stderr + folder.magnus("show", "second").stdout
    assert "contradicts itself: reused steps ('judge', 'said', 'each/1/inner', 'each/2/inner')" in shown
    assert message in folder.magnus("report", "second", "-o", "-").stdout
    assert folder.magnus("retry", "first", "--min_auc", "0.8", "--strict").returncode == 2
    said = folder.magnus("retry", "first", "--n", "4", "--dry-run").stderr
    assert [line.split(",")[0] for line in said.splitlines() if "warning" in line] == ["  warning: 'other' is reused"]


@pytest.mark.parametrize("kind", ["stub", "as-is"])
def test_a_step_that_succeeded_may_become_a_stub(folder, kind):
    dag = object_and_file()
    folder.fails(dag, "use")
    (folder.path / "made.txt").unlink()
    dag["steps"]["obj"] = {"type": kind, "next": "writes"}
    dag["steps"]["writes"] = {"type": kind, "next": "use"}
    folder.pipeline(dag)
    said = folder.magnus("retry", "first", "--dry-run").stderr
    assert "2 steps are reused" in said
    assert "changed since: step 'writes' is defined in another way (catalog, command, type)" in said
    log = folder.log("retry", "first")
    assert folder.calls() == ["use", "reads"]
    assert (log["parameters"]["size"], log["parameters"]["said"]) == (2, "made")


def test_a_stub_that_became_a_task_is_reused_too(folder):
    folder.fails(pipe(a={"type": "stub", "next": "b"}, b=task("step")), "b")
    folder.pipeline(pipe(a=task("step", "b"), b=task("step")))
    done = folder.magnus("retry", "first")
    assert folder.calls() == ["b"]
    assert "changed since: step 'a' is defined in another way (command, type)" in done.stderr


def test_a_step_that_was_of_another_type_runs(folder):
    before = {"type": "dag", "dag": pipe(inner={"type": "stub", "next": "success"})}
    folder.fails(pipe(a={**before, "next": "b"}, b=task("step")), "b")
    folder.pipeline(pipe(a=task("step", "b"), b=task("step")))
    done = folder.magnus("retry", "first")
    assert folder.calls() == ["a", "b"]
    assert "runs 'a' and what follows: it is another kind of step now" in done.stderr


def test_what_was_only_mocked_runs(folder):
    folder.pipeline(pipe(a=task("step", "b"), b=task("step")))
    (folder.path / "mock.yaml").write_text("executor: {type: mocked}\n")
    folder.log("execute", "p.yaml", "-c", "mock.yaml", "--run-id", "first")
    done = folder.magnus("execute", "p.yaml", "--use-cached", "first")
    assert folder.calls() == ["a", "b"]
    assert "changed since: executor is configured in another way" in done.stderr


def test_a_script_in_another_folder_is_retried(folder):
    (folder.path / "sub").mkdir()
    (folder.path / "sub" / "helpers.py").write_text(
        "import os\ndef one():\n    if os.path.exists('broken-one'): raise ValueError\n    return 1\n"
    )
    (folder.path / "sub" / "pipe.py").write_text(
        "from magnus import *\nfrom helpers import one\npipeline = Pipeline([PythonTask(one, returns=['n'])])\n"
    )
    folder.break_("one")
    folder.log("execute", "sub/pipe.py", "--run-id", "first", status=1)
    folder.mend()
    assert folder.log("retry", "first")["parameters"] == {"n": 1}


def test_the_tag_stays_unless_another_is_given(folder):
    folder.fails(pipe(a=task("step")), "a", arguments=("--tag", "nightly"))
    assert folder.log("retry", "first")["tag"] == "nightly"
    assert folder.log("retry", "first", "--tag", "other")["tag"] == "other"


def test_files_that_may_be_executed_are_reused(folder):
    made = {
        "type": "task",
        "command_type": "shell",
        "command": "echo exit 0 > x.sh; chmod +x x.sh",
        "catalog": {"put": "x.sh"},
    }
    folder.fails(pipe(made={**made, "next": "b"}, b=task("step")), "b")
    assert folder.log("retry", "first", "--run-id", "second")["steps"]["made"]["mock"]
    assert os.access(folder.path / ".catalog" / "second" / "x.sh", os.X_OK)


@pytest.mark.parametrize("what", ["nothing", "running", "memory"])
def test_what_cannot_be_gone_on_with(folder, what):
    folder.pipeline(
        pipe(a={"type": "task", "command_type": "shell", "command": "touch begun; sleep 3600", "next": "success"})
    )
    if what == "nothing":
        done = folder.magnus("retry", "none")
        assert (done.returncode, "there is no run 'none'" in done.stderr) == (2, True)
    elif what == "memory":
        (folder.path / "c.yaml").write_text("run_log_store: {type: buffered}\nexecutor: {type: local}\n")
        done = folder.magnus("execute", "p.yaml", "-c", "c.yaml", "--use-cached", "none")
        assert (done.returncode, "kept in memory" in done.stderr) == (2, True)
    else:
        argv = [sys.executable, "-m", "magnus", "execute", "p.yaml", "--run-id", "first"]
        with subprocess.Popen(argv, cwd=folder.path, stdout=-3, stderr=-3) as process:
            deadline = time.monotonic() + LONGEST_SECONDS
            while not (folder.path / "begun").exists() and time.monotonic() < deadline:
                time.sleep(0.02)
            done = folder.magnus("retry", "first")
            process.terminate()
        assert (done.returncode, "the run 'first' is still running" in done.stderr) == (2, True)


def test_a_run_that_was_killed(folder):
    names = [f"s{n}" for n in range(30)]
    steps = {n: task("step", f) for n, f in zip(names, [*names[1:], "success"], strict=True)}
    steps["s20"] = {
        "type": "task",
        "command_type": "shell",
        "command": "[ -e go ] && exit; touch begun; sleep 3600",
        "next": "s21",
    }
    folder.pipeline(pipe(**steps))
    argv = [sys.executable, "-m", "magnus", "execute", "p.yaml", "--run-id", "first", "--x", "0"]
    with subprocess.Popen(argv, cwd=folder.path, stdout=-3, stderr=-3) as process:
        deadline = time.monotonic() + LONGEST_SECONDS
        while not (folder.path / "begun").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.kill()
    (folder.path / "go").touch()
    folder.calls()
    done = folder.magnus("retry", "first")
    assert re.search("runs 's20' and what follows: it (had not finished|failed: interrupted)\n", done.stderr)
    assert json.loads(done.stdout)["parameters"]["x"] == 29
    assert folder.calls() == names[21:]


def test_a_program_goes_on(folder, monkeypatch):
    monkeypatch.chdir(folder.path)
    (folder.path / "magnus-config.yaml").unlink(missing_ok=True)
    done = []

    def one(x):
        done.append(x)
        return x, {x}

    def two(o):
        if os.path.exists("broken"):
            raise ValueError("broken")
        return len(o)

    branch = Pipeline([PythonTask(one, returns=["y", pickled("o")])])
    pipeline = Pipeline([Map("m", branch, "xs", "x"), PythonTask(two, returns=["size"])])
    (folder.path / "broken").touch()
    with pytest.raises(RunFailed) as failed:
        pipeline.execute(parameters={"xs": [1, 2]})
    (folder.path / "broken").unlink()
    run = pipeline.execute(use_cached=failed.value.run.run_id)
    assert (done, run.parameters["size"], run.parameters["y"]) == ([1, 2], 2, [1, 2])


def test_a_script_is_retried_by_the_command(folder):
    (folder.path / "script.py").write_text(
        "import os, sys\nfrom magnus import *\n"
        "def a(): open('calls.txt', 'a').write('a\\n'); return 1\n"
        "def b(n):\n    open('calls.txt', 'a').write('b\\n')\n    if os.path.exists('broken-b'): raise ValueError\n    return n + 1\n"
        "def main(): return Pipeline([PythonTask(a, returns=['n']), PythonTask(b, returns=['m'])])\n"
        "if __name__ == '__main__': main().execute(run_id='first')\n"
    )
    folder.break_("b")
    subprocess.run([sys.executable, "script.py"], cwd=folder.path, capture_output=True)
    folder.mend()
    log = folder.log("retry", "first")
    assert folder.calls() == ["a", "b", "b"]
    assert log["parameters"] == {"n": 1, "m": 2}


def test_parallel_goes_on(folder, monkeypatch):
    monkeypatch.chdir(folder.path)
    (folder.path / "magnus-config.yaml").unlink(missing_ok=True)
    calls = []

    def works():
        calls.append("works")

    def fails():
        calls.append("fails")
        if len(calls) < 3:
            raise ValueError

    pipeline = Pipeline([Parallel("p", {"a": PythonTask(works).as_pipeline(), "b": PythonTask(fails).as_pipeline()})])
    run = pipeline.execute(raise_on_failure=False)
    assert pipeline.execute(use_cached=run.run_id).status == "SUCCESS"
    assert calls == ["works", "fails", "fails"]
