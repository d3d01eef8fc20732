"""Checks a pipeline, its manifest and the size of its runs for limits of Argo and Kubernetes, before anything is submitted.

The numbers are from the full custom resource definitions of Argo Workflows 4.0, from objects of Kubernetes (1 MB leaves
room below the 1.5 MiB of etcd) and from arguments in Linux.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from magnus.engine.values.parameter_values import LONGEST_ENTRY, VARIABLE_PREFIX, entry_bytes
from magnus.errors import Problem
from magnus.graph.nodes import ChosenBranch, CompositeNode, Graph, MappedBranches, Node, RepeatedBranch, graphs_of
from magnus.interfaces.together import Together
from magnus.interfaces.transpiler import TranspileRequest
from magnus.transpilers import partition
from magnus.transpilers.argo import option_rules, pipeline_dags
from magnus.transpilers.argo.dags import ROUNDS_AT_ONCE
from magnus.transpilers.argo.manifest import CronWorkflow, Manifest, WorkflowSpec
from magnus.transpilers.argo.options import ArgoOptions
from magnus.transpilers.argo.pod_templates import as_text, is_read_by_engines
from magnus.transpilers.process_plan import Composite, PipelinePlan
from magnus.transpilers.refusals import looks_like_secret

MOST_TEMPLATES: Final = 200
MOST_TASKS: Final = 200
MOST_PARAMETERS: Final = 500
MOST_BYTES: Final = 1_000_000
MOST_BYTES_OF_ANNOTATIONS: Final = 262_144
MANY_NODES: Final = 3_000
MOST_ROUNDS: Final = 500
DEEPEST: Final = 100
"""Calls of templates inside one another ("Maximum Recursion Depth" of the page "Scaling" of Argo)."""
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z", re.ASCII)


def of_request(options: ArgoOptions, request: TranspileRequest, plan: PipelinePlan) -> list[Problem]:
    """Problems of options and pipeline that need no manifest to be seen."""
    return [
        *option_rules.of_options(options, request),
        *_of_texts(request),
        *_of_variables(options, request),
        *_of_parameters(request),
        *_of_steps(request, request.graph),
        *Together.of(request.executor, options.overrides).problems(request.graph, request.locate_step),
        *_of_sizes(request, plan),
    ]


def _of_texts(request: TranspileRequest) -> Iterator[Problem]:
    """Texts that become arguments of pods."""
    texts = {
        "pipeline": request.definition_file,
        "configuration": request.configuration_file,
        "parameters": request.parameters_file,
        "tag": request.tag,
    }
    for what, text in texts.items():
        if is_read_by_engines(text):
            message = f"in the {what} '{text}' there is a variable for Argo or Kubernetes: '{{{{', '$(' or '$$'"
            yield Problem(message, "rename it")
        elif len(text.encode()) >= LONGEST_ENTRY:
            message = f"the {what} has {len(text.encode())} bytes, and Linux takes {LONGEST_ENTRY - 1} as an argument"
            yield Problem(message, "shorten it")


def _of_variables(options: ArgoOptions, request: TranspileRequest) -> Iterator[Problem]:
    """Variables of the environment that pipeline and configuration use, which stand in the manifest."""
    given = {secret.environment_variable for secret in options.secrets_from_k8s}
    for name, text in request.variables.items():
        fix = f"give it by 'secrets_from_k8s', with 'environment_variable: {name}'"
        if name in given:
            continue
        if looks_like_secret(name):
            yield Problem(f"the variable {name} looks like a secret, and everybody can read a manifest", fix)
        elif is_read_by_engines(text):
            yield Problem(f"Argo or Kubernetes would replace something in the value of the variable {name}", fix)
        elif (size := entry_bytes(name, text)) > LONGEST_ENTRY:
            yield Problem(f"the variable {name} has {size} bytes, and Linux takes {LONGEST_ENTRY}", "shorten its value")


def _of_parameters(request: TranspileRequest) -> Iterator[Problem]:
    for name, value in request.parameters.items():
        if not _VARIABLE.match(name):
            message = f"the parameter '{name}' cannot be a variable of the environment of a pod"
            yield Problem(message, "give it in a parameters file that is in the image")
        elif (size := entry_bytes(VARIABLE_PREFIX + name, as_text(value))) > LONGEST_ENTRY:
            message = f"the variable of the parameter '{name}' has {size} bytes, and Linux takes {LONGEST_ENTRY}"
            yield Problem(message, "give it in a parameters file that is in the image")


def _of_steps(request: TranspileRequest, graph: Graph) -> Iterator[Problem]:
    for node in graph.nodes.values():
        if isinstance(node, CompositeNode):
            loop = node.branches
            if isinstance(loop, RepeatedBranch) and loop.max_iterations > MOST_ROUNDS:
                message = f"{loop.max_iterations} iterations are nested deeper than Argo goes"
                fix = f"let 'max_iterations' be at most {MOST_ROUNDS}"
                yield Problem(message, fix, request.locate_step(node, "max_iterations"), node.name)
            for inner in graphs_of(node):
                yield from _of_steps(request, inner)


def _of_sizes(request: TranspileRequest, plan: PipelinePlan) -> Iterator[Problem]:
    calls = depth(plan)
    if calls > DEEPEST:
        message = f"steps with branches are nested {calls} deep in Argo, iterations of loops among them, and it goes {DEEPEST}"
        yield Problem(message, "lower 'max_iterations' of loops inside one another")
    count = nodes(plan, request.lengths)
    if count > MANY_NODES:
        message = f"the workflow has about {count} nodes; its status outgrows one object beyond about {MANY_NODES}"
        yield Problem(message, "have Argo offload the status of large workflows to a database", severity="warning")


def of_manifest(
    manifest: Manifest, text: str, steps: Mapping[str, Node], request: TranspileRequest
) -> Iterator[Problem]:
    """Problems of the manifest; `steps` are the steps that dags run, by the names of the dags."""
    spec = manifest.spec.workflow_spec if isinstance(manifest, CronWorkflow) else manifest.spec
    arguments = len(spec.arguments.parameters) if spec.arguments else 0
    if len(spec.templates) > MOST_TEMPLATES:
        message = f"the workflow has {len(spec.templates)} templates, and Argo takes {MOST_TEMPLATES}"
        yield Problem(message, "put a part of the pipeline into a pipeline of its own")
    for template in spec.templates:
        tasks = len(template.dag.tasks) if template.dag else 0
        if tasks > MOST_TASKS:
            message = f"'{template.name}' has {tasks} tasks, and Argo takes {MOST_TASKS} in one dag"
            node = steps[template.name]
            where = request.locate_step(node, "next")
            yield Problem(message, "put some of its steps into a step of type 'dag'", where, node.name)
    yield from _of_whole_templates(spec)
    if arguments > MOST_PARAMETERS:
        message = f"the workflow has {arguments} parameters, and Argo takes {MOST_PARAMETERS}"
        where = request.locate_option("expose_parameters_as_inputs")
        yield Problem(message, "set 'expose_parameters_as_inputs: false'", where)
    annotations = sum(len(f"{key}{value}".encode()) for key, value in manifest.metadata.annotations.items())
    if annotations > MOST_BYTES_OF_ANNOTATIONS:
        message = f"the annotations have {annotations} bytes, and Kubernetes takes {MOST_BYTES_OF_ANNOTATIONS}"
        yield Problem(message, "use names of steps that Argo takes as they are: letters, digits and hyphens")
    if len(text.encode()) > MOST_BYTES:
        message = f"the manifest has {len(text.encode())} bytes, and Kubernetes takes about {MOST_BYTES}"
        yield Problem(message, "put a part of the pipeline into a pipeline of its own")


def _of_whole_templates(spec: WorkflowSpec) -> Iterator[Problem]:
    """Pods of older versions get their whole template in one variable, with the arguments of the workflow in it."""
    arguments = {
        one.name: len((one.value or "").encode()) for one in (spec.arguments.parameters if spec.arguments else ())
    }
    largest = 0
    for template in spec.templates:
        if template.container is not None:
            text = msgspec.json.encode(template)
            named = (text.count(f"{{{{workflow.parameters.{name}}}}}".encode()) for name in arguments)
            values = sum(count * size for count, size in zip(named, arguments.values(), strict=True))
            largest = max(largest, len(text) + values)
    if largest + len("ARGO_TEMPLATE=\0") > LONGEST_ENTRY:
        message = (
            f"initial parameters and variables make templates of {largest} bytes; Argo before 3.6 passes a pod its template "
            f"in one variable, of which Linux takes {LONGEST_ENTRY}"
        )
        fix = "give large values in a parameters file that is in the image, if this is for such a version"
        yield Problem(message, fix, severity="warning")


def depth(plan: PipelinePlan) -> int:
    """Calls of templates inside one another, from the dag of the pipeline to its innermost pods."""
    return _dags(plan) + max((_depth(unit) for unit in plan.units.values() if isinstance(unit, Composite)), default=1)


def _dags(plan: PipelinePlan) -> int:
    """Dags of the pipeline itself inside one another."""
    start_at = plan.graph.start_at
    rests = partition.rests(start_at, plan.leads, plan.fail, pipeline_dags.MOST_TASKS)
    if not rests:
        return min(len(partition.parts(plan.leads, plan.fail, pipeline_dags.MOST_TASKS)), 2)
    deep: dict[str, int] = {}
    waiting = [start_at]
    while waiting:
        entry = waiting[-1]
        left = [step for step in rests[entry].goes_on_to if step not in deep]
        if left:
            waiting += left
        else:
            deep[entry] = 1 + max((deep[step] for step in rests[entry].goes_on_to), default=0)
            waiting.pop()
    return deep[start_at]


def _depth(unit: Composite) -> int:
    loop = unit.node.branches
    levels = -(-loop.max_iterations // ROUNDS_AT_ONCE) if isinstance(loop, RepeatedBranch) else 0
    return 1 + levels + max(map(depth, unit.plans))


def nodes(plan: PipelinePlan, lengths: Mapping[str, int]) -> int:
    """Nodes of a run with all steps and iterations; `lengths` are of initial lists, others count as one element."""
    return 1 + sum(_nodes(unit, lengths) if isinstance(unit, Composite) else 1 for unit in plan.units.values())


def _nodes(unit: Composite, lengths: Mapping[str, int]) -> int:
    inner = [nodes(plan, lengths) for plan in unit.plans]
    around = 2 + (unit.fan_out is not None)
    match unit.node.branches:
        case ChosenBranch(graphs=graphs):
            return around + len(graphs) + max(inner)
        case MappedBranches(iterate_on=name):
            return around + 1 + lengths.get(name, 1) * inner[0]
        case RepeatedBranch(max_iterations=rounds):
            return around + rounds * (inner[0] + 1)
        case _:
            return around + sum(inner)
