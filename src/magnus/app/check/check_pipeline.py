"""Collects the problems of configuration, parameters, pipeline, data flow and secrets for `magnus check`.

A problem of one does not hide the problems of another: a part that cannot be read is left out or replaced by its default,
and the rest is checked.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, redirect_stdout
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from magnus.app.check import services as secrets
from magnus.app.check.services import (
    CheckedServices,
    checked_services,
    connect_problems,
    credential_problems,
    folder_problems,
)
from magnus.app.composition import executors
from magnus.app.inspect.step_code import code_of_steps
from magnus.app.parameters.data_flow import DataFlow, DescribedTask
from magnus.app.parameters.initial_parameters import InitialParameters, initial_parameters
from magnus.app.parameters.used_parameters import fitted_to_steps
from magnus.app.run import mocks
from magnus.app.run.load_pipeline import examine_pipeline, is_python_file
from magnus.app.run.original_run import original_run
from magnus.app.run.preflight import override_problems, step_problems
from magnus.app.run.request import RunRequest, with_defaults
from magnus.definition.compiler import StepPlace
from magnus.definition.loader import Examination, LoadedPipeline
from magnus.engine.user_code import process_state
from magnus.errors import InvalidDefinition, Location, MagnusError, Problem, RunExists, RunNotFound, in_order
from magnus.graph.nodes import CompositeNode, MappedBranches, TaskNode
from magnus.graph.reachability import can_succeed
from magnus.run_log.parameters import Scope
from magnus.run_log.records import RunRecord
from magnus.run_log.run_ids import check_new_run_id

ResultT = TypeVar("ResultT")


class CheckResult(Struct, frozen=True):
    """The problems in the order of the files; `file` is the pipeline, `steps` the number of its steps."""

    file: str
    problems: tuple[Problem, ...]
    steps: int

    @property
    def errors(self) -> int:
        """The number of errors."""
        return sum(problem.severity == "error" for problem in self.problems)

    @property
    def warnings(self) -> int:
        """The number of warnings."""
        return len(self.problems) - self.errors


def check(request: RunRequest, *, imports: bool, connects: bool = False) -> CheckResult:
    """All problems that show before the pipeline is executed by this request; nothing runs and nothing is recorded.

    With `imports` the modules of tasks are imported to read the signatures of their functions. With `connects` the services that
    talk to a server try to reach it.
    """
    here = process_state.applied({}, request.working_directory)
    with here, process_state.without_hard_exits(), redirect_stdout(sys.stderr):
        return _Check(request, imports=imports, connects=connects).result()


class _Check:
    """One check, with the problems so far."""

    def __init__(self, request: RunRequest, *, imports: bool, connects: bool) -> None:
        self.request = request
        self.imports = imports
        self.connects = connects
        self.reaches_secrets = False
        self.problems: list[Problem] = []

    def result(self) -> CheckResult:
        request = self.request
        services, problems = checked_services(
            request.configuration_file, request.environment, request.working_directory
        )
        self.problems += problems
        with closing(services.built.run_log_store):
            original = self._original(services)
        self.request = with_defaults(request, original, services.configuration.parameters_file)
        initial = self._initial(original)
        examined = self._examined()
        self.problems += examined.problems
        pipeline = examined.pipeline
        parameters = self._parameters(initial, original, pipeline, services)
        if pipeline is not None:
            pipeline = self._as_executed(pipeline, services)
            self.problems += pipeline.warnings
            self._engine(pipeline, services, parameters)
            if self.request.strict and original is not None and parameters is not None:
                self.problems += _changed(original, pipeline, parameters, services, request.working_directory)
        unsure = self._steps(examined.steps if pipeline is None else pipeline.steps, services)
        missing = list(credential_problems(services))
        self.problems += missing
        if self.connects and not missing:
            unreachable = list(connect_problems(services))
            self.problems += [problem for _, problem in unreachable]
            self.reaches_secrets = all(family != "secrets" for family, _ in unreachable)
        described = self._flow(examined, pipeline, services, parameters, unsure | examined.unsure)
        self.problems += folder_problems(services, needs_catalog=any(task.keeps_files for task in described))
        return CheckResult(self.request.file, in_order(self.problems), len(examined.steps))

    def _attempt(self, do: Callable[[], ResultT]) -> ResultT | None:
        """The result of the function; None when the input of the user is wrong, which is added to the problems."""
        try:
            return do()
        except MagnusError as error:
            self.problems += error.problems
            return None

    def _original(self, services: CheckedServices) -> RunRecord | None:
        """The run to resume; also checks the id of the new run."""
        request, store = self.request, services.built.run_log_store
        if request.run_id:
            self._attempt(lambda: check_new_run_id(request.run_id))
            try:
                store.get_run(request.run_id)
                self.problems += RunExists(f"a run '{request.run_id}' exists", fix="choose another --run-id").problems
            except (RunNotFound, MagnusError):
                pass
        if not request.use_cached:
            return None
        return self._attempt(lambda: original_run(store, request.use_cached, assume_lost=request.assume_lost))

    def _initial(self, original: RunRecord | None) -> InitialParameters | None:
        """The parameters of files, environment and options; None when they cannot be read."""
        request, base = self.request, None if original is None else original.parameters
        file, environment = request.parameters_file, request.environment
        return self._attempt(lambda: initial_parameters(file, environment, request.arguments, request.parameters, base))

    def _parameters(
        self,
        initial: InitialParameters | None,
        original: RunRecord | None,
        pipeline: LoadedPipeline | None,
        services: CheckedServices,
    ) -> Scope | None:
        """The parameters the run would start with; None when they cannot be read."""
        if initial is None:
            return None
        if pipeline is not None and not services.spread.mocks:
            catalog, folder = services.built.catalog, self.request.working_directory
            initial = fitted_to_steps(initial, pipeline.steps, catalog, folder)
        self.problems += initial.warnings
        return initial.scope if original is None else {**original.parameters, **initial.scope}

    def _examined(self) -> Examination:
        request = self.request
        nothing = Examination(None, (), ())
        if request.built is None and is_python_file(request.file) and not self.imports:
            message = f"what '{request.file}' builds is known only when the file is run, and nothing is to be imported"
            self.problems += InvalidDefinition(message, fix="leave out --no-import").problems
            return nothing
        examined = self._attempt(
            lambda: examine_pipeline(request.file, request.built, request.environment, request.working_directory)
        )
        return nothing if examined is None else examined

    def _as_executed(self, pipeline: LoadedPipeline, services: CheckedServices) -> LoadedPipeline:
        """The pipeline as the executor runs it, perhaps mocked."""
        if not services.spread.mocks:
            return pipeline
        return self._attempt(lambda: mocks.mocked(services.configuration, pipeline)) or pipeline

    def _engine(self, pipeline: LoadedPipeline, services: CheckedServices, parameters: Scope | None) -> None:
        """Add the problems of overrides, and of transpiling the pipeline."""
        self.problems += override_problems(pipeline, pipeline.steps, services.configuration)
        transpiler = executors.transpiler(services.configuration)
        if transpiler is not None:
            from magnus.app.run.transpile import transpile_request  # lazy: most pipelines are run here

            request = transpile_request(self.request, services.configuration, pipeline, parameters or {})
            self.problems += transpiler.problems(request)

    def _steps(self, steps: Iterable[StepPlace], services: CheckedServices) -> frozenset[str]:
        """Add the problems of the steps; the names of steps with errors."""
        problems = step_problems(tuple(steps), self.request.working_directory, services.spread)
        self.problems += problems
        return frozenset(problem.step for problem in problems if problem.severity == "error")

    def _flow(
        self,
        examined: Examination,
        pipeline: LoadedPipeline | None,
        services: CheckedServices,
        parameters: Scope | None,
        unsure: frozenset[str],
    ) -> Sequence[DescribedTask]:
        graph = examined.graph if pipeline is None else pipeline.graph
        steps = examined.steps if pipeline is None else (*pipeline.steps, *examined.steps)
        flow = DataFlow(
            steps,
            services.built.catalog,
            self.request.working_directory,
            imports=self.imports,
            apart=services.spread.apart,
            unsure=unsure,
        )
        for step in examined.steps if pipeline is None else pipeline.steps:
            match step.node:
                case TaskNode() as task:
                    self.problems += flow.of_task(task, step)
                case CompositeNode(branches=MappedBranches() as mapped):
                    self.problems += flow.of_map(mapped, step)
                case CompositeNode():
                    pass
        self.problems += secrets.problems(
            flow.described, services, graph, connects=self.connects, reached=self.reaches_secrets
        )
        if graph is not None:
            self.problems += flow.problems(graph, parameters)
        if pipeline is not None and not can_succeed(pipeline.graph):
            self.problems.append(_only_fails(pipeline))
        return flow.described


def _changed(
    original: RunRecord, pipeline: LoadedPipeline, parameters: Scope, services: CheckedServices, folder: Path
) -> Iterator[Problem]:
    """The differences from the run to resume, where none is allowed."""
    from magnus.app.compare.causes import with_code_that_ran  # lazy: likewise
    from magnus.app.run.resume_plan import changes  # lazy: only resumed runs need it

    configured = services.configuration.as_json()
    ran = with_code_that_ran(services.built, original)
    for change in changes(ran, pipeline, parameters, code_of_steps(pipeline.steps, folder), configured):
        message = f"the run '{original.run_id}' cannot be resumed as it was: {change}"
        yield Problem(message, "change it back, or leave out --strict")


def _only_fails(pipeline: LoadedPipeline) -> Problem:
    """A warning at the first step that leads to the end."""
    graph = pipeline.graph
    end, steps = graph.terminal(succeeds=False).name, {step.step: step for step in pipeline.steps}
    last = next((node for node in graph.nodes.values() if dict(node.edges).get("next") == end), None)
    place = None if last is None or last.name not in steps else steps[last.name]
    fix = "let the last step lead to success: next: success"
    location = Location(pipeline.file) if place is None else place.locate("next")
    step = "" if place is None else place.step
    return Problem(
        "every path of the pipeline ends in its fail step, so no run succeeds", fix, location, step, "warning"
    )
