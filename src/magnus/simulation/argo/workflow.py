"""Runs a manifest as Argo would, from the manifest alone, which `validate_workflow` has found right.

The rules, and where they are written:

- a task runs when its `depends` holds, once all tasks named there have finished, and is omitted otherwise; a name alone means
  that it succeeded or was skipped (Enhanced Depends Logic);
- a task without items that run is skipped, and so is each call whose `when` does not hold; a task with items has failed
  when one of its calls has, and succeeded otherwise (Conditionals, Loops);
- without `failFast` everything that can run does; a dag ends as its targets did, which are the tasks that none depends
  on; a target that did not run counts as the tasks that it depends on, and the last one that failed gives the phase (DAG; the
  controller's assessment of dags, `assessDAGPhase`);
- a pod that failed runs again as its `retryStrategy` says (`pod`);
- `parallelism` of the workflow bounds its pods, that of a dag the calls it makes itself (Fields);
- the exit handler runs at the end in any case, also of a workflow that was stopped or took too long; where it fails,
  so does the workflow (Exit handlers; the controller's end of a workflow).

https://argo-workflows.readthedocs.io/en/latest/walk-through/
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Final

from magnus.errors import InvalidInput
from magnus.graph.path import StepPath
from magnus.simulation.argo import expressions
from magnus.simulation.argo.pod import (
    ERROR,
    FAILED,
    LAST_RETRY,
    OMITTED,
    SKIPPED,
    SUCCEEDED,
    Ended,
    Pods,
    Tell,
    seconds,
    steps_of,
    wait_before_next,
)
from magnus.simulation.argo.validate_dag import has_items, parents_of
from magnus.transpilers.argo.manifest import DagTask, Parameter, Parameters, Template, WorkflowSpec

DEEPEST: Final = 100
"""Calls of templates inside one another; Argo's controller stops a little beyond."""

STOPPED: Final = "workflow shutdown with strategy:  Stop"
TOO_LATE: Final = "Step exceeded its deadline"

_BAD: Final = frozenset({FAILED, ERROR})
_COMPLETED: Final = frozenset({SUCCEEDED, FAILED, ERROR})
_STATES: Final = {
    "Succeeded": SUCCEEDED,
    "Failed": FAILED,
    "Errored": ERROR,
    "Skipped": SKIPPED,
    "Omitted": OMITTED,
}


