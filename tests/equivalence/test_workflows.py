"""What users do around a run on Argo: try a failed workflow again, submit one again, stop it, give a run id twice."""

import contextlib
import json
from collections import Counter

import drivers
import pytest
from controller import RETRIES, Controller
from test_equivalence import seen

from magnus.simulation.argo.pod import FAILED, SUCCEEDED

CHECKED = "(__import__('pathlib').Path('repaired').exists() or 1 / 0)"


def sets(name="x", value=1, **more):
    return {"command_type": "python-lambda", "command": f"lambda: {{'{name}': {value}}}", **more}


def breaks(name="x", value=1, **more):
    """A task that fails until it is repaired."""
    return {"command_type": "python-lambda", "command": f"lambda: {CHECKED} and {{'{name}': {value}}}", **more}


def steps(**named):
    """Steps, one after the other."""
    return {"start_at": next(iter(named)), "steps": {**_linked(named), **_ends()}}


def _linked(named):
    names = [*named, "success"]
    return {name: {"next": names[place + 1], **step} for place, (name, step) in enumerate(named.items())}


def _ends():
    return {"success": {"type": "success"}, "fail": {"type": "fail"}}


def of_element(**more):
    """A task in a map that fails for one element until it is repaired."""
    return {"command_type": "python-lambda", "command": f"lambda e: (e != 2 or {CHECKED}) and {{'x': e}}", **more}


def of_round(**more):
    """A task in a loop that fails in its second round until it is repaired."""
    command = f"lambda x, i: (i != 1 or {CHECKED}) and {{'x': x + i, 'ends': i == 2}}"
    return {"command_type": "python-lambda", "command": command, **more}


def in_map(inner, **more):
    return {"type": "map", "iterate_on": "elements", "iterate_as": "e", "branch": inner, **more}


def in_parallel(inner, **more):
    return {"type": "parallel", "branches": {"good": steps(g=sets("good")), "bad": inner}, **more}


def in_loop(inner, **more):
    loop = {"type": "loop", "max_iterations": 4, "break_on": "ends", "index_as": "i"}
    return {**loop, "branch": inner, **more}


LAST = {"command_type": "python-lambda", "command": "lambda **all: {'saw': sorted(all)}"}
"""A step that shows what it sees."""

PIPELINES = {
    "task": steps(a=sets("a"), b=breaks(), last=LAST),
    "first task": steps(b=breaks(), last=LAST),
    "task with attempts": steps(a=sets("a"), b=breaks(max_attempts=2), last=LAST),
    "dag": steps(a=sets("x", 5), d={"type": "dag", "dag": steps(i=sets("i"), b=breaks(), l=LAST)}, last=LAST),
    "parallel": steps(p=in_parallel(steps(i=sets("i"), b=breaks(), l=LAST)), last=LAST),
    "map": steps(a=sets("elements", [1, 2, 3]), m=in_map(steps(i=sets("i"), b=of_element(), l=LAST)), last=LAST),
    "conditional": steps(
        a=sets("which", "'bad'"),
        c={"type": "conditional", "parameter": "which", "branches": {"bad": steps(b=breaks(), l=LAST)}},
        last=LAST,
    ),
    "loop": steps(a=sets("x", 10), o=in_loop(steps(i=sets("j"), b=of_round(), l=LAST)), last=LAST),
    "map in a parallel": steps(
        a=sets("elements", [1, 2, 3]), p=in_parallel(steps(m=in_map(steps(b=of_element(), l=LAST)))), last=LAST
    ),
    "loop in a map in a dag": steps(
        a={"command_type": "python-lambda", "command": "lambda: {'elements': [1, 2], 'x': 3}"},
        d={"type": "dag", "dag": steps(m=in_map(steps(o=in_loop(steps(b=of_round(), l=LAST)))))},
        last=LAST,
    ),
    "parallel in a loop": steps(a=sets("x", 1), o=in_loop(steps(p=in_parallel(steps(b=of_round())))), last=LAST),
    "long": steps(
        **{f"s{n}": sets(f"y{n % 3}", n) for n in range(40)},
        b=breaks(),
        **{f"t{n}": sets("z") for n in range(5)},
        last=LAST,
    ),
}


@pytest.fixture
def folder(tmp_path):
    services = {"run_log_store": {"type": "file-system"}, "catalog": {"type": "do-nothing"}}
    (tmp_path / "magnus-config.yaml").write_text(json.dumps({"defaults": services}))
    return tmp_path


def controller_of(folder, dag, arguments=None, **options):
    (folder / "p.yaml").write_text(json.dumps({"dag": dag}))
    return Controller(folder, arguments, **options)


def undisturbed(folder, dag):
    """The run log of a run elsewhere in which nothing fails."""
    (folder / "magnus-config.yaml").write_text(json.dumps({"defaults": {"catalog": {"type": "do-nothing"}}}))
    (folder / "p.yaml").write_text(json.dumps({"dag": dag}))
    (folder / "repaired").touch()
    with contextlib.chdir(folder):
        return drivers.whole(folder, dag, {})


