"""The services of a configuration as far as they can be built, and all that is wrong with them. Used by `check`."""

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from magnus.app import wiring
from magnus.app.config import examine_configuration
from magnus.app.configuration import FAMILIES, Configuration, ServiceConfiguration, nowhere
from magnus.engine.context import Services
from magnus.errors import MagnusError, Problem
from magnus.interfaces.capabilities import ExecutorCapabilities


class CheckedServices(Struct, frozen=True):
    """The configuration with the default in place of what is wrong, what it builds, and how its executor spreads."""

    configuration: Configuration
    built: Services
    spread: ExecutorCapabilities


def checked_services(
    file: str, environment: Mapping[str, str], working_directory: Path
) -> tuple[CheckedServices, list[Problem]]:
    """The services, and what is wrong with them."""
    found: list[Problem] = []
    try:
        configuration, wrong = examine_configuration(file, environment, working_directory)
        found += wrong
    except MagnusError as error:
        found += error.problems
        configuration = Configuration(
            **{name: _default(name) for name in FAMILIES}, file="", variables=frozenset(), warnings=()
        )
    for family in FAMILIES:
        try:
            wiring.try_service(family, configuration, working_directory)
        except MagnusError as error:
            found += error.problems
            configuration = replace(configuration, **{family: _default(family)})
    built = wiring.services(configuration, working_directory)
    try:
        found += wiring.incompatibilities(configuration, built)
    except MagnusError as error:
        found += error.problems
    return CheckedServices(configuration, built, wiring.executor_capabilities(configuration)), found


def _default(family: str) -> ServiceConfiguration:
    return ServiceConfiguration(FAMILIES[family], {}, nowhere)
