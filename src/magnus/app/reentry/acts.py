"""The use cases of re-entry: a step, a fan-out or a fan-in of a run, in a fresh process, from files and options alone.

Called by the commands that engines start in their jobs, containers and pods.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial

from msgspec import Struct

from magnus.app.composition.configuration import Configuration, with_workers
from magnus.app.dispatch import step_runner
from magnus.app.reentry.branches_file import write_branches
from magnus.app.run.create_run import context_of, create_run
from magnus.app.run.prepare import PreparedRun, prepare
from magnus.app.run.request import RunRequest
from magnus.definition.compiler import StepPlace
from magnus.definition.loader import LoadedPipeline
from magnus.definition.recorded_compiler import steps_of
from magnus.engine.context import RunContext
from magnus.engine.reentry.attempts import Act, OneAttempt, names_beside, step_path
from magnus.engine.reentry.engine_run import EngineRun
from magnus.engine.reentry.protocol import reentry
from magnus.graph.nodes import CompositeNode
from magnus.graph.path import StepPath
from magnus.interfaces.reporter import Reporter
from magnus.run_log.run_ids import check_run_id
from magnus.system import gc_pause


class Then(Struct, frozen=True):
    """The steps that a process runs after its act succeeded.

    Attributes:
        names: names of steps in the same (sub)pipeline, percent-encoded.
        branches_file: the file for the branches of a composite among them.
        attempt: the one attempt to make of tasks among them; None for all.
    """

    names: tuple[str, ...] = ()
    branches_file: str = ""
    attempt: OneAttempt | None = None


NOTHING_MORE = Then()


def execute_step(request: RunRequest, step: str, reporter: Reporter, then: Then = NOTHING_MORE) -> Act:
    """Run the step of the run `request.run_id` and the steps of `then`; returns the last act, which has the result.

    Steps that succeeded before do not run again. With `then.attempt` only the next attempt is made.

    If the run does not exist and the step is the first of the pipeline, the run is created with the parameters of
    `request`. InvalidInput when the step is not in the pipeline, RunNotFound when the run does not exist.
    """
    with _process(request, step, then, reporter) as process:
        return _continue(process, process.run.step(process.path, then.attempt), then)


def fan_out(request: RunRequest, step: str, reporter: Reporter, branches_file: str = "") -> Act:
    """Start the branches of the step of the run `request.run_id`; returns its status and the paths of the branches to run.

    The paths are also written to `branches_file` (`write_branches`). A step that has started or succeeded does not start
    again. The run is created as by `execute_step`.
    """
    with _process(request, step, NOTHING_MORE, reporter) as process:
        act = process.run.fan_out(process.path)
        write_branches(branches_file, process.run.graph, act)
        return act


def fan_in(
    request: RunRequest,
    step: str,
    reporter: Reporter,
    branches_file: str = "",
    number: int | None = None,
    then: Then = NOTHING_MORE,
) -> tuple[Act, Act]:
    """Join the branches that `fan_out` started, then run the steps of `then`; returns the act on the step, and the last act.

    `number` is the number of the iteration to join, None for the current one. The first act has the path of the next
    iteration, which is also written to `branches_file`.
    """
    with _process(request, step, then, reporter) as process:
        act = process.run.fan_in(process.path, number)
        write_branches(branches_file, process.run.graph, act)
        return act, _continue(process, act, then)


def run_composite(
    request: RunRequest, step: str, reporter: Reporter, workers: int | None = None, then: Then = NOTHING_MORE
) -> Act:
    """Run the step with all its branches in local worker processes, then the steps of `then`; returns the last act.

    `workers` is the number of processes, None for the number of processors. A step that had started is resumed. Each step
    in it works in a copy of the project, if the engine's processes have working directories of their own.
    """
    with _process(request, step, then, reporter, runs_together=True) as process:
        configuration = with_workers(process.configuration, workers)
        act = process.run.run_composite(process.path, partial(step_runner.executor, configuration))
        return _continue(process, act, then)


class _Process(Struct, frozen=True):
    """This process: its run, the step, the names of the steps that follow in it, and the configuration."""

    run: EngineRun
    path: StepPath
    names: Sequence[str]
    configuration: Configuration


def _continue(process: _Process, act: Act, then: Then) -> Act:
    last = process.run.go_on(act, process.names, then.attempt)
    if last is not act and isinstance(process.run.graph.step(last.path), CompositeNode):
        write_branches(then.branches_file, process.run.graph, last)
    return last


@contextmanager
def _process(
    request: RunRequest,
    step: str,
    then: Then,
    reporter: Reporter,
    *,
    runs_together: bool = False,
) -> Iterator[_Process]:
    """Open the run and its services for the process, and close them afterwards."""
    check_run_id(request.run_id)
    step_filter = partial(_places, step, then.names, with_inner=runs_together)
    with gc_pause.paused():
        prepared = prepare(request, reporter, step_filter=step_filter, continues=True)
    path = step_path(prepared.pipeline.graph, step)
    names = names_beside(prepared.pipeline.graph, path, then.names)
    with (
        closing(prepared.services.run_log_store),
        context_of(prepared, reporter, runs_together=runs_together) as context,
    ):
        yield _Process(engine_run_of(prepared, context, reporter), path, names, prepared.configuration)


def engine_run_of(prepared: PreparedRun, context: RunContext, reporter: Reporter) -> EngineRun:
    """The run of the engine that started this process."""
    request = prepared.request
    return EngineRun(
        context,
        lambda owner: create_run(prepared, owner, reporter),
        reentry(request.environment),
        workflow=request.workflow,
        workflow_name=request.workflow_name,
    )


def _places(step: str, names: Sequence[str], pipeline: LoadedPipeline, *, with_inner: bool) -> list[StepPlace]:
    """The places of the steps of this process, and of the steps inside them if they run here too.

    Other steps were checked before the run and may need other images.
    """
    path = step_path(pipeline.graph, step)
    beside = [path.branch.step(name) for name in names_beside(pipeline.graph, path, names)]
    own = {"/".join(one.parts[::2]) for one in (path, *beside)}
    inside = f"{'/'.join(path.parts[::2])}/"
    around = {one.parts[0] for one in (path, *beside)}
    places = [place for name in pipeline.graph.outlines if name in around for place in steps_of(pipeline.steps, name)]
    return [place for place in places if place.step in own or (with_inner and place.step.startswith(inside))]
