"""Rows of maps and parallel branches: items one after the other, items in two workers, branches that sleep or compute.

doit has a record of its own; the limit writes the records of as many steps; a plain process pool does the work of branches.
"""

from pathlib import Path
from typing import Final

from measuring import Bench, Goal, Row, Way, each, in_clean_folder

FEW: Final = 10
MANY: Final = 1000
WORK: Final = """\
import time
def begin(n): return list(range(n))
def item(x): return 2 * x
def millisecond(x):
    start = time.process_time()
    while time.process_time() - start < 0.001: pass
    return x
def nap(): time.sleep(0.5)
def burn():
    start = time.process_time()
    while time.process_time() - start < 1: pass
"""
POOL: Final = """\
import sys, work
from concurrent.futures import ProcessPoolExecutor
if __name__ == "__main__":
    name, workers, times = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    with ProcessPoolExecutor(workers) as pool:
        for future in [pool.submit(getattr(work, name)) for _ in range(times)]:
            future.result()
"""
LIMIT: Final = """\
import os, sys, work
record = b"r" * 700
file = os.open("records", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for x in work.begin(int(sys.argv[1])):
    work.item(x)
    os.write(file, record)
os.fsync(file)
"""
DOIT_FILES: Final = """\
import json, os, work
def one(x):
    with open(f"out{x}.json", "w") as file:
        json.dump(work.item(x), file)
def task_item():
    for x in range(int(os.environ["ITEMS"])):
        yield {"name": str(x), "actions": [(one, [x])], "targets": [f"out{x}.json"], "verbosity": 0}
"""
DOIT_VALUES: Final = """\
import os, work
def one(x): return {"y": work.item(x)}
def task_item():
    for x in range(int(os.environ["ITEMS"])):
        yield {"name": str(x), "actions": [(one, [x])], "verbosity": 0}
"""
RUNNABLE: Final = """\
from runnable import Map, Pipeline, PythonTask
from work import begin, item
def main():
    branch = Pipeline(steps=[PythonTask(name="item", function=item, returns=["y"])])
    begin_step = PythonTask(name="begin", function=begin, returns=["xs"])
    each = Map(name="each", iterate_on="xs", iterate_as="x", branch=branch)
    pipeline = Pipeline(steps=[begin_step, each])
    pipeline.execute(parameters_file="items.yaml")
    return pipeline
if __name__ == "__main__":
    main()
"""
LONGEST: Final = {"runnable": 100}
"""Tools that take minutes for longer maps."""


def task(command: str, following: str = "success", **more: object) -> dict[str, object]:
    """A step that calls a function of the module."""
    return {"type": "task", "command": f"work.{command}", "next": following, **more}


def map_over(item: str) -> dict[str, object]:
    """A pipeline that maps the function over numbers."""
    branch = {"start_at": "item", "steps": {"item": task(item, returns=["y"])}}
    every = {"type": "map", "iterate_on": "xs", "iterate_as": "x", "branch": branch, "next": "success"}
    return {"dag": {"start_at": "begin", "steps": {"begin": task("begin", "each", returns=["xs"]), "each": every}}}


def beside(name: str, count: int) -> dict[str, object]:
    """A pipeline of so many parallel branches that call the function."""
    branches = {f"{name} {n}": {"start_at": name, "steps": {name: task(name)}} for n in range(count)}
    return {"dag": {"start_at": "p", "steps": {"p": {"type": "parallel", "branches": branches, "next": "success"}}}}


def workers(count: int) -> dict[str, object]:
    """A configuration with so many workers."""
    return {"executor": {"type": "local", "config": {"enable_parallel": True, "max_workers": count}}}


def branches_folder(bench: Bench, name: str, count: int = 0) -> Path:
    """A folder with everything that the commands need."""
    programs = {"work.py": WORK, "pool.py": POOL, "limit.py": LIMIT, "runnable_map.py": RUNNABLE}
    items = {"files.py": DOIT_FILES, "values.py": DOIT_VALUES, "items.yaml": f"n: {count}\n"}
    items = {file: text.replace('int(os.environ["ITEMS"])', str(count)) for file, text in items.items()}
    pipelines = {"map.yaml": map_over("item"), "busy.yaml": map_over("millisecond")}
    parallel = {"nap.yaml": beside("nap", 8), "burn.yaml": beside("burn", 4)}
    configurations = {f"workers{n}.yaml": workers(n) for n in (2, 8)}
    return bench.folder(name, {**programs, **items, **pipelines, **parallel, **configurations})


