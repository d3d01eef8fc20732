"""Whether an executor and the services of a run can work together. Pure; called before a run begins.

It goes by capabilities and asks nobody which type he is. What a plugin knows beyond that it says itself: an entry point
of the group `magnus.integration` is a function (executor's capabilities, services' capabilities) -> problems.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, TypeAlias

from magnus.errors import Problem
from magnus.interfaces.capabilities import ExecutorCapabilities, Reach, ServiceCapabilities

Integration: TypeAlias = Callable[[ExecutorCapabilities, Mapping[str, ServiceCapabilities]], Iterable[Problem]]

_NAMES: Final = {"run_log_store": "run log store", "catalog": "catalog"}
_SPREAD: Final = {
    Reach.HOST: "in other processes of this machine",
    Reach.NETWORK: "on other machines",
}
_REACHED: Final = {
    Reach.PROCESS: "this process alone can use",
    Reach.HOST: "this machine alone can use",
}


def problems(
    executor: ExecutorCapabilities,
    services: Mapping[str, ServiceCapabilities],
    integrations: Iterable[Integration] = (),
) -> Iterator[tuple[str, Problem]]:
    """What does not fit, with the family ("run_log_store", "catalog", "executor") that would have to be another."""
    for family, service in services.items():
        if service.reach < executor.spans:
            name = _NAMES.get(family, family)
            message = (
                f"the executor runs steps {_SPREAD[executor.spans]}, "
                f"and the {name} is one that {_REACHED[service.reach]}"
            )
            yield family, Problem(message, f"choose another type of {name}, or another executor")
    for integration in integrations:
        for problem in integration(executor, services):
            yield "executor", problem
