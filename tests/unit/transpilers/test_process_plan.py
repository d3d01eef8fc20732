"""The plan of processes: which there are, what each does, and that they go the ways that the traversal goes."""

from collections import Counter
from pathlib import Path

import pytest
from graphs import pipelines
from hypothesis import given, settings
from hypothesis import strategies as st

from magnus.graph.nodes import (
    ChosenBranch,
    CompositeNode,
    Graph,
    MappedBranches,
    RepeatedBranch,
    StaticBranches,
    TaskNode,
    TaskSpec,
    TerminalNode,
    graphs_of,
)
from magnus.graph.reachability import failure_of
from magnus.interfaces.together import Together
from magnus.interfaces.transpiler import TranspileRequest
from magnus.transpilers.planning import PlanRules, leads_of, plan_of
from magnus.transpilers.process_plan import Composite, Single, Verb, process_count
from magnus.transpilers.reentry import Input, fill_in, process_command

ENDS = {"success": TerminalNode("success", True), "fail": TerminalNode("fail", False)}
NODES = {
    Verb.STEP: "{}",
    Verb.END: "{}",
    Verb.FAN_OUT: "out {}",
    Verb.FAN_IN: "in {}",
    Verb.COMPOSITE: "all of {}",
}


def task(name, following="success", **more):
    return TaskNode(name, TaskSpec("noop"), next=following, **more)


def pipeline(*nodes):
    return Graph(nodes[0].name, {**{node.name: node for node in nodes}, **ENDS})


def mapped(name, following="success", inner=None, **more):
    return CompositeNode(name, MappedBranches(inner or pipeline(task("i")), "xs", "x"), next=following, **more)


def loop(name, following="success", **more):
    return CompositeNode(name, RepeatedBranch(pipeline(task("i")), 3), next=following, **more)


def words(process):
    return " + ".join(NODES[act.verb].format(act.node.name) for act in process.acts)


def shown(plan):
    """The processes of a plan as text, those of branches in brackets."""
    found = []
    for unit in plan.units.values():
        match unit:
            case Single(process=process):
                found.append(words(process))
            case Composite():
                found += [words(unit.fan_out)] if unit.fan_out else []
                found += [[line for inner in unit.plans for line in shown(inner)], words(unit.fan_in)]
    return found


def processes(*nodes, **rules):
    return shown(plan_of(pipeline(*nodes), PlanRules(**rules)))


def by_name(node, around):
    return getattr(node, "overrides", {}).get("engine", around)


def test_without_fusing_each_act_has_a_process():
    nodes = task("a", "m"), mapped("m", "z"), task("z")
    assert processes(*nodes, fuse=False) == ["a", "out m", ["i", "success", "fail"], "in m", "z", "success", "fail"]


def test_the_process_of_the_last_step_records_the_end():
    assert processes(task("a", "b"), task("b")) == ["a", "b + success", "fail"]


def test_a_step_starts_the_branches_behind_it_and_a_fan_in_runs_the_step_behind_it():
    nodes = task("a", "m"), mapped("m", "z"), task("z")
    assert processes(*nodes) == ["a + out m", ["i + success", "fail"], "in m + z + success", "fail"]


def test_composites_behind_one_another_share_processes():
    nodes = mapped("m", "b"), task("b", "n"), mapped("n", "o"), mapped("o")
    branch = ["i + success", "fail"]
    assert processes(*nodes) == [
        "out m",
        branch,
        "in m + b + out n",
        branch,
        "in n + out o",
        branch,
        "in o + success",
        "fail",
    ]


def test_nothing_goes_on_behind_a_loop_whose_last_iteration_is_known_when_it_runs():
    nodes = task("a", "l"), loop("l", "z"), task("z")
    assert processes(*nodes) == ["a + out l", ["i + success", "fail"], "in l", "z + success", "fail"]


def test_an_act_whose_failure_leads_elsewhere_has_a_process_of_its_own():
    nodes = task("a", "m", on_failure="h"), mapped("m", "z"), task("z", on_failure="h"), task("h")
    branch = ["i + success", "fail"]
    assert processes(*nodes) == ["a", "out m", branch, "in m", "z + success", "h + success", "fail"]
    together = task("a", "m", on_failure="h"), mapped("m", "z", on_failure="h"), task("z", on_failure="h"), task("h")
    assert processes(*together) == ["a + out m", branch, "in m + z + success", "h + success", "fail"]


def test_a_step_that_several_lead_to_has_a_process_of_its_own():
    nodes = task("a", "m", on_failure="h"), task("h", "m"), mapped("m", "z"), task("z")
    assert processes(*nodes)[:3] == ["a", "h", "out m"]


def test_an_end_that_a_failure_leads_to_has_a_process_too():
    assert processes(task("a", on_failure="success")) == ["a + success", "success"]
    assert processes(task("a", "fail")) == ["a", "fail"]


