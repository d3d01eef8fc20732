"""Long pipelines as workflows of Argo: cut into dags that Argo takes, and run as they were written."""

import asyncio

import argo_rules
import pytest
import yaml

from magnus.app.run.simulate import run_to_end, spec_of, variables_of
from magnus.definition.yaml_text import parse
from magnus.errors import InvalidDefinition
from magnus.graph.nodes import Graph, TaskNode, TaskSpec, TerminalNode
from magnus.interfaces.transpiler import TranspileRequest
from magnus.simulation.argo.pod import FAILED, SUCCEEDED, Ended, steps_of
from magnus.simulation.argo.workflow import Simulation
from magnus.transpilers.argo import ArgoOptions, ArgoTranspiler, limits
from magnus.transpilers.planning import PlanRules, plan_of

TRANSPILER = ArgoTranspiler(ArgoOptions(image="image:1"))


def written(graph):
    [text] = TRANSPILER.transpile(TranspileRequest(graph, "pipeline.yaml")).files.values()
    return text


def problems(graph):
    return [(found.severity, found.message) for found in TRANSPILER.problems(TranspileRequest(graph, "pipeline.yaml"))]


def chain(count, on_failure, handlers=()):
    """Steps one after the other; handlers end the pipeline."""
    following = [*(f"s{number}" for number in range(1, count)), "success"]
    nodes = {
        f"s{number}": TaskNode(f"s{number}", TaskSpec("noop"), next=leads_to, on_failure=on_failure(number))
        for number, leads_to in enumerate(following)
    }
    nodes |= {name: TaskNode(name, TaskSpec("noop"), next="success") for name in handlers}
    return Graph("s0", {**nodes, "success": TerminalNode("success", True), "fail": TerminalNode("fail", False)})


LONG = {
    "a way to the end at the start": (chain(220, lambda number: "success" if number == 0 else None), set()),
    "a way into the second part": (chain(420, lambda number: "s210" if number == 0 else None), set()),
    "a handler for each": (chain(100, lambda n: f"h{n}", [f"h{n}" for n in range(100)]), set()),
    "a handler for all": (chain(1_000, lambda _: "h", ["h"]), set()),
    "a handler for all that fails": (chain(300, lambda n: "h" if n != 299 else None, ["h"]), {"h"}),
}


class Pods:
    """Pods of which those in `fails` fail."""

    def __init__(self, fails):
        self.fails = fails
        self.ran = []

    async def run(self, _template, variables, _number):
        failed = False
        for step in steps_of(variables) or [""]:
            self.ran.append(step)
            failed = step in self.fails or step == "fail"
            if failed:
                break
        return Ended(FAILED if failed else SUCCEEDED, exit_code=int(failed))


def way_of(graph, fails):
    """The steps that run, and whether the pipeline succeeds."""
    node, ran = graph.nodes[graph.start_at], []
    while not isinstance(node, TerminalNode):
        ran.append(node.name)
        node = graph.nodes[(node.on_failure or "fail") if node.name in fails else node.next]
    return [*ran, node.name, ""], node.succeeds


FAILING = {
    "a way to the end at the start": (0, 149, 219),
    "a way into the second part": (0, 149, 209, 210, 419),
    "a handler for each": (0, 73, 74, 99),
    "a handler for all": (149, 700, 999),
    "a handler for all that fails": (0, 150, 298, 299),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", LONG)
def test_long_pipelines_are_cut_whatever_leads_where(name):
    graph, failing_too = LONG[name]
    spec = spec_of(parse(written(graph), "m.yaml", InvalidDefinition, "the manifest"))
    for number in (None, *FAILING[name]):
        pods = Pods({*failing_too, f"s{number}"})
        end = asyncio.run(run_to_end(Simulation(spec, variables_of(spec, {}), pods, lambda *_: None)))
        assert (pods.ran, end.phase == SUCCEEDED) == way_of(graph, pods.fails)


@pytest.mark.slow
@pytest.mark.parametrize("name", LONG)
def test_long_pipelines_stay_under_the_limits(name):
    graph, _ = LONG[name]
    assert problems(graph) == []
    assert list(argo_rules.broken(yaml.load(written(graph), yaml.CSafeLoader))) == []
    assert limits.depth(plan_of(graph, PlanRules())) == {
        "a handler for all": 8,
        "a way into the second part": 4,
        "a handler for all that fails": 4,
    }.get(name, 3)


def test_a_pipeline_that_cannot_be_cut_small_enough_is_refused():
    """Each step leads over the next fifty, so that fifty ways lie over every place."""
    graph = chain(1_000, lambda number: f"s{number + 50}" if number < 950 else None)
    assert problems(graph) == [("error", "'pipeline-s0' has 1000 tasks, and Argo takes 200 in one dag")]
