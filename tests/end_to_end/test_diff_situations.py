"""What `magnus diff` says of pipelines in Python, notebooks, failures, retries, interruptions, resumed and lost runs."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safety_net import LONGEST_SECONDS

PROGRAM = """\
import sys
from magnus import Catalog, Map, Parallel, Pipeline, PythonTask, ShellTask

FACTOR = 2


def prepare(n: int = 3):
    return {"rows": n * FACTOR}


def item(i):
    return {"y": i * i}


def finish(y):
    return {"sum": sum(y)}


def main():
    inner = PythonTask(name="item", function=item).as_pipeline()
    steps = [
        PythonTask(name="prepare", function=prepare),
        ShellTask("show", "cat in.csv", catalog=Catalog(put="in.csv")),
        Map("each", branch=inner, iterate_on="is", iterate_as="i"),
        PythonTask(name="finish", function=finish, max_attempts=2),
    ]
    Pipeline(steps).execute(run_id=sys.argv[1], parameters={"is": [1, 2]}, tag="t")


if __name__ == "__main__":
    main()
"""
PROGRAM_MUTATIONS = {
    "a function": ("i * i", "i + i", "code", "program.py:item", "each/item"),
    "a constant": ("FACTOR = 2", "FACTOR = 3", "code", "program.py:FACTOR", "prepare"),
    "a parameter": ("[1, 2]", "[1, 3]", "parameter", "is", "each"),
    "a number of attempts": ("max_attempts=2", "max_attempts=3", "pipeline", "finish", "finish"),
    "a command": ('"cat in.csv"', '"cat < in.csv"', "pipeline", "show", "show"),
    "a step that is new": (
        "    ]\n", '        ShellTask("more", "true"),\n    ]\n', "pipeline", "more", "more",
    ),
}  # fmt: skip


def run(folder, run_id, *arguments, status=0, file="p.yaml"):
    ran = folder.magnus("execute", file, "--run-id", run_id, *arguments)
    assert ran.status == status, ran.err
    return ran


def diff(folder, first="a", second="b"):
    said = folder.magnus("diff", first, second, "--json")
    assert said.status == 0, said.err
    return json.loads(said.out)


def only_cause(folder, first="a", second="b"):
    said = diff(folder, first, second)
    [cause] = said["causes"]
    assert said["verdict"]["cause"] == cause
    return cause["kind"], cause["what"], said["verdict"]["step"]


def pipeline(folder, **steps):
    names = [*steps, "success"]
    linked = {name: {"next": after, **step} for (name, step), after in zip(steps.items(), names[1:], strict=True)}
    folder.write("p.yaml", json.dumps({"dag": {"start_at": names[0], "steps": linked}}))


def shell(command, **more):
    return {"command_type": "shell", "command": command, **more}


@pytest.mark.parametrize("mutation", PROGRAM_MUTATIONS.values(), ids=PROGRAM_MUTATIONS)
def test_a_pipeline_in_python(folder, mutation):
    old, new, *expected = mutation
    folder.write("in.csv", "1\n")
    folder.write("program.py", PROGRAM)

    python(folder, "a")
    assert PROGRAM.count(old) == 1
    folder.write("program.py", PROGRAM.replace(old, new))
    python(folder, "b")
    assert only_cause(folder) == tuple(expected)


def python(folder, run_id):
    command = [sys.executable, "program.py", run_id]
    ran = subprocess.run(command, cwd=folder.path, env=folder.environment, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr


def notebook(*cells):
    made = [
        {"id": str(n), "cell_type": "code", "source": c, "metadata": {}, "outputs": [], "execution_count": None}
        for n, c in enumerate(cells)
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": made})


def test_a_notebook(folder):
    pipeline(folder, n={"command_type": "notebook", "command": "n.ipynb", "returns": ["y"]})
    folder.write("helpers.py", "def f():\n    return 1\n")
    folder.write("n.ipynb", notebook("import helpers", "y = helpers.f()\nprint(y)"))
    run(folder, "a")
    run(folder, "same")
    folder.write("helpers.py", "def f():\n    return 2\n")
    run(folder, "b")
    folder.write("n.ipynb", notebook("import helpers", "y = helpers.f() + 1\nprint(y)"))
    run(folder, "c")
    assert diff(folder, "a", "same")["verdict"]["text"] == "no difference but timing"
    assert only_cause(folder, "a", "b") == ("code", "helpers.py:f", "n")
    assert only_cause(folder, "b", "c") == ("code", "n.ipynb:cell 2", "n")


def test_a_file_that_an_earlier_step_made_is_no_cause(folder):
    pipeline(folder, make=shell("bash m.sh"), keep=shell("true", catalog={"put": ["*.csv"]}))
    folder.write("m.sh", "echo 1 > x.csv\n")
    folder.write("in.csv", "1\n")
    run(folder, "a")
    folder.write("m.sh", "echo 2 > x.csv\n")
    run(folder, "b")
    assert only_cause(folder) == ("code", "m.sh", "make")
    [keep] = [step["changes"] for step in diff(folder)["steps"] if step["step"] == "keep"]
    assert [(change["kind"], change["what"]) for change in keep] == [("put", "x.csv")]


def test_a_commit_stands_below_what_changed_in_it(folder):
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    pipeline(folder, a=shell("bash a.sh"))
    folder.write(".gitignore", ".catalog\n.run_log_store\n")
    for run_id, text in (("a", "true\n"), ("b", "export MAGNUS_PRM_x=1\n")):
        folder.write("a.sh", text)
        for arguments in (("init", "-q"), ("add", "."), ("commit", "-qm", run_id)):
            subprocess.run([*git, *arguments], cwd=folder.path, check=True)
        run(folder, run_id)
    said = diff(folder)
    assert said["verdict"]["text"] == "the code of step 'a' changed (its results did not)"
    assert [cause["kind"] for cause in said["causes"]] == ["code", "commit"]


def test_no_cause_was_recorded_for_other_results(folder):
    pipeline(folder, first=shell("true"), train=shell("export MAGNUS_PRM_x=$RANDOM$RANDOM$RANDOM"), last=shell("true"))
    run(folder, "a")
    run(folder, "b")
    said = diff(folder)
    assert (said["causes"], said["verdict"]["step"]) == ([], "train")
    text = "no cause was recorded: step 'train' gave other results from the same inputs (not deterministic?)"
    assert said["verdict"]["text"] == text
    assert [step["step"] for step in said["steps"]] == ["train", "last"]
    assert [change["kind"] for step in said["steps"] for change in step["changes"]] == ["set", "given"]


def test_no_cause_was_recorded_for_a_failure_or_another_attempt(folder):
    pipeline(
        folder,
        flaky=shell("test -e there || { touch there; false; }", retry=2, retry_delay=0),
        fails=shell("test -e ok"),
    )
    run(folder, "a", status=1)
    run(folder, "b", status=1)
    folder.write("ok", "")
    run(folder, "c")
    assert diff(folder, "a", "b")["verdict"]["text"].endswith(
        "'flaky' took 2 attempts in the first run, 1 in the second"
    )
    said = diff(folder, "b", "c")
    assert said["verdict"]["text"].endswith("step 'fails' failed in the first run, succeeded in the second")
    assert [change["kind"] for change in said["run"]] == ["status", "message"]
    assert said["steps"][-2:] == [
        {"step": "success", "first": None, "second": "success", "changes": [{"kind": "ran", "what": "", "after": "SUCCESS"}]},
        {"step": "fail", "first": "fail", "second": None, "changes": [{"kind": "ran", "what": "", "before": "FAIL"}]},
    ][::-1]  # fmt: skip


def test_a_cause_that_comes_later_does_not_explain_what_comes_before(folder):
    pipeline(folder, odd=shell("export MAGNUS_PRM_x=$RANDOM$RANDOM$RANDOM"), train=shell("bash t.sh"))
    folder.write("t.sh", "true\n")
    run(folder, "a")
    folder.write("t.sh", "true true\n")
    run(folder, "b")
    said = diff(folder)["verdict"]
    assert (said["cause"], said["step"]) == (None, "odd")
    assert "step 'odd' gave other results" in said["text"]
    assert said["text"].endswith("code of step 'train': t.sh, but that came later")


def test_a_change_of_code_without_another_result_is_not_blamed_for_what_came_later(folder):
    pipeline(folder, a={"type": "task", "command": "mod.a"}, b={"type": "task", "command": "mod.b"})
    after = "\n\ndef b(z: int):\n    if z > 3:\n        raise ValueError(z)\n"
    folder.write("mod.py", f"def a():\n    return {{'x': 1}}\n{after}")
    run(folder, "a", "--z", "1")
    folder.write("mod.py", f"def a():\n    return {{'x': 2 - 1}}\n{after}")
    run(folder, "same", "--z", "1")
    said = diff(folder, "a", "same")["verdict"]
    assert (said["text"], said["step"]) == ("the code of step 'a' changed (its results did not)", "a")
    run(folder, "b", "--z", "5", status=1)
    said = diff(folder)
    assert said["verdict"]["text"] == "parameter 'z' was 1, is 5 (initial), and 1 more cause below"
    assert [cause["what"] for cause in said["causes"]] == ["z", "mod.py:a"]


def test_of_several_causes_the_first_in_order_of_execution_is_named(folder):
    pipeline(folder, a=shell("bash a.sh"), b=shell("bash b.sh"))
    for name in "ab":
        folder.write(f"{name}.sh", "true\n")
    run(folder, "a")
    for name in "ab":
        folder.write(f"{name}.sh", f"export MAGNUS_PRM_{name}=1\n")
    run(folder, "b", "--z", "1")
    said = diff(folder)
    assert [cause["what"] for cause in said["causes"]] == ["z", "a.sh", "b.sh"]
    assert said["verdict"]["text"] == "parameter 'z' is new, 1 (initial), and 2 more causes below"


def test_a_run_that_went_on_with_another_has_the_code_that_ran(folder):
    pipeline(folder, a=shell("bash a.sh"), b=shell("bash b.sh"))
    folder.write("a.sh", "export MAGNUS_PRM_x=1\n")
    folder.write("b.sh", "false\n")
    run(folder, "a", status=1)
    folder.write("a.sh", "export MAGNUS_PRM_x=2\n")
    folder.write("b.sh", "true\n")
    assert folder.magnus("retry", "a", "--run-id", "b").status == 0
    assert only_cause(folder) == ("code", "b.sh", "b")
    assert diff(folder)["second"]["original_run_id"] == "a"
    run(folder, "c")
    assert [cause["what"] for cause in diff(folder, "b", "c")["causes"]] == ["a.sh"]


def test_runs_that_were_stopped(folder):
    pipeline(
        folder,
        a=shell("true"),
        b=shell("test -e stop && { touch there; while test -e there; do sleep 0.05; done; } || true"),
    )
    run(folder, "a")
    folder.write("stop", "")
    for run_id, number in (("b", signal.SIGINT), ("c", signal.SIGKILL)):
        with folder.start("execute", "p.yaml", "--run-id", run_id, start_new_session=True) as process:
            wait_for(folder.path / "there")
            process.send_signal(number)
            process.wait(timeout=LONGEST_SECONDS)
            (folder.path / "there").unlink()
    assert only_cause(folder) == ("interruption", "b", "b")
    assert diff(folder)["verdict"]["text"] == "the second run was interrupted at step 'b'"
    assert only_cause(folder, "c", "a") == ("interruption", "b", "b")
    said = diff(folder, "c", "a")
    assert said["verdict"]["text"].startswith("the first run was lost at step 'b': process ")
    assert (said["first"]["status"], said["second"]["status"]) == ("lost", "SUCCESS")
    for left in Path(folder.environment["TMPDIR"]).iterdir():  # of the run that was killed
        shutil.rmtree(left)


def test_a_run_that_still_goes_on_is_said_to_be_where_it_is(folder):
    waits = "{ touch there; while test -e there; do sleep 0.05; done; }"
    pipeline(
        folder,
        a=shell("test -e good", on_failure="cleanup"),
        each={
            "type": "map",
            "iterate_on": "is",
            "iterate_as": "i",
            "branch": {
                "start_at": "s",
                "steps": {"s": shell(f"test $i -eq 1 || test ! -e good || {waits}", next="success")},
            },
        },
        end={"type": "stub", "next": "success"},
        cleanup={"type": "stub", "next": "success"},
    )
    run(folder, "a", "--is", "[1, 2]")
    folder.write("good", "")
    with folder.start("execute", "p.yaml", "--run-id", "b", "--is", "[1, 2]") as process:
        wait_for(folder.path / "there")
        said = diff(folder), diff(folder, "b", "a")
        (folder.path / "there").unlink()
        process.wait(timeout=LONGEST_SECONDS)
    for number, one in zip(("second", "first"), said, strict=True):
        [cause] = [cause for cause in one["causes"] if cause["kind"] == "interruption"]
        assert (cause["text"], cause["what"], cause["steps"]) == (
            f"the {number} run is still running at step 'each/2/s'",
            "each/2/s",
            ["each"],
        )


def wait_for(file):
    deadline = time.monotonic() + LONGEST_SECONDS
    while not file.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_branches_of_a_map_are_matched_by_their_element(folder):
    inner = {"start_at": "s", "steps": {"s": {"command_type": "shell", "command": "echo $i", "next": "success"}}}
    pipeline(folder, m={"type": "map", "iterate_on": "is", "iterate_as": "i", "branch": inner})
    run(folder, "a", "--is", "[1, 2, 2]")
    run(folder, "b", "--is", "[2, 5, 1]")
    [step] = [step for step in diff(folder)["steps"] if step["step"] == "m"]
    assert {(change["kind"], change["what"], "before" in change) for change in step["changes"]} == {
        ("branches", "2 1", True),
        ("branches", "5 0", False),
    }


def test_different_pipelines(folder):
    pipeline(folder, a=shell("true"))
    run(folder, "a")
    (folder.path / "p.yaml").rename(folder.path / "q.yaml")
    pipeline(folder, z=shell("true"))
    run(folder, "b")
    run(folder, "q", file="q.yaml")
    text = "these are runs of different pipelines, 'q.yaml' and 'p.yaml', which have no step in common"
    assert diff(folder, "q", "b")["verdict"]["text"] == text
    assert not diff(folder, "a", "q")["verdict"]["differs"]


def test_secrets_stay_masked(folder):
    pipeline(folder, a=shell("echo $TOKEN_ ; export MAGNUS_PRM_n=${#S}; exit 1", secrets=["S"]))
    folder.write(
        "c.yaml", "secrets: {type: dotenv}\ncatalog: {type: file-system, config: {catalog_location: '${api_token}'}}\n"
    )
    for run_id, secret in (("a", "hunter22"), ("b", "hunter2222")):
        folder.write(".env", f"S={secret}\n")
        folder.magnus("execute", "p.yaml", "-c", "c.yaml", "--run-id", run_id, env={"MAGNUS_VAR_api_token": "x"})
    said = folder.magnus("diff", "a", "b", "-c", "c.yaml", env={"MAGNUS_VAR_api_token": "x"})
    assert said.status == 0
    assert "hunter" not in said.out


def test_how_runs_are_named_and_what_the_exit_status_is(folder):
    pipeline(folder, a=shell("true"))
    run(folder, "early-one")
    run(folder, "early-two", "--x", "1")
    assert folder.magnus("diff", "early-o", "latest").out.startswith("parameter 'x' is new, 1 (initial)\n")
    assert folder.magnus("diff", "early-o", "latest", "--exit-code").status == 1
    assert folder.magnus("diff", "early-o", "early-one", "--exit-code").status == 0
    assert folder.magnus("diff", "early-one", "early-one").out.startswith("no difference: it is one run\n")
    for wanted, message in (("nobody", "there is no run 'nobody'"), ("early", "'early' is a prefix of 2 run ids")):
        said = folder.magnus("diff", "early-one", wanted)
        assert (said.status, said.out) == (2, "")
        assert message in said.err


def test_values_are_shortened_in_text_and_whole_in_json(folder):
    pipeline(folder, a=shell("true"))
    long = "x" * 500
    run(folder, "a", "--x", long + "y")
    run(folder, "b", "--x", long + "\n[bold]")
    text = folder.magnus("diff", "a", "b").out
    assert max(map(len, text.split("\n"))) <= 120
    assert text.startswith("parameter 'x' was …xxxxxxxxxxy\", is …xxxxxxxxxx\\n[bold]\" (initial)\n")
    [cause] = diff(folder)["causes"]
    assert (cause["before"], cause["after"]) == (long + "y", long + "\n[bold]")


def test_numbers_that_json_does_not_have(folder):
    folder.write("work.py", "def f(x=0):\n    return float('nan'), float('inf') * (x - 0.5)\n")
    pipeline(
        folder, a={"command": "work.f", "returns": [{"name": "n", "kind": "metric"}, {"name": "i", "kind": "metric"}]}
    )
    run(folder, "a")
    run(folder, "b", "--x", "1")
    [changes] = [step["changes"] for step in diff(folder)["steps"] if step["step"] == "a"]
    assert {"kind": "metric", "what": "i", "before": "-Infinity", "after": "Infinity"} in changes
    assert not [change for change in changes if change["what"] == "n"]
