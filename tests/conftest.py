"""What holds for every test: it leaves the process as it found it."""

import logging
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

GRACE_SECONDS = 60.0

settings.register_profile("on any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("on any machine")

if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # as of what a shell starts in the background; children inherit it
    with suppress(ValueError):
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    parser.addoption("--kills", type=int, default=40, help="how many runs the fault tests kill")
    parser.addoption("--interpreters", action="store_true", help="start an interpreter for every command of magnus")
    parser.addoption(
        "--update-expected",
        action="store_true",
        help="write the expected results of the corpus, and the modules of a run, anew",
    )
    parser.addoption("--update-schemas", action="store_true", help="write the published JSON Schemas anew")
    parser.addoption("--update-features", action="store_true", help="write the table of features by executor anew")


def pytest_collection_modifyitems(config, items):
    os.environ.pop("PYTEST_ADDOPTS", None)  # pytest has read it; those that tests start know none of the options above
    if hasattr(config, "workerinput"):
        from order import rank  # late: the copies of this file that are tested have no such neighbour

        items.sort(key=lambda item: rank(item.nodeid))


def state():
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    return {
        "environment": environment,
        "working directory": os.getcwd(),
        "import path": list(sys.path),
        "arguments": list(sys.argv),
        "logging": (list(logging.root.handlers), logging.root.level),
    }


def children():
    """The child processes of this one, also those that ended and were not waited for."""
    found = set()
    for thread in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):  # the thread has just ended
            found |= set(thread.read_text().split())
    return found


@pytest.fixture(scope="session")
def commands(request):
    """Runs commands of magnus in processes of their own, of which loading magnus takes no part."""
    from forked import Commands  # late: the copies of this file that are tested have no such neighbour

    with Commands(interpreters=request.config.getoption("--interpreters")) as run:
        yield run


def threads():
    return {thread for thread in threading.enumerate() if not thread.daemon}


def left_behind(of, before):
    """What is there beyond what was there before, and stays."""
    deadline = time.monotonic() + GRACE_SECONDS
    while (left := of() - before) and time.monotonic() < deadline:
        time.sleep(0.01)
    return left


@pytest.fixture(autouse=True)
def leaves_the_process_as_it_was():
    before, children_before, threads_before = state(), children(), threads()
    main = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = main  # a script of a test that runs in this process takes its place
    assert state() == before
    assert not left_behind(children, children_before), "a child process is left"
    assert not left_behind(threads, threads_before), "a thread is left"