def test_what_names_another_override_has_a_process_of_its_own():
    big = {"engine": "big"}
    branch = ["i + success", "fail"]
    nodes = task("a", "m"), mapped("m", "z", overrides=big), task("z", overrides={"engine": "other"})
    assert processes(*nodes, override=by_name) == ["a", "out m", branch, "in m", "z + success", "fail"]
    nodes = task("a", "m", overrides=big), mapped("m", "z", overrides=big), task("z", overrides=big)
    assert processes(*nodes, override=by_name) == ["a + out m", branch, "in m + z + success", "fail"]


def test_control_work_that_names_no_override_runs_with_that_of_the_step_before():
    nodes = task("a", "m", overrides={"engine": "big"}), mapped("m", "z"), task("z", overrides={"engine": "big"})
    found = plan_of(pipeline(*nodes), PlanRules(by_name))
    branch = ["i + success", "fail"]
    assert shown(found) == ["a + out m", branch, "in m", "z + success", "fail"]
    assert found.units["a"].process.override == "big"


def test_a_long_pipeline_passes_no_output_from_unit_to_unit():
    nodes = task("a", "m"), mapped("m", "z"), task("z")
    branch = ["i + success", "fail"]
    assert processes(*nodes, most_steps=2) == ["a", "out m", branch, "in m + z + success", "fail"]


def test_a_composite_that_runs_together_is_one_process():
    inner = pipeline(mapped("n"))
    nodes = task("a", "m"), mapped("m", "z", inner, overrides={"engine": "one"}), task("z")
    rules = {"override": by_name, "together": Together("engine", frozenset({"one"})).runs}
    assert processes(*nodes, **rules) == ["a", "all of m", "z + success", "fail"]


def test_attempts_are_those_of_the_task_wherever_it_runs():
    nodes = task("a", "m", max_attempts=3, retry_delay=2.5), mapped("m", "z"), task("z", max_attempts=2)
    units = plan_of(pipeline(*nodes), PlanRules()).units
    assert (units["a"].process.attempts, units["a"].process.retry_delay) == (3, 2.5)
    assert (units["m"].fan_in.attempts, units["m"].fan_in.retry_delay) == (2, 0.0)


def test_processes_that_may_begin_the_run_are_the_first_one_and_those_its_failure_leads_to():
    nodes = task("a", "m", on_failure="h"), mapped("m"), task("h")
    units = plan_of(pipeline(*nodes), PlanRules()).units
    assert {name for name in ("a", "h", "fail") if units[name].process.may_start_run} == {"a", "h", "fail"}
    assert not units["m"].fan_in.may_start_run
    assert not units["m"].plans[0].units["i"].process.may_start_run


REQUEST = TranspileRequest(pipeline(task("a")), "p.yaml", tag="t")
VALUES = {Input.RUN_ID: "RUN", Input.STEP: "STEP", Input.BRANCHES_FILE: "B", Input.LAST_EXIT: "LAST"}


@pytest.mark.parametrize(
    ("unit", "argv"),
    [
        ("a", "execute_single_node RUN STEP --then m%20m --branches-file B --one-attempt --last-exit LAST"),
        ("m m", "fan RUN STEP -m in --then z --then success --one-attempt --last-exit LAST"),
        ("fail", "execute_single_node RUN STEP --one-attempt --last-exit LAST"),
    ],
)
def test_commands(unit, argv):
    units = plan_of(pipeline(task("a", "m m"), mapped("m m", "z"), task("z")), PlanRules()).units
    process = units[unit].fan_in if unit == "m m" else units[unit].process
    first = ["--workflow-uid", "W"] if Input.WORKFLOW in VALUES else []
    assert fill_in(process_command(process, REQUEST, one_attempt=True), VALUES) == [
        *argv.split(), "--file", "p.yaml", "--tag", "t", *first,
    ]  # fmt: skip


def test_a_value_that_the_engine_has_to_know_is_asked_for():
    with pytest.raises(KeyError):
        fill_in(["fan", Input.RUN_ID], {})


def graph_of(dag):
    """The graph of a random pipeline."""
    nodes = {name: node_of(name, step) for name, step in dag["steps"].items()}
    return Graph(dag["start_at"], {**nodes, **ENDS})


def node_of(name, step):
    edges = {"next": step["next"], "on_failure": step.get("on_failure")}
    match step["type"]:
        case "parallel":
            branches = StaticBranches({key: graph_of(inner) for key, inner in step["branches"].items()})
        case "dag":
            branches = StaticBranches({"dag": graph_of(step["dag"])})
        case "map":
            branches = MappedBranches(graph_of(step["branch"]), step["iterate_on"], step["iterate_as"])
        case "loop":
            branches = RepeatedBranch(graph_of(step["branch"]), step["max_iterations"])
        case "conditional":
            default = graph_of(step["default"]) if "default" in step else None
            branches = ChosenBranch("v", {key: graph_of(inner) for key, inner in step["branches"].items()}, default)
        case _:
            return TaskNode(name, TaskSpec("noop"), **edges)
    return CompositeNode(name, branches, **edges)


def acts_of(plan):
    for unit in plan.units.values():
        fan_out = getattr(unit, "fan_out", None)
        for process in filter(None, (fan_out, unit.process if isinstance(unit, Single) else unit.fan_in)):
            yield from process.acts


