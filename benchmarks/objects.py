"""An array of 100 MB from one step to the next, beside pickling it to a file and reading it back; whole processes.

`make bench` runs it.
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

from run import PROFILE, python_of

WORK = """\
import numpy
def make(): return numpy.random.default_rng(0).random(13_107_200)
def use(array): return float(array[::4096].sum())
"""
PLAIN = """\
import pickle, work
with open("array.pickle", "wb") as file:
    pickle.dump(work.make(), file, pickle.HIGHEST_PROTOCOL)
with open("array.pickle", "rb") as file:
    print(work.use(pickle.load(file)))
"""
BASE = "import work\nprint(work.use(work.make()))\n"


def measured(argv, folder):
    for path in folder.iterdir():
        if path.name not in {"work.py", "plain.py", "base.py", "p.yaml"}:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    os.sync()
    start = time.perf_counter()
    done = subprocess.run(argv, cwd=folder, env={**os.environ, **PROFILE}, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    python = python_of("magnus")
    subprocess.run([python, "-m", "pip", "install", "-q", "numpy"], check=True)
    steps = {
        "make": {
            "type": "task",
            "command": "work.make",
            "returns": [{"name": "array", "kind": "object"}],
            "next": "use",
        },
        "use": {"type": "task", "command": "work.use", "returns": ["sum"], "next": "success"},
    }
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for name, text in (("work.py", WORK), ("plain.py", PLAIN), ("base.py", BASE)):
            (folder / name).write_text(text)
        (folder / "p.yaml").write_text(json.dumps({"dag": {"start_at": "make", "steps": steps}}))
        tools = {
            "without a file": [python, "base.py"],
            "pickled to a file": [python, "plain.py"],
            "magnus": [str(Path(python).with_name("magnus")), "execute", "p.yaml"],
        }
        taken = {tool: [] for tool in tools}
        for _ in range(rounds + 1):
            for tool, argv in tools.items():
                taken[tool].append(measured(argv, folder))
        stored = sum(file.stat().st_size for file in (folder / ".catalog" / ".store").glob("??/*"))
    medians = {tool: statistics.median(times[1:]) for tool, times in taken.items()}
    print("\nan array of 100 MB from one step to the next: ", end="")
    print(", ".join(f"{tool} {seconds:.2f} s" for tool, seconds in medians.items()), end="")
    print(
        f"; magnus {medians['magnus'] / medians['pickled to a file']:.2f} times the file, {stored / 2**20:.0f} MB on disk"
    )


main()
