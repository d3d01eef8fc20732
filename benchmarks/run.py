"""Prints one table of magnus beside other tools, plain Python and the physical limits: whole processes, interleaved rounds.

`make bench` runs it; `make figures` also keeps the results in the repository and writes them into the documentation.
Every tool has a virtual environment of its own under `.venvs/`, made at the first run.
"""

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import branches
import cached
import catalog
import chains
import objects
import resume
import runs_at_once
import startup
import table
from measuring import PEERS, Bench, Row

ROWS: Final[Sequence[Row]] = (
    *chains.ROWS,
    *branches.ROWS,
    *catalog.ROWS,
    *objects.ROWS,
    *resume.ROWS,
    *cached.ROWS,
    *runs_at_once.ROWS,
    *startup.ROWS,
)


def main() -> None:
    """Measure the rows that are wanted, print each as soon as it is there, and the table at the end."""
    options = _options()
    with TemporaryDirectory() as scratch:
        bench = Bench(Path(scratch), options.rounds, options.processor, options.tools)
        results = {
            "cores": os.cpu_count(),
            "system": f"{platform.system()} {platform.machine()}",
            "python": platform.python_version(),
            "magnus": version("magnus"),
            "rounds": options.rounds,
            "clock": "seconds of the processor" if options.processor else "seconds of the clock",
            "rows": list(_measured(bench, options.only or [row.name for row in ROWS])),
        }
    print(f"\n{table.markdown(results)}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1, ensure_ascii=False), encoding="utf-8")
    if options.keep:
        table.keep(results)


def _measured(bench: Bench, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    for row in ROWS:
        if row.name in names:
            values = dict(row.measure(bench))
            goal = None if row.goal is None else asdict(row.goal)
            measured = {"name": row.name, "work": row.work, "unit": row.unit, "values": values, "goal": goal}
            amounts = ", ".join(f"{tool} {value:.4g}" for tool, value in values.items())
            print(f"{row.name} ({row.unit}): {amounts}", file=sys.stderr, flush=True)
            yield measured


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=[row.name for row in ROWS], help="the rows to measure")
    parser.add_argument(
        "--tools", nargs="*", choices=list(PEERS), default=list(PEERS), help="the tools to compare with"
    )
    parser.add_argument("--processor", action="store_true", help="count seconds of the processor, on a busy machine")
    parser.add_argument("--json", type=Path, help="write the values there, too")
    parser.add_argument("--keep", action="store_true", help="keep the results and write them into the documentation")
    options = parser.parse_args()
    if options.keep and options.only:
        parser.error("--keep needs all rows; leave out --only")
    return options


if __name__ == "__main__":
    main()
