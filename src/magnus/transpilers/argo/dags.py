"""Makes templates of a graph: a dag for every pipeline and every composite in it, pods for its steps.

A dag takes the path of its branch, so that one template serves every branch, every element of a map and every round of
a loop, and templates that are alike are written once. How a dag ends, and what `depends` says, follows the page
"Enhanced Depends Logic" of Argo's documentation; a target that is omitted counts as what it depended on did.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from magnus.engine.fan import key_of_default
from magnus.graph.nodes import (
    ChosenBranch,
    CompositeNode,
    Graph,
    MappedBranches,
    Node,
    RepeatedBranch,
    StaticBranches,
)
from magnus.transpilers.argo.manifest import Dag, DagTask, Parameter, Parameters, Template
from magnus.transpilers.argo.pipeline_dags import PipelineDags
from magnus.transpilers.argo.pod_templates import Pods
from magnus.transpilers.argo.template_calls import called_with, encoded, end_of, output_of
from magnus.transpilers.unique_names import Names

ENTRYPOINT: Final = "pipeline"
ROUNDS_AT_ONCE: Final = 10
"""The rounds of a loop in one dag; more follow in another one inside it, since Argo nests only so deep."""

_STEP: Final = "{{inputs.parameters.step}}"


class DagBuilder:
    """Collects the templates of one workflow, and which step has which name in them."""

    def __init__(self, pods: Pods, entrypoint: Graph) -> None:
        self._pods = pods
        self._names = Names()
        self._found: dict[bytes, Template] = {}
        self.renamed: dict[str, str] = {}
        self.steps: dict[str, Node] = {}
        """For the names of dags the step that they are of, or the first one of their pipeline."""
        self.entrypoint = PipelineDags(self, pods, entrypoint, ENTRYPOINT, "", is_root=True).template()

    @property
    def templates(self) -> tuple[Template, ...]:
        """All templates, each behind those that it calls."""
        return tuple(self._found.values())

    def add(self, template: Template, name: str, step: Node | None = None) -> str:
        """The name of the template, which is written once however often it is asked for; `step` is what it is of."""
        key = msgspec.json.encode(template)
        if key not in self._found:
            self._found[key] = replace(template, name=self._names.of(name, "template"))
        found = self._found[key].name
        if step is not None:
            self.steps.setdefault(found, step)
        return found

    def rename(self, dag: str, names: Mapping[str, str]) -> None:
        """Note which names the tasks of a dag stand for, where they differ from theirs."""
        for task, name in names.items():
            if task != name and self.renamed.setdefault(task, name) != name:
                self.renamed[f"{dag}: {task}"] = name

    def composite(self, node: CompositeNode, name: str, around: str, *, first: bool) -> str:
        """The template of a step with branches; it takes the path of the step as `step`.

        `around` is the override that the nearest step around it names.
        """
        return _Composite(self, self._pods, node, name, around, first=first).template()

    def reserve(self, name: str) -> str:
        """A name for a template that is written later, with `put`."""
        return self._names.of(name, "template")

    def put(self, template: Template) -> None:
        """Write the template, which has its name."""
        self._found[template.name.encode()] = template


class _Composite:
    """The dag of a step with branches."""

    def __init__(
        self, builder: DagBuilder, pods: Pods, node: CompositeNode, name: str, around: str, *, first: bool
    ) -> None:
        self._builder = builder
        self._pods = pods
        self._node = node
        self._name = name
        self._override = pods.named_override(node, around)
        self._first = first

    def template(self) -> str:
        """The name of its template."""
        match self._node.branches:
            case StaticBranches(graphs=graphs):
                tasks = self._beside(dict(enumerate(graphs.items())), chosen=False)
            case ChosenBranch(graphs=graphs, default=default):
                keyed = [*graphs.items(), *([] if default is None else [(key_of_default(graphs), default)])]
                tasks = self._beside(dict(enumerate(keyed)), chosen=True)
            case MappedBranches(graph=graph):
                tasks = self._mapped(graph)
            case RepeatedBranch(graph=graph) as loop:
                return self._repeated(loop, graph)
        return self._dag(tasks)

    def _dag(self, tasks: Sequence[DagTask]) -> str:
        taken = Parameters((Parameter("step"),))
        parallelism = self._pods.override(self._pods.named_override(self._node, "")).parallelism
        dag = Template("", inputs=taken, dag=Dag(tuple(tasks), fail_fast=False), parallelism=parallelism)
        return self._builder.add(dag, self._name, self._node)

    def _inner(self, graph: Graph, name: str) -> str:
        return PipelineDags(
            self._builder, self._pods, graph, f"{self._name} {name}", self._override, is_root=False
        ).template()

    def _out(self, nothing: str) -> DagTask:
        pod = self._pods.fan(self._override, "out", nothing, first=self._first)
        template = self._builder.add(pod, "first fan out" if self._first else "fan out")
        return DagTask("fan-out", template, called_with(step=_STEP))

    def _in(self, depends: str) -> DagTask:
        template = self._builder.add(self._pods.fan(self._override, "in", "", first=False), "fan in")
        return DagTask("fan-in", template, called_with(step=_STEP), depends)

    def _join_round(self, depends: str, task: str, number: str) -> DagTask:
        template = self._builder.add(self._pods.join_round(self._override), "fan in round")
        return DagTask(task, template, called_with(step=_STEP, round=number), depends)

    def _beside(self, branches: Mapping[int, tuple[str, Graph]], *, chosen: bool) -> list[DagTask]:
        """Branches that are known: all of them, or the one with the number that fan-out gives."""
        names = Names("fan-out", "fan-in")
        named = {number: names.of(key, "branch") for number, (key, _) in branches.items()}
        self._builder.rename(self._name, {named[number]: key for number, (key, _) in branches.items()})
        begin = self._out("")
        tasks = [
            DagTask(
                named[number],
                self._inner(graph, key),
                called_with(branch=f"{_STEP}/{encoded(key)}"),
                "fan-out.Succeeded",
                when=f"'{output_of('fan-out')}' == '{number}'" if chosen else "",
            )
            for number, (key, graph) in branches.items()
        ]
        ended = " && ".join(["fan-out.Succeeded", *(end_of(task.name) for task in tasks)])
        return [begin, *tasks, self._in(ended)]

    def _mapped(self, graph: Graph) -> list[DagTask]:
        """A branch for each number that fan-out gives."""
        inner = self._inner(graph, "branch")
        called = called_with(branch=f"{_STEP}/{{{{item}}}}")
        branches = DagTask("branches", inner, called, "fan-out.Succeeded", with_param=output_of("fan-out"))
        depends = f"fan-out.Succeeded && {end_of('branches')}"
        return [self._out("[]"), branches, self._in(depends)]

    def _repeated(self, loop: RepeatedBranch, graph: Graph) -> str:
        """Rounds, each behind the joining of the one before, as long as that gives the number of another."""
        inner = self._inner(graph, "round")
        goes_deeper = loop.max_iterations > ROUNDS_AT_ONCE
        rounds = self._builder.reserve(f"{self._name} rounds")
        tasks: list[DagTask] = []
        number = "{{inputs.parameters.round}}"
        for place in range(min(loop.max_iterations, ROUNDS_AT_ONCE)):
            before = f"fan-in-{place - 1}" if place else ""
            depends = f"{before}.Succeeded" if place else ""
            when = _is_round(number) if place else ""
            task = DagTask(f"round-{place}", inner, called_with(branch=f"{_STEP}/{number}"), depends, when)
            ended = f"({task.name}.Succeeded || {task.name}.Failed || {task.name}.Errored)"
            tasks += [task, self._join_round(ended, f"fan-in-{place}", number)]
            number = output_of(f"fan-in-{place}")
        if goes_deeper:
            depends = f"fan-in-{ROUNDS_AT_ONCE - 1}.Succeeded"
            called = called_with(step=_STEP, round=number)
            tasks.append(DagTask("more", rounds, called, depends, _is_round(number)))
        taken = Parameters((Parameter("step"), Parameter("round")))
        self._builder.put(Template(rounds, inputs=taken, dag=Dag(tuple(tasks), fail_fast=False)))
        first = output_of("fan-out")
        called = called_with(step=_STEP, round=first)
        return self._dag([self._out(""), DagTask("rounds", rounds, called, "fan-out.Succeeded", _is_round(first))])


def _is_round(number: str) -> str:
    """The condition that there is a round to run: none is when the loop ended before."""
    return f"'{number}' != ''"
