"""The use cases of re-entry: a step, a fan-out or a fan-in of a run, in a fresh process, from files and options alone.

Called by the commands that engines start in their jobs, containers and pods.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial

from msgspec import Struct

from magnus.app.composition.configuration import Configuration, with_workers
from magnus.app.dispatch import step_runner
from magnus.app.reentry.branches_file import write_branches
from magnus.app.run.create_run import begin, context_of
from magnus.app.run.prepare import PreparedRun, RunRequest, prepare
from magnus.definition.compiler import StepPlace
from magnus.definition.loader import LoadedPipeline
from magnus.engine.context import RunContext
from magnus.engine.reentry.act import Act
from magnus.engine.reentry.attempts import OneAttempt
from magnus.engine.reentry.engine_run import EngineRun
from magnus.engine.reentry.protocol import reentry
from magnus.engine.reentry.step_arguments import names_beside, step_path
from magnus.graph.nodes import CompositeNode
from magnus.graph.path import StepPath
from magnus.interfaces.reporter import Reporter
from magnus.run_log.run_ids import check_run_id


class Then(Struct, frozen=True):
    """What a process goes on with when its act succeeded.

    Attributes:
        names: of steps in the same (sub)pipeline, percent-encoded.
        branches_file: where the branches of a composite among them are written when it starts.
        attempt: the one attempt to make of tasks among them; None for all.
    """

    names: tuple[str, ...] = ()
    branches_file: str = ""
    attempt: OneAttempt | None = None


NOTHING_MORE = Then()


def execute_step(asked: RunRequest, step: str, reporter: Reporter, then: Then = NOTHING_MORE) -> Act:
    """Run the step of the run `asked.run_id`, and what follows it as `then` says; the last act, which says how it ended.

    What succeeded before is left alone. With `then.attempt` the next attempt alone is made.

    The run is created when it does not exist and the step is the first of the pipeline; only then do the parameters
    of `asked` count. InvalidInput when the step is not in the pipeline, RunNotFound when the run does not exist.
    """
    with _process(asked, step, then, reporter, looked_at=partial(_places, step, then.names)) as process:
        return _go_on(process, process.run.step(process.path, then.attempt), then)


def fan_out(asked: RunRequest, step: str, reporter: Reporter, branches_file: str = "") -> Act:
    """Start the branches of the step of the run `asked.run_id`; how it stands, and the paths of the branches to run.

    These are also written to `branches_file` (`write_branches`). A step that has begun, or succeeded, is left as it is.
    The run is created as by `execute_step`.
    """
    with _process(asked, step, NOTHING_MORE, reporter) as process:
        act = process.run.fan_out(process.path)
        write_branches(branches_file, process.run.graph, act)
        return act


def fan_in(
    asked: RunRequest,
    step: str,
    reporter: Reporter,
    branches_file: str = "",
    number: int | None = None,
    then: Then = NOTHING_MORE,
) -> tuple[Act, Act]:
    """Join the branches that `fan_out` started, then go on as `then` says; the act on the step, and the last one.

    `number` is that of the round to join, None for the current one; the first act has the path of the next one, which is
    also written to `branches_file`.
    """
    with _process(asked, step, then, reporter) as process:
        act = process.run.fan_in(process.path, number)
        write_branches(branches_file, process.run.graph, act)
        return act, _go_on(process, act, then)


def run_composite(
    asked: RunRequest, step: str, reporter: Reporter, workers: int | None = None, then: Then = NOTHING_MORE
) -> Act:
    """Run the step with all its branches here, in worker processes, then go on as `then` says; the last act.

    There are so many `workers`, None for as many as processors. A step that had begun goes on where it was. Each step in it
    works in a copy of the project, if the engine's processes have working directories of their own.
    """
    looked_at = partial(_places, step, then.names)
    with _process(asked, step, then, reporter, looked_at, runs_together=True) as process:
        configuration = with_workers(process.configuration, workers)
        act = process.run.run_composite(process.path, partial(step_runner.executor, configuration))
        return _go_on(process, act, then)


class _Process(Struct, frozen=True):
    """This process: its run, the step, the names of the steps to go on with, and the services."""

    run: EngineRun
    path: StepPath
    names: Sequence[str]
    configuration: Configuration


def _go_on(process: _Process, act: Act, then: Then) -> Act:
    last = process.run.go_on(act, process.names, then.attempt)
    if last is not act and isinstance(process.run.graph.step(last.path), CompositeNode):
        write_branches(then.branches_file, process.run.graph, last)
    return last


@contextmanager
def _process(
    asked: RunRequest,
    step: str,
    then: Then,
    reporter: Reporter,
    looked_at: Callable[[LoadedPipeline], Sequence[StepPlace]] | None = None,
    *,
    runs_together: bool = False,
) -> Iterator[_Process]:
    """What the process needs; what it opened is closed afterwards."""
    check_run_id(asked.run_id)
    prepared = prepare(asked, reporter, looked_at=looked_at or _all_steps)
    path = step_path(prepared.pipeline.graph, step)
    names = names_beside(prepared.pipeline.graph, path, then.names)
    with (
        closing(prepared.services.run_log_store),
        context_of(prepared, reporter, runs_together=runs_together) as context,
    ):
        yield _Process(engine_run_of(prepared, context, reporter), path, names, prepared.configuration)


def engine_run_of(prepared: PreparedRun, context: RunContext, reporter: Reporter) -> EngineRun:
    """The run as the engine has it that started this process."""
    asked = prepared.execution
    return EngineRun(
        context,
        lambda owner: begin(prepared, owner, reporter),
        reentry(asked.environment),
        workflow=asked.workflow,
        workflow_name=asked.workflow_name,
    )


def _places(step: str, names: Sequence[str], pipeline: LoadedPipeline) -> list[StepPlace]:
    """Where the steps are written. What others need may be in other images; they were checked before the run."""
    path = step_path(pipeline.graph, step)
    beside = [path.branch.step(name) for name in names_beside(pipeline.graph, path, names)]
    written = {"/".join(one.parts[::2]) for one in (path, *beside)}
    inside = f"{'/'.join(path.parts[::2])}/"
    return [place for place in pipeline.steps if place.step in written or place.step.startswith(inside)]


def _all_steps(pipeline: LoadedPipeline) -> Sequence[StepPlace]:
    """What is checked; of parameters that no step uses the process that began the run has said enough."""
    return pipeline.steps
