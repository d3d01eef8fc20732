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
from magnus.graph.failures import may_begin_run
from magnus.graph.graph import Graph
from magnus.graph.nodes import (
    ChosenBranch,
    CompositeNode,
    MappedBranches,
    Node,
    RepeatedBranch,
    StaticBranches,
    TerminalNode,
)
from magnus.transpilers.argo import cutting
from magnus.transpilers.argo.calls import called_with, encoded, end_of, failure_of, output_of
from magnus.transpilers.argo.manifest import Dag, DagTask, Parameter, Parameters, Suspend, Template
from magnus.transpilers.argo.names import Names
from magnus.transpilers.argo.pods import Pods, named_override

ENTRYPOINT: Final = "pipeline"
ROUNDS_AT_ONCE: Final = 10
"""The rounds of a loop in one dag; more follow in another one inside it, since Argo nests only so deep."""

MOST_TASKS: Final = 150
"""Steps in one dag; ends and parts come to them."""

_END: Final = "magnus-end"
_BRANCH: Final = "{{inputs.parameters.branch}}"
_STEP: Final = "{{inputs.parameters.step}}"


class Shaper:
    """Collects the templates of one workflow, and which step has which name in them."""

    def __init__(self, pods: Pods, entrypoint: Graph) -> None:
        self._pods = pods
        self._names = Names()
        self._found: dict[bytes, Template] = {}
        self.renamed: dict[str, str] = {}
        self.steps: dict[str, Node] = {}
        """For the names of dags the step that they are of, or the first one of their pipeline."""
        self.entrypoint = _Pipeline(self, pods, entrypoint, ENTRYPOINT, "", is_root=True).template()

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

    def __init__(self, shaper: Shaper, pods: Pods, node: CompositeNode, name: str, around: str, *, first: bool) -> None:
        self._shaper = shaper
        self._pods = pods
        self._node = node
        self._name = name
        self._override = named_override(node, around)
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
        parallelism = self._pods.override(named_override(self._node, "")).parallelism
        dag = Template("", inputs=taken, dag=Dag(tuple(tasks), fail_fast=False), parallelism=parallelism)
        return self._shaper.add(dag, self._name, self._node)

    def _inner(self, graph: Graph, name: str) -> str:
        return _Pipeline(
            self._shaper, self._pods, graph, f"{self._name} {name}", self._override, is_root=False
        ).template()

    def _out(self, nothing: str) -> DagTask:
        pod = self._pods.fan(self._override, "out", nothing, first=self._first)
        template = self._shaper.add(pod, "first fan out" if self._first else "fan out")
        return DagTask("fan-out", template, called_with(step=_STEP))

    def _in(self, depends: str, task: str = "fan-in") -> DagTask:
        template = self._shaper.add(self._pods.fan(self._override, "in", "", first=False), "fan in")
        return DagTask(task, template, called_with(step=_STEP), depends)

    def _beside(self, branches: Mapping[int, tuple[str, Graph]], *, chosen: bool) -> list[DagTask]:
        """Branches that are known: all of them, or the one with the number that fan-out gives."""
        names = Names("fan-out", "fan-in")
        named = {number: names.of(key, "branch") for number, (key, _) in branches.items()}
        self._shaper.rename(self._name, {named[number]: key for number, (key, _) in branches.items()})
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
        rounds = self._shaper.reserve(f"{self._name} rounds")
        tasks: list[DagTask] = []
        number = "{{inputs.parameters.round}}"
        for place in range(min(loop.max_iterations, ROUNDS_AT_ONCE)):
            before = f"fan-in-{place - 1}" if place else ""
            depends = f"{before}.Succeeded" if place else ""
            when = f"'{number}' != ''" if place else ""
            task = DagTask(f"round-{place}", inner, called_with(branch=f"{_STEP}/{number}"), depends, when)
            ended = f"({task.name}.Succeeded || {task.name}.Failed || {task.name}.Errored)"
            tasks += [task, self._in(ended, f"fan-in-{place}")]
            number = output_of(f"fan-in-{place}")
        if goes_deeper:
            depends = f"fan-in-{ROUNDS_AT_ONCE - 1}.Succeeded"
            called = called_with(step=_STEP, round=number)
            tasks.append(DagTask("more", rounds, called, depends, f"'{number}' != ''"))
        taken = Parameters((Parameter("step"), Parameter("round")))
        self._shaper.put(Template(rounds, inputs=taken, dag=Dag(tuple(tasks), fail_fast=False)))
        begin = self._out("")
        first_round = called_with(step=_STEP, round=output_of("fan-out"))
        return self._dag([begin, DagTask("rounds", rounds, first_round, "fan-out.Succeeded")])


