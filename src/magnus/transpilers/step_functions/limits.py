"""Checks a pipeline and its machine for limits of AWS, before anything is submitted."""

from collections.abc import Iterator

from magnus.errors import Problem
from magnus.graph.nodes import CompositeNode, Graph, StaticBranches, graphs_of
from magnus.interfaces.together import Together
from magnus.interfaces.transpiler import TranspileRequest
from magnus.transpilers.step_functions.handover import place_of
from magnus.transpilers.step_functions.options import StepFunctionsOptions


def of_request(options: StepFunctionsOptions, request: TranspileRequest) -> Iterator[Problem]:
    """Problems of options and pipeline that need no machine to be seen."""
    together = Together.of(request.executor, options.overrides)
    yield from together.problems(request.graph, request.locate_step)
    if place_of(options.handover) is None:
        yield from _of_handover(request, request.graph, together)


def _of_handover(request: TranspileRequest, graph: Graph, together: Together) -> Iterator[Problem]:
    """The steps whose branches are chosen when the pipeline runs, so that a process has to say which."""
    for node in graph.nodes.values():
        if isinstance(node, CompositeNode) and not together.runs(node):
            if not isinstance(node.branches, StaticBranches):
                message = (
                    f"a step of type '{node.written_as}' needs a place in S3, where its job says which branches run"
                )
                fix = "set 'handover: s3://BUCKET/PREFIX' in the configuration of the executor"
                yield Problem(message, fix, request.locate_step(node, "type"), node.name)
            for inner in graphs_of(node):
                yield from _of_handover(request, inner, together)