def pairs(graph, plan):
    """Each (sub)pipeline with its plan."""
    yield graph, plan
    for unit in plan.units.values():
        if isinstance(unit, Composite):
            for inner, planned in zip(graphs_of(unit.node), unit.plans, strict=True):
                yield from pairs(inner, planned)


def acts_of_node(node):
    match node:
        case TaskNode():
            return [(Verb.STEP, node.name)]
        case CompositeNode():
            return [(Verb.FAN_OUT, node.name), (Verb.FAN_IN, node.name)]
        case _:
            return [(Verb.END, node.name)]


def way_of_graph(graph, failing):
    """The acts on the way on which these acts fail."""
    name, found = graph.start_at, []
    while True:
        node, has_failed = graph.nodes[name], False
        for act in acts_of_node(node):
            found.append(act)
            has_failed = act in failing
            if has_failed:
                break
        if isinstance(node, TerminalNode):
            return found
        name = failure_of(graph, node) if has_failed else node.next


def way_of_plan(plan, failing):
    """The same as an engine that renders the plan goes it: it knows of each unit where it goes on to."""
    name, found = plan.graph.start_at, []
    while name is not None:
        unit = plan.units[name]
        line = [unit.process] if isinstance(unit, Single) else [unit.fan_out, unit.fan_in]
        has_succeeded = all(ran(process, failing, found) for process in line if process is not None)
        name = unit.succeeded if has_succeeded else unit.failed
    return found


def ran(process, failing, found):
    for act in process.acts:
        found.append((act.verb, act.node.name))
        if found[-1] in failing:
            return False
    return True


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(pipelines(), st.booleans(), st.sampled_from([None, 1, 3]))
def test_every_step_is_in_one_process_and_every_end_on_each_way_to_it(dag, fuse, most_steps):
    graph = graph_of(dag)
    for inner, plan in pairs(graph, plan_of(graph, PlanRules(fuse=fuse, most_steps=most_steps))):
        counted = Counter((act.verb, act.node.name) for act in acts_of(plan))
        steps = [act for name in leads_of(inner) for act in acts_of_node(inner.nodes[name])]
        assert {act: count for act, count in counted.items() if act[0] is not Verb.END} == dict.fromkeys(steps, 1)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(pipelines(), st.booleans(), st.data())
def test_a_plan_goes_the_ways_of_its_graph_whatever_fails(dag, fuse, data):
    graph = graph_of(dag)
    for inner, plan in pairs(graph, plan_of(graph, PlanRules(fuse=fuse))):
        acts = [act for name in leads_of(inner) for act in acts_of_node(inner.nodes[name])]
        for _ in range(5):
            failing = data.draw(st.sets(st.sampled_from(acts)))
            assert way_of_plan(plan, failing) == way_of_graph(inner, failing)


@settings(max_examples=100, deadline=None)
@given(pipelines())
def test_fusing_needs_fewer_processes_and_passes_branches_from_where_they_start(dag):
    graph = graph_of(dag)
    for _, plan in pairs(graph, plan_of(graph, PlanRules())):
        for unit in plan.units.values():
            if isinstance(unit, Composite) and unit.fan_out is None:
                starter = plan.units[plan.starter(unit)]
                last = starter.process if isinstance(starter, Single) else starter.fan_in
                assert last.starts is unit.node


def chain(count, name="s"):
    return [task(f"{name}{n}", f"{name}{n + 1}" if n + 1 < count else "success") for n in range(count)]


TWO = pipeline(*chain(2))
SIZES = {
    "a chain of 10 tasks": pipeline(*chain(10)),
    "a task, then a map of 10 items over one task": pipeline(task("a", "m"), mapped("m")),
    "a task, a map of 10 items over one task, a task": pipeline(task("a", "m"), mapped("m", "z"), task("z")),
    "a parallel step of 3 branches of 2 tasks": pipeline(
        CompositeNode("p", StaticBranches({"a": TWO, "b": TWO, "c": TWO}), next="success")
    ),
    "a loop of 3 iterations of one task": pipeline(loop("l")),
    "a task, then a conditional with one task": pipeline(
        task("a", "c"), CompositeNode("c", ChosenBranch("v", {"x": pipeline(task("i"))}), next="success")
    ),
}
PAGE = Path(__file__).parents[3] / "docs/how-to/run-on-argo.md"


def test_the_page_has_a_table_of_processes_before_and_after():
    """The numbers are counted, and the table that they make stands in the page."""
    lines = ["| pipeline | pods with `fuse: false` | pods |", "|---|---|---|"]
    for name, graph in SIZES.items():
        before, after = (process_count(plan_of(graph, PlanRules(fuse=fuse)), {"xs": 10}) for fuse in (False, True))
        assert after < before
        lines.append(f"| {name} | {before} | {after} |")
    assert "\n".join(lines) in PAGE.read_text(), "\n".join(lines)


def test_a_chain_of_tasks_is_a_process_each_and_a_map_two_more_than_its_items():
    assert process_count(plan_of(SIZES["a chain of 10 tasks"], PlanRules()), {}) == 10
    graph = SIZES["a task, a map of 10 items over one task, a task"]
    assert process_count(plan_of(graph, PlanRules()), {"xs": 10}) == 12
