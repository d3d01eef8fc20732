"""What is known along the paths of a pipeline, and what is said of it."""

import pytest

from magnus.graph.dataflow.facts import Description, Need, Setting
from magnus.graph.dataflow.flow import TaskFacts, follow
from magnus.graph.dataflow.shapes import ANYTHING, AcceptedShape, Shape, kinds, of_value
from magnus.graph.dataflow.visible_data import Fact, VisibleData
from magnus.graph.nodes import (
    ChosenBranch,
    CompositeNode,
    Graph,
    MappedBranches,
    RepeatedBranch,
    Return,
    StaticBranches,
    TaskNode,
    TaskSpec,
    TerminalNode,
)

ENDS = {"success": TerminalNode("success", succeeds=True), "fail": TerminalNode("fail", succeeds=False)}


def task(name, text, *, following="success", on_failure=None, returns=()):
    """A task of a few words: `-x` needs x, `+x` sets it, `?x` may set it, `*` sets what nobody knows."""
    return TaskNode(name, TaskSpec("x", text, returns=tuple(map(Return, returns)) or None), following, on_failure)


def graph(*nodes):
    return Graph(nodes[0].name, {**{node.name: node for node in nodes}, **ENDS})


def chain(*texts):
    names = [f"s{number}" for number in range(len(texts))]
    return graph(*(task(n, t, following=f) for n, t, f in zip(names, texts, [*names[1:], "success"], strict=True)))


def facts(node):
    words = node.task.command.split()
    needs = tuple(Need(word[1:], f"'{word[1:]}'") for word in words if word[0] == "-")
    sets = tuple(Setting(word[1:], is_certain=word[0] == "+") for word in words if word[0] in "+?")
    puts = tuple(word[4:] for word in words if word.startswith("put:"))
    gets = tuple(word[4:] for word in words if word.startswith("get:"))
    return TaskFacts(Description(needs, sets, sets_others="*" in words), gets, puts)


def said(of, **start):
    known = VisibleData({name: Fact(shape=of_value(value)) for name, value in start.items()})
    found = follow(of, known, facts, lambda one, other: one == other, lambda _name: ANYTHING, keeps_files=True)
    return [f"{'/'.join(finding.around)}: {finding.severity}: {finding.message}" for finding in found]


def missing(name):
    return f"'{name}' is set by no step before, and is no initial parameter"


def test_what_is_set_before_is_there():
    assert said(chain("+x", "-x")) == []
    assert said(chain("-x"), x=1) == []
    assert said(chain("-X"), x=1) == []
    assert said(chain("-x", "+x")) == [f"s0: error: {missing('x')}"]


def test_what_only_may_be_set_is_no_reason_to_complain():
    assert said(chain("?x", "-x")) == []
    assert said(chain("*", "-x")) == []
    assert said(chain("-x", "*")) == [f"s0: error: {missing('x')}"]


def test_a_path_that_lacks_it_is_named():
    fetch, mend = task("fetch", "+x", following="use", on_failure="mend"), task("mend", "", following="use")
    assert said(graph(fetch, mend, task("use", "-x"))) == [
        "use: warning: 'x' may be missing: it is not set when 'fetch' fails"
    ]
    assert said(graph(fetch, task("mend", "+x", following="use"), task("use", "-x"))) == []


def test_a_failure_that_leads_to_success_is_no_error():
    nodes = task("a", "-x", on_failure="b"), task("b", "")
    assert said(graph(*nodes)) == [
        f"a: warning: {missing('x')}; the step always fails, and the pipeline continues by on_failure"
    ]
    nodes = task("a", "-x", on_failure="b"), task("b", "", following="fail")
    assert said(graph(*nodes)) == [f"a: error: {missing('x')}"]


def test_branches_see_what_is_around_them_and_not_each_other():
    both = StaticBranches({"l": chain("+y -x"), "r": chain("-y")})
    end = task("end", "-y")
    assert said(graph(CompositeNode("p", both, "end"), end), x=1) == [f"p/r/s0: error: {missing('y')}"]


def test_branches_that_set_one_name_are_a_warning():
    both = StaticBranches({"l": chain("+y"), "r": chain("+y")})
    assert said(graph(CompositeNode("p", both, "success"))) == [
        "p: warning: the branches 'l', 'r' all set 'y'; the last one wins"
    ]


def test_what_not_all_branches_of_a_conditional_set():
    chosen = ChosenBranch("v", {"a": chain("+y"), "b": chain("")})
    nodes = CompositeNode("c", chosen, "end"), task("end", "-y")
    assert said(graph(task("v", "+v", following="c"), *nodes)) == [
        "end: warning: 'y' may be missing: it is not set when 'v' is 'b'"
    ]
    assert said(graph(*nodes), v="a") == []
    assert said(graph(*nodes), v="b") == [f"end: error: {missing('y')}"]
    assert said(graph(*nodes), v="c")[0] == "c: error: the parameter 'v' must be one of 'a', 'b', but it is 'c'"


def test_what_a_branch_lacks_that_is_not_chosen_is_a_warning():
    chosen = ChosenBranch("v", {"a": chain(""), "b": chain("-y")})
    assert said(graph(CompositeNode("c", chosen, "success")), v="a") == [
        f"c/b/s0: warning: {missing('y')}; the initial parameters do not choose this branch"
    ]


def test_a_map_makes_lists():
    mapped = MappedBranches(chain("-x +y"), "xs", "x")
    nodes = CompositeNode("m", mapped, "end"), task("end", "-y -x")
    assert said(graph(*nodes), xs=[1]) == [f"end: error: {missing('x')}"]
    assert said(graph(*nodes), xs=3)[0] == "m: error: the parameter 'xs' must be a list, but it is 3"
    unknown = graph(task("a", "+xs", following="m"), *nodes)
    assert said(unknown)[0] == "end: warning: 'y' may be missing: it is not set when 'xs' is empty"


