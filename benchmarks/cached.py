"""Rows of cached steps: what a reused result costs beside an empty step that runs, the plan, and pipelines without a cache."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from measuring import Bench, Goal, Row, Way, each, process

LOW: Final = 100
HIGH: Final = 600
PLANNED: Final = 1000
WORK: Final = "def step(x: int = 0):\n    return x + 1\n"


def chain(steps: int, **more: object) -> Mapping[str, object]:
    """A chain in which each step adds one to `x`, so that each has a key of its own."""
    tasks = {f"s{n}": {"command": "work.step", "returns": ["x"]} for n in range(steps)}
    return {"dag": {"steps": tasks, **more}}


def _way(bench: Bench, name: str, steps: int, *arguments: str, fills: bool = False, **more: object) -> Way:
    """The way that runs such a chain; with `fills` after a run whose results it reuses."""
    folder = bench.folder(f"cached-{name}-{steps}", {"work.py": WORK, "pipeline.yaml": chain(steps, **more)})
    command = bench.magnus("execute", "pipeline.yaml", "--x", "0")
    if fills:
        process(command, folder)
    return partial(process, [*command, *arguments], folder)


def _slope(bench: Bench, ways: Mapping[str, Mapping[int, Way]]) -> dict[str, float]:
    """The milliseconds of one more step of each way."""
    low, high = (bench.medians({name: way[steps] for name, way in ways.items()}) for steps in (LOW, HIGH))
    return each(low, high, HIGH - LOW)


def hits(bench: Bench) -> dict[str, float]:
    """Milliseconds of a step that reuses its result, beside an empty step that runs, and one whose result is stored."""
    sizes = (LOW, HIGH)
    return _slope(
        bench,
        {
            "magnus": {n: _way(bench, "hit", n, fills=True, cache=True) for n in sizes},
            "empty step": {n: _way(bench, "none", n) for n in sizes},
            "stored result": {n: _way(bench, "stored", n, "--no-cache", cache=True) for n in sizes},
        },
    )


def plan(bench: Bench) -> dict[str, float]:
    """Seconds of the plan of cached steps, as a whole process."""
    return bench.medians({"magnus": _way(bench, "plan", PLANNED, "--dry-run", fills=True, cache=True)})


def off(bench: Bench) -> dict[str, float]:
    """Milliseconds of an empty step whose pipeline says `cache: false`, beside one whose pipeline says nothing."""
    return _slope(
        bench,
        {
            "magnus": {n: _way(bench, "off", n, cache=False) for n in (LOW, HIGH)},
            "no word": {n: _way(bench, "silent", n) for n in (LOW, HIGH)},
        },
    )


ROWS: Final = (
    Row("cached-hit", "one more cached step that reuses its result", "ms", hits, Goal("empty step", 1.5)),
    Row("cached-plan", f"plan of {PLANNED} cached steps", "s", plan, Goal("", 1.0)),
    Row("cached-off", "one more step with `cache: false`", "ms", off, Goal("no word", 1.05)),
)
