"""Processes that are killed: what they had said before stands."""

import os
import signal
import subprocess
import tempfile
import time

import pytest


def run_and_kill(argv, *, after, from_start=False, cwd=None, env=None):
    """Start a process in a session of its own and kill all of it; the whole lines it had printed.

    The kill comes `after` seconds, counted from its first output, or from its start; a process that ends earlier is
    not killed. Returns the lines of its standard output, and whether it was killed.
    """
    with tempfile.TemporaryFile() as output:
        with subprocess.Popen(argv, cwd=cwd, env=env, stdout=output, start_new_session=True) as process:
            while not (from_start or os.fstat(output.fileno()).st_size or process.poll() is not None):
                time.sleep(0.002)
            try:
                process.wait(after)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
        output.seek(0)
        said = output.read()
    return said[: said.rfind(b"\n") + 1].decode().splitlines(), process.returncode == -signal.SIGKILL


@pytest.fixture
def killed():
    """The function `run_and_kill`."""
    return run_and_kill
