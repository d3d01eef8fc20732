"""A workflow of Argo whose pods go wrong, tried again until nothing does, leaves the run that nothing disturbed."""

import json
import random
import signal
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from controller import ALL, ALL_BEHIND, RETRIES, Controller
from disturbed import DisturbedCalls, PlannedCalls
from reference import run
from test_equivalence import ARGUMENTS, QUICK_FOLDER, START, expected, over_random_pipelines, seen, size
from test_workflows import LAST, breaks, controller_of, in_loop, in_map, of_round, sets, steps

from magnus.simulation.argo.pod import FAILED, SUCCEEDED

SHARES = 2
GRAPHS_EACH = 20
MOST_STEPS = 25
LEAST_TRIED_AGAIN = 2
OPTIONS = (
    {},
    {"retry_strategy": {"limit": "1", "retry_policy": "OnError"}},
    {"retry_strategy": {"limit": "2", "retry_policy": "Always"}},
    {"retry_strategy": {"limit": "1", "retry_policy": "OnFailure"}},
)


def without_handlers(dag):
    """The pipeline without `on_failure`: whatever goes wrong in it ends it."""
    steps = {}
    for name, step in dag["steps"].items():
        steps[name] = plain = {key: value for key, value in step.items() if key != "on_failure"}
        for key in ("branch", "dag", "default"):
            if key in plain:
                plain[key] = without_handlers(plain[key])
        if "branches" in plain:
            plain["branches"] = {key: without_handlers(branch) for key, branch in plain["branches"].items()}
    return {**dag, "steps": steps}


def disturbed(folder, dag, store, chance):
    """Submitted, and tried again until nothing goes wrong any more; the workflow, its controller, and what went wrong."""
    services = {"run_log_store": {"type": store}, "catalog": {"type": "do-nothing"}}
    (folder / "magnus-config.yaml").write_text(json.dumps({"defaults": services}))
    (folder / "p.yaml").write_text(json.dumps({"dag": dag}, ensure_ascii=False))
    controller = Controller(folder, ARGUMENTS, **chance.choice(OPTIONS), fuse=chance.choice((True, False)))
    wrong = []
    workflow = None
    for share in (0.25, 0.2, 0.1, 0.0):
        controller.calls = DisturbedCalls(folder, chance, share)
        if workflow is None:
            workflow = controller.submit()
            wrong.append(("submit", controller.calls.wrong))
        elif workflow.phase != SUCCEEDED:
            which = chance.choice(RETRIES)
            controller.retry(workflow, which)
            wrong.append((which, controller.calls.wrong))
    return controller, workflow, wrong


def over_disturbed_pipelines(share, store, check, change=lambda dag: dag):
    """Call `check` with each random pipeline of the share, its run log after all, the workflow, and what went wrong."""
    tries = Counter()

    def each(dag):
        dag = change(dag)
        if size(expected(dag)[2]) > MOST_STEPS:
            return
        chance = random.Random(f"{share} {json.dumps(dag)}")
        with TemporaryDirectory(dir=QUICK_FOLDER) as folder:
            controller, workflow, wrong = disturbed(Path(folder), dag, store, chance)
            log = controller.log(workflow)
        tries[len(wrong)] += 1
        check(dag, log, wrong)
        assert workflow.phase == (SUCCEEDED if log["status"] == "SUCCESS" else FAILED), (json.dumps(dag), wrong)

    over_random_pipelines(share, each, GRAPHS_EACH)
    assert sum(count for number, count in tries.items() if number > 1) >= LEAST_TRIED_AGAIN


@pytest.mark.parametrize("share", range(SHARES))
def test_workflows_that_are_tried_again_end_as_if_nothing_had_happened(share):
    def check(dag, log, wrong):
        assert seen(log) == expected(dag), (json.dumps(dag), wrong, seen(log))

    over_disturbed_pipelines(share, ("file-system", "chunked-fs")[share % 2], check, without_handlers)


@pytest.mark.parametrize("share", range(SHARES, 2 * SHARES))
def test_handlers_of_pods_that_were_lost_take_their_way(share):
    """As in a run in which the steps failed that the run log says failed; what was on other ways is not seen behind."""

    def check(dag, log, wrong):
        status, parameters, left = seen(log)
        outcome = run(dag, START, left)
        told = (json.dumps(dag), wrong, left, outcome)
        assert (status == "SUCCESS", parameters) == (outcome.succeeded, {**START, **outcome.own}), told
        assert status == "FAIL" or "fail" not in left, told
        assert list(differing(left, outcome.steps, was_tried_again=len(wrong) > 1)) == [], told

    over_disturbed_pipelines(share, ("file-system", "chunked-fs")[share % 2], check)


