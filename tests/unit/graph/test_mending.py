import string

from hypothesis import given
from hypothesis import strategies as st

from magnus.graph.nodes import TaskNode, TaskSpec, TerminalNode
from magnus.graph.repair import NOWHERE, mended, unread
from magnus.graph.structure import structure_problems, unreachable

NAMES = st.sampled_from([*string.ascii_lowercase[:6], "x.y", "success", "fail", "gone", NOWHERE])


@st.composite
def steps(draw):
    nodes = {}
    for name in draw(st.lists(NAMES.filter(lambda name: name not in {"gone", NOWHERE}), unique=True, max_size=7)):
        kind = draw(st.sampled_from(["task", "task", "task", "unread", "success", "fail"]))
        following, on_failure = draw(NAMES), draw(st.none() | NAMES)
        nodes[name] = (
            TerminalNode(name, succeeds=kind == "success")
            if kind in {"success", "fail"}
            else unread(name, following, on_failure)
            if kind == "unread"
            else TaskNode(name, TaskSpec("noop"), following, on_failure)
        )
    return nodes


@given(NAMES, steps())
def test_a_mended_graph_can_be_walked(start_at, nodes):
    graph = mended(start_at, nodes).graph
    wrong = [problem.message for problem in structure_problems(graph.start_at, graph.nodes)]
    assert [message for message in wrong if "may not hold" not in message] == []
    assert {name for name, node in nodes.items() if isinstance(node, TaskNode)} <= set(graph.nodes)


def task(name, following):
    return TaskNode(name, TaskSpec("noop"), following)


def test_what_is_right_stays_as_it_is():
    nodes = {"a": task("a", "success"), "success": TerminalNode("success", succeeds=True)}
    found = mended("a", nodes)
    assert found.is_sure
    assert all(found.graph.nodes[name] is node for name, node in nodes.items())
    assert list(found.graph.nodes) == ["a", "success", "fail"]


def test_a_misspelt_name_is_the_one_that_was_meant():
    found = mended("fetch", {"fetch": task("fetch", "raport"), "report": task("report", "sucess")})
    assert found.is_sure
    assert found.graph.nodes["fetch"].next == "report"
    assert unreachable("fetch", found.graph.nodes) == ()


def test_after_a_step_that_leads_nowhere_comes_what_nothing_leads_to():
    nodes = {"a": unread("a"), "b": task("b", "c"), "c": task("c", "success")}
    found = mended("a", nodes)
    assert not found.is_sure
    gap = found.graph.nodes[found.graph.nodes["a"].next]
    assert (gap.task.kind, gap.next) == ("", "b")


def test_cycles_end():
    found = mended("a", {"a": task("a", "b"), "b": task("b", "a")})
    assert found.graph.nodes["b"].next == "success"
