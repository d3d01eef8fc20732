"""What goes wrong, and what becomes of it."""

from datetime import datetime, timedelta

from cells import No, feature
from project import attempts, each, expression, inner, parallel, pipe, python, shell, statuses
from safety_net import growing

GROUP = "Failure"
FAIL = "def fail(x=0): raise ValueError(f'on purpose {x}')\n"


@feature(GROUP, "a step that fails ends the run, with its message")
def failing(project):
    project.write("work.py", FAIL)
    log = project.run(pipe(a=python("fail"), b=shell(f"touch {project.volume}/never")), succeeds=False)
    assert statuses(log) == {"a": "FAIL", "fail": "FAIL"}
    assert log["steps"]["a"]["message"] == "ValueError: on purpose 0 (work.py:1 in fail)"
    assert not (project.volume / "never").exists()


@feature(GROUP, "the fail step as the target of an edge")
def fail_step(project):
    steps = pipe(a={"type": "stub", "next": "fail"}, success={"type": "success"}, fail={"type": "fail"})
    assert statuses(project.run(steps, succeeds=False)) == {"a": "SUCCESS", "fail": "FAIL"}


@feature(GROUP, "on_failure leads to a step")
def on_failure(project):
    steps = pipe(
        a=shell("exit 3", on_failure="c"),
        b=shell(f"touch {project.volume}/never"),
        c=expression("lambda: {'mended': True}"),
    )
    log = project.run(steps)
    assert statuses(log) == {"a": "FAIL", "c": "SUCCESS", "success": "SUCCESS"}
    assert log["parameters"] == {"mended": True}


@feature(GROUP, "on_failure is a pipeline")
def on_failure_is_a_pipeline(project):
    mending = pipe(m=expression("lambda: {'mended': True}"))
    log = project.run(pipe(a=shell("exit 3", on_failure=mending), b=shell(f"touch {project.volume}/never")))
    assert statuses(log) == {"a": "FAIL", "a on failure": "SUCCESS", "success": "SUCCESS"}
    assert log["parameters"] == {"mended": True}


@feature(GROUP, "on_failure of a step with branches; the other branches run to their end")
def on_failure_of_branches(project):
    branches = {"bad": pipe(s=shell("exit 1")), "good": pipe(s=shell("true"), t=shell(f"touch {project.volume}/made"))}
    steps = pipe(p={**parallel(**branches), "on_failure": "c"}, b={"type": "stub"}, c={"type": "stub"})
    log = project.run(steps)
    assert statuses(log) == {"p": "FAIL", "c": "SUCCESS", "success": "SUCCESS"}
    there = log["steps"]["p"]["branches"]
    assert {name: branch["status"] for name, branch in there.items()} == {"bad": "FAIL", "good": "SUCCESS"}
    assert (project.volume / "made").exists()


@feature(GROUP, "a failure inside nested branches fails all around it")
def failing_inside(project):
    inside = each(pipe(d=inner(pipe(s=shell("[ $x = 1 ]")))))
    log = project.run(pipe(m=inside, b={"type": "stub"}), xs=[1, 2], succeeds=False)
    assert statuses(log) == {"m": "FAIL", "fail": "FAIL"}
    assert [branch["status"] for branch in log["steps"]["m"]["branches"].values()] == ["SUCCESS", "FAIL"]


@feature(GROUP, "retries, with the number of the attempt")
def retries(project):
    """A failed attempt sets nothing."""
    command = "export MAGNUS_PRM_from_$MAGNUS_STEP_ATTEMPT=set; exit $((2 - MAGNUS_STEP_ATTEMPT))"
    log = project.run(pipe(a=shell(command, max_attempts=3)))
    assert attempts(log["steps"]["a"]) == ["FAIL", "FAIL", "SUCCESS"]
    assert [attempt["attempt_number"] for attempt in log["steps"]["a"]["attempts"]] == [0, 1, 2]
    assert log["parameters"] == {"from_2": "set"}