def differing(got, wanted, *, was_tried_again):
    """The steps that did not end as they should have; ways that were given up may have more of them."""
    if not was_tried_again:
        yield from got.keys() - wanted.keys()
    for name, (status, branches) in wanted.items():
        was, had = got.get(name, ("nothing", {}))
        if was != status:
            yield name, was, status
        elif had.keys() == branches.keys():
            for key, branch in branches.items():
                yield from differing(had[key][2], branch[2], was_tried_again=was_tried_again)
        elif status == "SUCCESS":
            yield name, had.keys(), branches.keys()


@pytest.mark.parametrize("kind", ["never", "before"])
@pytest.mark.parametrize("which", RETRIES)
def test_a_task_whose_branch_came_to_no_end_is_tried_again(which, kind, tmp_path):
    """The pod of the end was lost after all attempts failed, and another branch goes on with the run first."""
    bad = steps(b=breaks(max_attempts=2))
    dag = steps(p={"type": "parallel", "branches": {"other": steps(c=breaks("c", 8)), "bad": bad}}, last=LAST)
    controller, workflow = submitted(tmp_path, dag, {("p/bad/fail", 0): (kind, signal.SIGKILL, 1)})
    assert controller.log(workflow)["steps"]["p"]["branches"]["bad"]["steps"]["fail"]["status"] == "FAIL"
    repaired(controller, workflow, which)
    log = controller.log(workflow)
    assert (workflow.phase, log["status"], log["parameters"]) == (
        SUCCEEDED,
        "SUCCESS",
        {"c": 8, "x": 1, "saw": ["c", "x"]},
    )
    attempts = log["steps"]["p"]["branches"]["bad"]["steps"]["b"]["attempts"]
    assert [attempt["status"] for attempt in attempts] == ["FAIL", "FAIL", "SUCCESS"]


@pytest.mark.parametrize("which", RETRIES)
def test_an_end_whose_process_died_ends_the_run_when_it_comes_again(which, tmp_path):
    controller, workflow = submitted(tmp_path, steps(a=sets("a")), {("success", 0): ("after", signal.SIGKILL, 1)})
    assert (workflow.phase, controller.log(workflow)["status"]) == (FAILED, "FAIL")
    repaired(controller, workflow, which)
    log = controller.log(workflow)
    assert (workflow.phase, log["status"], log["message"], log["parameters"]) == (SUCCEEDED, "SUCCESS", "", {"a": 1})


def test_a_run_that_succeeded_stays_so_when_a_pod_is_lost_afterwards(tmp_path):
    """The pod of its end was not believed, and the next try goes the way of failures."""
    handled = {**steps(a=sets("a"), h=sets("h"))}
    handled["steps"]["a"] |= {"next": "success", "on_failure": "h"}
    dag = steps(d={"type": "dag", "dag": handled}, last=LAST)
    controller, workflow = submitted(tmp_path, dag, {("success", 0): ("unbelieved", 0, 0)})
    before = controller.log(workflow)
    assert (workflow.phase == SUCCEEDED, before["status"]) == (False, "SUCCESS")
    for faults in ({("d/dag/a", 0): ("never", 0, 0), ("last", 0): ("never", 0, 0)}, {("d", 0): ("never", 0, 0)}):
        controller.calls = PlannedCalls(tmp_path, faults)
        controller.retry(workflow, ALL)
        assert workflow.phase != SUCCEEDED
        assert controller.log(workflow) == before
    repaired(controller, workflow, ALL)
    assert (workflow.phase, controller.log(workflow)) == (SUCCEEDED, before)


@pytest.mark.parametrize("which", RETRIES)
def test_a_step_that_is_evicted_without_attempts_left_is_tried_again(which, tmp_path):
    dag = steps(a=sets("elements", [1, 2]), m=in_map(steps(b=sets("x", 5, max_attempts=2))), last=LAST)
    evicted = {("m/1/b", number): ("task", signal.SIGTERM, 1) for number in range(9)}
    controller, workflow = submitted(tmp_path, dag, evicted)
    assert (workflow.phase, controller.log(workflow)["status"]) == (FAILED, "FAIL")
    repaired(controller, workflow, which)
    log = controller.log(workflow)
    assert (workflow.phase, log["status"], log["parameters"]["x"]) == (SUCCEEDED, "SUCCESS", [5, 5])
    assert "fail" not in log["steps"]
    attempts = log["steps"]["m"]["branches"]["2"]["steps"]["b"]["attempts"]
    assert [(attempt["attempt_number"], attempt["status"]) for attempt in attempts] == [
        (0, "FAIL"),
        (1, "FAIL"),
        (2, "SUCCESS"),
    ]