class Simulation:
    """A workflow that runs; `variables` has the variables of the workflow, by their names in the manifest."""

    def __init__(self, spec: WorkflowSpec, variables: Mapping[str, str], pods: Pods, tell: Tell) -> None:
        self._templates = {template.name: template for template in spec.templates}
        self._spec = spec
        self._variables = variables
        self._pods = pods
        self._tell = tell
        self._limit = _bound(spec.parallelism)
        self._main: asyncio.Task[Ended] | None = None
        self._is_stopped = False
        self._failures: list[dict[str, str]] = []

    async def run(self) -> Ended:
        """Run it to its end, the exit handler too."""
        end = await self._ended()
        if self._spec.on_exit:
            failures = json.dumps(
                json.dumps(self._failures, ensure_ascii=False), ensure_ascii=False
            )  # quoted, as there
            known = {**self._variables, "workflow.status": end.phase, "workflow.failures": failures}
            closed = await self._template(self._spec.on_exit, known, 0)
            if end.phase == SUCCEEDED and closed.phase in _BAD:
                return Ended(closed.phase, message=closed.message or "the exit handler failed")
        return end

    def stop(self) -> None:
        """Stop what runs, then run the exit handler, as `argo stop` does."""
        self._is_stopped = True
        if self._main is not None:
            self._main.cancel()

    async def _ended(self) -> Ended:
        self._main = asyncio.create_task(self._template(self._spec.entrypoint, self._variables, 0))
        if self._is_stopped:
            self._main.cancel()
        try:
            async with asyncio.timeout(self._spec.active_deadline_seconds):
                return await self._main
        except TimeoutError:
            return Ended(FAILED, message=TOO_LATE)
        except asyncio.CancelledError:
            if not self._is_stopped or _is_cancelled():
                raise
            return Ended(FAILED, message="Stopped with strategy 'Stop'")

    async def _template(self, name: str, variables: Mapping[str, str], depth: int) -> Ended:
        template = self._templates[name]
        if depth > DEEPEST:
            return Ended(ERROR, message="Maximum recursion depth exceeded")
        inputs = template.inputs.parameters if template.inputs else ()
        defaults = {_input(parameter): parameter.value for parameter in inputs if parameter.value is not None}
        variables = {**defaults, **variables}
        if template.dag is not None:
            return await _Dag(self, template, variables, depth).run()
        if template.container is not None:
            return await self._pod(template, variables)
        assert template.suspend is not None
        await asyncio.sleep(seconds(template.suspend.duration))
        return Ended(SUCCEEDED)

    call = _template

    async def _pod(self, template: Template, variables: Mapping[str, str]) -> Ended:
        """Run a pod, and again as its retry strategy says."""
        steps, clock = steps_of(variables), asyncio.get_running_loop().time
        self._tell(template.name, steps, None, None)
        number, first, last = 0, 0.0, dict(zip(LAST_RETRY, ("0", "", "0", ""), strict=True))
        while True:
            numbered = {**variables, **last, "retries": str(number)}
            try:
                async with self._limit:
                    began = clock()
                    first = first or began
                    end = await self._pods.run(template, numbered, number)
            except asyncio.CancelledError:
                self._note(template, steps, number, Ended(FAILED, message=STOPPED if self._is_stopped else TOO_LATE))
                raise
            wait = None
            if end.phase != SUCCEEDED:
                self._note(template, steps, number, end)
                code = str(0 if end.exit_code is None else end.exit_code)
                last = dict(zip(LAST_RETRY, (code, end.phase, f"{clock() - began:.0f}", end.message), strict=True))
                lasted, elapsed = clock() - began, clock() - first
                wait = wait_before_next(template.retry_strategy, end, number=number, lasted=lasted, elapsed=elapsed)
            self._tell(template.name, steps, end, wait)
            if wait is None:
                return end
            await asyncio.sleep(wait)
            number += 1

    def _note(self, template: Template, steps: Sequence[str], number: int, end: Ended) -> None:
        """Keep the failure of a pod for the exit handler."""
        name = (StepPath.parse(steps[0]).name if steps else template.name) + f"({number})" * bool(
            template.retry_strategy
        )
        self._failures.append(
            {"displayName": name, "message": end.message, "templateName": template.name, "phase": end.phase}
        )


