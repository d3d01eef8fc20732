import pytest

from magnus.errors import InvalidDefinition
from magnus.graph.hash import dag_hash
from magnus.graph.nodes import CompositeNode, Graph, StaticBranches, TaskNode, TaskSpec, TerminalNode
from magnus.graph.path import BranchPath, StepPath
from magnus.graph.structure import structure_problems, unreachable

ENDS = (TerminalNode("success", succeeds=True), TerminalNode("fail", succeeds=False))


def task(name, following, on_failure=None):
    return TaskNode(name, TaskSpec("noop"), following, on_failure)


def nodes(*found):
    return {node.name: node for node in (*found, *ENDS)}


def messages(start_at, found):
    return [problem.message for problem in structure_problems(start_at, found)]


def test_a_sound_graph_has_no_problems():
    assert messages("a", nodes(task("a", "b", "fail"), task("b", "success"))) == []


def test_edges_of_failure_count_in_the_search_for_cycles():
    found = nodes(task("a", "b"), task("b", "success", "a"))
    assert messages("a", found) == ["the steps form a cycle: a -> b -> a"]


def test_everything_is_found_at_once():
    found = {"a": task("a", "nowhere"), "b.c": task("b.c", "a"), "success": ENDS[0]}
    assert messages("start", found) == [
        "a pipeline has exactly one fail step, this one has none",
        "start_at names 'start', which is not a step",
        "next names 'nowhere', which is not a step",
        "the name of a step may not hold '.'",
    ]


def test_steps_that_nothing_leads_to():
    assert unreachable("a", nodes(task("a", "success"), task("b", "a"))) == ("b",)


def test_a_faulty_graph_cannot_be_made():
    with pytest.raises(InvalidDefinition, match="start_at names 'x'"):
        Graph("x", nodes(task("a", "success")))


def test_steps_are_found_inside_branches():
    inner = Graph("i", nodes(task("i", "success")))
    outer = Graph("c", nodes(CompositeNode("c", StaticBranches({"left": inner}), "success")))
    assert outer.step(StepPath(("c", "left", "i"))).name == "i"
    assert outer.within(BranchPath(("c", "left"))) is inner
    with pytest.raises(KeyError):
        outer.step(StepPath(("c", "right", "i")))


def test_the_hash_does_not_depend_on_the_order_of_keys():
    one = {"start_at": "a", "steps": {"a": {"type": "stub", "next": "b"}, "b": {"type": "success"}}}
    other = {"steps": {"b": {"type": "success"}, "a": {"next": "b", "type": "stub"}}, "start_at": "a", "name": "x"}
    assert dag_hash(one) == dag_hash(other)


def test_the_hash_depends_on_everything_that_runs():
    one = {"start_at": "a", "steps": {"a": {"command": "f"}}}
    assert dag_hash(one) != dag_hash({"start_at": "a", "steps": {"a": {"command": "g"}}})
