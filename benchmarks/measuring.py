"""Measures whole processes in interleaved rounds: environments of the tools, seconds and memory of a process, medians, rows.

A module of rows has a `Row` per row of the table, and a function for each that takes a `Bench` and returns its values;
functions that share a measurement keep it with `Bench.once`. `run.py` runs and prints all rows.
"""

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from pathlib import Path
from tempfile import mkdtemp
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[1]
VENVS: Final = ROOT / ".venvs"
PEERS: Final = {
    "magnus": (str(ROOT),),
    "luigi": ("luigi>=3.6,<4",),
    "doit": ("doit>=0.36,<1",),
    "runnable": ("runnable>=0.50,<1",),
}
ENVIRONMENT: Final = {"DO_NOT_TRACK": "1", "PYTHONHASHSEED": "0"}


class Taken(NamedTuple):
    """What a process took: seconds of the clock, seconds of the processor with those of its children, KB of memory."""

    seconds: float
    processor_seconds: float
    memory: int = 0


Way = Callable[[], Taken]
"""Does the work of a row once, in one way."""


@dataclass(frozen=True)
class Goal:
    """The value of magnus is to be at most `at_most` times the value of `peer`; with `peer` "" at most `at_most` itself."""

    peer: str
    at_most: float


@dataclass(frozen=True)
class Row:
    """A row of the table: `measure` returns the value of magnus under "magnus", then the values of the peers."""

    name: str
    work: str
    unit: str
    measure: Callable[["Bench"], Mapping[str, float]]
    goal: Goal | None = None


@dataclass
class Bench:
    """How to measure, and where: rounds, the clock to use, a scratch folder, the interpreters of the tools."""

    scratch: Path
    rounds: int = 5
    uses_processor: bool = False
    tools: Sequence[str] = tuple(PEERS)
    _pythons: dict[str, str | None] = field(default_factory=dict)
    _once: dict[str, dict[str, float]] = field(default_factory=dict)

    def python(self, tool: str) -> str | None:
        """The interpreter of the tool's environment; None when the tool is not wanted or cannot be installed."""
        if tool not in self._pythons:
            self._pythons[tool] = python_of(tool) if tool == "magnus" or tool in self.tools else None
        return self._pythons[tool]

    def once(self, name: str, measure: Callable[[], dict[str, float]]) -> dict[str, float]:
        """The measurement of this name, made at the first call."""
        if name not in self._once:
            self._once[name] = measure()
        return self._once[name]

    def magnus(self, *arguments: str) -> list[str]:
        """The command of magnus with these arguments."""
        return [str(Path(str(self.python("magnus"))).with_name("magnus")), *arguments]

    def folder(self, name: str, files: Mapping[str, object]) -> Path:
        """A new folder with these files; a value that is no text is written as JSON."""
        folder = self.scratch / name
        folder.mkdir(parents=True)
        for file, content in files.items():
            (folder / file).write_text(content if isinstance(content, str) else json.dumps(content))
        return folder

    def medians(self, ways: Mapping[str, Way], rounds: int | None = None, *, warm_up: int = 1) -> dict[str, float]:
        """The median seconds of each way, in interleaved rounds; rounds of `warm_up` fill caches and do not count."""
        return self.medians_of(repeat(ways, (rounds or self.rounds) + warm_up), warm_up)

    def medians_of(
        self,
        rounds: Iterable[Mapping[str, Way]],
        warm_up: int = 0,
        *,
        typical: Callable[[Sequence[float]], float] = statistics.median,
    ) -> dict[str, float]:
        """The same of rounds that have ways of their own, such as new files; `typical` may take the fastest instead."""
        return {name: self.value(taken) for name, taken in medians(rounds, warm_up, typical).items()}

    def value(self, taken: Taken) -> float:
        """The seconds of the clock, or of the processor when that is wanted."""
        return taken.processor_seconds if self.uses_processor else taken.seconds


def python_of(tool: str) -> str | None:
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
            reason = done.stderr.strip().splitlines()[-1]
            print(f"{tool} is left out, it could not be installed: {reason}", file=sys.stderr)
            return None
    return str(python)


def process(
    argv: Sequence[str],
    folder: Path,
    *,
    copies: int = 1,
    environment: Mapping[str, str] | None = None,
    may_fail: bool = False,
) -> Taken:
    """Run the command in the folder, in `copies` processes at once; ends the benchmark when one of them fails.

    The disk is flushed before, so that nobody waits for what others wrote.
    """
    os.sync()
    everything = {**os.environ, **ENVIRONMENT, **(environment or {})}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    quiet = subprocess.DEVNULL
    started = [
        subprocess.Popen(argv, cwd=folder, env=everything, stdout=quiet, stderr=quiet, stdin=quiet)
        for _ in range(copies)
    ]
    memory = 0
    for one in started:
        _, status, used = os.wait4(one.pid, 0)
        one.returncode = os.waitstatus_to_exitcode(status)
        memory = max(memory, used.ru_maxrss)
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if not may_fail and any(one.returncode for one in started):
        failed = subprocess.run(argv, cwd=folder, env=everything, capture_output=True, text=True)
        sys.exit(f"{' '.join(argv)} failed in {folder}:\n{failed.stdout[-2000:]}\n{failed.stderr[-2000:]}")
    return Taken(seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, memory)


def in_clean_folder(
    argv: Sequence[str], folder: Path, *, copies: int = 1, look: Callable[[], None] = lambda: None
) -> Way:
    """The way that runs the command, then calls `look`, then moves away whatever the command wrote."""
    own = {file.name for file in folder.iterdir()}

    def way() -> Taken:
        taken = process(argv, folder, copies=copies)
        look()
        clean(folder, own)
        return taken

    return way


def clean(folder: Path, own: Collection[str]) -> None:
    """Move everything but these files and folders out of the folder, to a new one beside it.

    Nothing is removed before the end: for minutes after files were removed ext4 looks at each of them before it makes a
    new one, which made a chain of 500 in `chunked-fs` up to twice as long, in seconds of the processor.
    """
    left = Path(mkdtemp(prefix=f"{folder.name}-left-", dir=folder.parent))
    for path in folder.iterdir():
        if path.name not in own:
            path.rename(left / path.name)


def timed(action: Callable[..., object], *arguments: object) -> Way:
    """The way that calls the function in this process, after the disk was flushed."""

    def way() -> Taken:
        os.sync()
        before, start = os.times(), time.perf_counter()
        action(*arguments)
        seconds, after = time.perf_counter() - start, os.times()
        return Taken(seconds, sum(after[:4]) - sum(before[:4]))

    return way


def medians(
    rounds: Iterable[Mapping[str, Way]],
    warm_up: int = 1,
    typical: Callable[[Sequence[float]], float] = statistics.median,
) -> dict[str, Taken]:
    """The medians of each way. Each round takes every way once, so that all see the same machine."""
    taken: dict[str, list[Taken]] = {}
    for number, ways in enumerate(rounds):
        for name, way in ways.items():
            one = way()
            if number >= warm_up:
                taken.setdefault(name, []).append(one)
    return {name: Taken(*map(typical, zip(*all_, strict=True))) for name, all_ in taken.items()}


def each(low: Mapping[str, float], high: Mapping[str, float], count: int, unit: float = 1000.0) -> dict[str, float]:
    """How much one of `count` more items takes, in milliseconds: the slope between two measurements."""
    return {name: (high[name] - low[name]) / count * unit for name in high if name in low}