def mapped(bench: Bench, count: int) -> dict[str, float]:
    """Seconds of a map over so many items in each tool, one after the other."""

    def measure() -> dict[str, float]:
        folder = branches_folder(bench, f"map-{count}", count)
        commands = {
            "limit": ("magnus", ["limit.py", str(count)]),
            "doit": ("doit", ["-m", "doit", "-f", "files.py"]),
            "doit, values": ("doit", ["-m", "doit", "-f", "values.py"]),
            "runnable": ("runnable", ["runnable_map.py"]),
        }
        ways: dict[str, Way] = {"magnus": in_clean_folder(_execute(bench, "map.yaml", count), folder)}
        for name, (tool, arguments) in commands.items():
            python = bench.python(tool)
            if python and count <= LONGEST.get(tool, count):
                ways[name] = in_clean_folder([python, *arguments], folder)
        return bench.medians(ways)

    return bench.once(f"map-{count}", measure)


def _execute(bench: Bench, pipeline: str, count: int, *more: str) -> list[str]:
    return bench.magnus("execute", pipeline, "--n", str(count), *more)


def an_item(bench: Bench) -> dict[str, float]:
    """Milliseconds of an item between 10 and 1,000 of them; runnable between 10 and 100."""
    few, some = mapped(bench, FEW), mapped(bench, 100)
    slopes = each(few, mapped(bench, MANY), MANY - FEW)
    return {**slopes, **{tool: value for tool, value in each(few, some, 90).items() if tool in LONGEST}}


def in_workers(bench: Bench, pipeline: str) -> dict[str, float]:
    """Seconds of a map over 1,000 items in two workers and one after the other."""
    folder = branches_folder(bench, f"workers-{pipeline}")
    return bench.medians(
        {
            "magnus": in_clean_folder(_execute(bench, pipeline, MANY, "-c", "workers2.yaml"), folder),
            "sequential": in_clean_folder(_execute(bench, pipeline, MANY), folder),
        }
    )


def empty_in_workers(bench: Bench) -> dict[str, float]:
    """Items without work in two workers."""
    return in_workers(bench, "map.yaml")


def busy_in_workers(bench: Bench) -> dict[str, float]:
    """Items of a millisecond in two workers."""
    return in_workers(bench, "busy.yaml")


def parallel(bench: Bench, name: str, count: int, processes: int) -> dict[str, float]:
    """Seconds of parallel branches, and of a process pool that calls the same functions."""
    folder = branches_folder(bench, f"parallel-{name}")
    pool = [str(bench.python("magnus")), "pool.py", name, str(processes), str(count)]
    execute = bench.magnus("execute", f"{name}.yaml", "-c", f"workers{processes}.yaml")
    return bench.medians({"magnus": in_clean_folder(execute, folder), "process pool": in_clean_folder(pool, folder)}, 3)


def sleeping(bench: Bench) -> dict[str, float]:
    """Eight branches that sleep, in eight workers."""
    return parallel(bench, "nap", 8, 8)


def computing(bench: Bench) -> dict[str, float]:
    """Four branches that compute, in two workers."""
    return parallel(bench, "burn", 4, 2)


ROWS: Final = (
    Row("map", "an item of a map, 10 to 1,000", "ms", an_item, Goal("doit", 1.8)),
    Row("workers-empty", "1,000 empty items in two workers", "s", empty_in_workers, Goal("sequential", 1.1)),
    Row("workers-busy", "1,000 items of 1 ms in two workers", "s", busy_in_workers, Goal("sequential", 0.8)),
    Row("sleeping", "8 branches that sleep 0.5 s, 8 workers", "s", sleeping),
    Row("computing", "4 branches that compute 1 s, 2 workers", "s", computing),
)
