"""Tests of a group run in one process, whatever the versions of pytest and pytest-xdist, and long tests begin first."""

import subprocess
import sys
from pathlib import Path

import pytest
from scheduling import LONGEST_FIRST, group, rank, together

TESTS = Path(__file__).parents[1]
TEST = """\
import os, pytest
MARK
@pytest.mark.parametrize("number", range(8))
def test_it(number): open(f"{__file__}.{os.getpid()}", "w").close()
"""


@pytest.fixture
def spread(tmp_path):
    """Runs tests of a marked file, among others, in two processes; how many of them ran some of it."""
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/conftest.py").write_text((TESTS / "conftest.py").read_text())
    (tmp_path / "tests/test_marked.py").write_text(TEST.replace("MARK", 'pytestmark = pytest.mark.xdist_group("one")'))
    (tmp_path / "tests/test_other.py").write_text(TEST.replace("MARK", ""))
    (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = {TESTS / 'processes'}\n")
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", "2", "--dist", "loadgroup", "-q", "tests"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True)
    assert "16 passed" in done.stdout, done.stdout + done.stderr
    return len(list((tmp_path / "tests").glob("test_marked.py.*")))


def test_a_file_with_a_group_runs_in_one_process(spread):
    assert spread == 1


def test_other_tests_are_spread_one_by_one():
    ids = ["tests/unit/test_scheduling.py::a", "tests/unit/test_scheduling.py::b[x@y]"]
    assert [together(TESTS.parent, nodeid) for nodeid in ids] == ids


def test_what_starts_servers_has_a_group():
    files = [
        "services/test_mlflow.py",
        "services/test_containers.py",
        "browser/test_report.py",
        "mutation/test_faults.py",
    ]
    assert [group(TESTS / file) for file in files] == ["mlflow", "docker", "browser", "mutation"]


def test_all_that_begins_first_is_there():
    assert [start for start in LONGEST_FIRST if not (TESTS.parent / start).exists()] == []
    assert (
        rank("tests/faults/test_killed_runs.py::a") < rank("tests/faults/test_catalog.py::a") < rank("tests/unit/a.py")
    )
