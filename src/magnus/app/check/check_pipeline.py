"""What `magnus check` does: gathers what is wrong with configuration, parameters, pipeline, data flow and secrets.

What is wrong with one of them does not hide what is wrong with another: what cannot be read is left out, or taken as it
is by default, and the rest is looked at.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, redirect_stdout
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from magnus.app.check import secrets
from magnus.app.check.services import CheckedServices, checked_services, folder_problems
from magnus.app.composition import executors
from magnus.app.parameters.data_flow import DataFlow, Described
from magnus.app.parameters.initial_parameters import InitialParameters, initial_parameters
from magnus.app.parameters.used_parameters import fitted_to_steps
from magnus.app.run import mocks
from magnus.app.run.load_pipeline import examine_pipeline, is_python_file
from magnus.app.run.original_run import original_run
from magnus.app.run.overrides import unknown_overrides
from magnus.app.run.preflight import step_problems
from magnus.app.run.prepare import RunRequest, like_original
from magnus.app.step_code import code
from magnus.definition.compiler import StepPlace
from magnus.definition.loader import Examined, LoadedPipeline
from magnus.engine.user_code import process_state
from magnus.errors import InvalidDefinition, Location, MagnusError, Problem, RunExists, RunNotFound, in_order
from magnus.graph.dataflow.reachability import can_succeed
from magnus.graph.nodes import CompositeNode, MappedBranches, TaskNode
from magnus.run_log.parameters import Scope
from magnus.run_log.records import RunRecord
from magnus.run_log.run_ids import check_new_run_id

ResultT = TypeVar("ResultT")


class Checked(Struct, frozen=True):
    """What was found, in the order of the files; `file` is the pipeline, `steps` how many steps it has."""

    file: str
    problems: tuple[Problem, ...]
    steps: int

    @property
    def errors(self) -> int:
        """How many of them are errors."""
        return sum(problem.severity == "error" for problem in self.problems)

    @property
    def warnings(self) -> int:
        """How many of them are not."""
        return len(self.problems) - self.errors


def check(asked: RunRequest, *, imports: bool) -> Checked:
    """All that can be seen to be wrong before the pipeline is executed as `asked`; nothing is run and nothing kept.

    With `imports` the modules of tasks are imported to see what their functions take.
    """
    here = process_state.applied({}, asked.working_directory)
    with here, process_state.without_hard_exits(), redirect_stdout(sys.stderr):
        return _Check(asked, imports=imports).checked()


class _Check:
    """One check; `problems` are those found so far."""

    def __init__(self, asked: RunRequest, *, imports: bool) -> None:
        self.asked = asked
        self.imports = imports
        self.problems: list[Problem] = []

    def checked(self) -> Checked:
        asked = self.asked
        services, found = checked_services(asked.configuration_file, asked.environment, asked.working_directory)
        self.problems += found
        with closing(services.built.run_log_store):
            original = self._original(services)
        self.asked = like_original(asked, original)
        initial = self._initial(original)
        examined = self._examined()
        self.problems += examined.problems
        pipeline = examined.pipeline
        parameters = self._parameters(initial, original, pipeline, services)
        if pipeline is not None:
            pipeline = self._as_executed(pipeline, services)
            self.problems += pipeline.warnings
            self._engine(pipeline, services, parameters)
            if self.asked.strict and original is not None and parameters is not None:
                self.problems += _changed(original, pipeline, parameters, services, asked.working_directory)
        unsure = self._steps(examined.steps if pipeline is None else pipeline.steps, services)
        described = self._flow(examined, pipeline, services, parameters, unsure | examined.unsure)
        self.problems += folder_problems(services, needs_catalog=any(found.keeps_files for found in described))
        return Checked(self.asked.file, in_order(self.problems), len(examined.steps))

    def _tried(self, do: Callable[[], ResultT]) -> ResultT | None:
        """What it gives, or None when the user's input is wrong, which is noted."""
        try:
            return do()
        except MagnusError as error:
            self.problems += error.problems
            return None

    def _original(self, services: CheckedServices) -> RunRecord | None:
        """The run to go on with; also whether the id of the new one can be used."""
        asked, store = self.asked, services.built.run_log_store
        if asked.run_id:
            self._tried(lambda: check_new_run_id(asked.run_id))
            try:
                store.get_run(asked.run_id)
                self.problems += RunExists(f"a run '{asked.run_id}' exists", fix="choose another --run-id").problems
            except (RunNotFound, MagnusError):
                pass
        if not asked.use_cached:
            return None
        return self._tried(lambda: original_run(store, asked.use_cached, assume_lost=asked.assume_lost))

    def _initial(self, original: RunRecord | None) -> InitialParameters | None:
        """The parameters that are given; None when they cannot be read."""
        asked, base = self.asked, None if original is None else original.parameters
        file, environment = asked.parameters_file, asked.environment
        return self._tried(lambda: initial_parameters(file, environment, asked.arguments, asked.parameters, base))

    def _parameters(
        self,
        initial: InitialParameters | None,
        original: RunRecord | None,
        pipeline: LoadedPipeline | None,
        services: CheckedServices,
    ) -> Scope | None:
        """The parameters that the run would begin with; None when they cannot be read."""
        if initial is None:
            return None
        if pipeline is not None and not services.spread.mocks:
            catalog, folder = services.built.catalog, self.asked.working_directory
            initial = fitted_to_steps(initial, pipeline.steps, catalog, folder)
        self.problems += initial.warnings
        return initial.scope if original is None else {**original.parameters, **initial.scope}

    def _examined(self) -> Examined:
        asked = self.asked
        nothing = Examined(None, (), ())
        if asked.built is None and is_python_file(asked.file) and not self.imports:
            message = f"what '{asked.file}' builds is known only when the file is run, and nothing is to be imported"
            self.problems += InvalidDefinition(message, fix="leave out --no-import").problems
            return nothing
        found = self._tried(
            lambda: examine_pipeline(asked.file, asked.built, asked.environment, asked.working_directory)
        )
        return nothing if found is None else found

    def _as_executed(self, pipeline: LoadedPipeline, services: CheckedServices) -> LoadedPipeline:
        """The pipeline as the executor takes it."""
        if not services.spread.mocks:
            return pipeline
        return self._tried(lambda: mocks.mocked(services.configuration, pipeline)) or pipeline

    def _engine(self, pipeline: LoadedPipeline, services: CheckedServices, parameters: Scope | None) -> None:
        """Overrides that are not there, and what another engine, for which it would be written down, cannot take."""
        self.problems += unknown_overrides(pipeline, services.configuration)
        transpiler = executors.transpiler(services.configuration)
        if transpiler is not None:
            from magnus.app.run.transpile import transpile_request  # lazy: most pipelines are run here

            request = transpile_request(self.asked, services.configuration, pipeline, parameters or {})
            self.problems += transpiler.problems(request)

    def _steps(self, steps: Iterable[StepPlace], services: CheckedServices) -> frozenset[str]:
        """Notes what is wrong with the steps; those that something is wrong with."""
        found = step_problems(tuple(steps), self.asked.working_directory, services.spread.runs_on)
        self.problems += found
        return frozenset(problem.step for problem in found if problem.severity == "error")

    def _flow(
        self,
        examined: Examined,
        pipeline: LoadedPipeline | None,
        services: CheckedServices,
        parameters: Scope | None,
        unsure: frozenset[str],
    ) -> Sequence[Described]:
        graph = examined.graph if pipeline is None else pipeline.graph
        steps = examined.steps if pipeline is None else (*pipeline.steps, *examined.steps)
        flow = DataFlow(
            steps,
            services.built.catalog,
            self.asked.working_directory,
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
        self.problems += secrets.problems(flow.described, services.built.secrets, services.spread, graph)
        if graph is not None:
            self.problems += flow.problems(graph, parameters)
        if pipeline is not None and not can_succeed(pipeline.graph):
            self.problems.append(_only_fails(pipeline))
        return flow.described


def _changed(
    original: RunRecord, pipeline: LoadedPipeline, parameters: Scope, services: CheckedServices, folder: Path
) -> Iterator[Problem]:
    """What differs from the run that is gone on with, where nothing may."""
    from magnus.app.compare.causes import with_code_that_ran  # lazy: likewise
    from magnus.app.run.resume_changes import changes  # lazy: only runs that go on with another one need it

    configured = services.configuration.as_json()
    ran = with_code_that_ran(services.built, original)
    for change in changes(ran, pipeline, parameters, code(pipeline.steps, folder), configured):
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
