"""The use case *simulate*: a manifest of Argo Workflows is run on this machine, from the manifest alone."""

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import gettempdir
from uuid import uuid4

from msgspec import Struct, field
from msgspec.structs import replace

from magnus.app.composition.load_configuration import load_configuration
from magnus.app.composition.services import run_log_store
from magnus.app.inspect.run_document import document
from magnus.definition import fields
from magnus.definition.wrong_fields import WrongFields
from magnus.definition.yaml_text import Document, read
from magnus.engine.files.project_copy import ProjectCopy
from magnus.errors import InvalidDefinition, InvalidInput, Problem
from magnus.interfaces.reporter import Reporter, RunEnded, RunStarted, Warned
from magnus.run_log.records import Status
from magnus.simulation.argo.pod import SUCCEEDED, Ended, Fault, Faults, Pods, Secrets, missing_secrets, volume_folders
from magnus.simulation.argo.pod_events import PodEventRelay
from magnus.simulation.argo.process_pods import Processes
from magnus.simulation.argo.signals import stopped_by_signals
from magnus.simulation.argo.validate_workflow import complaints
from magnus.simulation.argo.workflow import Simulation
from magnus.transpilers.argo.manifest import CronWorkflow, Workflow, WorkflowSpec


class SimulationRequest(Struct, frozen=True):
    """The request for a simulation.

    `parameters` are arguments of the workflow, `volumes` the folders of volumes by name. With `in_containers` pods are
    containers, in `network` if that is not "", and with `mounts_project` they mount the working directory. Each pod works
    in a fresh copy of the working directory; with `shares_project` all pods work in it.
    """

    manifest: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    secrets_file: str = ""
    faults: tuple[Fault, ...] = ()
    slots: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)
    working_directory: Path = field(default_factory=Path.cwd)
    volumes: Mapping[str, str] = field(default_factory=dict)
    in_containers: bool = False
    mounts_project: bool = False
    shares_project: bool = False
    network: str = ""


class SimulationResult(Struct, frozen=True):
    """The result of a simulation; `original` is the run to resume, "" when there is nothing to resume."""

    succeeded: bool
    original: str = ""


def simulate(request: SimulationRequest, reporter: Reporter, emit: Callable[[str], None]) -> SimulationResult:
    """Run the manifest and `emit` the run log document of the run.

    InvalidInput when a part of the manifest cannot be simulated, or is missing. KeyboardInterrupt is raised after all pods
    have been stopped as by `argo stop`.
    """
    manifest = read(request.manifest, InvalidDefinition, "the manifest")
    spec = spec_of(manifest)
    variables = {**variables_of(spec, request.parameters), "workflow.name": _name(manifest)}
    secrets = _secrets(request.secrets_file)
    _check_secrets(manifest, spec, secrets)
    run_id = variables.get("workflow.parameters.run_id") or variables["workflow.uid"]
    faults, relay = Faults(request.faults), PodEventRelay(reporter)
    with _pods(request, spec, run_id, secrets=secrets, faults=faults, relay=relay) as (pods, document_of):
        reporter.report(RunStarted(run_id, Path(request.manifest).name, concurrent=True))
        started = time.monotonic()
        with stopped_by_signals() as stopping:
            end = asyncio.run(_run(Simulation(spec, variables, pods, relay.ended), stopping.begin))
        relay.end()
        _tell_missed(faults, reporter)
        run_log = document_of(_configuration_file(spec), variables)
    message = "interrupted" if stopping.signal else end.message or (json.loads(run_log)["message"] if run_log else "")
    status = Status.SUCCESS if end.phase == SUCCEEDED else Status.FAIL
    reporter.report(RunEnded(run_id, status, message, time.monotonic() - started))
    emit(run_log)
    stopping.pass_on()
    can_resume = run_log and status is Status.FAIL and "workflow.parameters.original_run_id" in variables
    return SimulationResult(status is Status.SUCCESS, run_id if can_resume else "")


async def _run(simulation: Simulation, begin: Callable[[Callable[[], None]], None]) -> Ended:
    begin(simulation.stop)
    return await run_to_end(simulation)


async def run_to_end(simulation: Simulation) -> Ended:
    """Run it to its end; raises what went wrong in any of its tasks."""
    try:
        return await simulation.run()
    except BaseExceptionGroup as group:
        inner: BaseException = group
        while isinstance(inner, BaseExceptionGroup):
            inner = inner.exceptions[0]
        raise inner from None


def spec_of(written: Document) -> WorkflowSpec:
    """What the manifest says is to run; InvalidDefinition with the place of everything that is wrong or not simulated."""
    if not isinstance(written.value, dict):
        raise InvalidDefinition(
            "the manifest must be a mapping",
            location=written.locate(),
            fix="name a file that magnus execute wrote for Argo",
        )
    if "dag" in written.value and "spec" not in written.value:
        raise InvalidDefinition(
            "this is a pipeline, and no manifest for Argo Workflows",
            location=written.locate(),
            fix=f"write the manifest first: magnus execute {written.file} -c FILE, with executor: {{type: argo, ...}} in FILE",
        )
    try:
        if _is_cron(written):
            spec = fields.read(CronWorkflow, written.value).spec.workflow_spec
        else:
            spec = fields.read(Workflow, written.value).spec
    except WrongFields as error:
        raise InvalidDefinition.of(list(error.problems(written.locate))) from None
    if mistakes := complaints(spec):
        wrong = WrongFields([replace(complaint, path=(*_at(written), *complaint.path)) for complaint in mistakes])
        raise InvalidDefinition.of(list(wrong.problems(written.locate)))
    return spec