def attempts_of(steps):
    for step in steps.values():
        yield from (attempt["status"] for attempt in step["attempts"])
        for branch in step["branches"].values():
            yield from attempts_of(branch["steps"])


@pytest.mark.parametrize(("which", "fuse"), [*((which, True) for which in RETRIES), (RETRIES[1], False)])
@pytest.mark.parametrize("name", PIPELINES)
def test_a_workflow_that_is_repaired_and_tried_again_succeeds(name, which, fuse, folder, tmp_path_factory):
    dag = PIPELINES[name]
    controller = controller_of(folder, dag, fuse=fuse)
    workflow = controller.submit()
    assert (workflow.phase, controller.log(workflow)["status"]) == (FAILED, "FAIL")
    controller.retry(workflow, which)
    assert (workflow.phase, controller.log(workflow)["status"]) == (FAILED, "FAIL")
    (folder / "repaired").touch()
    controller.retry(workflow, which)
    log = controller.log(workflow)
    assert workflow.phase == SUCCEEDED
    assert seen(log) == seen(undisturbed(tmp_path_factory.mktemp("other"), dag))
    assert log["message"] == ""
    places = 2 if name == "loop in a map in a dag" else 1
    most_attempts = 2 if name == "task with attempts" else 1
    assert Counter(attempts_of(log["steps"]))["FAIL"] == 2 * most_attempts * places


HANDLED = {
    "start_at": "a",
    "steps": {
        **{f"s{n}": sets(f"y{n}", n, next=f"s{n + 1}" if n < 29 else "b") for n in range(30)},
        "a": sets("x", 1, next="s0"),
        "b": breaks("by_b", 1, next="joined", on_failure="handler"),
        "handler": sets("by_handler", 2, next="handler 2"),
        "handler 2": sets("by_handler_2", 3, next="joined"),
        "joined": sets("j", 4, next="then"),
        "then": {
            "command_type": "python-lambda",
            "command": "lambda **all: 'by_b' in all and {'saw': sorted(all)} or 1 / 0",
            "next": "success",
        },
        **_ends(),
    },
}
"""A failed step leads to a handler, whose way joins the other one in a record that carries what is seen (the 33rd to 35th)."""


@pytest.mark.parametrize("which", RETRIES)
@pytest.mark.parametrize("more", [0, 1, 2, 3])
def test_what_a_handler_set_is_not_seen_when_the_step_succeeds_after_all(more, which, folder):
    """Whichever of the steps on the way of the handler carries what is seen."""
    dag = {**HANDLED, "steps": {**HANDLED["steps"], "a": sets("x", 1, next=f"s{more}")}}
    controller = controller_of(folder, dag)
    workflow = controller.submit()
    log = controller.log(workflow)
    assert (workflow.phase, log["status"], log["parameters"]["by_handler_2"]) == (FAILED, "FAIL", 3)
    (folder / "repaired").touch()
    controller.retry(workflow, which)
    log = controller.log(workflow)
    wanted = ["by_b", "j", "x", *(f"y{n}" for n in range(more, 30))]
    assert (workflow.phase, log["status"]) == (SUCCEEDED, "SUCCESS")
    assert log["parameters"]["saw"] == sorted(wanted)
    assert sorted(log["parameters"]) == sorted([*wanted, "saw"])
    assert "fail" not in log["steps"]
    assert [name for name in log["steps"] if name.startswith("handler")] == ["handler", "handler 2"]
    assert [attempt["status"] for attempt in log["steps"]["b"]["attempts"]] == ["FAIL", "SUCCESS"]


@pytest.mark.parametrize("which", RETRIES)
def test_a_failure_that_was_handled_is_no_failure_to_try_again(which, folder):
    """The branch succeeded by its handler, and stays as it is."""
    handled = {
        "start_at": "b",
        "steps": {"b": breaks(on_failure="h", next="success"), "h": sets("h", 7, next="success"), **_ends()},
    }
    dag = steps(p={"type": "parallel", "branches": {"handled": handled, "bad": steps(c=breaks("c", 8))}}, last=LAST)
    controller = controller_of(folder, dag)
    workflow = controller.submit()
    assert workflow.phase == FAILED
    (folder / "repaired").touch()
    controller.retry(workflow, which)
    log = controller.log(workflow)
    assert (workflow.phase, log["parameters"]) == (SUCCEEDED, {"h": 7, "c": 8, "saw": ["c", "h"]})
    assert {name: step["status"] for name, step in log["steps"]["p"]["branches"]["handled"]["steps"].items()} == {
        "b": "FAIL",
        "h": "SUCCESS",
        "success": "SUCCESS",
    }


