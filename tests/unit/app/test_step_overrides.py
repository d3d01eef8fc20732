"""Options of the executor that steps name."""

from magnus.app.dispatch.reentry_spec import override_of
from magnus.graph.nodes import CompositeNode, Graph, StaticBranches, TaskNode, TaskSpec, TerminalNode
from magnus.graph.path import StepPath

ENDS = {"success": TerminalNode("success", succeeds=True), "fail": TerminalNode("fail", succeeds=False)}


def task(name, **overrides):
    return TaskNode(name, TaskSpec("noop"), "success", overrides=overrides)


def graph(*nodes):
    return Graph(nodes[0].name, {**{node.name: node for node in nodes}, **ENDS})


INNER = graph(task("own", here="small"), task("none"), task("other", there="huge"))
WHOLE = graph(
    CompositeNode("both", StaticBranches({"left": INNER}), "success", overrides={"here": "big"}), task("plain")
)


def named(*parts):
    return override_of(WHOLE, "here", StepPath(parts))


def test_a_step_has_the_overrides_it_names_else_those_of_the_nearest_around_it():
    assert named("both", "left", "own") == "small"
    assert named("both", "left", "none") == named("both", "left", "other") == "big"


def test_a_step_without_any_has_none():
    assert named("plain") == named("success") == ""


def test_overrides_for_other_executors_do_not_count():
    assert override_of(WHOLE, "there", StepPath(("both", "left", "none"))) == ""
