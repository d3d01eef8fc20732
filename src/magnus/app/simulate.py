"""The use case *simulate*: a manifest of Argo Workflows is run on this machine, from the manifest alone."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from uuid import uuid4

from msgspec import Struct, field

from magnus.app import wiring
from magnus.app.config import load_configuration
from magnus.app.documents import document
from magnus.definition import fields
from magnus.definition.wrong_fields import WrongFields
from magnus.definition.yaml_text import Document, read
from magnus.errors import InvalidDefinition, InvalidInput
from magnus.graph.path import StepPath
from magnus.interfaces.reporter import Reporter, RunEnded, RunStarted, StepEnded, StepStarted
from magnus.run_log.records import Status
from magnus.transpilers.argo.manifest import CronWorkflow, Workflow, WorkflowSpec
from magnus.transpilers.argo.running import SUCCEEDED, Ended, Fault, Processes
from magnus.transpilers.argo.simulating import Simulation


class Simulated(Struct, frozen=True):
    """What is asked for: `parameters` are arguments of the workflow, `secrets` the keys of Kubernetes secrets by name."""

    manifest: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    secrets_file: str = ""
    faults: tuple[Fault, ...] = ()
    slots: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    working_directory: Path = field(default_factory=Path.cwd)


def simulate(asked: Simulated, reporter: Reporter, emit: Callable[[str], None]) -> bool:
    """Run the manifest and `emit` the run log document of the run; whether the workflow succeeded.

    InvalidInput when there is something in the manifest that is not simulated, or missing.
    """
    written = read(asked.manifest, InvalidDefinition, "the manifest")
    spec = spec_of(written)
    variables = variables_of(spec, asked.parameters)
    run_id = variables.get("workflow.parameters.run_id", variables["workflow.uid"])
    slots = asked.slots or os.cpu_count() or 1
    pods = Processes(asked.working_directory, _secrets(asked.secrets_file), asked.faults, slots)
    reporter.report(RunStarted(run_id, Path(asked.manifest).name, concurrent=True))
    started = time.monotonic()
    simulation = Simulation(spec, variables, pods, _Telling(reporter))
    end = asyncio.run(ended(simulation))
    succeeded = end.phase == SUCCEEDED
    status = Status.SUCCESS if succeeded else Status.FAIL
    reporter.report(RunEnded(run_id, status, end.message, time.monotonic() - started, is_kept=False))
    _emit_document(asked, spec, run_id, emit)
    return succeeded


async def ended(simulation: Simulation) -> Ended:
    """Run it to its end; raises what went wrong in any of its tasks."""
    try:
        return await simulation.run()
    except BaseExceptionGroup as group:
        inner: BaseException = group
        while isinstance(inner, BaseExceptionGroup):
            inner = inner.exceptions[0]
        raise inner from None


def spec_of(written: Document) -> WorkflowSpec:
    """What the manifest says is to run; InvalidDefinition with the place of everything that is not simulated."""
    if not isinstance(written.value, dict):
        raise InvalidDefinition("the manifest must be a mapping", location=written.locate())
    is_cron = written.value.get("kind") == "CronWorkflow"
    try:
        if is_cron:
            return fields.read(CronWorkflow, written.value).spec.workflow_spec
        return fields.read(Workflow, written.value).spec
    except WrongFields as error:
        raise InvalidDefinition.of(list(error.problems(written.locate))) from None


def variables_of(spec: WorkflowSpec, given: Mapping[str, str]) -> dict[str, str]:
    """The variables of the workflow, and the arguments that were given instead of those written."""
    variables = {"workflow.uid": str(uuid4())}
    known = spec.arguments.parameters if spec.arguments else ()
    names = [parameter.name for parameter in known]
    for name in given:
        if name not in names:
            there = ", ".join(repr(name) for name in names)
            raise InvalidInput(f"the workflow has no parameter '{name}'", fix=f"it has {there}")
    for parameter in known:
        text = given.get(parameter.name, parameter.value or "")
        text = text.replace("{{workflow.uid}}", variables["workflow.uid"])
        variables[f"workflow.parameters.{parameter.name}"] = text
    return variables


def _secrets(file: str) -> Mapping[str, Mapping[str, str]]:
    if not file:
        return {}
    value = read(file, InvalidInput, "the file of secrets").value
    if not isinstance(value, dict) or not all(isinstance(keys, dict) for keys in value.values()):
        raise InvalidInput(f"the secrets in '{file}' must be a mapping of names to keys and values")
    return {name: {key: str(text) for key, text in keys.items()} for name, keys in value.items()}


class _Telling:
    """Tells what pods do as what becomes of steps."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._started: dict[str, float] = {}

    def __call__(self, template: str, step: str, ended: Ended | None) -> None:
        if not step:
            return
        path = StepPath.parse(step)
        if ended is None:
            if step not in self._started:
                self._started[step] = time.monotonic()
                self._reporter.report(StepStarted(path, "pod"))
            return
        joins = "fan-out" in template and ended.phase == SUCCEEDED
        if joins:
            return
        status = Status.SUCCESS if ended.phase == SUCCEEDED else Status.FAIL
        duration = time.monotonic() - self._started[step]
        message = "" if status is Status.SUCCESS else ended.message
        self._reporter.report(StepEnded(path, "pod", status, message, duration))


def _emit_document(asked: Simulated, spec: WorkflowSpec, run_id: str, emit: Callable[[str], None]) -> None:
    """The run log as the configuration that the pods are told has it; nothing when no pod came to create the run."""
    commands: Sequence[tuple[str, ...]] = [t.container.command for t in spec.templates if t.container]
    named = [argv[argv.index("--config-file") + 1] for argv in commands if "--config-file" in argv]
    configuration = load_configuration(named[0] if named else "", asked.environment, asked.working_directory)
    with closing(wiring.run_log_store(configuration, asked.working_directory)) as store:
        if run_id in store.list_runs():
            for line in document(store, store.get_run(run_id)):
                emit(line)
