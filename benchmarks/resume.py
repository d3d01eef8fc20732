"""A chain of 100 steps that failed at step 90, run again: beside a chain of the eleven steps alone; whole processes.

`make bench` runs it. The target is 1.3 times.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

STEPS, FAILED = 100, 89
WORK = """\
import os, time
def work(n: int = 0):
    if os.environ["MAGNUS_STEP_NAME"] == "s{failed}" and os.path.exists("broken"):
        raise ValueError("broken")
    time.sleep({seconds})
    return n + 1
"""


def dag(first):
    steps = {
        f"s{n}": {
            "type": "task",
            "command": "work.work",
            "returns": ["n"],
            "next": f"s{n + 1}" if n < STEPS - 1 else "success",
        }
        for n in range(first, STEPS)
    }
    return json.dumps({"dag": {"start_at": f"s{first}", "steps": steps}})


def execute(folder, *arguments, status=0):
    """Seconds that the command takes."""
    command = [sys.executable, "-m", "magnus", "execute", *arguments]
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=dict(os.environ), capture_output=True, text=True)
    taken = time.perf_counter() - start
    if done.returncode != status:
        sys.exit(done.stderr)
    return taken


def measured(folder, rounds):
    """The seconds of each way."""
    taken = {"the eleven alone": [], "all hundred": [], "resumed": []}
    (folder / "broken").touch()
    execute(folder, "all.yaml", "--run-id", "broken", status=1)
    (folder / "broken").unlink()
    kept = folder / "kept"
    shutil.copytree(folder / ".run_log_store", kept)
    for _ in range(rounds + 1):
        taken["the eleven alone"].append(execute(folder, "eleven.yaml"))
        taken["all hundred"].append(execute(folder, "all.yaml"))
        taken["resumed"].append(execute(folder, "all.yaml", "--use-cached", "broken"))
        shutil.rmtree(folder / ".run_log_store")
        shutil.copytree(kept, folder / ".run_log_store")
    return {way: statistics.median(times[1:]) for way, times in taken.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    for seconds in (0, 0.1):
        with TemporaryDirectory() as scratch:
            folder = Path(scratch)
            (folder / "work.py").write_text(WORK.format(failed=FAILED, seconds=seconds))
            (folder / "all.yaml").write_text(dag(0))
            (folder / "eleven.yaml").write_text(dag(FAILED))
            medians = measured(folder, rounds)
        ratio = medians["resumed"] / medians["the eleven alone"]
        said = ", ".join(f"{way} {taken:.2f} s" for way, taken in medians.items())
        print(f"steps of {seconds} s: {said}; resumed {ratio:.2f} times the eleven")


if __name__ == "__main__":
    main()
