"""Builds the services of a configuration as far as possible; checks them, their folders and the secrets that steps name.

No secret is shown or kept.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from magnus.app.composition import executors, services
from magnus.app.composition.configuration import FAMILIES, Configuration, ServiceConfiguration, nowhere
from magnus.app.composition.load_configuration import examine_configuration
from magnus.app.parameters.data_flow import DescribedTask
from magnus.engine.context import Services
from magnus.errors import MagnusError, Problem
from magnus.graph.dataflow.findings import Severity
from magnus.graph.nodes import Graph
from magnus.graph.reachability import caught_steps
from magnus.interfaces.capabilities import (
    Connects,
    ExecutorCapabilities,
    Locality,
    Located,
    NeedsCredentials,
    SecretVariableNames,
    ServiceCapabilities,
)
from magnus.interfaces.catalog import Catalog
from magnus.interfaces.run_log_store import RunLogStore
from magnus.interfaces.secrets import RemoteSecrets


class CheckedServices(Struct, frozen=True):
    """The configuration with defaults in place of faulty services, the services, and the executor's capabilities."""

    configuration: Configuration
    built: Services
    spread: ExecutorCapabilities


def checked_services(
    file: str, environment: Mapping[str, str], working_directory: Path
) -> tuple[CheckedServices, list[Problem]]:
    """The services that can be built, and the problems with their configuration."""
    problems: list[Problem] = []
    try:
        configuration, faults = examine_configuration(file, environment, working_directory)
        problems += faults
    except MagnusError as error:
        problems += error.problems
        configuration = Configuration(
            **{name: _default(name) for name in FAMILIES},
            file="",
            variables=frozenset(),
            warnings=(),
            parameters_file="",
            folder=None,
        )
    for family in FAMILIES:
        try:
            services.try_service(family, configuration, working_directory)
        except MagnusError as error:
            problems += error.problems
            configuration = replace(configuration, **{family: _default(family)})
    built = services.services(configuration, working_directory)
    is_faulty = any(problem.severity == "error" for problem in problems)
    replaced = [family for family in FAMILIES if is_faulty and getattr(configuration, family).locate is nowhere]
    try:
        problems += executors.incompatibilities(configuration, built, working_directory, without=replaced)
    except MagnusError as error:
        problems += error.problems
    return CheckedServices(configuration, built, executors.executor_capabilities(configuration)), problems


def _default(family: str) -> ServiceConfiguration:
    return ServiceConfiguration(FAMILIES[family], {}, nowhere)


def folder_problems(services: CheckedServices, *, needs_catalog: bool) -> Iterator[Problem]:
    """The folders of stores that cannot be written to: an error if every run fails for it, a warning if steps may.

    Nothing is created. With `needs_catalog` some step puts files into the catalog.
    """
    for family, what in (("run_log_store", "the run log store"), ("catalog", "the catalog")):
        severity: Severity = "warning" if family == "catalog" and not needs_catalog else "error"
        service: RunLogStore | Catalog = getattr(services.built, family)
        if isinstance(service, Located) and (obstacle := _obstacle_of(service.location, service.capabilities)):
            message, fix = obstacle
            option, locate = service.capabilities.located_by, getattr(services.configuration, family).locate
            if option:
                fix = f"{fix}, or set `{option}` of {what} to another {'file' if service.capabilities.beside else 'folder'}"
            place = locate(option) if option else locate()
            yield Problem(f"{what} cannot write to '{service.location}': {message}", fix, place, severity=severity)


def _obstacle_of(location: Path, capabilities: ServiceCapabilities) -> tuple[str, str] | None:
    """The reason why the service cannot write to its location, and the fix."""
    if not capabilities.beside:
        return _obstacle(location)
    if location.is_dir():
        return "it is a folder", "remove it"
    if location.exists() and not os.access(location, os.R_OK | os.W_OK):
        return "it is not readable and writable", "make it so"
    return _obstacle(location.parent, inside=True)


def credential_problems(services: CheckedServices) -> Iterator[Problem]:
    """The services without credentials: a warning if steps run on other machines, which may have a role."""
    severity: Severity = "warning" if services.spread.runs_on is Locality.NETWORK else "error"
    for family in FAMILIES:
        service = getattr(services.built, family, None)
        if isinstance(service, NeedsCredentials) and (problem := service.missing_credentials()):
            place = getattr(services.configuration, family).locate()
            yield Problem(f"{family.replace('_', ' ')}: {problem.message}", problem.fix, place, severity=severity)


def connect_problems(services: CheckedServices) -> Iterator[tuple[str, Problem]]:
    """The families of services that cannot be reached, each with a problem at the place where it is configured."""
    for family in FAMILIES:
        service = getattr(services.built, family, None)
        if isinstance(service, Connects):
            place = getattr(services.configuration, family).locate()
            for problem in service.connect_problems():
                yield (
                    family,
                    Problem(problem.message, problem.fix, problem.location or place, severity=problem.severity),
                )
    for problem in executors.connect_problems(services.configuration):
        yield "executor", problem


