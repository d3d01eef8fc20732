"""Rows of chains: one step, slopes of long chains, the chunked store, bytes of records; beside tools that run the same steps."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

from measuring import Bench, Goal, Row, Way, each, in_clean_folder

FUNCTIONS: Final = "def step(x: int):\n    return {'x': x + 1}\ndef next_number(x: int):\n    return x + 1\n"
PLAIN: Final = """\
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
LIMIT: Final = """\
import os
from work import step
x, record = 1, b"r" * BYTES
file = os.open("records", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for n in range(N):
    x = step(x)["x"]
    os.write(file, record)
os.fsync(file)
"""
LUIGI: Final = """\
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
sys.setrecursionlimit(100000)
luigi.build([Step(n=N - 1)], local_scheduler=True, log_level="WARNING", no_lock=True)
"""
DOIT_FILES: Final = """\
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
DOIT_VALUES: Final = """\
from work import step
def task_step():
    for n in range(N):
        if n:
            yield {"name": str(n), "actions": [(step,)], "getargs": {"x": (f"step:{n - 1}", "x")}, "verbosity": 0}
        else:
            yield {"name": "0", "actions": [(step, [1])], "verbosity": 0}
"""
RUNNABLE: Final = """\
from runnable import Pipeline, PythonTask
from work import next_number
def main():
    steps = [PythonTask(name=f"s{n}", function=next_number, returns=["x"]) for n in range(N)]
    pipeline = Pipeline(steps=steps)
    pipeline.execute(parameters_file="parameters.yaml")
    return pipeline
if __name__ == "__main__":
    main()