def _name(written: Document) -> str:
    """The name of the workflow, the end of which Argo makes up."""
    metadata = written.value.get("metadata") or {}
    return str(metadata.get("name") or f"{metadata.get('generateName', '')}simulated")


def _is_cron(written: Document) -> bool:
    return bool(written.value.get("kind") == "CronWorkflow")


def _at(written: Document) -> tuple[str, ...]:
    """Where in the manifest its workflow stands."""
    return ("spec", "workflowSpec") if _is_cron(written) else ("spec",)


def variables_of(spec: WorkflowSpec, arguments: Mapping[str, str], uid: str = "") -> dict[str, str]:
    """The variables of the workflow of this unique id, or of a new one; `given` are arguments instead of those written."""
    variables = {"workflow.uid": uid or str(uuid4()), "workflow.name": "workflow"}
    declared = spec.arguments.parameters if spec.arguments else ()
    names = [parameter.name for parameter in declared]
    for name in arguments:
        if name not in names:
            there = ", ".join(repr(name) for name in names)
            raise InvalidInput(f"the workflow has no parameter '{name}'", fix=f"it has {there}" if there else "")
    for parameter in declared:
        text = arguments.get(parameter.name, parameter.value or "")
        text = text.replace("{{workflow.uid}}", variables["workflow.uid"])
        variables[f"workflow.parameters.{parameter.name}"] = text
    return variables


def _secrets(file: str) -> Secrets:
    if not file:
        return {}
    value = read(file, InvalidInput, "the file of secrets").value
    if not isinstance(value, dict) or not all(isinstance(keys, dict) for keys in value.values()):
        raise InvalidInput(
            f"the secrets in '{file}' must be a mapping of names to keys and values", fix="write 'name: {key: value}'"
        )
    return {name: {key: str(text) for key, text in keys.items()} for name, keys in value.items()}


def _check_secrets(written: Document, spec: WorkflowSpec, secrets: Secrets) -> None:
    """InvalidInput for keys that pods would wait for without end."""
    problems: dict[tuple[str, str], Problem] = {}
    for path, name, key in missing_secrets(spec, secrets):
        fix = f"write '{name}: {{{key}: ...}}' into a file, and name it with --secrets"
        problem = Problem(f"there is no key '{key}' of a secret '{name}'", fix, written.locate(*_at(written), *path))
        problems.setdefault((name, key), problem)
    if problems:
        raise InvalidInput.of(list(problems.values()))


@contextmanager
def _pods(
    request: SimulationRequest,
    spec: WorkflowSpec,
    run_id: str,
    *,
    secrets: Secrets,
    faults: Faults,
    relay: PodEventRelay,
) -> Iterator[tuple[Pods, Callable[[str, Mapping[str, str]], str]]]:
    """What runs pods, and what gives the run log document with a configuration file and the variables of the workflow.

    The document is "" when there is no run.
    """
    slots = request.slots or os.cpu_count() or 1
    folders = volume_folders(spec, request.volumes, request.working_directory, in_containers=request.in_containers)
    project = None if request.shares_project else _project(request.working_directory.resolve(), folders.values())
    if request.in_containers:
        from magnus.simulation.argo.container_pods import Containers, PodOptions  # lazy: the SDK takes long to load

        mounted = request.working_directory.resolve() if request.mounts_project else None
        options = PodOptions(run_id, folders, mounted, project if request.mounts_project else None, request.network)
        with Containers(spec, options, secrets=secrets, faults=faults, slots=slots, hear=relay.hear) as containers:
            yield containers, containers.document
    else:
        with Processes(
            request.working_directory,
            request.environment,
            secrets=secrets,
            faults=faults,
            slots=slots,
            hear=relay.hear,
            project=project,
        ) as processes:
            yield processes, lambda file, _variables: _document(request, file, run_id)


def _project(working_directory: Path, shared: Iterable[Path]) -> ProjectCopy | None:
    """How pods get fresh copies of the project; None where it is in a volume, which pods share."""
    without = [folder.resolve() for folder in shared]
    if any(working_directory.is_relative_to(folder) for folder in without):
        return None
    temporary = Path(gettempdir()).resolve()  # where copies are
    return ProjectCopy(working_directory, [*without, temporary])


def _tell_missed(faults: Faults, reporter: Reporter) -> None:
    for fault in faults.missed:
        number = "" if fault.number is None else f":{fault.number}"
        reporter.report(Warned(f"there was no pod for --{fault.kind} {fault.step}{number}"))


def _configuration_file(spec: WorkflowSpec) -> str:
    """The configuration file in the commands of pods; "" for none."""
    commands = [template.container.command for template in spec.templates if template.container]
    files = [argv[argv.index("--config-file") + 1] for argv in commands if "--config-file" in argv[:-1]]
    return files[0] if files else ""


def _document(request: SimulationRequest, configuration_file: str, run_id: str) -> str:
    """The run log as that configuration has it; "" when no pod came to create the run."""
    configuration = load_configuration(configuration_file, request.environment, request.working_directory)
    with closing(run_log_store(configuration, request.working_directory)) as store:
        return "".join(document(store, store.get_run(run_id))) if run_id in store.list_runs() else ""
