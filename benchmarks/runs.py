"""Looking at runs: `magnus runs` over many of them, and `magnus --help`, in whole processes.

`make bench` runs it. The runs are records put through the stores, as a run puts them; only syncing is left out. The
first listing reads every record of a run, later ones what changed since. Seconds are the least of several tries.
"""

import argparse
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec.structs import replace

from magnus.engine.processes import liveness
from magnus.graph.path import BranchPath
from magnus.run_log.parameters import JsonParameter
from magnus.run_log.records import AttemptRecord, RunRecord, Status, StepRecord
from magnus.run_log_stores.chunked_file_system import ChunkedOptions, ChunkedRunLogStore
from magnus.run_log_stores.file_system import FileSystemOptions, FileSystemRunLogStore
from magnus.system.system_calls import SystemCalls

STEPS = 5
SETTLED_SECONDS = 3
STORES = {
    "file-system": (FileSystemRunLogStore, FileSystemOptions),
    "chunked-fs": (ChunkedRunLogStore, ChunkedOptions),
}
COMMANDS = {
    "magnus runs --limit 25": ("runs", "--limit", "25"),
    "magnus runs --tag t3 --since 2d": ("runs", "--tag", "t3", "--since", "2d"),
    "magnus runs, all of them": ("runs",),
    "magnus runs --json, all of them": ("runs", "--json"),
}


def dag():
    step = {"type": "task", "command": "package.module.function", "next": "success", "catalog": {"put": ["*.csv"]}}
    return {"name": "a pipeline", "start_at": "step 0", "steps": {f"step {n}": step for n in range(STEPS)}}


def run_record(number, now):
    return RunRecord(
        run_id=f"calm-abel-{number:06}",
        status=Status.PROCESSING,
        dag_hash="d" * 64,
        start_time=now - timedelta(minutes=number),
        owner=liveness.this_process(),
        tag=f"t{number % 5}",
        parameters={"x": JsonParameter(number)},
        run_config={"pipeline_file": "pipeline.yaml", "dag": dag(), "command_line": ["magnus", "execute"] * 5},
    )


def put_steps(store, run):
    for position in range(STEPS):
        step = StepRecord(BranchPath().step(f"step {position}"), position, Status.PROCESSING, "task")
        store.put_step(run.run_id, step)
        attempt = AttemptRecord(0, run.start_time, run.start_time, 0.1, Status.SUCCESS, parameters={"x": position})
        store.put_step(run.run_id, replace(step, status=Status.SUCCESS, attempts=(attempt,)))


def prepare(folder, kind, count):
    """So many runs, one in a hundred of which was killed."""
    store_class, options = STORES[kind]
    store = store_class(options(), folder, system=SystemCalls(fsync=lambda _descriptor: None))
    (folder / "c.yaml").write_text(f"run_log_store: {{type: {kind}}}")
    now = datetime.now(UTC)
    for number in range(count):
        run = run_record(number, now)
        store.create_run(run)
        put_steps(store, run)
        if number % 100:
            store.update_run(replace(run, status=Status.SUCCESS, end_time=run.start_time + timedelta(seconds=9)))
    store.close()


def measured(arguments, folder):
    """Seconds of the processor, and of the clock."""
    before, start = os.times(), time.perf_counter()
    argv = [sys.executable, "-m", "magnus", *arguments]
    subprocess.run(argv, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    wall, after = time.perf_counter() - start, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return cpu, wall


def least(arguments, folder, repeats):
    return tuple(map(min, zip(*(measured(arguments, folder) for _ in range(repeats)), strict=True)))


def show(what, cpu, wall):
    print(f"{what:<46}{cpu:>8.3f}{wall:>8.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    print(f"{f'{asked.runs} runs of {STEPS} steps':<46}{'CPU':>8}{'clock':>8}")
    for kind in STORES:
        with TemporaryDirectory() as name:
            folder = Path(name)
            prepare(folder, kind, asked.runs)
            time.sleep(SETTLED_SECONDS)
            print(kind)
            show("  the first listing", *measured(("runs", "-c", "c.yaml"), folder))
            for what, arguments in COMMANDS.items():
                show(f"  {what}", *least((*arguments, "-c", "c.yaml"), folder, asked.repeats))
            show("  magnus show latest", *least(("show", "latest", "-c", "c.yaml"), folder, asked.repeats))
            show("  magnus --help", *least(("--help",), folder, asked.repeats))


if __name__ == "__main__":
    main()
