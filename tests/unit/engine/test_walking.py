"""What comes next in a pipeline, and what it sees."""

import pytest
from msgspec.structs import replace

from magnus.engine.rules import scope, traversal
from magnus.graph.nodes import CompositeNode, Graph, StaticBranches, TaskNode, TaskSpec, TerminalNode
from magnus.graph.path import BranchPath, StepPath
from magnus.run_log.parameters import JsonParameter
from magnus.run_log.records import BranchScope, CatalogRecord, Status
from magnus.testing.records import run_record, step_record

ROOT = BranchPath()
ENDS = {"success": TerminalNode("success", succeeds=True), "fail": TerminalNode("fail", succeeds=False)}


def task(name, following, on_failure=None):
    return TaskNode(name, TaskSpec("noop"), following, on_failure)


INNER = Graph("a", {"a": task("a", "success"), **ENDS})
GRAPH = Graph(
    "a",
    {
        "a": task("a", "p", "c"),
        "p": CompositeNode("p", StaticBranches({"left": INNER}), "c"),
        "c": task("c", "success"),
        **ENDS,
    },
)


def test_it_begins_with_the_first_step_of_the_branch():
    assert traversal.first(GRAPH, ROOT) == traversal.RunStep(StepPath(("a",)), 0)
    left = StepPath(("p",)).into("left")
    assert traversal.first(GRAPH, left) == traversal.RunStep(left.step("a"), 0)


@pytest.mark.parametrize(
    ("name", "succeeded", "expected"),
    [
        ("a", True, traversal.FanOut(StepPath(("p",)), 1)),
        ("a", False, traversal.RunStep(StepPath(("c",)), 1)),
        ("p", True, traversal.RunStep(StepPath(("c",)), 1)),
        ("p", False, traversal.Finish(StepPath(("fail",)), 1, succeeds=False)),
        ("c", True, traversal.Finish(StepPath(("success",)), 1, succeeds=True)),
    ],
)
def test_what_follows(name, succeeded, expected):
    assert traversal.following(GRAPH, StepPath((name,)), 0, succeeded=succeeded) == expected


def test_nothing_follows_an_end():
    with pytest.raises(TypeError, match="nothing follows the terminal step 'success'"):
        traversal.following(GRAPH, StepPath(("success",)), 3, succeeded=True)


def entry(name, stage="put"):
    return CatalogRecord(name, "00", name, ".catalog", stage, 1)


def test_a_step_leaves_its_parameters_when_it_succeeded_and_its_files_in_any_case():
    before = BranchScope({"x": JsonParameter(0)}, {}, {"i": 7})
    done = replace(step_record("a", position=5), catalog=(entry("f"), entry("g", "get")))
    after = scope.after(before, done)
    assert after == BranchScope({"x": JsonParameter(5)}, {"f": entry("f")}, {"i": 7})
    failed = scope.after(before, replace(done, status=Status.FAIL, parameters={}))
    assert failed == BranchScope({"x": JsonParameter(0)}, {"f": entry("f")}, {"i": 7}, is_final=False)
    assert not scope.after(failed, done).is_final


def test_what_changes_nothing_leaves_the_same_scope():
    before = BranchScope({"x": JsonParameter(0)})
    assert scope.after(before, replace(step_record(), parameters={})) is before


def test_a_carried_scope_stands_for_all_before_it():
    start = scope.initial(run_record())
    steps = [replace(step_record(f"s{n}", position=n), parameters={f"x{n}": JsonParameter(n)}) for n in range(40)]
    plain = scope.folded(start, steps)
    carrying, seen = [], start
    for step in steps:
        carrying.append(replace(step, scope=scope.carried(step.position, seen, step)))
        seen = scope.after(seen, step)
    assert [step.position for step in carrying if step.scope] == [31]
    assert scope.folded(start, carrying[31:]) == scope.folded(start, carrying) == plain
