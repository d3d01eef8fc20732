"""Programs for node that answer each line of JSON with another one, so that one process does for many tests."""

import json
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

from object_servers import need
from safety_net import LONGEST_SECONDS

FOLDER = Path(__file__).parents[2] / ".venvs/step-functions"
VALIDATOR = Path(__file__).with_name("asl_validator.cjs")
INTERPRETER = Path(__file__).with_name("local_step_functions.cjs")


@contextmanager
def running(program, *arguments):
    """A call that sends a value to the program and returns its answer; skips the test where packages are missing."""
    installed = shutil.which("node") is not None and (FOLDER / "ready").exists()
    need(installed, f"no packages for node of {program.name} are installed: make services")
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(["node", program, FOLDER, *arguments], text=True, **pipes) as process:

        def answer(value):
            process.stdin.write(f"{json.dumps(value)}\n")
            process.stdin.flush()
            line = process.stdout.readline()
            assert line, f"{program.name} ended; its standard error says why"
            return json.loads(line)

        yield answer
        process.stdin.close()
        assert process.wait(timeout=LONGEST_SECONDS) == 0
