"""Run logs in SQLite and PostgreSQL: a put beside its statement by the driver alone, and a listing of many runs.

`make bench` runs it. PostgreSQL is a server of Debian's package that the benchmark starts; without the package there are no
rows of it. Puts and statements take turns. A put encodes a record, computes its checksum and keys, and runs the statement.
"""

import argparse
import os
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from magnus.engine.processes import liveness
from magnus.graph.path import BranchPath
from magnus.run_log.parameters import JsonParameter
from magnus.run_log.records import AttemptRecord, RunRecord, Status, StepRecord
from magnus.run_log_stores.record_line import encoded, with_checksum
from magnus.run_log_stores.sql import statements, summaries
from magnus.run_log_stores.sql.store import SqlOptions, SqlRunLogStore, key_of

TESTS = Path(__file__).parents[1] / "tests"
sys.path[1:1] = [str(TESTS / "services"), str(TESTS / "processes")]

import postgresql  # noqa: E402 - it starts the server of tests

NOW = datetime.now(UTC)
DAG = {"start_at": "a", "steps": {"a": {"type": "task", "command": "package.module.function", "next": "success"}}}
Statement = Callable[[str, tuple[bytes | int, ...]], object]


def run_record(number: int) -> RunRecord:
    return RunRecord(
        run_id=f"calm-abel-{number:06}",
        status=Status.SUCCESS,
        dag_hash="d" * 64,
        start_time=NOW - timedelta(minutes=number),
        end_time=NOW - timedelta(minutes=number - 1),
        owner=liveness.this_process(),
        tag=f"t{number % 5}",
        parameters={"x": JsonParameter(number)},
        run_config={"pipeline_file": "pipeline.yaml", "dag": DAG, "command_line": ["magnus", "execute"] * 5},
    )


def step_record(number: int) -> StepRecord:
    attempt = AttemptRecord(0, NOW, NOW, 0.1, Status.SUCCESS, parameters={"x": number})
    return StepRecord(BranchPath().step(f"step {number}"), number, Status.SUCCESS, "task", attempts=(attempt,))


@contextmanager
def sqlite(folder: Path) -> Iterator[tuple[str, Statement, Statement]]:
    """The URL of a file; functions that run a statement by the driver alone, in that file and in another one."""
    with closing(connected(folder / "runs.db")) as connection, closing(connected(folder / "other.db")) as other:
        yield (
            f"sqlite:///{folder}/runs.db",
            lambda text, values: connection.execute(text.replace("%b", "?"), values),
            lambda text, values: other.execute(text.replace("%b", "?"), values),
        )


def connected(file: Path) -> sqlite3.Connection:
    make_tables(f"sqlite:///{file}")
    connection = sqlite3.connect(file, isolation_level=None)
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


@contextmanager
def server(folder: Path) -> Iterator[tuple[str, Statement, Statement]]:
    """The same of a server of PostgreSQL, which has one database for both."""
    folder.chmod(0o755)
    running = postgresql.Server(folder)
    running.start()
    try:
        make_tables(running.url())
        with running.connect() as connection:
            yield running.url(), connection.execute, connection.execute
    finally:
        running.stop()


def make_tables(url: str) -> None:
    with closing(SqlRunLogStore(SqlOptions(url=url), Path.cwd())) as store:
        store.create_run(run_record(0))


def puts(url: str, statement: Statement, count: int) -> tuple[list[float], list[float]]:
    """Seconds of each put of the store, and of each statement with values that are ready."""
    run_id = run_record(0).run_id
    run = key_of(run_id)
    stored: list[float] = []
    plain: list[float] = []
    with closing(SqlRunLogStore(SqlOptions(url=url), Path.cwd())) as store:
        for number in range(count):
            step = step_record(2 * number)
            start = time.perf_counter()
            store.put_step(run_id, step)
            stored.append(time.perf_counter() - start)
            step = step_record(2 * number + 1)
            place = (run, key_of(str(step.path.branch)), key_of(str(step.path)))
            record = with_checksum(encoded(step))[1:-1]
            start = time.perf_counter()
            statement(statements.PUT_STEP, (*place, step.position, 1, record))
            plain.append(time.perf_counter() - start)
    return stored, plain


def fill(statement: Statement, count: int) -> None:
    """Insert so many runs in one transaction."""
    statement("BEGIN", ())
    for number in range(1, count):
        run = run_record(number)
        record = with_checksum(encoded(run))[1:-1]
        name = run.run_id.encode()
        statement(statements.CREATE_RUN, (key_of(run.run_id), name, summaries.column(run), record))
    statement("COMMIT", ())


def listing(url: str, repeats: int) -> float:
    """The least seconds in which the store lists all runs, with a new connection each time."""

    def once() -> float:
        with closing(SqlRunLogStore(SqlOptions(url=url), Path.cwd())) as store:
            start = time.perf_counter()
            store.summaries()
            return time.perf_counter() - start

    return min(once() for _ in range(repeats))


def command(url: str, folder: Path, repeats: int) -> float:
    """The least seconds of `magnus runs --limit 25`, a whole process."""
    (folder / "magnus-config.yaml").write_text(f"defaults: {{run_log_store: {{type: sql, config: {{url: '{url}'}}}}}}")
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        argv = [sys.executable, "-m", "magnus", "runs", "--limit", "25"]
        subprocess.run(argv, cwd=folder, stdout=subprocess.DEVNULL, check=True)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=50_000)
    parser.add_argument("--puts", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    databases = {"SQLite": sqlite}
    if postgresql.programs() is None:
        print("no rows of PostgreSQL: apt-get install postgresql", file=sys.stderr)
    else:
        databases["PostgreSQL"] = server
    print(f"{'':<52}{'least':>10}{'median':>10}")
    for name, opened in databases.items():
        with TemporaryDirectory() as folder, opened(Path(folder)) as (url, statement, other):
            stored, plain = puts(url, other, options.puts)
            for what, seconds in (("a put", stored), ("its statement by the driver alone", plain)):
                print(
                    f"{f'{name}: {what}':<52}{min(seconds) * 1e3:>7.3f} ms{statistics.median(seconds) * 1e3:>7.3f} ms"
                )
            print(
                f"{f'{name}: a put costs as much as so many statements':<52}{min(stored) / min(plain):>10.2f}", end=""
            )
            print(f"{statistics.median(stored) / statistics.median(plain):>10.2f}")
            fill(statement, options.runs)
            with TemporaryDirectory() as project:
                print(
                    f"{f'{name}: {options.runs} runs listed by the store':<52}{listing(url, options.repeats):>8.3f} s"
                )
                seconds = command(url, Path(project), options.repeats)
                print(f"{f'{name}: magnus runs --limit 25 over them':<52}{seconds:>8.3f} s", flush=True)


if __name__ == "__main__":
    main()
