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
from magnus.graph.path import StepPath
from magnus.transpilers.argo import cutting
from magnus.transpilers.argo.manifest import Dag, DagTask, Parameter, Parameters, Suspend, Template
from magnus.transpilers.argo.names import Names
from magnus.transpilers.argo.pods import BRANCHES, Pods

ENTRYPOINT: Final = "pipeline"
ROUNDS_AT_ONCE: Final = 10
"""The rounds of a loop in one dag; more follow in another one inside it, since Argo nests only so deep."""

_MOST_TASKS: Final = 150
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
        self.entrypoint = self._pipeline(entrypoint, ENTRYPOINT, is_root=True)

    @property
    def templates(self) -> tuple[Template, ...]:
        """All templates, each behind those that it calls."""
        return tuple(self._found.values())

    def add(self, template: Template, name: str) -> str:
        """The name of the template, which is written once however often it is asked for."""
        key = msgspec.json.encode(template)
        if key not in self._found:
            self._found[key] = replace(template, name=self._names.of(name, "template"))
        return self._found[key].name

    def rename(self, dag: str, names: Mapping[str, str]) -> None:
        """Note which names the tasks of a dag stand for, where they differ from theirs."""
        for task, name in names.items():
            if task != name and self.renamed.setdefault(task, name) != name:
                self.renamed[f"{dag}: {task}"] = name

    def _pipeline(self, graph: Graph, name: str, *, is_root: bool) -> str:
        return _Pipeline(self, self._pods, graph, name, is_root=is_root).template()

    def composite(self, node: CompositeNode, name: str, *, first: bool) -> str:
        """The template of a step with branches; it takes the path of the step as `step`."""
        match node.branches:
            case StaticBranches(graphs=graphs):
                tasks = self._beside(node, name, dict(enumerate(graphs.items())), first=first, chosen=False)
            case ChosenBranch(graphs=graphs, default=default):
                keyed = [*graphs.items(), *([] if default is None else [(key_of_default(graphs), default)])]
                tasks = self._beside(node, name, dict(enumerate(keyed)), first=first, chosen=True)
            case MappedBranches(graph=graph):
                tasks = self._mapped(node, name, graph, first=first)
            case RepeatedBranch(graph=graph) as loop:
                return self._repeated(node, loop, name, graph, first=first)
        return self._dag(node, tasks, name)

    def _dag(self, node: CompositeNode, tasks: Sequence[DagTask], name: str, *inputs: str) -> str:
        taken = Parameters(tuple(Parameter(wanted) for wanted in ("step", *inputs)))
        parallelism = self._pods.override(node).parallelism
        return self.add(
            Template("", inputs=taken, dag=Dag(tuple(tasks), fail_fast=False), parallelism=parallelism), name
        )

    def _out(self, node: CompositeNode, nothing: str, *, first: bool) -> DagTask:
        template = self.add(self._pods.fan(node, "out", nothing, first=first), "first fan out" if first else "fan out")
        return DagTask("fan-out", template, _called(step=_STEP))

    def _in(self, node: CompositeNode, depends: str, task: str = "fan-in") -> DagTask:
        template = self.add(self._pods.fan(node, "in", "", first=False), "fan in")
        return DagTask(task, template, _called(step=_STEP), depends)

    def _beside(
        self,
        node: CompositeNode,
        name: str,
        branches: Mapping[int, tuple[str, Graph]],
        *,
        first: bool,
        chosen: bool,
    ) -> list[DagTask]:
        """Branches that are known: all of them, or the one with the number that fan-out gives."""
        names = Names("fan-out", "fan-in")
        named = {number: names.of(key, "branch") for number, (key, _) in branches.items()}
        self.rename(name, {named[number]: key for number, (key, _) in branches.items()})
        begin = self._out(node, "", first=first)
        tasks = [
            DagTask(
                named[number],
                self._pipeline(graph, f"{name} {key}", is_root=False),
                _called(branch=f"{_STEP}/{_encoded(key)}"),
                "fan-out.Succeeded",
                when=f"'{_output('fan-out')}' == '{number}'" if chosen else "",
            )
            for number, (key, graph) in branches.items()
        ]
        ended = " && ".join(["fan-out.Succeeded", *(_ended(task.name) for task in tasks)])
        return [begin, *tasks, self._in(node, ended)]

    def _mapped(self, node: CompositeNode, name: str, graph: Graph, *, first: bool) -> list[DagTask]:
        """A branch for each number that fan-out gives."""
        inner = self._pipeline(graph, f"{name} branch", is_root=False)
        called = _called(branch=f"{_STEP}/{{{{item}}}}")
        branches = DagTask("branches", inner, called, "fan-out.Succeeded", with_param=_output("fan-out"))
        depends = f"fan-out.Succeeded && {_ended('branches')}"
        return [self._out(node, "[]", first=first), branches, self._in(node, depends)]

    def _repeated(self, node: CompositeNode, loop: RepeatedBranch, name: str, graph: Graph, *, first: bool) -> str:
        """Rounds, each behind the joining of the one before, as long as that gives the number of another."""
        inner = self._pipeline(graph, f"{name} round", is_root=False)
        goes_deeper = loop.max_iterations > ROUNDS_AT_ONCE
        rounds = self._names.of(f"{name} rounds", "template")
        tasks: list[DagTask] = []
        number = "{{inputs.parameters.round}}"
        for place in range(min(loop.max_iterations, ROUNDS_AT_ONCE)):
            before = f"fan-in-{place - 1}" if place else ""
            depends = f"{before}.Succeeded" if place else ""
            when = f"'{number}' != ''" if place else ""
            task = DagTask(f"round-{place}", inner, _called(branch=f"{_STEP}/{number}"), depends, when)
            ended = f"({task.name}.Succeeded || {task.name}.Failed || {task.name}.Errored)"
            tasks += [task, self._in(node, ended, f"fan-in-{place}")]
            number = _output(f"fan-in-{place}")
        if goes_deeper:
            depends = f"fan-in-{ROUNDS_AT_ONCE - 1}.Succeeded"
            called = _called(step=_STEP, round=number)
            tasks.append(DagTask("more", rounds, called, depends, f"'{number}' != ''"))
        taken = Parameters((Parameter("step"), Parameter("round")))
        self._found[rounds.encode()] = Template(rounds, inputs=taken, dag=Dag(tuple(tasks), fail_fast=False))
        begin = self._out(node, "", first=first)
        first_round = _called(step=_STEP, round=_output("fan-out"))
        return self._dag(node, [begin, DagTask("rounds", rounds, first_round, "fan-out.Succeeded")], name)


