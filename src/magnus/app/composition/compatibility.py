"""Whether an executor and the services of a run can work together. Pure; called before a run starts.

It goes by capabilities and asks nobody which type he is. What a plugin knows beyond that it says itself: an entry point
of the group `magnus.integration` is a function (executor's capabilities, services' capabilities) -> problems.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from magnus.errors import Problem
from magnus.interfaces.capabilities import ExecutorCapabilities, Locality, ServiceCapabilities

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


def problems(
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
        if location is not None and executor.runs_on is Locality.NETWORK:
            if not any(location.is_relative_to(folder) for folder in executor.shares):
                yield family, _apart(name, location, executor.shares)
        elif service.reach < executor.runs_on:
            message = (
                f"the executor runs steps {_SPREAD[executor.runs_on]}, "
                f"and the {name} is one that {_REACHED[service.reach]}"
            )
            yield family, Problem(message, f"choose another type of {name}, or another executor")
    for integration in integrations:
        for problem in integration(executor, services):
            yield "executor", problem


def _apart(name: str, location: Path, shares: Sequence[str]) -> Problem:
    """A folder that steps on other machines do not see."""
    message = f"the {name} keeps files in '{location}', and steps on other machines do not see that folder"
    folders = " or ".join(f"'{folder}'" for folder in shares)
    fix = (
        f"give the {name} a folder in {folders}" if shares else "mount a persistent volume, and let its folder be there"
    )
    return Problem(message, fix)
