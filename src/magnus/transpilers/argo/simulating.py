"""Runs a manifest as Argo would, from the manifest alone.

The rules, and where they are written:

- a task runs when its `depends` holds, once all tasks named there have ended, and is omitted otherwise
  (Enhanced Depends Logic);
- a task whose `when` does not hold is skipped, and so is one with no items (Conditionals, Loops);
- without `failFast` everything that can run does; a dag ends as its targets did, which are the tasks that none depends
  on; a target that did not run counts as those that it depends on (DAG; the controller's assessment of dags);
- a pod that failed runs again as its `retryStrategy` says; policy, expression and limit all have to agree (Retries);
- the exit handler runs at the end whatever that is, and changes nothing of it (Exit handlers).

https://argo-workflows.readthedocs.io/en/latest/walk-through/
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from magnus.definition import durations
from magnus.errors import InvalidInput
from magnus.transpilers.argo import expressions
from magnus.transpilers.argo.manifest import DagTask, Parameters, RetryStrategy, Template, WorkflowSpec
from magnus.transpilers.argo.running import ERROR, FAILED, OMITTED, SKIPPED, SUCCEEDED, Ended, Processes, Tell

DEEPEST: Final = 100
"""Calls of templates inside one another; Argo's controller stops a little beyond."""

_BAD: Final = frozenset({FAILED, ERROR})
_COMPLETED: Final = frozenset({SUCCEEDED, FAILED, ERROR})
_STATES: Final = {
    "Succeeded": SUCCEEDED,
    "Failed": FAILED,
    "Errored": ERROR,
    "Skipped": SKIPPED,
    "Omitted": OMITTED,
}
_POLICIES: Final = {
    "Always": _BAD,
    "OnFailure": frozenset({FAILED}),
    "OnError": frozenset({ERROR}),
    "OnTransientError": frozenset({ERROR}),
}


class Simulation:
    """One workflow on its way; `variables` are those of the workflow, by their names in the manifest."""

    def __init__(self, spec: WorkflowSpec, variables: Mapping[str, str], pods: Processes, tell: Tell) -> None:
        self._templates = {template.name: template for template in spec.templates}
        self._spec = spec
        self._variables = variables
        self._pods = pods
        self._tell = tell
        self._limit = asyncio.Semaphore(spec.parallelism) if spec.parallelism else None

    async def run(self) -> Ended:
        """Run it to its end, the exit handler too."""
        try:
            async with asyncio.timeout(self._spec.active_deadline_seconds):
                ended = await self._template(self._spec.entrypoint, self._variables, 0)
        except TimeoutError:
            ended = Ended(FAILED, message="Step exceeded its deadline")
        if self._spec.on_exit:
            await self._template(self._spec.on_exit, {**self._variables, "workflow.status": ended.phase}, 0)
        return ended

    async def _template(self, name: str, variables: Mapping[str, str], depth: int) -> Ended:
        template = self._templates.get(name)
        if template is None:
            raise InvalidInput(f"there is no template '{name}'")
        if depth > DEEPEST:
            return Ended(ERROR, message="Maximum recursion depth exceeded")
        if template.dag is not None:
            return await _Dag(self, template, variables, depth).run()
        if template.container is not None:
            return await self._pod(template, variables)
        if template.suspend is not None:
            await asyncio.sleep(float(template.suspend.duration))
            return Ended(SUCCEEDED)
        raise InvalidInput(f"the template '{name}' is neither a container, a dag nor a wait")

    call = _template

    async def _pod(self, template: Template, variables: Mapping[str, str]) -> Ended:
        """Run a pod, and again as its retry strategy says."""
        step = variables.get("inputs.parameters.step", "")
        self._tell(template.name, step, None)
        number = 0
        while True:
            ended = await self._limited(lambda: self._pods.run(template, variables, number))  # noqa: B023 - awaited here
            if ended.phase == SUCCEEDED or not _again(template.retry_strategy, ended, number):
                self._tell(template.name, step, ended)
                return ended
            await asyncio.sleep(_wait(template.retry_strategy, number))
            number += 1

    async def _limited(self, run: Callable[[], Awaitable[Ended]]) -> Ended:
        if self._limit is None:
            return await run()
        async with self._limit:
            return await run()


def _again(strategy: RetryStrategy | None, ended: Ended, number: int) -> bool:
    if strategy is None or number >= int(strategy.limit) or ended.phase not in _POLICIES[strategy.retry_policy]:
        return False
    known = {
        "lastRetry.exitCode": str(-1 if ended.exit_code is None else ended.exit_code),
        "lastRetry.status": ended.phase,
    }
    return not strategy.expression or expressions.holds(strategy.expression, known.__getitem__)


def _wait(strategy: RetryStrategy | None, number: int) -> float:
    """Seconds before the next pod: the duration, times the factor for each pod there was."""
    backoff = strategy.backoff if strategy else None
    if backoff is None or not backoff.duration:
        return 0.0
    seconds = _seconds(backoff.duration) * float(backoff.factor or 1) ** number
    return min(seconds, _seconds(backoff.max_duration)) if backoff.max_duration else seconds


