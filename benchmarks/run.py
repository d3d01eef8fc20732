"""Whole processes in interleaved rounds, medians and ratios: magnus beside plain Python and other tools.

`make bench` runs it. Every tool has a virtual environment of its own under `.venvs/`, made at the first run.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
VENVS = ROOT / ".venvs"
PEERS = {"magnus": [str(ROOT)], "luigi": ["luigi>=3.6,<4"], "doit": ["doit>=0.36,<1"]}
LENGTHS = (1, 10, 100, 500)
PROFILE = {"DO_NOT_TRACK": "1", "PYTHONHASHSEED": "0"}

FUNCTIONS = "def step(x):\n    return {'x': x + 1}\n"
PLAIN = """\
import datetime, hashlib, json, os, subprocess, time
from work import step
now = lambda: str(datetime.datetime.now(datetime.timezone.utc))
scope, steps = {"x": 1}, []
for n in range(N):
    begun, start = now(), time.monotonic()
    scope.update(step(scope["x"]))
    steps.append({"name": f"s{n}", "start_time": begun, "end_time": now(), "duration": time.monotonic() - start,
                  "status": "SUCCESS", "parameters": dict(scope)})
with open("plain.json", "w") as file:
    json.dump({"steps": steps, "parameters": scope}, file, indent=2)
"""
FORKING = """\
import json, os
from work import step
x = 1
for n in range(N):
    read, write = os.pipe()
    if os.fork() == 0:
        os.write(write, json.dumps(step(x)).encode())
        os._exit(0)
    os.close(write)
    x = json.loads(os.read(read, 65536))["x"]
    os.close(read)
    os.wait()
with open("fork.json", "w") as file:
    json.dump({"x": x}, file)
"""
LUIGI = """\
import json, luigi
from work import step
class Step(luigi.Task):
    n = luigi.IntParameter()
    def requires(self):
        return [Step(n=self.n - 1)] if self.n else []
    def output(self):
        return luigi.LocalTarget(f"out/{self.n}.json")
    def run(self):
        x = json.load(self.input()[0].open())["x"] if self.n else 1
        with self.output().open("w") as file:
            json.dump(step(x), file)
import sys
sys.setrecursionlimit(10000)
luigi.build([Step(n=N - 1)], local_scheduler=True, log_level="WARNING", no_lock=True)
"""
DODO = """\
import json
from work import step
def one(n):
    x = json.load(open(f"out{n - 1}.json"))["x"] if n else 1
    with open(f"out{n}.json", "w") as file:
        json.dump(step(x), file)
def task_step():
    for n in range(N):
        yield {"name": str(n), "actions": [(one, [n])], "targets": [f"out{n}.json"],
               "file_dep": [f"out{n - 1}.json"] if n else [], "verbosity": 0}
