"""Describes the configured executor: how it spreads steps, whether services fit it, what starts early, or a transpiler.

Services are compared by capabilities, never by type. A plugin adds a rule of its own by an entry point of the group
`magnus.integration`: a function (executor's capabilities, services' capabilities) -> problems.
"""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec.structs import replace

from magnus.app.composition import plugins
from magnus.app.composition.configuration import Configuration
from magnus.app.composition.services import engine_of, executor_type, options_of
from magnus.definition.wrong_fields import WrongFields
from magnus.engine.context import Services
from magnus.errors import Problem
from magnus.interfaces.capabilities import ExecutorCapabilities, Locality, Located, ServiceCapabilities
from magnus.interfaces.executor import WarmStart

if TYPE_CHECKING:
    from magnus.interfaces.transpiler import Transpiler  # lazy: most runs have none


def incompatibilities(
    configuration: Configuration, built: Services, working_directory: Path, *, without: Collection[str] = ()
) -> list[Problem]:
    """What of the services does not fit the executor, or one another; each with the place it is configured at.

    Families `without` have a default in place of a faulty service: their problems are left out.
    """
    configured = {"run_log_store": configuration.run_log_store, "catalog": configuration.catalog}
    capabilities = {"run_log_store": built.run_log_store.capabilities, "catalog": built.catalog.capabilities}
    located = {"run_log_store": built.run_log_store, "catalog": built.catalog}
    locations = {family: service.location for family, service in located.items() if isinstance(service, Located)}
    all_built_in = all(plugins.is_built_in(family, service.type) for family, service in configured.items())
    if all_built_in and any(plugins.is_built_in(family, configuration.executor.type) for family in plugins.ENGINES):
        integrations = []
    else:
        integrations = plugins.load_all(plugins.PREFIX + "integration")
    return [
        Problem(problem.message, problem.fix, getattr(configuration, family).locate(), severity=problem.severity)
        for family, problem in compatibility_problems(
            _in_folder(executor_capabilities(configuration), working_directory), capabilities, integrations, locations
        )
        if family not in without
    ]


def _in_folder(executor: ExecutorCapabilities, working_directory: Path) -> ExecutorCapabilities:
    """The capabilities with whole paths of shared folders."""
    here = working_directory.absolute()
    return replace(executor, shares=tuple(os.path.normpath(here / folder) for folder in executor.shares))


def executor_capabilities(configuration: Configuration) -> ExecutorCapabilities:
    """How the executor of the configuration spreads steps."""
    executor_class, options = executor_type(configuration)
    declared = executor_class.capabilities
    spread: ExecutorCapabilities = declared(options) if callable(declared) else declared
    return spread


def start_early(configuration: Configuration) -> WarmStart | None:
    """Start what the executor can start before the pipeline is known, if there is such a thing."""
    executor_class, options = executor_type(configuration)
    warm_start: WarmStart | None = executor_class.begin(options) if hasattr(executor_class, "begin") else None
    return warm_start


def connect_problems(configuration: Configuration) -> list[Problem]:
    """Everything that keeps the executor from running steps, found by asking its server, at the places of its options."""
    executor_class, options = executor_type(configuration)
    if not hasattr(executor_class, "connect_complaints"):
        return []
    configured = configuration.executor
    complaints = WrongFields(executor_class.connect_complaints(options))
    return complaints.problems(configured.locate, what=f"executor '{configured.type}'")


def transpiler(configuration: Configuration) -> "Transpiler | None":
    """What writes the pipeline down, where the executor of the configuration is another engine; else None."""
    family, transpiler_class = engine_of(configuration.executor)
    if family != "transpiler":
        return None
    instance: Transpiler = transpiler_class(options_of("executor", transpiler_class, configuration.executor))
    return instance


Integration: TypeAlias = Callable[[ExecutorCapabilities, Mapping[str, ServiceCapabilities]], Iterable[Problem]]

_NAMES: Final = {"run_log_store": "run log store", "catalog": "catalog"}
_SPREAD: Final = {
    Locality.HOST: "in other processes of this machine",
    Locality.NETWORK: "on other machines",
}
_REACHED: Final = {
    Locality.PROCESS: "this process alone can use",
    Locality.HOST: "this machine alone can use",
}


def compatibility_problems(
    executor: ExecutorCapabilities,
    services: Mapping[str, ServiceCapabilities],
    integrations: Iterable[Integration] = (),
    locations: Mapping[str, Path] | None = None,
) -> Iterator[tuple[str, Problem]]:
    """What does not fit, with the family ("run_log_store", "catalog", "executor") that would have to be another.

    `locations` are the folders of the services that keep files, by family.
    """
    for family, service in services.items():
        name = _NAMES.get(family, family)
        location = (locations or {}).get(family)
        if location is not None and executor.runs_on is Locality.NETWORK and not service.beside:
            if not any(location.is_relative_to(folder) for folder in executor.shares):
                yield family, _apart(name, location, executor)
            elif service.appends and executor.shares_by:
                message = f"steps on several machines append to one file of the {name}, and network file systems lose some of it"
                yield (
                    family,
                    Problem(message, f"write 'type: chunked-fs' for the {name}: it has one file for each record"),
                )
        elif service.reach < executor.runs_on:
            message = (
                f"the executor runs steps {_SPREAD[executor.runs_on]}, "
                f"and the {name} is one that {_REACHED[service.reach]}"
            )
            yield family, Problem(message, f"choose another type of {name}, or another executor")
    for integration in integrations:
        for problem in integration(executor, services):
            yield "executor", problem


def _apart(name: str, location: Path, executor: ExecutorCapabilities) -> Problem:
    """A folder that steps on other machines do not see."""
    message = f"the {name} keeps files in '{location}', and steps on other machines do not see that folder"
    folders = " or ".join(f"'{folder}'" for folder in executor.shares)
    if executor.shares_by:
        own = f"'{executor.shares_by}' of the executor"
        shared = f"{own} {'is' if len(executor.shares) == 1 else 'are'} {folders}" if folders else f"{own} is empty"
        message = f"the {name} keeps files in '{location}', which is in no folder that the machines of the steps see: {shared}"
        fix = f"give the {name} a folder there, or add its folder to '{executor.shares_by}' if these machines see it"
    elif folders:
        fix = f"give the {name} a folder in {folders}"
    else:
        fix = "mount a persistent volume, and let its folder be there"
    return Problem(message, fix)
