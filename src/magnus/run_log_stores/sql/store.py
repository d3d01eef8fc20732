"""The run log store of type `sql`, also called `db`. Made by `app.composition`.

A record is one row, and a put is one statement, so a reader sees all of a record or nothing. Each record carries the
checksum of `record_line`: readers skip a row whose bytes changed, and `damaged_records` names it.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from importlib.util import find_spec
from operator import itemgetter
from pathlib import Path
from typing import ClassVar, Final, TypeVar

from msgspec import Struct

from magnus.errors import InvalidConfiguration, Problem, RunLogStoreError, RunNotFound
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.capabilities import Locality, ServiceCapabilities
from magnus.interfaces.run_log_store import DamagedRecord, StepResult
from magnus.run_log import codec
from magnus.run_log.json_bytes import mentioned_hashes
from magnus.run_log.records import RunRecord, Status, StepRecord
from magnus.run_log.summary import DamagedRun, RunSummary
from magnus.run_log_stores import failures
from magnus.run_log_stores.damage import damaged_record
from magnus.run_log_stores.record_line import encoded, heading, with_checksum
from magnus.run_log_stores.sql import statements, summaries
from magnus.run_log_stores.sql.database import Answer, Cause, Database, DatabaseFailure, Row, Value
from magnus.run_log_stores.sql.session import Session, version_of
from magnus.run_log_stores.sql.sqlite import FILES_BESIDE, SqliteDatabase
from magnus.run_log_stores.sql.url import DatabaseUrl, database_url

_NANOSECONDS: Final = 1e9
_ENVIRONMENT: Final = "PG"
"""The prefix of the variables that libpq reads."""

RecordT = TypeVar("RecordT")


class SqlOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Options of the store.

    Attributes:
        url: `postgresql://USER@HOST:5432/DATABASE`, or `sqlite:///FILE` with a file below the working directory.
        durable: whether every record survives a loss of power; slower with SQLite.
    """

    url: str
    durable: bool = False


