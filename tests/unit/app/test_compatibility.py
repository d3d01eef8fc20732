"""Which executors and services fit."""

from itertools import product
from pathlib import Path

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


def on_machines(location, *, shares=("/home/me",), appends=False):
    """The problems of a run log store with files at the place, on machines that share folders by themselves."""
    executor = ExecutorCapabilities(Locality.NETWORK, shares=shares, shares_by="shared_folders")
    services = {"run_log_store": ServiceCapabilities(Locality.HOST, appends=appends)}
    return [problem for _, problem in compatibility_problems(executor, services, (), {"run_log_store": Path(location)})]


def test_machines_that_share_a_folder_find_files_there():
    assert on_machines("/home/me/logs") == []
    [problem] = on_machines("/tmp/logs", shares=("/home/me", "/scratch"))
    assert str(problem) == (
        "error: the run log store keeps files in '/tmp/logs', which is in no folder that the machines of the steps see: "
        "'shared_folders' of the executor are '/home/me' or '/scratch'\n"
        "  fix: give the run log store a folder there, or add its folder to 'shared_folders' if these machines see it"
    )
    [problem] = on_machines("/tmp/logs", shares=())
    assert "'shared_folders' of the executor is empty" in problem.message


def test_writers_on_several_machines_do_not_append_to_one_file():
    [problem] = on_machines("/home/me/logs", appends=True)
    assert "network file systems lose some of it" in problem.message
    assert "chunked-fs" in problem.fix