@feature(GROUP, "retries after a delay, which are not enough and take on_failure")
def retries_that_are_not_enough(project):
    log = project.run(pipe(a=shell("exit 1", retry=2, retry_delay="1s", on_failure="b"), b={"type": "stub"}))
    assert attempts(log["steps"]["a"]) == ["FAIL", "FAIL"]
    first, second = (datetime.fromisoformat(one["start_time"]) for one in log["steps"]["a"]["attempts"])
    assert second - first >= timedelta(seconds=1)
    assert statuses(log) == {"a": "FAIL", "b": "SUCCESS", "success": "SUCCESS"}


@feature(GROUP, "retries inside branches of a map")
def retries_inside_a_map(project):
    step = shell("export MAGNUS_PRM_n=$MAGNUS_STEP_ATTEMPT; [ $MAGNUS_STEP_ATTEMPT -ge $x ]", max_attempts=2)
    log = project.run(pipe(m=each(pipe(s=step))), xs=[0, 1])
    assert log["parameters"] == {"xs": [0, 1], "n": [0, 1]}
    there = [branch["steps"]["s"] for branch in log["steps"]["m"]["branches"].values()]
    assert [attempts(step) for step in there] == [["SUCCESS"], ["FAIL", "SUCCESS"]]


@feature(GROUP, "timeout of a shell command, with what it started")
def timeout_of_a_command(project):
    log = project.run(
        pipe(a=shell(f"(sleep 1; touch {project.volume}/never) & sleep 3600", timeout="200ms")), succeeds=False
    )
    assert log["steps"]["a"]["message"].startswith("timed out after 0.2 s")
    assert not (project.volume / "never").exists()


@feature(GROUP, "timeout of a python function, of each attempt")
def timeout_of_a_function(project):
    project.write(
        "work.py",
        "import os, time\ndef f():\n    if os.environ['MAGNUS_STEP_ATTEMPT'] == '0': time.sleep(3600)\n    return {'m': 1}\n",
    )
    for seconds in growing(3):
        log = project.start(pipe(a=python("f", timeout=seconds, max_attempts=2)))
        first, _ = log["steps"]["a"]["attempts"]
        assert first["message"].startswith(f"timed out after {seconds} s")
        if log["status"] == "SUCCESS":
            break
    assert attempts(log["steps"]["a"]) == ["FAIL", "SUCCESS"]
    assert log["parameters"] == {"m": 1}


@feature(GROUP, "sys.exit of a function fails its step")
def exits(project):
    project.write("work.py", "import sys\ndef f(): sys.exit(3)\n")
    log = project.run(pipe(a=python("f", on_failure="b"), b={"type": "stub"}))
    assert statuses(log) == {"a": "FAIL", "b": "SUCCESS", "success": "SUCCESS"}


@feature(GROUP, "a step whose process crashes has failed in one attempt")
def crashes(project):
    """As an extension in C does: nothing in the process can catch it."""
    project.write(
        "work.py",
        "import ctypes, os\ndef f():\n"
        "    if os.environ['MAGNUS_STEP_ATTEMPT'] == '0': ctypes.string_at(0)\n"
        "    return {'m': 1}\n",
    )
    log = project.start(pipe(a=python("f", max_attempts=2)), in_processes=True)
    if project.engine.leaves_this_process:
        assert (attempts(log["steps"]["a"]), log["parameters"]) == (["FAIL", "SUCCESS"], {"m": 1})
        return None
    assert (log["steps"]["a"]["status"], log["status"]) == ("FAIL", "FAIL")
    assert "gone" in log["message"]
    return No("the function is called in the process of magnus, and the run is lost with it; `magnus retry` resumes it")


@feature(GROUP, "files of a step that fails are kept")
def files_of_a_failed_step(project):
    log = project.run(pipe(a=shell("echo some > a.txt; exit 1", catalog={"put": "a.txt"})), succeeds=False)
    assert project.kept(log, "a.txt") == "some\n"


@feature(GROUP, "a file that is not there fails the step that gets it")
def missing_file(project):
    log = project.run(pipe(a=shell("true", catalog={"get": "none.txt"}, on_failure="b"), b={"type": "stub"}))
    assert statuses(log) == {"a": "FAIL", "b": "SUCCESS", "success": "SUCCESS"}
    assert "none.txt" in log["steps"]["a"]["message"]
