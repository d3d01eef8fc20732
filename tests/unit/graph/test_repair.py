import string

from hypothesis import given
from hypothesis import strategies as st

from magnus.graph.nodes import TaskNode, TaskSpec, TerminalNode
from magnus.graph.repair import placeholder, repaired
from magnus.graph.structure import NOWHERE, structure_problems, unreachable

NAMES = st.sampled_from([*string.ascii_lowercase[:6], "x.y", "success", "fail", "gone", NOWHERE])


@st.composite
def steps(draw):
    nodes = {}
    for name in draw(st.lists(NAMES.filter(lambda name: name not in {"gone", NOWHERE}), unique=True, max_size=7)):
        kind = draw(st.sampled_from(["task", "task", "task", "placeholder", "success", "fail"]))
        following, on_failure = draw(NAMES), draw(st.none() | NAMES)
        nodes[name] = (
            TerminalNode(name, succeeds=kind == "success")
            if kind in {"success", "fail"}
            else placeholder(name, following, on_failure)
            if kind == "placeholder"
            else TaskNode(name, TaskSpec("noop"), following, on_failure)
        )
    return nodes


@given(NAMES, steps())
def test_a_repaired_graph_can_be_walked(start_at, nodes):
    graph = repaired(start_at, nodes).graph
    wrong = [problem.message for problem in structure_problems(graph.start_at, graph.nodes)]
    assert [message for message in wrong if "may not hold" not in message] == []
    assert {name for name, node in nodes.items() if isinstance(node, TaskNode)} <= set(graph.nodes)


def task(name, following):
    return TaskNode(name, TaskSpec("noop"), following)


def test_what_is_right_stays_as_it_is():
    nodes = {"a": task("a", "success"), "success": TerminalNode("success", succeeds=True)}
    found = repaired("a", nodes)
    assert found.is_certain
    assert all(found.graph.nodes[name] is node for name, node in nodes.items())
    assert list(found.graph.nodes) == ["a", "success", "fail"]


def test_a_misspelt_name_is_the_one_that_was_meant():
    found = repaired("fetch", {"fetch": task("fetch", "raport"), "report": task("report", "sucess")})
    assert found.is_certain
    assert found.graph.nodes["fetch"].next == "report"
    assert unreachable("fetch", found.graph.nodes) == ()


def test_after_a_step_that_leads_nowhere_comes_what_nothing_leads_to():
    nodes = {"a": placeholder("a"), "b": task("b", "c"), "c": task("c", "success")}
    found = repaired("a", nodes)
    assert not found.is_certain
    gap = found.graph.nodes[found.graph.nodes["a"].next]
    assert (gap.task.kind, gap.next) == ("", "b")


def test_cycles_end():
    found = repaired("a", {"a": task("a", "b"), "b": task("b", "a")})
    assert found.graph.nodes["b"].next == "success"
