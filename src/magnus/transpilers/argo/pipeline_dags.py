"""The dags of one (sub)pipeline, several where it is too long for one, with the calls of templates in them."""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from magnus.graph.nodes import Node, StaticBranches
from magnus.transpilers import partition
from magnus.transpilers.argo.manifest import Dag, DagTask, Parameter, Parameters, Suspend, Template
from magnus.transpilers.argo.names import unique_names
from magnus.transpilers.argo.pod_templates import BRANCHES, then_inputs
from magnus.transpilers.process_plan import Composite, PipelinePlan, Process, Single
from magnus.transpilers.reentry import encode_name

MOST_TASKS: Final = 150
"""Steps in one dag; ends and parts come to them."""

_END: Final = "magnus-end"
_BRANCH: Final = "{{inputs.parameters.branch}}"


class Templates(Protocol):
    """Collects templates, as `dags.DagBuilder` does."""

    def add(self, template: Template, name: str, step: Node | None = None) -> str:
        """The name of the template, which is written once."""
        ...

    def process(self, process: Process) -> str:
        """The template of a pod."""
        ...

    def rename(self, dag: str, names: Mapping[str, str]) -> None:
        """Note which names the tasks of a dag stand for."""
        ...

    def composite(self, unit: Composite, name: str) -> str:
        """The template of a step with branches."""
        ...