def test_a_map_that_would_have_other_elements_is_refused_and_says_how_to_go_on(folder):
    dag = {
        "start_at": "a",
        "steps": {
            "a": breaks("elements", [5, 6], next="m", on_failure="h"),
            "h": sets("elements", [1, 2], next="m"),
            "m": in_map(
                steps(b={"command_type": "python-lambda", "command": "lambda e: {'x': e} if e != 2 else 1 / 0"}),
                next="success",
            ),
            **_ends(),
        },
    }
    controller = controller_of(folder, dag)
    workflow = controller.submit()
    (folder / "repaired").touch()
    controller.retry(workflow, RETRIES[1])
    log = controller.log(workflow)
    assert workflow.phase == FAILED
    assert log["message"].startswith("step 'm' failed: its elements differ from those at its first start in this run")
    assert "resume this run in a new one" in log["message"]
    new = controller.submit(original_run_id=workflow.run_id)
    assert (new.phase, controller.log(new)["parameters"]["x"]) == (SUCCEEDED, [5, 6])


@pytest.mark.parametrize("way", ["stops_at", "terminates_at"])
@pytest.mark.parametrize("step", ["p/good/g", "p/bad/b", "p", "last"])
def test_a_workflow_that_was_ended_can_be_tried_again(way, step, folder):
    dag = PIPELINES["parallel"]
    (folder / "repaired").touch()
    controller = controller_of(folder, dag)
    workflow = controller.submit(**{way: step})
    assert workflow.phase == FAILED
    if step != "p":  # the first pod creates the run
        assert controller.log(workflow)["status"] == ("FAIL" if way == "stops_at" else "PROCESSING")
    controller.retry(workflow)
    log = controller.log(workflow)
    assert (workflow.phase, log["status"], log["message"]) == (SUCCEEDED, "SUCCESS", "")
    assert log["parameters"] == {"good": 1, "i": 1, "x": 1, "saw": ["good", "i", "saw", "x"]}


def test_a_workflow_that_succeeded_and_is_submitted_again_runs_anew(folder):
    (folder / "repaired").touch()
    controller = controller_of(folder, PIPELINES["task"])
    first = controller.submit()
    again = controller.resubmit(first)
    assert (first.phase, again.phase) == (SUCCEEDED, SUCCEEDED)
    assert again.ran == first.ran
    assert first.run_id != again.run_id
    assert seen(controller.log(again)) == seen(controller.log(first))
    assert first.arguments["run_id"] == ""


def test_a_workflow_that_failed_and_is_submitted_again_leaves_its_run_alone(folder):
    controller = controller_of(folder, PIPELINES["parallel"])
    first = controller.submit()
    before = controller.log(first)
    (folder / "repaired").touch()
    again = controller.resubmit(first)
    assert (first.phase, again.phase) == (FAILED, SUCCEEDED)
    assert controller.log(first) == before
    assert controller.log(again)["status"] == "SUCCESS"


@pytest.mark.parametrize("succeeds", [True, False])
def test_a_run_id_belongs_to_one_workflow(succeeds, folder):
    """The other one fails at its first pod, and its exit handler does not touch the run."""
    if succeeds:
        (folder / "repaired").touch()
    controller = controller_of(folder, PIPELINES["task"])
    first = controller.submit(run_id="nightly-7")
    before = controller.log(first)
    (folder / "repaired").touch()
    second = controller.submit(run_id="nightly-7")
    assert second.phase == FAILED
    assert second.ran == ["a", "fail", ""]
    assert controller.log(first) == before
    [refused, *_] = second.errors
    assert f"that run belongs to the workflow {first.uid}, and this is the workflow {second.uid}" in refused
    assert "submit with another run id, or with none" in refused
    assert "-p original_run_id=nightly-7" in refused
    assert len(second.errors) == 3
    if not succeeds:
        controller.retry(first)
        assert (first.phase, controller.log(first)["status"]) == (SUCCEEDED, "SUCCESS")


def test_a_run_that_no_workflow_began_is_not_taken_by_one(folder):
    (folder / "repaired").touch()
    controller = controller_of(folder, PIPELINES["task"])
    drivers.InThisProcess(drivers.asked(folder, "by-hand")).step("a")
    workflow = controller.submit(run_id="by-hand")
    assert workflow.phase == FAILED
    assert "that run was started by no workflow" in workflow.errors[0]


@pytest.mark.parametrize("policy", ["Always", "OnFailure"])
@pytest.mark.parametrize(("fails", "phase", "attempts"), [(2, SUCCEEDED, 3), (3, FAILED, 3)])
def test_a_policy_that_repeats_tasks_gives_them_attempts(policy, fails, phase, attempts, folder):
    """As often as the limit says, also where the step says nothing; the pods of ends are not repeated."""
    count = f"len(__import__('os').listdir('tries')) > {fails}"
    command = f"lambda: __import__('tempfile').mkstemp(dir='tries') and ({count} or 1 / 0) and {{'x': 1}}"
    (folder / "tries").mkdir()
    dag = steps(a={"command_type": "python-lambda", "command": command})
    controller = controller_of(folder, dag, retry_strategy={"limit": "2", "retry_policy": policy})
    workflow = controller.submit()
    log = controller.log(workflow)
    assert workflow.phase == phase
    assert [attempt["attempt_number"] for attempt in log["steps"]["a"]["attempts"]] == list(range(attempts))
    assert workflow.ran.count("fail") == (phase == FAILED)
