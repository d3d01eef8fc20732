"""The guard of conftest.py notices what a test leaves behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
LEAKS = {
    "environment": "os.environ['LEFT'] = '1'",
    "working directory": "os.chdir('/')",
    "import path": "sys.path.append('/left')",
    "arguments": "sys.argv.append('left')",
    "logging": "logging.root.setLevel(3)",
    "a child process": "os.posix_spawn('/bin/sleep', ['sleep', '4'], {})",
    "a thread": "threading.Thread(target=time.sleep, args=(4,)).start()",
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_test_that_leaves_something_behind_fails(tmp_path, leak):
    (tmp_path / "conftest.py").write_text(
        (TESTS / "conftest.py").read_text().replace("GRACE_SECONDS = 2.0", "GRACE_SECONDS = 0.1")
    )
    (tmp_path / "test_it.py").write_text(
        f"import logging, os, sys, threading, time\ndef test_leaves_nothing(): pass\ndef test_leaks(): {LEAKS[leak]}\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "test_it.py"],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, (str(TESTS / "services"), os.environ.get("PYTHONPATH")))),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "2 passed, 1 error" in done.stdout
    assert leak in done.stdout