class SqlRunLogStore:
    """Run logs in a database, for any number of threads and processes, and with PostgreSQL of hosts."""

    options: ClassVar[type[SqlOptions]] = SqlOptions

    def __init__(self, options: SqlOptions, working_directory: Path) -> None:
        """WrongFields when the URL is wrong, InvalidConfiguration when the client of the database is not installed."""
        url = database_url(options.url, working_directory)
        self._always_durable = options.durable
        self._session = Session(_database(url))
        self._is_of_this_host = url.file is not None
        if url.file is not None:
            self.location = url.file

    @property
    def capabilities(self) -> ServiceCapabilities:
        """A server can be reached from every host. A file of SQLite is for one: no network file system is safe for it."""
        if self._is_of_this_host:
            return ServiceCapabilities(reach=Locality.HOST, persistent=True, located_by="url", beside=FILES_BESIDE)
        return ServiceCapabilities(reach=Locality.NETWORK, persistent=True)

    def create_run(self, run: RunRecord) -> None:
        """Add the row of the run, and the tables before if there are none."""
        record = _line(run)
        values = (key_of(run.run_id), _name(run.run_id), summaries.column(run), record)
        try:
            try:
                self._session.run(statements.CREATE_RUN, values, durable=True)
            except DatabaseFailure as failure:
                if failure.cause is not Cause.NO_TABLES:
                    raise
                self._session.make_tables()
                self._session.run(statements.CREATE_RUN, values, durable=True)
        except DatabaseFailure as failure:
            if failure.cause is not Cause.EXISTS:
                raise _error(failure) from failure
            if not (failure.is_unsure and self._run_rows(run.run_id) == [(record,)]):
                raise failures.run_exists(run.run_id, self._shown) from failure

    def get_run(self, run_id: str) -> RunRecord:
        """The record of the run that was put last."""
        rows = self._run_rows(run_id)
        if not rows:
            raise self._not_found(run_id)
        record: bytes = rows[0][0]
        if not _is_of_run(record):
            raise self._damaged(run_id)
        run = self._decoded(record, codec.run_from_bytes)
        if run.run_id != run_id:
            raise failures.of_another_run(run_id, run.run_id)
        return run

    def update_run(self, run: RunRecord) -> None:
        """Replace the record of the run."""
        values = (summaries.column(run), _line(run), key_of(run.run_id))
        if not self._change(run.run_id, statements.UPDATE_RUN, values, durable=True).changed:
            raise self._not_found(run.run_id)

    def list_runs(self) -> Sequence[str]:
        """The ids of all runs."""
        return sorted(_text(name) for (name,) in self._rows(statements.RUN_IDS))

    def summaries(self) -> Sequence[RunSummary | DamagedRun]:
        """The summaries of all runs, from their column; a record is read where that is damaged."""
        rows = self._rows(statements.SUMMARIES)
        whole = summaries.all_whole([column for _, column in sorted(rows, key=itemgetter(0))])
        if whole is not None:
            return whole
        named = sorted((_text(name), column) for name, column in rows)
        return summaries.decoded(named, self._record_of_run, lambda run_id: str(self._damaged(run_id).args[0]))

    def last_put(self, run_id: str) -> datetime | None:
        """When a row of the run was put last, by the clock of the database."""
        rows = self._rows(statements.LAST_PUT, key_of(run_id), key_of(run_id))
        last = rows[0][0] if rows else None
        if isinstance(last, str):  # SQLite, in UTC
            return datetime.fromisoformat(last).replace(tzinfo=UTC)
        return None if last is None else last.astimezone(UTC)

    def put_step(self, run_id: str, step: StepRecord, *, durable: bool = False) -> None:
        """Add or replace the row of the step, unless the step has succeeded before."""
        record = _line(step)
        path = step.path
        place = (key_of(run_id), key_of(str(path.branch)), key_of(str(path)))
        state = (step.position, int(step.status is Status.SUCCESS), record)
        durable = durable or self._always_durable
        answer = self._change(run_id, statements.PUT_STEP, (*place, *state), durable=durable)
        if not answer.changed:
            self._replace_damaged(run_id, step.path, (*state, *place), durable=durable)

    def get_step(self, run_id: str, path: StepPath) -> StepRecord | None:
        """The record of the step."""
        record = self._standing(run_id, path)
        return None if record is None or not _is_of(record, str(path)) else self._decoded(record, codec.step_from_bytes)

    def list_steps(self, run_id: str, branch: BranchPath) -> Sequence[StepRecord]:
        """The records of the steps of the branch, by position, without the branches inside it."""
        rows = self._rows(statements.STEPS, key_of(str(branch)), key_of(run_id))
        if not rows:
            raise self._not_found(run_id)
        records = [record for _, record in rows if record is not None]
        steps = [self._decoded(record, codec.step_from_bytes) for record in records if _is_whole(record)]
        return [step for step in steps if step.path.branch == branch]

    def put_result(self, key: str, run_id: str, path: StepPath) -> None:
        """Add the row of the result, and its table before if there is none."""
        values = (bytes.fromhex(key), key_of(run_id), key_of(str(path)), _name(str(path)), time.time_ns())
        try:
            try:
                self._session.run(statements.PUT_RESULT, values)
            except DatabaseFailure as failure:
                if failure.cause is not Cause.NO_TABLES:
                    raise
                self._session.make_tables()
                self._session.run(statements.PUT_RESULT, values)
        except DatabaseFailure as failure:
            if failure.cause is Cause.NO_RUN:
                raise self._not_found(run_id) from failure
            raise _error(failure) from failure

    def results(self, key: str) -> Sequence[StepResult]:
        """The newest rows of the key whose runs are there."""
        rows = self._rows(statements.RESULTS, bytes.fromhex(key))
        return [
            StepResult(_text(run_id), StepPath.parse(_text(path)), datetime.fromtimestamp(put_ns / _NANOSECONDS, UTC))
            for run_id, path, put_ns in rows
        ]

    def remove_run(self, run_id: str) -> None:
        """Remove the row of the run; the rows of its steps go with it."""
        answer = self._change(run_id, statements.REMOVE_RUN, (key_of(run_id),), durable=False)
        if not answer.changed and not answer.is_unsure:
            raise self._not_found(run_id)

    def mentioned_hashes(self, run_id: str) -> frozenset[str]:
        """Every `data_hash` in the rows of the run."""
        return mentioned_hashes(record for _, record in self._records(run_id))

    def damaged_records(self, run_id: str) -> Sequence[DamagedRecord]:
        """The rows of the run that are no records, or records of another step."""
        return tuple(
            damaged_record(record, f"a row of '{self._shown}'")
            for is_right, record in self._records(run_id)
            if not is_right
        )

    def connect_by_statement(self) -> None:
        """Close the connection after each statement: for processes that run user code meanwhile."""
        self._session.be_brief()

    def connect_problems(self) -> Sequence[Problem]:
        """Whether the database can be reached, read and written to, by one try."""
        try:
            connection = self._session.database.connect(create=False)
        except DatabaseFailure as failure:
            return [] if failure.cause is Cause.NO_TABLES else [failure.problem]
        try:
            version_of(connection, self._session.database)
        except DatabaseFailure as failure:
            if failure.cause is not Cause.NO_TABLES:
                return [failure.problem]
        finally:
            obstacles = connection.obstacles()
            connection.close()
        return obstacles

    def variables(self, _names: Iterable[str]) -> Mapping[str, str]:
        """The variables of libpq, such as PGPASSWORD."""
        if self._is_of_this_host:
            return {}
        return {name: value for name, value in os.environ.items() if name.startswith(_ENVIRONMENT)}

    def close(self) -> None:
        """End the connection; the next use opens another."""
        self._session.close()

    @property
    def _shown(self) -> str:
        return self._session.database.shown

    def _rows(self, statement: str, *values: Value) -> Sequence[Row]:
        """The rows of a query; none where there are no tables."""
        try:
            return self._session.run(statement, values).rows
        except DatabaseFailure as failure:
            if failure.cause is Cause.NO_TABLES:
                return ()
            raise _error(failure) from failure

    def _change(self, run_id: str, statement: str, values: Sequence[Value], *, durable: bool) -> Answer:
        """Run a statement about a run; RunNotFound when there is none."""
        try:
            return self._session.run(statement, values, durable=durable)
        except DatabaseFailure as failure:
            if failure.cause in {Cause.NO_RUN, Cause.NO_TABLES}:
                raise self._not_found(run_id) from failure
            raise _error(failure) from failure

    def _run_rows(self, run_id: str) -> Sequence[Row]:
        return self._rows(statements.RUN, key_of(run_id))

    def _record_of_run(self, run_id: str) -> bytes | None:
        """The record of the run if it is whole."""
        rows = self._run_rows(run_id)
        return rows[0][0] if rows and _is_of_run(rows[0][0]) else None

    def _standing(self, run_id: str, path: StepPath) -> bytes | None:
        """The bytes in the row of the step; None where there is no row."""
        rows = self._rows(statements.STEP, key_of(str(path.branch)), key_of(str(path)), key_of(run_id))
        if not rows:
            raise self._not_found(run_id)
        record: bytes | None = rows[0][1]
        return record

    def _replace_damaged(self, run_id: str, path: StepPath, values: Sequence[Value], *, durable: bool) -> None:
        """Put the record in the place of a success whose bytes changed: that one does not stand."""
        standing = self._standing(run_id, path)
        if standing is not None and not _is_of(standing, str(path)):
            self._change(run_id, statements.REPLACE_DAMAGED, (*values, standing), durable=durable)

    def _records(self, run_id: str) -> Iterator[tuple[bool, bytes]]:
        """All records of the run, some at a time; and whether each is whole and at the right place."""
        rows = self._run_rows(run_id)
        if not rows:
            raise self._not_found(run_id)
        yield _is_of_run(rows[0][0]), rows[0][0]
        branch = step = b""
        while page := self._rows(statements.PAGE, key_of(run_id), branch, step, statements.PAGE_ROWS):
            for branch, step, record in page:
                yield _is_at(record, branch, step), record
            if len(page) < statements.PAGE_ROWS:
                break

    def _decoded(self, record: bytes, decode: Callable[[bytes], RecordT]) -> RecordT:
        try:
            return decode(record)
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            shown = record[:200].decode(errors="replace")
            message = f"'{self._shown}' holds a record that this version of magnus cannot read: {shown}"
            raise RunLogStoreError(message, fix="read it with the version that wrote it") from error

    def _not_found(self, run_id: str) -> RunNotFound:
        return failures.run_not_found(run_id, self._shown)

    def _damaged(self, run_id: str) -> RunLogStoreError:
        message = f"the record of the run '{run_id}' in '{self._shown}' is damaged"
        return RunLogStoreError(message, fix="remove the run: magnus gc, or restore the database from a copy")