class _Dag:
    """One call of a dag template."""

    def __init__(self, simulation: Simulation, template: Template, variables: Mapping[str, str], depth: int) -> None:
        assert template.dag is not None
        self._simulation = simulation
        self._template = template
        self._variables = variables
        self._of_workflow = {name: value for name, value in variables.items() if name.startswith("workflow.")}
        self._depth = depth
        self._tasks = {task.name: task for task in template.dag.tasks}
        self._parents = {name: parents_of(task, self._tasks) for name, task in self._tasks.items()}
        self._limit = _bound(template.parallelism)
        self._running: dict[str, asyncio.Task[Ended]] = {}
        self._phases: dict[str, Sequence[str]] = {}
        self._counted: dict[str, str] = {}

    async def run(self) -> Ended:
        """Run all tasks that can run."""
        async with asyncio.TaskGroup() as group:
            for name, task in self._tasks.items():
                self._running[name] = group.create_task(self._task(task))
        depended_on = {parent for parents in self._parents.values() for parent in parents}
        phases = [self._counts_as(name) for name in self._tasks if name not in depended_on]
        phase = _last_bad(phases)
        return Ended(phase, self._own_outputs() if phase == SUCCEEDED else {})

    def _own_outputs(self) -> Mapping[str, str]:
        """The outputs of the dag, which are outputs of its tasks."""
        outputs = self._template.outputs.parameters if self._template.outputs else ()
        named = {one.name: one.value_from.parameter for one in outputs if one.value_from is not None}
        values = self._outputs(self._template.name, list(named.values()))
        return {name: expressions.substituted(text, values) for name, text in named.items()}

    def _counts_as(self, name: str) -> str:
        """The phase of a task; of one that did not run that of those it depends on, a bad one first."""
        if name not in self._counted:
            phase = self._running[name].result().phase
            found = [self._counts_as(parent) for parent in self._parents[name]] if phase not in _COMPLETED else [phase]
            self._counted[name] = next((phase for phase in found if phase in _BAD), SUCCEEDED)
        return self._counted[name]

    async def _task(self, task: DagTask) -> Ended:
        for parent in self._parents[task.name]:
            await asyncio.shield(self._running[parent])
        if task.depends and not expressions.depends_holds(task.depends, self._state):
            return Ended(OMITTED)
        arguments = task.arguments.parameters if task.arguments else ()
        texts = [task.when, task.with_param, *(parameter.value or "" for parameter in arguments)]
        variables = {**self._variables, **self._outputs(task.name, texts)}
        if has_items(task):
            return await self._group(task, variables)
        return await self._called(task, variables)

    async def _group(self, task: DagTask, variables: Mapping[str, str]) -> Ended:
        items: Sequence[object] | None = task.with_items
        if items is None:
            text = expressions.substituted(task.with_param, variables)
            try:
                items = _items(text)
            except ValueError:
                return Ended(ERROR, message=f"withParam value could not be parsed as a JSON list: {text[:200]}")
        if not items:
            return Ended(SKIPPED)
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(self._called(task, {**variables, "item": _text(item)})) for item in items]
        phases = self._phases[task.name] = [one.result().phase for one in running]
        return Ended(_last_bad(phases))

    async def _called(self, task: DagTask, variables: Mapping[str, str]) -> Ended:
        if task.when:
            when = expressions.substituted(task.when, variables)
            try:
                if not expressions.when_holds(when):
                    return Ended(SKIPPED)
            except InvalidInput:
                return Ended(ERROR, message=f"Invalid 'when' expression '{when}'")
        inputs = _inputs(task.arguments, variables)
        async with self._limit:
            return await self._simulation.call(task.template, {**self._of_workflow, **inputs}, self._depth + 1)

    def _state(self, word: str) -> bool:
        """Whether a task finished as a word of `depends` says; of a task with items, any or all of its calls."""
        name, _, state = word.partition(".")
        phase = self._running[name].result().phase
        match state:
            case "":
                return phase in {SUCCEEDED, SKIPPED}
            case "AnySucceeded":
                return SUCCEEDED in self._phases.get(name, ())
            case "AllFailed":
                return set(self._phases.get(name, ())) == {FAILED}
            case _:
                return phase == _STATES[state]

    def _outputs(self, where: str, texts: Sequence[str]) -> Mapping[str, str]:
        """The outputs of tasks that these texts of a task, or of the dag, name."""
        found = {}
        for variable in (name for text in texts for name in expressions.variables(text)):
            if variable.startswith("tasks."):
                _, parent, _, _, output = variable.split(".", 4)
                outputs = self._running[parent].result().outputs
                if output not in outputs:
                    message = f"'{{{{{variable}}}}}' of '{where}' has no value, since no pod of '{parent}' left one"
                    raise InvalidInput(message, fix="let it run only when that one succeeded")
                found[variable] = outputs[output]
        return found


def _bound(parallelism: int | None) -> AbstractAsyncContextManager[None]:
    return asyncio.Semaphore(parallelism) if parallelism else nullcontext()


def _last_bad(phases: Sequence[str]) -> str:
    return next((phase for phase in reversed(phases) if phase in _BAD), SUCCEEDED)


def _is_cancelled() -> bool:
    """Whether the one who waits for the workflow is to end too."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _input(parameter: Parameter) -> str:
    return f"inputs.parameters.{parameter.name}"


def _inputs(arguments: Parameters | None, variables: Mapping[str, str]) -> dict[str, str]:
    given = arguments.parameters if arguments else ()
    return {_input(parameter): expressions.substituted(parameter.value or "", variables) for parameter in given}


def _items(text: str) -> Sequence[object]:
    """The items of a JSON list; ValueError when it is none."""
    items = json.loads(text)
    if not isinstance(items, list):
        raise ValueError(text)  # noqa: TRY004 - what is not JSON is wrong in the same way
    if not all(isinstance(item, str | int) for item in items):
        raise InvalidInput("only texts, whole numbers and truth values are simulated as items", fix="see 'withParam'")
    return items


def _text(item: object) -> str:
    return item if isinstance(item, str) else json.dumps(item)
