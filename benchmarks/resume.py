"""Rows of a chain of 100 steps that failed at step 90 and runs again: beside tools that do the same, and the eleven alone."""

import shutil
from functools import partial
from pathlib import Path
from typing import Final

from chains import DOIT_FILES, DOIT_VALUES, LUIGI
from measuring import Bench, Goal, Row, Taken, Way, clean, process

STEPS: Final = 100
FAILED: Final = 89
WORK: Final = f"""\
import os, time
def step(x: int = 0):
    if x == {FAILED} and os.path.exists("broken"):
        raise ValueError("broken")
    time.sleep(float(os.environ.get("STEP_SECONDS", "0")))
    return {{"x": x + 1}}
"""


def chain_from(first: int) -> dict[str, object]:
    """The steps of the chain from this one on."""
    steps = {
        f"s{n}": {"type": "task", "command": "work.step", "next": f"s{n + 1}" if n < STEPS - 1 else "success"}
        for n in range(first, STEPS)
    }
    return {"dag": {"start_at": f"s{first}", "steps": steps}}


def resumed(bench: Bench, seconds: str) -> dict[str, float]:
    """Seconds to run the rest of a chain whose step 90 failed, when a step takes that many seconds."""

    def commands(tool: str, first: list[str], again: list[str]) -> tuple[list[str], list[str]] | None:
        python = bench.python(tool)
        return ([python, *first], [python, *again]) if python else None

    execute = bench.magnus("execute", "all.yaml", "--x", "0")
    tools = {
        "magnus": ([*execute, "--run-id", "broken"], [*execute, "--use-cached", "broken"]),
        "doit": commands("doit", *[["-m", "doit", "-f", "files.py"]] * 2),
        "luigi": commands("luigi", *[["luigi_chain.py"]] * 2),
    }
    environment = {"STEP_SECONDS": seconds}
    ways = {
        name: _again(_failed(bench, f"resume-{seconds}-{name}", first, environment), again, environment)
        for name, (first, again) in ((name, pair) for name, pair in tools.items() if pair)
    }
    alone = bench.folder(f"resume-{seconds}-alone", _files())
    eleven = bench.magnus("execute", "eleven.yaml", "--x", str(FAILED))
    return bench.medians({**ways, "the eleven alone": _again(alone, eleven, environment)})


def _files() -> dict[str, object]:
    programs = {"luigi_chain.py": LUIGI, "files.py": DOIT_FILES, "values.py": DOIT_VALUES}
    replaced = {file: _of_hundred(text) for file, text in programs.items()}
    return {"work.py": WORK, "all.yaml": chain_from(0), "eleven.yaml": chain_from(FAILED), **replaced}


def _of_hundred(program: str) -> str:
    """The program with the length of the chain, which starts with 0."""
    return program.replace("range(N)", f"range({STEPS})").replace("n=N", f"n={STEPS}").replace("else 1\n", "else 0\n")


def _failed(bench: Bench, name: str, first: list[str], environment: dict[str, str]) -> Path:
    """A folder in which the command failed at step 90, with what it left there."""
    folder = bench.folder(name, {**_files(), "broken": ""})
    process(first, folder, environment=environment, may_fail=True)
    (folder / "broken").unlink()
    shutil.copytree(folder, folder.with_name(f"{name}-failed"), symlinks=True)
    return folder


def _again(folder: Path, command: list[str], environment: dict[str, str]) -> Way:
    """The way that runs the command in the folder as it was."""
    failed = folder.with_name(f"{folder.name}-failed")

    def way() -> Taken:
        if failed.exists():
            clean(folder, ())
            shutil.copytree(failed, folder, symlinks=True, dirs_exist_ok=True)
        return process(command, folder, environment=environment)

    return way


ROWS: Final = (
    Row("resume", "resume of 11 of 100 steps", "s", partial(resumed, seconds="0"), Goal("doit", 1.5)),
    Row("resume-long", "the same, steps of 0.1 s", "s", partial(resumed, seconds="0.1")),
)
