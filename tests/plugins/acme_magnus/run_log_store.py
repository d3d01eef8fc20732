"""A run log store in an SQLite database."""

import sqlite3
import zlib
from contextlib import closing, contextmanager

from pydantic import BaseModel, ConfigDict, Field

from magnus.errors import RunExists, RunLogStoreError, RunNotFound
from magnus.interfaces import records
from magnus.interfaces.capabilities import Locality, ServiceCapabilities
from magnus.interfaces.run_log_store import DamagedRecord

TABLES = """
    CREATE TABLE IF NOT EXISTS runs (id TEXT PRIMARY KEY, record BLOB);
    CREATE TABLE IF NOT EXISTS steps (run TEXT, branch TEXT, path TEXT, position INTEGER, status TEXT, record BLOB,
                                      PRIMARY KEY (run, path));
"""
PUT_STEP = """
    INSERT INTO steps VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (run, path)
    DO UPDATE SET position = excluded.position, status = excluded.status, record = excluded.record
    WHERE status != 'SUCCESS' OR NOT is_whole(record)
"""


class SqliteOptions(BaseModel):
    """`file` is relative to the working directory; `timeout` is how long to wait for another writer, in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str = "runs.db"
    timeout: float = Field(default=30.0, gt=0)


class SqliteRunLogStore:
    """One table of runs and one of steps; a connection for each call, so any thread and process may use it."""

    options = SqliteOptions
    capabilities = ServiceCapabilities(reach=Locality.HOST, persistent=True)

    def __init__(self, options, working_directory):
        self._file = working_directory / options.file
        self._timeout = options.timeout
        with self._database() as database:
            database.executescript(TABLES)

    def create_run(self, run):
        try:
            with self._database() as database:
                database.execute("INSERT INTO runs VALUES (?, ?)", (run.run_id, _written(records.run_to_json(run))))
        except sqlite3.IntegrityError as error:
            raise RunExists(f"there is a run '{run.run_id}' already", fix="choose another run id") from error

    def get_run(self, run_id):
        with self._database() as database:
            found = database.execute("SELECT record FROM runs WHERE id = ?", (run_id,)).fetchone()
        if found is None:
            raise RunNotFound(f"there is no run '{run_id}' in '{self._file}'")
        if not _is_whole(found[0]):
            raise RunLogStoreError(
                f"the record of the run '{run_id}' in '{self._file}' is damaged", fix="remove the run"
            )
        return records.run_from_json(_read(found[0]))

    def update_run(self, run):
        record = _written(records.run_to_json(run))
        with self._database() as database:
            if not database.execute("UPDATE runs SET record = ? WHERE id = ?", (record, run.run_id)).rowcount:
                raise RunNotFound(f"there is no run '{run.run_id}' in '{self._file}'")

    def list_runs(self):
        with self._database() as database:
            return [run_id for (run_id,) in database.execute("SELECT id FROM runs ORDER BY id")]

    def put_step(self, run_id, step, *, durable=False):
        del durable  # every transaction is
        record = _written(records.step_to_json(step))
        self.get_run(run_id)
        with self._database() as database:
            row = (run_id, str(step.path.branch), str(step.path), step.position, step.status.value, record)
            database.execute(PUT_STEP, row)

    def get_step(self, run_id, path):
        self.get_run(run_id)
        with self._database() as database:
            sql = "SELECT record FROM steps WHERE run = ? AND path = ?"
            found = database.execute(sql, (run_id, str(path))).fetchone()
        return records.step_from_json(_read(found[0])) if found and _is_whole(found[0]) else None

    def list_steps(self, run_id, branch):
        self.get_run(run_id)
        with self._database() as database:
            sql = "SELECT record FROM steps WHERE run = ? AND branch = ? ORDER BY position"
            rows = database.execute(sql, (run_id, str(branch))).fetchall()
        return [records.step_from_json(_read(record)) for (record,) in rows if _is_whole(record)]

    def damaged_records(self, run_id):
        with self._database() as database:
            runs = database.execute("SELECT '', record FROM runs WHERE id = ?", (run_id,)).fetchall()
            steps = database.execute("SELECT path, record FROM steps WHERE run = ?", (run_id,)).fetchall()
        if not runs:
            raise RunNotFound(f"there is no run '{run_id}' in '{self._file}'")
        damaged = (path for path, record in (*runs, *steps) if not _is_whole(record))
        return [DamagedRecord(path, "its checksum is wrong", f"a row of '{self._file}'") for path in damaged]

    def close(self):
        """Nothing is held open."""

    @contextmanager
    def _database(self):
        try:
            with closing(sqlite3.connect(self._file, timeout=self._timeout)) as database, database:
                database.create_function("is_whole", 1, _is_whole, deterministic=True)
                yield database
        except sqlite3.OperationalError as error:
            raise RunLogStoreError(f"the database '{self._file}' cannot be used: {error}") from error


def _written(stored):
    """The JSON of a record after its checksum, by which a damaged one is known."""
    try:
        text = records.to_bytes(stored)
        return zlib.crc32(text).to_bytes(4, "big") + text
    except (TypeError, ValueError, RecursionError) as error:
        what = f"step '{stored['step']}'" if "step" in stored else f"run '{stored['run']}'"
        raise RunLogStoreError(f"the record of {what} cannot be written as JSON: {error}") from error


def _is_whole(record):
    return zlib.crc32(record[4:]).to_bytes(4, "big") == record[:4]


def _read(record):
    return records.from_bytes(record[4:])
