"""Rows of start-up: `--help`, completion, and re-entry of one step in a fresh process, as a function of the steps before it."""

from functools import partial
from typing import Final

from chains import FUNCTIONS, yaml_pipeline
from measuring import Bench, Goal, Row, Way, in_clean_folder, process

STEPS_BEFORE: Final = (1, 100, 1000, 5000)
STORES: Final = ("file-system", "chunked-fs")


def help_text(bench: Bench) -> dict[str, float]:
    """Seconds of `magnus --help`, and of a Python that does nothing."""
    return _beside_nothing(bench, "help", bench.magnus("--help"))


def completion(bench: Bench) -> dict[str, float]:
    """Seconds that the shell waits for the completion of a command, and of a Python that does nothing."""
    complete = {"_MAGNUS_COMPLETE": "bash_complete", "COMP_WORDS": "magnus ex", "COMP_CWORD": "1"}
    return _beside_nothing(bench, "completion", bench.magnus(), complete)


def _beside_nothing(
    bench: Bench, name: str, command: list[str], environment: dict[str, str] | None = None
) -> dict[str, float]:
    folder = bench.folder(name, {})
    nothing = [str(bench.python("magnus")), "-c", "pass"]
    ways: dict[str, Way] = {
        "magnus": lambda: process(command, folder, environment=environment),
        "python -c pass": lambda: process(nothing, folder),
    }
    return bench.medians(ways, 3 * bench.rounds)


def reentry_after(bench: Bench, before: int, store: str) -> dict[str, float]:
    """Seconds of one step in a fresh process after so many others of its run, after few others, and of a run of one step.

    Each round starts the next step of the same run, as pods do. The pipeline file has all steps of the run; so the
    ratio to few others is the cost of the records, and the rest is the cost of the pipeline.
    """

    def measure() -> dict[str, float]:
        rounds = 2 * bench.rounds
        folder = bench.folder(f"reentry-{store}-{before}", _files(before + rounds + 2, store))
        names = [f"s{n}" for n in range(before + rounds + 1)]
        files = ("-f", "p.yaml", "-c", "store.yaml")
        step = bench.magnus("execute_single_node", *files, "run")
        early_step = bench.magnus("execute_single_node", *files, "other-run")
        following = [argument for name in names[1:before] for argument in ("--then", name)]
        process([*step, "s0", *following], folder, environment={"MAGNUS_PRM_x": "1"})
        process([*early_step, "s0"], folder, environment={"MAGNUS_PRM_x": "1"})
        left, left_early = iter(names[before:]), iter(names[1:])
        hello = bench.folder(f"hello-{store}-{before}", _files(1, store))
        run = bench.magnus("execute", "-f", "p.yaml", "-c", "store.yaml", "--x", "1")
        ways: dict[str, Way] = {
            "magnus": lambda: process([*step, next(left)], folder),
            "after few": lambda: process([*early_step, next(left_early)], folder),
            "hello": in_clean_folder(run, hello),
        }
        return bench.medians(ways, rounds)

    return bench.once(f"reentry-{store}-{before}", measure)


def _files(length: int, store: str) -> dict[str, object]:
    return {
        "work.py": FUNCTIONS,
        "p.yaml": yaml_pipeline(length),
        "store.yaml": f"run_log_store: {{type: {store}}}\n",
    }


def reentry_row(before: int, store: str) -> Row:
    """The row of a step after so many others."""
    name = f"reentry-{before}" if store == STORES[0] else f"reentry-{before}-{store}"
    work = f"re-entry of one step after {before:,}" + ("" if store == STORES[0] else f", {store}")
    return Row(name, work, "s", partial(reentry_after, before=before, store=store), Goal("hello", 1.3))


ROWS: Final = (
    Row("help", "`magnus --help`", "s", help_text, Goal("python -c pass", 4)),
    Row("completion", "completion of a command in a shell", "s", completion, Goal("python -c pass", 4)),
    *(reentry_row(before, store) for store in STORES for before in STEPS_BEFORE),
)
