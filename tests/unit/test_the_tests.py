"""The guard of conftest.py notices what a test leaves behind, and no test waits for a short time only."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from safety_net import LONGEST_SECONDS

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests"
LEAKS = {
    "environment": "os.environ['LEFT'] = '1'",
    "working directory": "os.chdir('/')",
    "import path": "sys.path.append('/left')",
    "arguments": "sys.argv.append('left')",
    "logging": "logging.root.setLevel(3)",
    "a child process": "os.posix_spawn('/bin/sleep', ['sleep', '4'], {})",
    "a thread": "threading.Thread(target=time.sleep, args=(4,)).start()",
}
LEAKING_TEST = """
def test_{name}_before(): pass
def test_{name}(): {leak}
"""


@pytest.fixture(scope="module")
def complaints(tmp_path_factory):
    """What pytest says of each test that leaves something behind, by the name of the test."""
    folder = tmp_path_factory.mktemp("leaks")
    guard = (TESTS / "conftest.py").read_text()
    assert "GRACE_SECONDS = 60.0" in guard
    (folder / "conftest.py").write_text(guard.replace("GRACE_SECONDS = 60.0", "GRACE_SECONDS = 0.1"))
    tests = (LEAKING_TEST.format(name=leak.replace(" ", "_"), leak=code) for leak, code in LEAKS.items())
    (folder / "test_it.py").write_text(f"import logging, os, sys, threading, time\n{''.join(tests)}")
    path = os.pathsep.join(filter(None, (str(TESTS / "services"), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "test_it.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert f"{2 * len(LEAKS)} passed, {len(LEAKS)} errors" in done.stdout
    _, *parts = re.split(r"_ ERROR at teardown of test_(\w+) _", done.stdout.partition(" short test summary ")[0])
    return dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.slow
@pytest.mark.xdist_group("leaks")  # one pytest for all
@pytest.mark.parametrize("leak", LEAKS)
def test_a_test_that_leaves_something_behind_fails(complaints, leak):
    [said] = re.findall(r"^E +AssertionError: (.*(?:\nE .*)*)", complaints[leak.replace(" ", "_")], re.MULTILINE)
    assert leak in said


WAITS = {"communicate", "wait", "timeout", "set_default_timeout"}
"""Functions that give up; `timeout` is the mark."""
STARTS = {"run", "check_output", "check_call", "call"}


def short_waits(code):
    """The lines with a limit for something that must come, which a busy machine may exceed."""
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Call(func=ast.Attribute(attr=name), args=[ast.Constant(limit)]) if name in WAITS:
                limit = limit / 1000 if name == "set_default_timeout" else limit
            case ast.Call(func=ast.Attribute(value=ast.Name("subprocess"), attr=name)) if name in STARTS:
                limit = limit_of(node)
            case ast.Call(func=ast.Attribute(attr=name)) if name in WAITS:
                limit = limit_of(node)
            case ast.BinOp(ast.Call(func=ast.Attribute(attr="monotonic")), ast.Add(), ast.Constant(limit)):
                pass
            case _:
                continue
        if isinstance(limit, int | float) and limit < LONGEST_SECONDS:
            yield node.lineno


def limit_of(call):
    """The number that the call has as `timeout`."""
    found = [keyword.value for keyword in call.keywords if keyword.arg == "timeout"]
    return found[0].value if found and isinstance(found[0], ast.Constant) else None


@pytest.mark.parametrize(
    "code",
    [
        "process.communicate(timeout=60)",
        "process.wait(30)",
        "subprocess.run(argv, timeout=100)",
        "time.monotonic() + 20",
        "pytest.mark.timeout(240)",
        "context.set_default_timeout(15_000)",
    ],
)
def test_a_short_wait_is_noticed(code):
    assert list(short_waits(code)) == [1]


def test_limits_of_waits_are_a_safety_net():
    """A wait ends with what it waits for; its limit is `LONGEST_SECONDS`, so that no test depends on the speed of a machine."""
    files = [*TESTS.rglob("*.py"), *(ROOT / "src/magnus/testing").rglob("*.py")]
    assert [f"{file}:{line}" for file in files for line in short_waits(file.read_text())] == []


def test_a_test_may_take_longer_than_its_waits(pytestconfig):
    assert float(pytestconfig.getini("timeout")) > LONGEST_SECONDS
