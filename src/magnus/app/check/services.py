"""Builds the services of a configuration as far as possible and finds what is wrong with them and their folders."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from magnus.app.composition import executors, services
from magnus.app.composition.configuration import FAMILIES, Configuration, ServiceConfiguration, nowhere
from magnus.app.composition.load_configuration import examine_configuration
from magnus.engine.context import Services
from magnus.errors import MagnusError, Problem
from magnus.graph.dataflow.findings import Severity
from magnus.interfaces.capabilities import ExecutorCapabilities, Located


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
            **{name: _default(name) for name in FAMILIES}, file="", variables=frozenset(), warnings=()
        )
    for family in FAMILIES:
        try:
            services.try_service(family, configuration, working_directory)
        except MagnusError as error:
            problems += error.problems
            configuration = replace(configuration, **{family: _default(family)})
    built = services.services(configuration, working_directory)
    try:
        problems += executors.incompatibilities(configuration, built)
    except MagnusError as error:
        problems += error.problems
    return CheckedServices(configuration, built, executors.executor_capabilities(configuration)), problems


def _default(family: str) -> ServiceConfiguration:
    return ServiceConfiguration(FAMILIES[family], {}, nowhere)


def folder_problems(services: CheckedServices, *, needs_catalog: bool) -> Iterator[Problem]:
    """The folders of stores that cannot be written to: an error if every run fails for it, a warning if steps may.

    Nothing is created. With `needs_catalog` some step puts files into the catalog.
    """
    for family, what, option in (
        ("run_log_store", "the run log store", "log_folder"),
        ("catalog", "the catalog", "catalog_location"),
    ):
        severity: Severity = "warning" if family == "catalog" and not needs_catalog else "error"
        service = getattr(services.built, family)
        if isinstance(service, Located) and (obstacle := _obstacle(service.location)):
            message, fix = obstacle
            fix = f"{fix}, or set `{option}` of {what} to another folder"
            place = getattr(services.configuration, family).locate(option)
            yield Problem(f"{what} cannot write to '{service.location}': {message}", fix, place, severity=severity)


def _obstacle(folder: Path) -> tuple[str, str] | None:
    """The reason why the folder cannot be written to, and the fix; None if it can, once it is created."""
    existing = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
    if not existing.is_dir():
        what = "a file" if existing.exists() else "a link that leads nowhere"
        return f"{what} is in the way" if existing == folder else f"'{existing}' is {what}", "remove it"
    if not os.access(existing, os.W_OK | os.X_OK):
        return "it is not writable" if existing == folder else f"'{existing}' is not writable", "make it writable"
    return None