class PipelineDags:
    """The dag of one (sub)pipeline on its way."""

    def __init__(self, builder: Templates, plan: PipelinePlan, name: str, *, is_root: bool) -> None:
        self._builder = builder
        self._plan = plan
        self._start_at = plan.graph.start_at
        self._name = name
        self._is_root = is_root
        self._names = unique_names(_END)
        self._leads = plan.leads
        self._tasks = {step: self._names.of(step) for step in self._leads}
        self._end_names: dict[str, str] = {}
        self._rest_names: dict[str, str] = {}
        self._rest_templates: dict[str, str] = {}
        self._composites: dict[str, str] = {}
        builder.rename(name, {task: step for step, task in self._tasks.items()})

    def template(self) -> str:
        """The name of its template."""
        if rests := partition.rests(self._start_at, self._leads, self._plan.fail, MOST_TASKS):
            body = self._rest(self._start_at, rests)
        else:
            parts = partition.parts(self._leads, self._plan.fail, MOST_TASKS)
            body = self._one(parts[0]) if len(parts) == 1 else self._several(parts)
        return self._builder.add(self._dag(body), self._name, self._node(self._start_at))

    def _node(self, name: str) -> Node:
        return self._plan.graph.nodes[name]

    def _rest(self, entry: str, rests: Mapping[str, partition.Rest]) -> list[DagTask]:
        """The first steps from `entry`, and a task for each of the dags that they lead to."""
        rest = rests[entry]
        terms = self._terms(rest.steps, {step: self._tasks[step] for step in rest.steps})
        called = None if self._is_root else called_with(branch=_BRANCH)
        calls = [
            DagTask(self._name_of_rest(step), self._template_of_rest(step, rests), called, " || ".join(terms[step]))
            for step in rest.goes_on_to
        ]
        return [*(self._task(step, terms) for step in rest.steps), *calls, *self._ends(terms, calls)]

    def _name_of_rest(self, step: str) -> str:
        if step not in self._rest_names:
            self._rest_names[step] = self._names.of(f"{step} and on")
        return self._rest_names[step]

    def _template_of_rest(self, step: str, rests: Mapping[str, partition.Rest]) -> str:
        if step not in self._rest_templates:
            dag = self._dag(self._rest(step, rests))
            self._rest_templates[step] = self._builder.add(dag, f"{self._name} {step}", self._node(step))
        return self._rest_templates[step]

    def _dag(self, tasks: Sequence[DagTask]) -> Template:
        inputs = None if self._is_root else Parameters((Parameter("branch"),))
        return Template("", inputs=inputs, dag=Dag(tuple(tasks), fail_fast=False))

    def _one(self, steps: Sequence[str]) -> list[DagTask]:
        terms = self._terms(steps, {step: self._tasks[step] for step in steps})
        return [*(self._task(step, terms) for step in steps), *self._ends(terms)]

    def _several(self, parts: Sequence[Sequence[str]]) -> list[DagTask]:
        """A task for each part but the last, whose steps follow in this dag."""
        fail = self._plan.fail
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
        """The template of a part, which succeeds if the next part follows."""
        terms = self._terms(steps, {step: self._tasks[step] for step in steps})
        tasks = [self._task(step, terms) for step in steps]
        tasks.append(DagTask(_END, self._nothing(), depends=" || ".join(terms[goes_on_to])))
        return self._builder.add(self._dag(tasks), f"{self._name} {steps[0]}", self._node(steps[0]))

    def _terms(self, steps: Sequence[str], tasks: Mapping[str, str]) -> dict[str | None, list[str]]:
        """For each step that these lead to, None for the end itself: how each of these has to end for that."""
        found: dict[str | None, list[str]] = {}
        for step in steps:
            for target, succeeds in self._leads[step]:
                term = f"{tasks[step]}.Succeeded" if succeeds else failure_of(tasks[step])
                found.setdefault(target, []).append(term)
        return found

    def _task(self, step: str, terms: Mapping[str | None, Sequence[str]]) -> DagTask:
        depends = " || ".join(terms.get(step, ()))
        match self._plan.units[step]:
            case Single(process=process):
                called = called_with(process, step=self._path(step))
                return DagTask(self._tasks[step], self._builder.process(process), called, depends)
            case Composite() as unit:
                if step not in self._composites:
                    name = step if self._is_root else f"{self._name} {step}"
                    self._composites[step] = self._builder.composite(unit, name)
                called = called_with(step=self._path(step), **self._branches(unit))
                return DagTask(self._tasks[step], self._composites[step], called, depends)

    def _branches(self, unit: Composite) -> Mapping[str, str]:
        """Which branches run, as the output of another task says."""
        if unit.fan_out is not None or isinstance(unit.node.branches, StaticBranches):
            return {}
        return {BRANCHES: output_of(self._tasks[self._plan.starter(unit)])}

    def _path(self, step: str) -> str:
        return encode_name(step) if self._is_root else f"{_BRANCH}/{encode_name(step)}"

    def _ends(self, terms: Mapping[str | None, Sequence[str]], calls: Sequence[DagTask] = ()) -> list[DagTask]:
        """The ends that can be reached; of the whole pipeline, with a task that decides how the dag ends.

        `calls` are of dags that may reach an end instead.

        It runs behind success alone. Where it is omitted the dag has failed, as the pod of the fail step says.
        """
        tasks, succeeded, never = [], [*terms.get(None, ())], []
        for name, end in self._plan.ends.items():
            if name not in {*terms, self._start_at}:
                continue
            task = self._end(name, " || ".join(terms.get(name, ())))
            tasks.append(task)
            if end.succeeds:
                succeeded.append(f"{task.name}.Succeeded")
            else:
                never.append(f"({task.name}.Failed && {task.name}.Succeeded)")
        if not self._is_root:
            return tasks
        succeeded += [f"{call.name}.Succeeded" for call in calls]
        return [*tasks, DagTask(_END, self._nothing(), depends=" || ".join([*succeeded, *never]))]

    def _end(self, name: str, depends: str) -> DagTask:
        unit = self._plan.units[name]
        assert isinstance(unit, Single)
        template = self._builder.process(unit.process)
        return DagTask(self._name_of_end(name), template, called_with(step=self._path(name)), depends)

    def _name_of_end(self, end: str) -> str:
        if end not in self._end_names:
            self._end_names[end] = self._names.of(end)
        return self._end_names[end]

    def _nothing(self) -> str:
        return self._builder.add(Template("", suspend=Suspend("0")), "nothing")


def called_with(process: Process | None = None, /, **values: str) -> Parameters:
    """The arguments of a call of a template: `values`, and for a pod the names of the next steps of its process."""
    then = zip(then_inputs(process), map(encode_name, process.then), strict=True) if process is not None else ()
    return Parameters(tuple(Parameter(name, value=value) for name, value in (*values.items(), *then)))


def output_of(task: str) -> str:
    """The variable that is the output of the task."""
    return f"{{{{tasks.{task}.outputs.parameters.{BRANCHES}}}}}"


def failure_of(task: str) -> str:
    """The task failed, or its pod could not run."""
    return f"({task}.Failed || {task}.Errored)"


def end_of(task: str) -> str:
    """The task finished in any phase, or there was nothing to run."""
    return f"({task}.Succeeded || {task}.Failed || {task}.Errored || {task}.Skipped)"
