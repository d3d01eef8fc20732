"""What holds for every test: it leaves the process as it found it."""

import logging
import os
import sys

import pytest


def pytest_addoption(parser):
    parser.addoption("--kills", type=int, default=100, help="how many runs the fault tests kill")


@pytest.fixture(autouse=True)
def leaves_the_process_as_it_was():
    def state():
        environment = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
        return environment, os.getcwd(), list(sys.path), list(sys.argv), list(logging.root.handlers)

    before = state()
    yield
    assert state() == before
