"""Which executors and services fit."""

from itertools import product

import pytest

from magnus.app.composition.executors import compatibility_problems
from magnus.errors import Problem
from magnus.interfaces.capabilities import ExecutorCapabilities, Locality, ServiceCapabilities


@pytest.mark.parametrize(("runs_on", "store", "catalog"), list(product(Locality, Locality, Locality)))
def test_a_service_has_to_reach_as_far_as_the_steps(runs_on, store, catalog):
    services = {"run_log_store": ServiceCapabilities(store), "catalog": ServiceCapabilities(catalog)}
    found = [family for family, _ in compatibility_problems(ExecutorCapabilities(runs_on), services)]
    assert found == [family for family, service in services.items() if service.reach < runs_on]


def test_it_says_what_reaches_how_far():
    services = {"catalog": ServiceCapabilities(Locality.HOST)}
    [(family, problem)] = compatibility_problems(ExecutorCapabilities(Locality.NETWORK), services)
    assert family == "catalog"
    assert str(problem) == (
        "error: the executor runs steps on other machines, and the catalog is one that this machine alone can use\n"
        "  fix: choose another type of catalog, or another executor"
    )


def test_integrations_are_asked_with_the_capabilities():
    executor, services = ExecutorCapabilities(), {"catalog": ServiceCapabilities(Locality.PROCESS)}

    def integration(given_executor, given_services):
        assert (given_executor, given_services) == (executor, services)
        return [Problem("too slow together", severity="warning")]

    assert list(compatibility_problems(executor, services, [integration])) == [
        ("executor", Problem("too slow together", severity="warning"))
    ]