"""


def python_of(tool):
    """The interpreter of the tool's environment, made when it is not there; None when it cannot be made.

    magnus is installed anew each time, and nothing else: a disk that was just written to is slow for a while.
    """
    python = VENVS / tool / "bin" / "python"
    if tool == "magnus" and python.exists():
        again = ["install", "-q", "--no-deps", "--force-reinstall", "--no-cache-dir", *PEERS[tool]]
        subprocess.run([str(python), "-m", "pip", *again], check=True)
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(VENVS / tool)], check=True)
        done = subprocess.run([str(python), "-m", "pip", "install", "-q", *PEERS[tool]], capture_output=True, text=True)
        if done.returncode:
            shutil.rmtree(VENVS / tool)
            print(
                f"{tool} is left out, it could not be installed: {done.stderr.strip().splitlines()[-1]}",
                file=sys.stderr,
            )
            return None
    return str(python)


def pipeline(length):
    steps = {
        f"s{n}": {"type": "task", "command": "work.step", "next": f"s{n + 1}" if n + 1 < length else "success"}
        for n in range(length)
    }
    return json.dumps({"dag": {"start_at": "s0", "steps": steps}}, indent=1)


def commands(folder, length, pythons):
    """The command of each tool for a chain of this length."""
    base = pythons["magnus"]
    found = {
        "plain": [base, "plain.py"],
        "fork": [base, "fork.py"],
        "magnus": [str(Path(base).with_name("magnus")), "execute", "--file", "p.yaml", "--x", "1"],
    }
    if pythons["luigi"]:
        found["luigi"] = [pythons["luigi"], "luigi_chain.py"]
    if pythons["doit"]:
        found["doit"] = [pythons["doit"], "-m", "doit", "-f", "dodo.py"]
    folder.mkdir()
    (folder / "work.py").write_text(FUNCTIONS)
    (folder / "p.yaml").write_text(pipeline(length))
    for name, text in (("plain", PLAIN), ("fork", FORKING), ("luigi_chain", LUIGI), ("dodo", DODO)):
        (folder / f"{name}.py").write_text(text.replace("range(N)", f"range({length})").replace("n=N", f"n={length}"))
    return found


def clean(folder):
    for name in os.listdir(folder):
        if name not in {"work.py", "p.yaml", "plain.py", "fork.py", "luigi_chain.py", "dodo.py"}:
            path = folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def measured(argv, folder):
    clean(folder)
    os.sync()  # what others wrote is not waited for by whoever comes next
    start = time.perf_counter()
    done = subprocess.run(argv, cwd=folder, env={**os.environ, **PROFILE}, capture_output=True, text=True)
    took = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{' '.join(argv[-3:])} failed: {done.stderr}")
    return took


def facts_of_records(folder):
    """Bytes of records per step, and how long the steps around the 10th and the 490th took, from start to start."""
    [records] = (folder / ".run_log_store").glob("*.jsonl")
    lines = [json.loads(line) for line in records.read_text().splitlines() if line]
    steps = [line for line in lines if "step" in line]
    starts = [line["attempts"][0]["start_time"] for line in steps if line.get("attempts")]
    from datetime import datetime

    times = [datetime.fromisoformat(text).timestamp() for text in starts]
    gaps = [later - earlier for earlier, later in zip(times, times[1:], strict=False)]
    size = sum(len(line) + 1 for line in records.read_text().splitlines() if '"step":' in line[:40]) / len(starts)
    return size, statistics.median(gaps[5:25]), statistics.median(gaps[-25:-5])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", nargs="*", default=None, help="the tools to run; plain and magnus always are")
    parser.add_argument("--json", help="write the figures there, too")
    asked = parser.parse_args()
    pythons = {tool: python_of(tool) if wanted(asked, tool) else None for tool in PEERS}
    medians = {}
    with TemporaryDirectory() as scratch:
        for length in LENGTHS:
            folder = Path(scratch) / str(length)
            tools = {tool: argv for tool, argv in commands(folder, length, pythons).items() if wanted(asked, tool)}
            times = {tool: [] for tool in tools}
            for _ in range(asked.rounds + 1):  # the first round fills caches and does not count
                for tool, argv in tools.items():
                    times[tool].append(measured(argv, folder))
                    if tool == "magnus" and length == LENGTHS[-1]:
                        facts = facts_of_records(folder)
            medians[length] = {tool: statistics.median(taken[1:]) for tool, taken in times.items()}
    report(medians, facts)
    if asked.json:
        Path(asked.json).write_text(json.dumps({"medians": medians, "records": facts}, indent=2))


def wanted(asked, tool):
    return asked.only is None or tool in {"plain", "magnus", *asked.only}


def report(medians, facts):
    tools = list(medians[LENGTHS[0]])
    print(f"\n{os.cpu_count()} cores, Python {platform.python_version()}, medians of whole processes\n")
    others = [tool for tool in ("plain", "luigi") if tool in tools]
    print("| work | " + " | ".join(tools) + " | " + " | ".join(f"magnus / {tool}" for tool in others) + " |")
    print("|---|" + "---|" * (len(tools) + len(others)))
    for length, row in medians.items():
        name = "hello, 1 step" if length == 1 else f"chain of {length}"
        cells = " | ".join(f"{row[tool]:.3f} s" for tool in tools)
        ratios = " | ".join(f"{row['magnus'] / row[tool]:.1f}" for tool in others)
        print(f"| {name} | {cells} | {ratios} |")
    per_step = [(medians[500][tool] - medians[100][tool]) / 400 * 1000 for tool in tools]
    print("| a step, 100 to 500 | " + " | ".join(f"{value:.3f} ms" for value in per_step) + " |" * (len(others) + 1))
    size, early, late = facts
    print(
        f"\nmagnus: {size:.0f} bytes of records a step; from step to step {early * 1000:.3f} ms around the 15th, ",
        end="",
    )
    print(f"{late * 1000:.3f} ms around the 485th")


if __name__ == "__main__":
    main()