@lru_cache(maxsize=1024)  # a run and its branches have many steps
def key_of(text: str) -> bytes:
    """The key of a row: the SHA-256 of a run id or a path."""
    return sha256(_name(text), usedforsecurity=False).digest()


def _database(url: DatabaseUrl) -> Database:
    if url.file is not None:
        return SqliteDatabase(url, url.file)
    if find_spec("psycopg") is None:
        message = "run_log_store 'sql' needs the package 'psycopg' for PostgreSQL, which is not installed"
        raise InvalidConfiguration(message, fix="pip install 'magnus[postgres]'")
    from magnus.run_log_stores.sql.postgresql import PostgresqlDatabase  # lazy: SQLite needs no other package

    return PostgresqlDatabase(url)


def _error(failure: DatabaseFailure) -> RunLogStoreError:
    return RunLogStoreError(failure.problem.message, fix=failure.problem.fix)


def _line(record: StepRecord | RunRecord) -> bytes:
    return with_checksum(encoded(record))[1:-1]


def _name(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogatepass")


def _is_whole(record: bytes) -> bool:
    return (about := heading(record)) is not None and about.step is not None


def _is_of(record: bytes, path: str) -> bool:
    return (about := heading(record)) is not None and about.step == path


def _is_of_run(record: bytes) -> bool:
    return (about := heading(record)) is not None and about.step is None


def _is_at(record: bytes, branch: bytes, step: bytes) -> bool:
    about = heading(record)
    if about is None or about.step is None or key_of(about.step) != step:
        return False
    return key_of(str(StepPath.parse(about.step).branch)) == branch
