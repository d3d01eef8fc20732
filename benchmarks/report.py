"""How long the report of a run takes to write, as a whole process, and how large it is: 100 steps that say much, 2,000 of a map.

`make bench` runs it.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

WORK = """\
def numbers(n): return list(range(n))
def fit(x):
    print("fitting", x)
    return {"x": x, "file": f"data/{x}.csv"}
def score(model):
    if model["x"] == 41: raise ValueError("no label")
    return model["x"] / 7
"""
MUCH = "seq 1 40000; seq -s ' <warning> ' 1 3000; export MAGNUS_PRM_p{0}=$(seq -s , 1 500); exit {1}"


def chain(steps):
    """One step after the other, each with 250 kB of output and a parameter of 2 kB; the last one fails."""
    return {
        f"step {number}": {
            "type": "task",
            "command_type": "shell",
            "command": MUCH.format(number, int(number == steps - 1)),
            "next": "success" if number == steps - 1 else f"step {number + 1}",
        }
        for number in range(steps)
    }


MAP = {
    "numbers": {"type": "task", "command": "work.numbers", "returns": ["xs"], "next": "each"},
    "each": {"type": "map", "iterate_on": "xs", "iterate_as": "x", "next": "success", "branch": {"start_at": "fit", "steps": {
        "fit": {"type": "task", "command": "work.fit", "returns": ["model"], "next": "score"},
        "score": {"type": "task", "command": "work.score", "returns": ["s"], "next": "success"},
    }}},
}  # fmt: skip


def measured(folder, name, rounds):
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "magnus", "report", name],
            cwd=folder,
            capture_output=True,
            text=True,
        )
        taken.append(time.perf_counter() - start)
        if done.returncode:
            sys.exit(done.stderr)
    return statistics.median(taken), (folder / f"{name}.html").stat().st_size


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "work.py").write_text(WORK)
        for name, steps, what in (
            ("chain", chain(100), "100 steps that say much"),
            ("map", MAP, "2,000 steps of a map"),
        ):
            start_at = next(iter(steps))
            (folder / f"{name}.yaml").write_text(json.dumps({"dag": {"start_at": start_at, "steps": steps}}))
            command = [sys.executable, "-m", "magnus", "execute", f"{name}.yaml", "--run-id", name, "--n", "1000"]
            subprocess.run(command, cwd=folder, capture_output=True)
            seconds, size = measured(folder, name, rounds)
            print(f"report of {what}: {seconds:.2f} s, {size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
