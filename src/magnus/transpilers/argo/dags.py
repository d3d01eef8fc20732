"""Makes templates of a process plan: a dag for every pipeline and every composite in it, pods for its processes.

A dag takes the path of its branch, so that one template serves every branch, every element of a map and every iteration of
a loop, and templates that are alike are written once. How a dag ends, and what `depends` says, follows the page
"Enhanced Depends Logic" of Argo's documentation; a target that is omitted counts as those it depended on did.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from magnus.engine.rules.fan import key_of_default
from magnus.graph.nodes import ChosenBranch, MappedBranches, Node, RepeatedBranch, StaticBranches
from magnus.transpilers.argo.manifest import Dag, DagTask, Parameter, Parameters, Template, ValueFrom
from magnus.transpilers.argo.names import unique_names
from magnus.transpilers.argo.pipeline_dags import PipelineDags, called_with, end_of, output_of
from magnus.transpilers.argo.pod_templates import BRANCHES, Pods
from magnus.transpilers.process_plan import Composite, PipelinePlan, Process
from magnus.transpilers.reentry import encode_name

ENTRYPOINT: Final = "pipeline"
ROUNDS_AT_ONCE: Final = 10
"""The iterations of a loop in one dag; more follow in another one inside it, since Argo nests only so deep."""

_FAN_OUT: Final = "fan-out"
_FAN_IN: Final = "fan-in"
_STEP: Final = "{{inputs.parameters.step}}"
_STARTED: Final = f"{{{{inputs.parameters.{BRANCHES}}}}}"


class DagBuilder:
    """Collects the templates of one workflow, and which step has which name in them."""

    def __init__(self, pods: Pods, plan: PipelinePlan) -> None:
        self._pods = pods
        self._names = unique_names()
        self._found: dict[bytes, Template] = {}
        self.renamed: dict[str, str] = {}
        self.steps: dict[str, Node] = {}
        """For the names of dags the step that they are of, or the first one of their pipeline."""
        self.entrypoint = PipelineDags(self, plan, ENTRYPOINT, is_root=True).template()

    @property
    def templates(self) -> tuple[Template, ...]:
        """All templates, each behind the templates that it calls."""
        return tuple(self._found.values())

    def add(self, template: Template, name: str, step: Node | None = None) -> str:
        """The name of the template. Equal templates are written once. `step` is the step that the template runs."""
        key = msgspec.json.encode(template)
        if key not in self._found:
            self._found[key] = replace(template, name=self._names.of(name, "template"))
        found = self._found[key].name
        if step is not None:
            self.steps.setdefault(found, step)
        return found

    def process(self, process: Process) -> str:
        """The template of a pod."""
        return self.add(self._pods.process(process), self._pods.template_name(process))

    def rename(self, dag: str, names: Mapping[str, str]) -> None:
        """Note which names the tasks of a dag stand for, where they differ from theirs."""
        for task, name in names.items():
            if task != name and self.renamed.setdefault(task, name) != name:
                self.renamed[f"{dag}: {task}"] = name

    def composite(self, unit: Composite, name: str) -> str:
        """The template of a step with branches.

        It takes the path of the step as `step`, and as `branches` which branches run, if the unit before starts them.
        """
        return _CompositeDag(self, self._pods, unit, name).template()

    def reserve(self, name: str) -> str:
        """A name for a template that is written later, with `put`."""
        return self._names.of(name, "template")

    def put(self, template: Template) -> None:
        """Write the template, which has its name."""
        self._found[template.name.encode()] = template


class _CompositeDag:
    """The dag of a step with branches."""

    def __init__(self, builder: DagBuilder, pods: Pods, unit: Composite, name: str) -> None:
        self._builder = builder
        self._pods = pods
        self._unit = unit
        self._name = name
        self._starts = unit.fan_out is not None
        self._which = output_of(_FAN_OUT) if self._starts else _STARTED
        self._started = [f"{_FAN_OUT}.Succeeded"] if self._starts else []

    def template(self) -> str:
        """The name of its template."""
        plans = self._unit.plans
        match self._unit.node.branches:
            case StaticBranches(graphs=graphs):
                tasks = self._beside(list(zip(graphs, plans, strict=True)), chosen=False)
            case ChosenBranch(graphs=graphs, default=default):
                keys = [*graphs, *([] if default is None else [key_of_default(graphs)])]
                tasks = self._beside(list(zip(keys, plans, strict=True)), chosen=True)
            case MappedBranches():
                tasks = self._mapped(plans[0])
            case RepeatedBranch() as loop:
                tasks = self._repeated(loop, plans[0])
        return self._dag(tasks)

    def _dag(self, tasks: Sequence[DagTask]) -> str:
        node = self._unit.node
        takes_branches = not self._starts and not isinstance(node.branches, StaticBranches)
        taken = Parameters((Parameter("step"), *([Parameter(BRANCHES)] if takes_branches else [])))
        dag = Template(
            "",
            inputs=taken,
            outputs=Parameters((_OUTPUT,)) if self._unit.fan_in.starts else None,
            dag=Dag(tuple(tasks), fail_fast=False),
            parallelism=self._pods.own_override(node).parallelism,
        )
        return self._builder.add(dag, self._name, node)

    def _inner(self, plan: PipelinePlan, name: str) -> str:
        return PipelineDags(self._builder, plan, f"{self._name} {name}", is_root=False).template()

    def _out(self) -> list[DagTask]:
        fan_out = self._unit.fan_out
        if fan_out is None:
            return []
        return [DagTask(_FAN_OUT, self._builder.process(fan_out), called_with(fan_out, step=_STEP))]

    def _in(self, ends: Sequence[str]) -> DagTask:
        fan_in = self._unit.fan_in
        depends = " && ".join([*self._started, *(end_of(task) for task in ends)])
        return DagTask(_FAN_IN, self._builder.process(fan_in), called_with(fan_in, step=_STEP), depends)

    def _beside(self, branches: Sequence[tuple[str, PipelinePlan]], *, chosen: bool) -> list[DagTask]:
        """Branches that are known: all of them, or the one with the number that fan-out gives."""
        names = unique_names(_FAN_OUT, _FAN_IN)
        named = [names.of(key, "branch") for key, _ in branches]
        self._builder.rename(self._name, {task: key for task, (key, _) in zip(named, branches, strict=True)})
        begin = self._out()
        tasks = [
            DagTask(
                task,
                self._inner(plan, key),
                called_with(branch=f"{_STEP}/{encode_name(key)}"),
                "".join(self._started),
                when=f"'{self._which}' == '{number}'" if chosen else "",
            )
            for number, (task, (key, plan)) in enumerate(zip(named, branches, strict=True))
        ]
        return [*begin, *tasks, self._in(named)]

    def _mapped(self, plan: PipelinePlan) -> list[DagTask]:
        """A branch for each number that fan-out gives."""
        inner = self._inner(plan, "branch")
        called = called_with(branch=f"{_STEP}/{{{{item}}}}")
        branches = DagTask("branches", inner, called, "".join(self._started), with_param=self._which)
        return [*self._out(), branches, self._in(["branches"])]

    def _repeated(self, loop: RepeatedBranch, plan: PipelinePlan) -> list[DagTask]:
        """Iterations, each behind the joining of the one before, as long as that gives the number of another."""
        inner = self._inner(plan, "round")
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
        called = called_with(step=_STEP, round=self._which)
        first = DagTask("rounds", rounds, called, "".join(self._started), _is_round(self._which))
        return [*self._out(), first]

    def _join_round(self, depends: str, task: str, number: str) -> DagTask:
        template = self._builder.add(self._pods.join_round(self._unit.fan_in), "fan in round")
        return DagTask(task, template, called_with(step=_STEP, round=number), depends)


_OUTPUT: Final = Parameter(BRANCHES, value_from=ValueFrom(parameter=output_of(_FAN_IN)))


def _is_round(number: str) -> str:
    """The condition that there is an iteration to run: there is none if the loop finished before."""
    return f"'{number}' != ''"