def test_what_a_map_declares_is_there_for_no_elements_too():
    inner = graph(task("s", "+y", returns=["y"]))
    nodes = (
        task("a", "+xs", following="m"),
        CompositeNode("m", MappedBranches(inner, "xs", "x"), "end"),
        task("end", "-y"),
    )
    assert said(graph(*nodes)) == []


@pytest.mark.parametrize("rounds", [1, 3])
def test_the_first_round_of_a_loop_sees_nothing_of_later_ones(rounds):
    when = ", in the first iteration of 'l'" if rounds > 1 else ""
    loop = RepeatedBranch(chain("-n +n"), rounds)
    assert said(graph(CompositeNode("l", loop, "success"))) == [f"l/s0: error: {missing('n')}{when}"]
    assert said(graph(CompositeNode("l", loop, "success")), n=1) == []


def test_a_step_that_later_rounds_alone_may_reach_is_no_error():
    inner = graph(task("a", "+n", on_failure="b"), task("b", "-n"))
    assert said(graph(CompositeNode("l", RepeatedBranch(inner, 3), "success"))) == [
        "l/b: warning: 'n' may be missing: it is not set in the first iteration of 'l'"
    ]


def test_what_ends_a_loop():
    loop = RepeatedBranch(chain("+n"), 3, break_on="stop")
    assert said(graph(CompositeNode("l", loop, "success"))) == [
        "l: warning: nothing sets 'stop', so the loop always runs all its iterations"
    ]
    assert said(graph(CompositeNode("l", loop, "success")), stop="no") == [
        "l: error: the parameter 'stop' must be true or false, but it is \"no\""
    ]


def test_files_that_nobody_put():
    assert said(chain("put:a", "get:a")) == []
    assert said(chain("get:a")) == ["s0: error: no step before puts 'a' into the catalog"]
    failing = graph(task("a", "put:x", following="c", on_failure="c"), task("c", "get:x"))
    assert said(failing) == []
    fetch, mend = task("f", "", following="u", on_failure="m"), task("m", "put:x", following="u")
    assert said(graph(fetch, mend, task("u", "get:x"))) == [
        "u: warning: 'x' may be missing in the catalog: nothing puts it when 'f' succeeds"
    ]


def test_types_are_forgotten_where_anything_may_be_set():
    chosen = ChosenBranch("v", {"a": chain("")})
    first = task("a", "*", following="c")
    assert said(graph(first, CompositeNode("c", chosen, "success")), v="b") == []


def test_what_cannot_be_chosen():
    chosen = ChosenBranch("v", {"a": chain(""), "b": chain(""), "yes": chain(""), "False": chain("")}, chain(""))
    known = VisibleData({"v": Fact(shape=Shape(kinds("bool").kinds, wording="bool"))})
    found = follow(
        graph(CompositeNode("c", chosen, "success")), known, facts, str.__eq__, lambda _name: ANYTHING, keeps_files=True
    )
    assert [finding.message for finding in found] == ["no value of 'v' chooses this branch: it is bool"] * 2


def test_what_follows_a_choice_that_fails_is_looked_at_all_the_same():
    chosen = ChosenBranch("v", {"a": chain("+y"), "b": chain("+y")})
    nodes = CompositeNode("c", chosen, "end"), task("end", "-y -z")
    assert said(graph(*nodes), v="c") == [
        "c: error: the parameter 'v' must be one of 'a', 'b', but it is 'c'",
        f"end: error: {missing('z')}",
    ]


def test_a_branch_that_never_succeeds_does_not_hide_the_others():
    never = graph(task("x", "", following="fail"))
    both = StaticBranches({"l": never, "r": chain("-y")})
    assert said(graph(CompositeNode("p", both, "end"), task("end", "-z"))) == [f"p/r/s0: error: {missing('y')}"]


def typed(wanted, *sets):
    """A description of what a step needs and sets, by types."""
    needs = tuple(
        Need(name, f"'{name}'", AcceptedShape(frozenset({kind}), wording=kind)) for name, kind in wanted.items()
    )
    return Description(needs, tuple(sets))


@pytest.mark.parametrize(
    ("branches", "severity"),
    [
        (ChosenBranch("v", {"a": chain("x"), "b": chain("")}), "error"),
        (RepeatedBranch(chain("x"), 3), "error"),
        (StaticBranches({"l": chain("x"), "r": chain("x")}), "error"),
        (MappedBranches(chain("x"), "items", "item"), "error"),
    ],
    ids=["conditional", "loop", "parallel", "map"],
)
def test_types_go_on_after_what_a_warning_is_about(branches, severity):
    described = {"x": typed({}, Setting("x", kinds("str"))), "": typed({"late": "list"}), "end": typed({"x": "bool"})}
    start = VisibleData({
        "x": Fact(shape=of_value(5)),
        "late": Fact(shape=kinds("list", "null")),
        "v": Fact(shape=kinds("str")),
        "items": Fact(shape=of_value([1])),
    })  # fmt: skip
    found = follow(
        graph(CompositeNode("c", branches, "end"), task("end", "end")),
        start,
        lambda node: TaskFacts(described[node.task.command]),
        lambda *_: False,
        lambda _: ANYTHING,
        keeps_files=True,
    )
    assert [finding.severity for finding in found if finding.message.startswith("'x' must be bool")] == [severity]
