"""Steps made of branches, in whole processes and interleaved rounds: maps, branches that sleep, branches that compute.

`make bench` runs it. A plain process pool does the same work without a run log, doit with a record of its own.
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

from run import PEERS, PROFILE, python_of

ITEMS = (10, 100, 1000)
MOST_ITEMS = 10_000
WORK = """\
import time
def begin(n): return list(range(n))
def item(x): return 2 * x
def millisecond(x):
    start = time.process_time()
    while time.process_time() - start < 0.001: pass
    return 2 * x
def nap(): time.sleep(0.5)
def burn():
    start = time.process_time()
    while time.process_time() - start < 1: pass
"""
POOL = """\
import sys, work
from concurrent.futures import ProcessPoolExecutor
if __name__ == "__main__":
    name, workers, times = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    with ProcessPoolExecutor(workers) as pool:
        for future in [pool.submit(getattr(work, name)) for _ in range(times)]:
            future.result()
"""
DODO = """\
import json, work
def one(x):
    with open(f"out{x}.json", "w") as file:
        json.dump(work.item(x), file)
def task_item():
    for x in range(N):
        yield {"name": str(x), "actions": [(one, [x])], "targets": [f"out{x}.json"], "verbosity": 0}
"""


def task(command, following="success", **more):
    return {"type": "task", "command": f"work.{command}", "next": following, **more}


def written(folder, name, start_at, **steps):
    (folder / name).write_text(json.dumps({"dag": {"start_at": start_at, "steps": steps}}))


def prepare(folder):
    """Everything the commands need."""
    (folder / "work.py").write_text(WORK)
    (folder / "pool.py").write_text(POOL)
    for workers in (2, 8):
        executor = {"type": "local", "config": {"enable_parallel": True, "max_workers": workers}}
        (folder / f"workers{workers}.yaml").write_text(json.dumps({"executor": executor}))
    for name, command in (("map", "item"), ("milliseconds", "millisecond")):
        branch = {"start_at": "item", "steps": {"item": task(command, returns=["y"])}}
        each = {"type": "map", "iterate_on": "xs", "iterate_as": "x", "branch": branch, "next": "success"}
        written(folder, f"{name}.yaml", "begin", begin=task("begin", "each", returns=["xs"]), each=each)
    for name, count in (("nap", 8), ("burn", 4)):
        branches = {f"{name} {n}": {"start_at": name, "steps": {name: task(name)}} for n in range(count)}
        written(folder, f"{name}.yaml", "p", p={"type": "parallel", "branches": branches, "next": "success"})
    for n in ITEMS:
        (folder / f"dodo{n}.py").write_text(DODO.replace("range(N)", f"range({n})"))


def measured(argv, folder):
    """Seconds of the process, and the most memory it or one of its children had, in KB."""
    kept = {file.name for file in folder.iterdir()}
    os.sync()
    start = time.perf_counter()
    with subprocess.Popen(argv, cwd=folder, env={**os.environ, **PROFILE}, stdout=-3, stderr=-3) as process:
        _, status, used = os.wait4(process.pid, 0)
        took = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(argv[-3:])} failed")
    for path in folder.iterdir():
        if path.name not in kept:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return took, used.ru_maxrss


def medians(tools, folder, rounds):
    """The median seconds of each, and the most memory; the first round does not count."""
    taken = {tool: [] for tool in tools}
    for _ in range(rounds + 1):
        for tool, argv in tools.items():
            taken[tool].append(measured(argv, folder))
    return {
        tool: tuple(statistics.median(values) for values in zip(*seen[1:], strict=True)) for tool, seen in taken.items()
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    pythons = {tool: python_of(tool) for tool in ("magnus", "doit") if tool in PEERS}
    magnus = [str(Path(pythons["magnus"]).with_name("magnus")), "execute"]
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        prepare(folder)
        maps(folder, magnus, pythons, rounds)
        with_workers(folder, magnus, rounds)
        for name, workers, count, what in (
            ("nap", 8, 8, "8 branches that sleep 0.5 s, 8 workers"),
            ("burn", 2, 4, "4 branches that compute 1 s, 2 workers"),
        ):
            tools = {
                "pool": [pythons["magnus"], "pool.py", name, str(workers), str(count)],
                "magnus": [*magnus, f"{name}.yaml", "-c", f"workers{workers}.yaml"],
            }
            took = {tool: seconds for tool, (seconds, _) in medians(tools, folder, rounds).items()}
            ratio = took["magnus"] / took["pool"]
            print(f"{what}: pool {took['pool']:.2f} s, magnus {took['magnus']:.2f} s, {ratio:.2f} times the pool")


def maps(folder, magnus, pythons, rounds):
    rows = {}
    for n in ITEMS:
        tools = {
            "magnus": [*magnus, "map.yaml", "--n", str(n)],
            "magnus, 2 workers": [*magnus, "map.yaml", "-c", "workers2.yaml", "--n", str(n)],
        }
        if pythons["doit"]:
            tools["doit"] = [pythons["doit"], "-m", "doit", "-f", f"dodo{n}.py"]
        rows[n] = medians(tools, folder, rounds)
    print("\n| map over | " + " | ".join(rows[ITEMS[0]]) + " |\n|---|" + "---|" * len(rows[ITEMS[0]]))
    for n, row in rows.items():
        print(f"| {n} items | " + " | ".join(f"{seconds:.3f} s" for seconds, _ in row.values()) + " |")
    for low, high in ((10, 100), (100, 1000)):
        each = [(rows[high][tool][0] - rows[low][tool][0]) / (high - low) * 1000 for tool in rows[low]]
        print(f"| an item, {low} to {high} | " + " | ".join(f"{value:.3f} ms" for value in each) + " |")
    [(seconds, memory)] = medians({"m": [*magnus, "map.yaml", "--n", str(MOST_ITEMS)]}, folder, 1).values()
    growth = (memory - rows[1000]["magnus"][1]) / (MOST_ITEMS - 1000)
    per_item = (seconds - rows[1000]["magnus"][0]) / (MOST_ITEMS - 1000) * 1000
    print(
        f"\nmap over {MOST_ITEMS} items: {seconds:.1f} s, {memory / 1000:.0f} MB; an item {per_item:.3f} ms and {growth:.1f} KB\n"
    )


def with_workers(folder, magnus, rounds):
    """Maps with two workers, and how many times as long as without they take."""
    print("| map over | without workers | 2 workers | ratio |\n|---|---|---|---|")
    for name, what in (("map", "empty items"), ("milliseconds", "items that compute 1 ms")):
        for n in ITEMS:
            argv = [*magnus, f"{name}.yaml", "--n", str(n)]
            tools = {"without": argv, "with": [*argv, "-c", "workers2.yaml"]}
            took = {tool: seconds for tool, (seconds, _) in medians(tools, folder, rounds).items()}
            ratio = took["with"] / took["without"]
            print(f"| {n} {what} | {took['without']:.3f} s | {took['with']:.3f} s | {ratio:.2f} |")
    print()


main()
