"""Which executors and services fit."""

from itertools import product

import pytest

from magnus.app.compatibility import problems
from magnus.errors import Problem
from magnus.interfaces.capabilities import ExecutorCapabilities, Reach, ServiceCapabilities


@pytest.mark.parametrize(("spans", "store", "catalog"), list(product(Reach, Reach, Reach)))
def test_a_service_has_to_reach_as_far_as_the_steps(spans, store, catalog):
    services = {"run_log_store": ServiceCapabilities(store), "catalog": ServiceCapabilities(catalog)}
    found = [family for family, _ in problems(ExecutorCapabilities(spans), services)]
    assert found == [family for family, service in services.items() if service.reach < spans]


def test_it_says_what_reaches_how_far():
    services = {"catalog": ServiceCapabilities(Reach.HOST)}
    [(family, problem)] = problems(ExecutorCapabilities(Reach.NETWORK), services)
    assert family == "catalog"
    assert str(problem) == (
        "error: the executor runs steps on other machines, and the catalog is one that this machine alone can use\n"
        "  fix: choose another type of catalog, or another executor"
    )


def test_integrations_are_asked_with_the_capabilities():
    executor, services = ExecutorCapabilities(), {"catalog": ServiceCapabilities(Reach.PROCESS)}

    def integration(given_executor, given_services):
        assert (given_executor, given_services) == (executor, services)
        return [Problem("too slow together", severity="warning")]

    assert list(problems(executor, services, [integration])) == [
        ("executor", Problem("too slow together", severity="warning"))
    ]