def _seconds(text: str) -> float:
    """A duration as Argo has it: a number of seconds, or with units."""
    try:
        return float(text)
    except ValueError:
        return durations.seconds(text)


class _Dag:
    """One call of a dag template."""

    def __init__(self, simulation: Simulation, template: Template, variables: Mapping[str, str], depth: int) -> None:
        assert template.dag is not None
        if template.dag.fail_fast:
            raise InvalidInput(f"'{template.name}' has failFast, which is not simulated")
        self._simulation = simulation
        self._variables = variables
        self._depth = depth
        self._tasks = {task.name: task for task in template.dag.tasks}
        self._parents = {name: _parents(task, self._tasks) for name, task in self._tasks.items()}
        self._limit = asyncio.Semaphore(template.parallelism) if template.parallelism else None
        self._running: dict[str, asyncio.Task[Ended]] = {}
        self._counted: dict[str, str] = {}

    async def run(self) -> Ended:
        """Run all tasks that can run."""
        async with asyncio.TaskGroup() as group:
            for name, task in self._tasks.items():
                self._running[name] = group.create_task(self._task(task))
        targets = self._tasks.keys() - {parent for parents in self._parents.values() for parent in parents}
        phases = [self._counts_as(name) for name in self._tasks if name in targets]
        return Ended(next((phase for phase in phases if phase in _BAD), SUCCEEDED))

    def _counts_as(self, name: str) -> str:
        """The phase of a task; of one that did not run that of those it depends on, a bad one first."""
        if name not in self._counted:
            phase = self._running[name].result().phase
            found = [self._counts_as(parent) for parent in self._parents[name]] if phase not in _COMPLETED else [phase]
            self._counted[name] = next((phase for phase in found if phase in _BAD), SUCCEEDED)
        return self._counted[name]

    async def _task(self, task: DagTask) -> Ended:
        while len(self._running) < len(self._tasks):
            await asyncio.sleep(0)
        for parent in self._parents[task.name]:
            await asyncio.shield(self._running[parent])
        if task.depends and not expressions.holds(task.depends, self._state):
            return Ended(OMITTED)
        variables = {**self._variables, **self._outputs(task)}
        if task.when and not expressions.holds(expressions.substituted(task.when, variables), str):
            return Ended(SKIPPED)
        if not task.with_param:
            return await self._called(task, variables)
        return await self._group(task, variables)

    async def _group(self, task: DagTask, variables: Mapping[str, str]) -> Ended:
        items = json.loads(expressions.substituted(task.with_param, variables))
        if not items:
            return Ended(SKIPPED)
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(self._called(task, {**variables, "item": _text(item)})) for item in items]
        phases = [one.result().phase for one in running]
        return Ended(next((phase for phase in phases if phase in _BAD), SUCCEEDED))

    async def _called(self, task: DagTask, variables: Mapping[str, str]) -> Ended:
        inputs = _inputs(task.arguments, variables)
        outer = {name: value for name, value in variables.items() if name.startswith("workflow.")}
        if self._limit is None:
            return await self._simulation.call(task.template, {**outer, **inputs}, self._depth + 1)
        async with self._limit:
            return await self._simulation.call(task.template, {**outer, **inputs}, self._depth + 1)

    def _state(self, word: str) -> bool:
        """Whether a task ended as a word of `depends` says; a name alone: that it succeeded or was skipped."""
        name, _, state = word.partition(".")
        phase = self._running[name].result().phase
        if not state:
            return phase in {SUCCEEDED, SKIPPED}
        if state not in _STATES:
            raise InvalidInput(f"'{word}' is nothing that is simulated in 'depends'")
        return phase == _STATES[state]

    def _outputs(self, task: DagTask) -> Mapping[str, str]:
        return {
            f"tasks.{parent}.outputs.parameters.{name}": value
            for parent in self._ancestors(task.name)
            for name, value in self._running[parent].result().outputs.items()
        }

    def _ancestors(self, name: str) -> Sequence[str]:
        found: dict[str, None] = {}
        left = list(self._parents[name])
        while left:
            parent = left.pop()
            if parent not in found:
                found[parent] = None
                left.extend(self._parents[parent])
        return list(found)


def _parents(task: DagTask, tasks: Mapping[str, DagTask]) -> list[str]:
    names = list(dict.fromkeys(word.partition(".")[0] for word in expressions.names(task.depends)))
    for name in names:
        if name not in tasks:
            raise InvalidInput(f"the task '{task.name}' depends on '{name}', which is not there")
    return names


def _inputs(arguments: Parameters | None, variables: Mapping[str, str]) -> dict[str, str]:
    given = arguments.parameters if arguments else ()
    return {f"inputs.parameters.{p.name}": expressions.substituted(p.value or "", variables) for p in given}


def _text(item: object) -> str:
    return item if isinstance(item, str) else json.dumps(item)
