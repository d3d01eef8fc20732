"""`magnus ui` with many runs: when the list is painted, and how long filters, sorting by a metric and scrolling take.

`make bench` runs it. The runs are records put through the store, as a run puts them; only syncing is left out. Times are
milliseconds, the least and the median of several tries in a Chromium without a window. `--prepare FOLDER` only makes the runs.
"""

import argparse
import http.client
import json
import shutil
import signal
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from msgspec.structs import replace

from magnus.engine.processes import liveness
from magnus.graph.path import BranchPath
from magnus.run_log.parameters import JsonParameter
from magnus.run_log.records import AttemptRecord, RunRecord, Status, StepRecord
from magnus.run_log_stores.file_system import FileSystemOptions, FileSystemRunLogStore
from magnus.system.system_calls import SystemCalls

STEPS = 5
SETTLED_SECONDS = 3
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
PAINTED = """() => Math.max(...performance.getEntriesByType("paint").map((entry) => entry.startTime))"""
REQUESTS = {
    "the first part of the list": "/runs.json",
    "one status": "/runs.json?status=FAIL",
    "a text": "/runs.json?text=0042",
    "sorted by duration": "/runs.json?sort=took",
    "with two columns": "/runs.json?column=metrics.auc&column=params.x",
    "the names of columns": "/columns.json",
}


def prepare(folder, count):
    """So many runs of five steps with a parameter and a metric; every tenth failed."""
    store = FileSystemRunLogStore(FileSystemOptions(), folder, system=SystemCalls(fsync=lambda _descriptor: None))
    now = datetime.now(UTC)
    step = {"type": "task", "command": "package.module.function", "next": "success"}
    dag = {"name": "a pipeline", "start_at": "step 0", "steps": {f"step {number}": step for number in range(STEPS)}}
    for number in range(count):
        start = now - timedelta(minutes=number)
        run = RunRecord(
            run_id=f"calm-abel-{number:06}", status=Status.PROCESSING, dag_hash="d" * 64, start_time=start,
            owner=liveness.this_process(), tag=f"t{number % 5}", parameters={"x": JsonParameter(number)},
            run_config={"pipeline_file": "pipeline.yaml", "dag": dag, "command_line": ["magnus", "execute"] * 5},
        )  # fmt: skip
        store.create_run(run)
        for position in range(STEPS):
            attempt = AttemptRecord(0, start, start, 0.1, Status.SUCCESS, parameters={"x": position})
            store.put_step(run.run_id, StepRecord(
                BranchPath().step(f"step {position}"), position, Status.SUCCESS, "task", attempts=(attempt,),
                metrics={"auc": number % 977 / 977} if position == STEPS - 1 else {},
            ))  # fmt: skip
        status = Status.SUCCESS if number % 10 else Status.FAIL
        store.update_run(replace(run, status=status, end_time=start + timedelta(seconds=9)))
    store.close()


def started(folder):
    """The server, and the URL it printed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "magnus", "ui", "--port", "0"], cwd=folder, stdout=subprocess.PIPE, text=True,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return process, process.stdout.readline().strip()


def milliseconds(act):
    start = time.perf_counter()
    act()
    return (time.perf_counter() - start) * 1000


def answer(url, path):
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    connection.request("GET", path)
    body = connection.getresponse().read()
    connection.close()
    return json.loads(body)


def paint(url, repeats):
    """Milliseconds from the navigation to the first contentful paint, each time in a new window."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        sys.exit("no Chromium is installed; Debian has it as the package chromium")
    times = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        for _ in range(repeats):
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(url)
            page.locator("tr[data-place='0'] a").wait_for()
            times.append(page.evaluate(PAINTED))
            page.close()
        browser.close()
    return times


def show(what, times):
    print(f"{what:<46}{min(times):>8.0f}{statistics.median(times):>8.0f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--prepare", metavar="FOLDER", help="only make the runs there")
    asked = parser.parse_args()
    if asked.prepare:
        prepare(Path(asked.prepare), asked.runs)
        return
    with TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, asked.runs)
        time.sleep(SETTLED_SECONDS)
        print(f"{f'{asked.runs} runs of {STEPS} steps':<46}{'least':>8}{'median':>8}")
        process, url = started(folder)
        try:
            show("the first list ever", [milliseconds(lambda: answer(url, "/runs.json"))])
            show("first paint of the page", paint(url, asked.repeats))
            for what, path in REQUESTS.items():
                show(f"  {what}", [milliseconds(lambda path=path: answer(url, path)) for _ in range(asked.repeats)])
            by_metric = "/runs.json?sort=metrics.auc&column=metrics.auc"
            show("  sorted by a metric, the first time", [milliseconds(lambda: answer(url, by_metric))])
            show(
                "  sorted by a metric, later",
                [milliseconds(lambda: answer(url, by_metric)) for _ in range(asked.repeats)],
            )
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()
        process, url = started(folder)
        try:
            show("first paint after a new start", paint(url, 1))
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


if __name__ == "__main__":
    main()