class _Pipeline:
    """The dag of one (sub)pipeline on its way."""

    def __init__(self, shaper: Shaper, pods: Pods, graph: Graph, name: str, *, is_root: bool) -> None:
        self._shaper = shaper
        self._pods = pods
        self._graph = graph
        self._name = name
        self._is_root = is_root
        self._names = Names(_END)
        self._leads = cutting.edges(graph)
        self._tasks = {step: self._names.of(step) for step in self._leads}
        shaper.rename(name, {task: step for step, task in self._tasks.items()})

    def template(self) -> str:
        """The name of its template."""
        parts = cutting.parts(self._graph, _MOST_TASKS)
        body = self._one(parts[0]) if len(parts) == 1 else self._several(parts)
        return self._shaper.add(self._dag(body), self._name)

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
            called = None if self._is_root else _called(branch=_BRANCH)
            tasks.append(DagTask(task, self._part(steps, following[0]), called, depends))
            depends = f"{task}.Succeeded"
            failures.append(_failed(task))
        return tasks

    def _part(self, steps: Sequence[str], goes_on_to: str) -> str:
        """The template of a part, which succeeds when it goes on."""
        terms = self._terms(steps, {step: self._tasks[step] for step in steps})
        tasks = [self._task(step, terms) for step in steps]
        tasks.append(DagTask(_END, self._nothing(), depends=" || ".join(terms[goes_on_to])))
        return self._shaper.add(self._dag(tasks), f"{self._name} {steps[0]}")

    def _terms(self, steps: Sequence[str], tasks: Mapping[str, str]) -> dict[str, list[str]]:
        """For each step that these lead to: how each of these has to end for that."""
        found: dict[str, list[str]] = {}
        for step in steps:
            for target, succeeds in self._leads[step]:
                term = f"{tasks[step]}.Succeeded" if succeeds else _failed(tasks[step])
                found.setdefault(target, []).append(term)
        return found

    def _task(self, step: str, terms: Mapping[str, Sequence[str]]) -> DagTask:
        node = self._graph.nodes[step]
        first = self._is_root and step == self._graph.start_at
        if isinstance(node, CompositeNode):
            template = self._shaper.composite(node, self._composite_name(step), first=first)
        else:
            template = self._step(node, first=first)
        return DagTask(self._tasks[step], template, self._called(step), " || ".join(terms.get(step, ())))

    def _composite_name(self, step: str) -> str:
        return step if self._is_root else f"{self._name} {step}"

    def _step(self, node: Node, *, first: bool) -> str:
        return self._shaper.add(self._pods.step(node, first=first), "first step" if first else "step")

    def _called(self, step: str) -> Parameters:
        return _called(step=_encoded(step) if self._is_root else f"{_BRANCH}/{_encoded(step)}")

    def _ends(self, terms: Mapping[str, Sequence[str]]) -> list[DagTask]:
        """The ends that can be reached; of the whole pipeline, with a task that decides how the dag ends.

        It runs behind success alone. Where it is omitted the dag has failed, as the pod of the fail step says.
        """
        ends = [node for node in self._graph.nodes.values() if isinstance(node, TerminalNode) and node.name in terms]
        tasks = [
            DagTask(
                self._names.of(node.name),
                self._step(node, first=False),
                self._called(node.name),
                " || ".join(terms[node.name]),
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


def _called(**values: str) -> Parameters:
    return Parameters(tuple(Parameter(name, value=value) for name, value in values.items()))


def _output(task: str) -> str:
    return f"{{{{tasks.{task}.outputs.parameters.{BRANCHES}}}}}"


def _failed(task: str) -> str:
    return f"({task}.Failed || {task}.Errored)"


def _ended(task: str) -> str:
    return f"({task}.Succeeded || {task}.Failed || {task}.Errored || {task}.Skipped)"


def _encoded(name: str) -> str:
    """The name as a part of a path. A hyphen that it begins with would make an option of the argument."""
    text = str(StepPath((name,)))
    return f"%2D{text[1:]}" if text.startswith("-") else text