@pytest.mark.parametrize("kind", ["before", "after"])
@pytest.mark.parametrize("again", [*RETRIES, "a new pod"])
@pytest.mark.parametrize("number", [0, 2])
def test_a_process_that_joins_a_round_joins_that_one_when_it_comes_again(number, again, kind, tmp_path):
    """The record may say the next round, of which nothing ran."""
    dag = steps(x=sets("x", 0), o=in_loop(steps(b=of_round(), c=sets("c"))), last=LAST)
    (tmp_path / "repaired").touch()
    is_restarted = again == "a new pod"
    options = {"retry_strategy": {"limit": "1", "retry_policy": "Always"}} if is_restarted else {}
    controller, workflow = submitted(tmp_path, dag, {("o", 0, 1 + number): (kind, signal.SIGKILL, 1)}, **options)
    if not is_restarted:
        assert (workflow.phase == SUCCEEDED, controller.log(workflow)["status"]) == (False, "FAIL")
        repaired(controller, workflow, again)
    log = controller.log(workflow)
    left = {"x": 3, "ends": True, "c": 1, "i": 2, "saw": ["c", "ends", "i", "x"]}
    assert (workflow.phase, log["status"], log["parameters"]) == (SUCCEEDED, "SUCCESS", left)
    assert workflow.errors == []
    assert [list(branch["steps"]) for branch in log["steps"]["o"]["branches"].values()] == [["b", "c", "success"]] * 3


def test_a_round_that_failed_is_tried_again_after_the_join_before_it_was_lost(tmp_path):
    """What was joined stays so, and the round that failed is the one that is joined anew."""
    dag = steps(x=sets("x", 0), o=in_loop(steps(b=of_round())), last=LAST)
    options = {"retry_strategy": {"limit": "1", "retry_policy": "Always"}}
    controller, workflow = submitted(tmp_path, dag, {("o", 0, 1): ("after", signal.SIGKILL, 1)}, **options)
    rounds = controller.log(workflow)["steps"]["o"]["branches"]
    attempts = [[attempt["status"] for attempt in joined["steps"]["b"]["attempts"]] for joined in rounds.values()]
    assert attempts == [["SUCCESS"], ["FAIL", "FAIL"]]
    repaired(controller, workflow, ALL)
    log = controller.log(workflow)
    assert (workflow.phase, log["status"], log["parameters"]["x"]) == (SUCCEEDED, "SUCCESS", 3)


@pytest.mark.parametrize("which", RETRIES)
def test_a_loop_that_succeeded_has_no_round_to_run(which, tmp_path):
    dag = steps(x=sets("x", 0), o=in_loop(steps(b=of_round())), z=breaks("z"), last=LAST)
    (tmp_path / "repaired").touch()
    controller, workflow = submitted(tmp_path, dag, {("z", 0): ("never", 0, 0)}, fuse=False)
    before = controller.log(workflow)["steps"]["o"]
    assert (workflow.phase == SUCCEEDED, before["status"]) == (False, "SUCCESS")
    repaired(controller, workflow, which)
    log = controller.log(workflow)
    assert (workflow.phase, log["status"], log["parameters"]["x"]) == (SUCCEEDED, "SUCCESS", 3)
    assert log["steps"]["o"] == before
    assert workflow.ran == [*(["x", "o"] if which == ALL else []), "z", "last", "success", ""]


FUSED = steps(
    a=sets("elements", [1, 2]),
    m=in_map(steps(i=sets("i"), l=LAST)),
    z=sets("z"),
    n=in_map(steps(j=sets("j"))),
    last=LAST,
)
"""Pods: a and the fan-out of m; i, and l with its end; the fan-in of m, z and the fan-out of n; j; the rest."""


@pytest.mark.parametrize("is_restarted", [True, False])
@pytest.mark.parametrize("at", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("pod", ["a", "m/0/l", "m", "n"])
def test_a_pod_of_several_acts_that_dies_between_them_goes_on_when_it_comes_again(pod, at, is_restarted, tmp_path):
    """Each record is one moment; a pod that died behind all of them has nothing more to do."""
    options = {"retry_strategy": {"limit": "1", "retry_policy": "Always"}} if is_restarted else {}
    controller, workflow = submitted(tmp_path, FUSED, {(pod, 0): ("after", signal.SIGKILL, at)}, **options)
    if workflow.phase != SUCCEEDED:
        assert not is_restarted
        repaired(controller, workflow, ALL_BEHIND)
    log = controller.log(workflow)
    assert (workflow.phase, log["status"], workflow.errors) == (SUCCEEDED, "SUCCESS", [])
    assert list(log["steps"]) == ["a", "m", "z", "n", "last", "success"]
    assert log["parameters"]["z"] == 1
    assert [len(log["steps"][name]["branches"]) for name in ("m", "n")] == [2, 2]


def submitted(folder, dag, faults, **options):
    """The workflow after its first try, in which these pods go wrong."""
    services = {"run_log_store": {"type": "file-system"}, "catalog": {"type": "do-nothing"}}
    (folder / "magnus-config.yaml").write_text(json.dumps({"defaults": services}))
    controller = controller_of(folder, dag, **options)
    controller.calls = PlannedCalls(folder, faults)
    return controller, controller.submit()


def repaired(controller, workflow, which):
    """Try it once more; nothing goes wrong."""
    (controller.folder / "repaired").touch()
    controller.calls = PlannedCalls(controller.folder, {})
    controller.retry(workflow, which)