"""
LONGEST: Final = {"luigi": 500, "runnable": 100}
"""Tools that take minutes for longer chains."""

RECORDS: Final = {"magnus": ".run_log_store/*", "doit": ".doit.db*", "doit, values": ".doit.db*"}
"""Where tools keep what they say about a run."""

BYTES_OF_A_RECORD: Final = 700
"""About what magnus writes for a step; the limit writes as much."""


def pipeline(length: int) -> dict[str, object]:
    """A chain of so many steps."""
    steps = {
        f"s{n}": {"type": "task", "command": "work.step", "next": f"s{n + 1}" if n + 1 < length else "success"}
        for n in range(length)
    }
    return {"dag": {"start_at": "s0", "steps": steps}}


def yaml_pipeline(length: int) -> str:
    """The same as users write it: block YAML, of which JSON is a part that loads faster."""
    steps = "".join(
        f"    s{n}:\n      type: task\n      command: work.step\n      next: {f's{n + 1}' if n + 1 < length else 'success'}\n"
        for n in range(length)
    )
    return f"dag:\n  start_at: s0\n  steps:\n{steps}"


def chain_folder(bench: Bench, name: str, length: int) -> Path:
    """A folder with everything that a chain of this length needs in any tool."""
    texts = {"plain": PLAIN, "limit": LIMIT, "luigi_chain": LUIGI, "files": DOIT_FILES, "values": DOIT_VALUES}
    programs = {f"{name}.py": text for name, text in (*texts.items(), ("runnable_chain", RUNNABLE))}
    replaced = {"range(N)": f"range({length})", "n=N": f"n={length}", "BYTES": str(BYTES_OF_A_RECORD)}
    for old, new in replaced.items():
        programs = {file: text.replace(old, new) for file, text in programs.items()}
    files = {"work.py": FUNCTIONS, "parameters.yaml": "x: 1\n", "chunked.yaml": "run_log_store: {type: chunked-fs}\n"}
    return bench.folder(name, {"p.yaml": json.dumps(pipeline(length), indent=1), **files, **programs})


def tools(bench: Bench, length: int) -> dict[str, list[str]]:
    """The command of each tool for a chain of this length."""
    commands: dict[str, tuple[str, list[str]]] = {
        "magnus": ("magnus", []),
        "plain": ("magnus", ["plain.py"]),
        "limit": ("magnus", ["limit.py"]),
        "doit": ("doit", ["-m", "doit", "-f", "files.py"]),
        "doit, values": ("doit", ["-m", "doit", "-f", "values.py"]),
        "luigi": ("luigi", ["luigi_chain.py"]),
        "runnable": ("runnable", ["runnable_chain.py"]),
    }
    chosen = {
        name: [python, *arguments]
        for name, (tool, arguments) in commands.items()
        if length <= LONGEST.get(tool, length) and (python := bench.python(tool))
    }
    return {**chosen, "magnus": bench.magnus("execute", "--file", "p.yaml", "--x", "1")}


def chain(bench: Bench, length: int) -> dict[str, float]:
    """Seconds of a chain of this length in each tool; bytes a step of records and documents under names in brackets."""

    def measure() -> dict[str, float]:
        folder = chain_folder(bench, f"chain-{length}", length)
        sizes: dict[str, float] = {}
        ways: dict[str, Way] = {}

        def look(tool: str) -> None:
            if pattern := RECORDS.get(tool):
                sizes[f"[{tool}]"] = (
                    sum(file.stat().st_size for file in folder.glob(pattern) if file.is_file()) / length
                )

        for tool, argv in tools(bench, length).items():
            ways[tool] = in_clean_folder(argv, folder, look=partial(look, tool))
        return {**bench.medians(ways), **sizes}

    return bench.once(f"chain-{length}", measure)


def _seconds(measured: Mapping[str, float]) -> dict[str, float]:
    return {tool: value for tool, value in measured.items() if tool[0] != "["}


def hello(bench: Bench) -> dict[str, float]:
    """Seconds of one step."""
    return _seconds(chain(bench, 1))


def step_to_500(bench: Bench) -> dict[str, float]:
    """Milliseconds of a step between 100 and 500 of them."""
    return each(_seconds(chain(bench, 100)), _seconds(chain(bench, 500)), 400)


def step_to_100(bench: Bench) -> dict[str, float]:
    """Milliseconds of a step between 1 and 100 of them."""
    return each(_seconds(chain(bench, 1)), _seconds(chain(bench, 100)), 99)


def step_to_5000(bench: Bench) -> dict[str, float]:
    """Milliseconds of a step between 500 and 5,000 of them; what magnus takes between 100 and 500 beside it."""
    slope = each(_seconds(chain(bench, 500)), _seconds(chain(bench, 5000)), 4500)
    return {**slope, "itself, 100 to 500": step_to_500(bench)["magnus"]}


def bytes_of_a_step(bench: Bench) -> dict[str, float]:
    """Bytes on disk a step of a chain of 500: records and the run log document of magnus, the database of doit."""
    return {tool[1:-1]: value for tool, value in chain(bench, 500).items() if tool[0] == "["}


def chunked(bench: Bench) -> dict[str, float]:
    """Seconds of a chain of 500 in the chunked store and in the file-system store."""
    folder = chain_folder(bench, "chunked", 500)
    command = bench.magnus("execute", "--file", "p.yaml", "--x", "1")
    return bench.medians(
        {
            "magnus": in_clean_folder([*command, "-c", "chunked.yaml"], folder),
            "file-system": in_clean_folder(command, folder),
        }
    )


ROWS: Final = (
    Row("hello", "hello: a run of one step", "s", hello, Goal("doit", 1.5)),
    Row("step-100", "a step of a chain, 1 to 100", "ms", step_to_100),
    Row("step-500", "a step of a chain, 100 to 500", "ms", step_to_500, Goal("doit", 1.5)),
    Row("step-5000", "a step of a chain, 500 to 5,000", "ms", step_to_5000, Goal("doit", 1.5)),
    Row("chunked", "a chain of 500 in the chunked-fs store", "s", chunked, Goal("file-system", 1.6)),
    Row("bytes", "bytes a step on disk, of a chain of 500", "bytes", bytes_of_a_step, Goal("", 1024)),
)
