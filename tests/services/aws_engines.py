"""Fixtures: Step Functions of AWS with jobs that run, and what validates machines. A plugin of pytest, so that all tests share them.

Where a server is not installed the tests are skipped; not in CI.
"""

import pytest


@pytest.fixture(scope="session")
def asl_faults():
    """A call that returns the faults of a machine, as asl-validator finds them."""
    import node_programs

    with node_programs.running(node_programs.VALIDATOR) as faults:
        yield faults


@pytest.fixture(scope="session")
def step_functions(tmp_path_factory):
    """Services of AWS whose jobs run as processes of this machine."""
    import step_functions

    with step_functions.running(tmp_path_factory.mktemp("aws"), "processes") as services:
        yield services


@pytest.fixture(scope="session")
def step_functions_in_containers(tmp_path_factory, docker_host, image):
    """Services of AWS whose jobs run in containers of a real Docker engine."""
    import step_functions

    with step_functions.running(tmp_path_factory.mktemp("aws"), "containers", docker_host) as services:
        yield services


@pytest.fixture(scope="session")
def local_step_functions(step_functions):
    """A call that interprets a machine by aws-local-stepfunctions, with those jobs as processes."""
    import node_programs

    with node_programs.running(node_programs.INTERPRETER, step_functions.address) as interpret:
        yield interpret