class _Pipeline:
    """The dag of one (sub)pipeline on its way."""

    def __init__(self, shaper: Shaper, pods: Pods, graph: Graph, name: str, around: str, *, is_root: bool) -> None:
        self._shaper = shaper
        self._around = around
        self._pods = pods
        self._graph = graph
        self._name = name
        self._is_root = is_root
        self._may_begin = may_begin_run(graph) if is_root else set[str]()
        self._names = Names(_END)
        self._leads = cutting.edges(graph)
        self._tasks = {step: self._names.of(step) for step in self._leads}
        shaper.rename(name, {task: step for step, task in self._tasks.items()})

    def template(self) -> str:
        """The name of its template."""
        parts = cutting.parts(self._graph, MOST_TASKS)
        body = self._one(parts[0]) if len(parts) == 1 else self._several(parts)
        return self._shaper.add(self._dag(body), self._name, self._graph.nodes[self._graph.start_at])

    def _dag(self, tasks: Sequence[DagTask]) -> Template:
        inputs = None if self._is_root else Parameters((Parameter("branch"),))
        return Template("", inputs=inputs, dag=Dag(tuple(tasks), fail_fast=False))

    def _one(self, steps: Sequence[str]) -> list[DagTask]:
        terms = self._terms(steps, {step: self._tasks[step] for step in steps})
        return [*(self._task(step, terms) for step in steps), *self._ends(terms)]

    def _several(self, parts: Sequence[Sequence[str]]) -> list[DagTask]:
        """A task for each part but the last, whose steps follow in this dag."""
        fail = self._graph.terminal(succeeds=False).name
        tasks: list[DagTask] = []
        failures: list[str] = []
        depends = ""
        for steps, following in zip(parts, [*parts[1:], None], strict=True):
            if following is None:
                terms = self._terms(steps, {step: self._tasks[step] for step in steps})
                terms[steps[0]] = [depends]
                terms[fail] = [*failures, *terms.get(fail, [])]
                tasks += [*(self._task(step, terms) for step in steps), *self._ends(terms)]
                break
            task = self._names.of(f"{steps[0]} to {steps[-1]}")
            called = None if self._is_root else called_with(branch=_BRANCH)
            tasks.append(DagTask(task, self._part(steps, following[0]), called, depends))
            depends = f"{task}.Succeeded"
            failures.append(failure_of(task))
        return tasks

    def _part(self, steps: Sequence[str], goes_on_to: str) -> str:
        """The template of a part, which succeeds when it goes on."""
        terms = self._terms(steps, {step: self._tasks[step] for step in steps})
        tasks = [self._task(step, terms) for step in steps]
        tasks.append(DagTask(_END, self._nothing(), depends=" || ".join(terms[goes_on_to])))
        return self._shaper.add(self._dag(tasks), f"{self._name} {steps[0]}", self._graph.nodes[steps[0]])

    def _terms(self, steps: Sequence[str], tasks: Mapping[str, str]) -> dict[str, list[str]]:
        """For each step that these lead to: how each of these has to end for that."""
        found: dict[str, list[str]] = {}
        for step in steps:
            for target, succeeds in self._leads[step]:
                term = f"{tasks[step]}.Succeeded" if succeeds else failure_of(tasks[step])
                found.setdefault(target, []).append(term)
        return found

    def _task(self, step: str, terms: Mapping[str, Sequence[str]]) -> DagTask:
        node = self._graph.nodes[step]
        first = step in self._may_begin
        if isinstance(node, CompositeNode):
            template = self._shaper.composite(node, self._composite_name(step), self._around, first=first)
        else:
            template = self._step(node, first=first)
        return DagTask(self._tasks[step], template, self._called(step), " || ".join(terms.get(step, ())))

    def _composite_name(self, step: str) -> str:
        return step if self._is_root else f"{self._name} {step}"

    def _step(self, node: Node, *, first: bool) -> str:
        return self._shaper.add(
            self._pods.step(node, named_override(node, self._around), first=first), "first step" if first else "step"
        )

    def _called(self, step: str) -> Parameters:
        return called_with(step=encoded(step) if self._is_root else f"{_BRANCH}/{encoded(step)}")

    def _ends(self, terms: Mapping[str, Sequence[str]]) -> list[DagTask]:
        """The ends that can be reached; of the whole pipeline, with a task that decides how the dag ends.

        It runs behind success alone. Where it is omitted the dag has failed, as the pod of the fail step says.
        """
        start = self._graph.start_at  # which may be an end itself
        nodes = self._graph.nodes.values()
        ends = [node for node in nodes if isinstance(node, TerminalNode) and node.name in {*terms, start}]
        tasks = [
            DagTask(
                self._names.of(node.name),
                self._step(node, first=node.name in self._may_begin),
                self._called(node.name),
                " || ".join(terms.get(node.name, ())),
            )
            for node in ends
        ]
        if not self._is_root:
            return tasks
        succeeded = [f"{task.name}.Succeeded" for node, task in zip(ends, tasks, strict=True) if node.succeeds]
        never = [f"({t.name}.Failed && {t.name}.Succeeded)" for n, t in zip(ends, tasks, strict=True) if not n.succeeds]
        return [*tasks, DagTask(_END, self._nothing(), depends=" || ".join([*succeeded, *never]))]

    def _nothing(self) -> str:
        return self._shaper.add(Template("", suspend=Suspend("0")), "nothing")
