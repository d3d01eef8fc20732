"""Which records of a branch count after an engine tried a failed run again."""

import pytest

from magnus.engine.rules import scope, traversal
from magnus.graph.nodes import Graph, TaskNode, TaskSpec, TerminalNode
from magnus.graph.path import BranchPath
from magnus.run_log.parameters import JsonParameter
from magnus.run_log.records import BranchScope, Status, StepRecord
from magnus.run_log.step_walk import without_past_ends

ROOT = BranchPath()


def task(name, leads_to, on_failure=None):
    return TaskNode(name, TaskSpec("python", "f"), next=leads_to, on_failure=on_failure)


GRAPH = Graph(
    "a",
    {
        "a": task("a", "b", on_failure="h"),
        "h": task("h", "c"),
        "b": task("b", "c"),
        "c": task("c", "success"),
        "success": TerminalNode("success", succeeds=True),
        "fail": TerminalNode("fail", succeeds=False),
    },
)


def record(name, position, status="SUCCESS", **more):
    kind = name if name in {"success", "fail"} else "task"
    return StepRecord(ROOT.step(name), position, Status(status), kind, parameters={name: JsonParameter(1)}, **more)


def names(steps):
    return [step.path.name for step in steps]


OLD = [record("a", 0, "FAIL"), record("h", 1), record("c", 2, "FAIL"), record("fail", 3, "FAIL")]
AGAIN = [record("h", 1), record("c", 2, "FAIL"), record("fail", 3, "FAIL"), record("a", 4)]


@pytest.mark.parametrize(
    ("steps", "to", "taken"),
    [
        ([], "a", []),
        ([record("a", 0)], "b", ["a"]),
        (OLD, "c", ["a", "h"]),
        (OLD, "fail", ["a", "h", "c"]),
        (AGAIN, "b", ["a"]),
        ([*AGAIN, record("b", 5)], "c", ["a", "b"]),
        ([record("a", 0, "PROCESSING")], "h", ["a"]),
        ([record("a", 0, "PROCESSING"), record("h", 1)], "c", ["a", "h"]),
        ([record("h", 0)], "c", ["h"]),
        ([*AGAIN[:-1], record("a", 4, "PROCESSING")], "c", ["h"]),
        ([record("b", 0), record("c", 1)], "c", ["b"]),
    ],
)
def test_the_way_follows_how_steps_ended_now(steps, to, taken):
    assert names(traversal.way_to(GRAPH, steps, to)) == taken


def test_a_step_that_runs_again_takes_a_position_behind_what_came_after_it():
    assert traversal.position_of(OLD, ROOT.step("a")) == 4
    assert traversal.position_of(OLD, ROOT.step("fail")) == 3
    assert traversal.position_of(OLD, ROOT.step("new")) == 4
    assert traversal.position_of([], ROOT.step("a")) == 0


def test_an_end_names_what_ran_on_a_way_given_up():
    steps = [*AGAIN, record("b", 5), record("c", 6)]
    assert traversal.given_up(GRAPH, steps, "success") == ("h", "fail")
    assert traversal.given_up(GRAPH, OLD, "fail") == ()
    assert traversal.given_up(GRAPH, [record("a", 0), record("b", 1), record("c", 2)], "success") == ()


def test_what_was_given_up_is_not_among_what_the_branch_set():
    end = record("success", 7, given_up=("h", "fail"))
    assert set(scope.folded_own([*AGAIN, record("b", 5), record("c", 6), end]).parameters) == {"a", "b", "c", "success"}


def test_a_success_carries_the_scope_of_all_before_it_and_an_unfinished_composite_does_not():
    carried = BranchScope({"carried": JsonParameter(1)})
    start = BranchScope({"start": JsonParameter(1)})
    steps = [record("a", 0), record("b", 1), record("c", 2, scope=carried)]
    assert set(scope.folded(start, steps).parameters) == {"carried"}
    unfinished = [*steps[:2], record("c", 2, "PROCESSING", scope=carried)]
    assert set(scope.folded(start, unfinished).parameters) == {"start", "a", "b"}


def test_no_scope_is_carried_behind_a_step_that_an_engine_may_try_again():
    last = record("c", scope.CARRIED_EVERY - 1)
    failed = scope.folded(BranchScope(), [record("a", 0, "FAIL"), record("h", 1)])
    assert scope.carried(last.position, failed, last) is None
    succeeded = scope.folded(BranchScope(), [record("a", 0), record("b", 1)])
    assert set(scope.carried(last.position, succeeded, last).parameters) == {"a", "b", "c"}


def test_ends_that_a_branch_left_again_are_not_shown():
    assert names(without_past_ends(OLD)) == ["a", "h", "c", "fail"]
    assert names(without_past_ends(AGAIN)) == ["h", "c", "a"]
    assert names(without_past_ends([*AGAIN, record("success", 5)])) == ["h", "c", "a", "success"]
    assert names(without_past_ends([])) == []