def _obstacle(folder: Path, *, inside: bool = False) -> tuple[str, str] | None:
    """The reason why the folder cannot be written to, and the fix; None if it can, once it is created.

    With `inside` the location is a file in the folder, so that the folder is named.
    """
    existing = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
    if not existing.is_dir():
        what = "a file" if existing.exists() else "a link that leads nowhere"
        return f"{what} is in the way" if existing == folder and not inside else f"'{existing}' is {what}", "remove it"
    if not os.access(existing, os.W_OK | os.X_OK):
        return (
            "it is not writable" if existing == folder and not inside else f"'{existing}' is not writable",
            "make it writable",
        )
    return None


def problems(
    described: Sequence[DescribedTask], services: CheckedServices, graph: Graph | None, *, connects: bool, reached: bool
) -> Iterator[Problem]:
    """The missing secrets: an error where a step lists one, a warning where its code may ask for one.

    It is a warning too where the failure of the step leads to success in the `graph`. Steps on other machines have the
    environment that the executor gives them, and may have other files of secrets than this machine. Servers get requests only if `connects`, and the try of it `reached` them.
    """
    look_up = _LookUp(services, connects=connects, reached=reached)
    names = [name for task in described for name in (*task.node.secrets, *task.facts.description.secrets)]
    yield from look_up.problems_of_all(names)
    caught = set() if graph is None else {id(node) for node in caught_steps(graph)}
    for task in described:
        for number, name in enumerate(task.node.secrets):
            if (problem := look_up.problem(name)) is not None:
                severity: Severity = "warning" if id(task.node) in caught or look_up.is_elsewhere else "error"
                yield Problem(
                    problem.message, problem.fix, task.step.locate("secrets", number), task.step.step, severity
                )
        for name in task.facts.description.secrets:
            if name not in task.node.secrets and (problem := look_up.problem(name)) is not None:
                message = f"{task.node.task.command} asks for a secret: {problem.message}"
                yield Problem(message, problem.fix, task.step.locate("command"), task.step.step, "warning")


class _LookUp:
    """Looks up each secret once, as far as it can be had from here."""

    def __init__(self, services: CheckedServices, *, connects: bool, reached: bool) -> None:
        self._provider = services.built.secrets
        self._place = services.configuration.secrets.locate()
        self._spread = services.spread
        self._connects = connects
        self._asks = connects and reached
        self._results: dict[str, Problem | None] = {}

    def problem(self, name: str) -> Problem | None:
        """The reason why the secret is missing; None when it exists, or nobody can say from here."""
        if name not in self._results:
            self._results[name] = self._look_up(name)
        return self._results[name]

    def problems_of_all(self, names: Sequence[str]) -> Iterator[Problem]:
        """The problems that keep every step from its secrets; `names` are the names in the steps."""
        provider = self._provider
        if not names or not isinstance(provider, RemoteSecrets):
            return
        if self._is_apart:
            missing = [name for name in provider.needed_variables() if name not in self._spread.gives]
            for name in missing:
                message = f"the executor gives steps no variable '{name}', which the secrets provider needs"
                yield Problem(
                    message, f"give it to the steps{self._giving}, or let the image have it", self._place, "", "warning"
                )
            return
        for fault in () if self._connects else provider.setup_problems():
            yield Problem(fault.message, fault.fix, self._place, severity=fault.severity)

    @property
    def is_elsewhere(self) -> bool:
        """Whether steps read secrets of files that this machine need not have."""
        is_of_files = isinstance(self._provider, Located) and not isinstance(self._provider, RemoteSecrets)
        return self._is_apart and is_of_files

    @property
    def _is_apart(self) -> bool:
        return self._spread.runs_on is Locality.NETWORK and not self._spread.inherits

    @property
    def _giving(self) -> str:
        return f" by '{self._spread.gives_by}' of the executor" if self._spread.gives_by else ""

    def _look_up(self, name: str) -> Problem | None:
        provider = self._provider
        if self._is_apart and isinstance(provider, SecretVariableNames):
            variable = provider.variable(name)
            if variable in self._spread.gives:
                return None
            message = f"the executor gives steps no variable '{variable}', in which the secret '{name}' is looked for"
            return Problem(message, f"give it to the steps{self._giving}")
        if isinstance(provider, RemoteSecrets):
            fault = provider.name_problem(name)
            if fault is not None or not self._asks:
                return fault
        try:
            provider.get(name)
        except MagnusError as error:
            problem = error.problems[0]
            if self.is_elsewhere:
                fix = "see that the machines of the steps have it, in the image or in a volume"
                return replace(problem, message=f"on this machine {problem.message}", fix=fix)
            return problem
        return None
