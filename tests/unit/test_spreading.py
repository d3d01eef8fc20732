"""Tests of a group run in one process, which depends on the versions of pytest and pytest-xdist; long tests begin first."""

import os
import subprocess
import sys
from pathlib import Path

from order import LONGEST_FIRST, rank

TESTS = Path(__file__).parents[1]
TEST = """\
import os, pytest
MARK
@pytest.mark.parametrize("number", range(8))
def test_it(number): open(f"{__file__}.{os.getpid()}", "w").close()
"""


def test_a_group_runs_in_one_process(tmp_path):
    (tmp_path / "test_marked.py").write_text(TEST.replace("MARK", 'pytestmark = pytest.mark.xdist_group("one")'))
    (tmp_path / "test_other.py").write_text(TEST.replace("MARK", ""))
    (tmp_path / "pytest.ini").touch()
    argv = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "xdist",
        "-p",
        "no:cacheprovider",
        "-n",
        "2",
        "--dist",
        "loadgroup",
        "-q",
    ]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert "16 passed" in done.stdout, done.stdout + done.stderr
    assert len(list(tmp_path.glob("test_marked.py.*"))) == 1


def test_all_that_begins_first_is_there():
    assert [start for start in LONGEST_FIRST if not (TESTS.parent / start).exists()] == []
    assert (
        rank("tests/faults/test_killed_runs.py::a") < rank("tests/faults/test_catalog.py::a") < rank("tests/unit/a.py")
    )
