"""The driver for SQLite, by the standard library: a file with a write-ahead log, shared by the processes of one machine."""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

from magnus.errors import Problem
from magnus.run_log_stores.sql import statements
from magnus.run_log_stores.sql.database import Answer, Cause, DatabaseFailure, Value
from magnus.run_log_stores.sql.url import DatabaseUrl
from magnus.system.atomic_files import make_own_folder
from magnus.system.system_calls import what_to_do

FILES_BESIDE: Final = ("-wal", "-shm", "-journal")
"""The endings of the files that SQLite makes beside a database."""

_WAIT_SECONDS: Final = 30.0
"""How long a statement waits for the writers of other processes."""
_SURVIVES_PROCESSES, _SURVIVES_POWER = 1, 2
_WRITABLE: Final = "make it writable, or set `url` of the run log store to a file in another folder"
_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_PRIMARY_CODE: Final = 0xFF


class SqliteDatabase:
    """A file of SQLite."""

    def __init__(self, url: DatabaseUrl, file: Path) -> None:
        self._file = file
        self.shown = url.shown

    def connect(self, *, create: bool) -> "SqliteConnection":
        """Open the file."""
        try:
            if not self._file.exists():
                if not create:
                    raise DatabaseFailure(Cause.NO_TABLES, f"'{self._file}' does not exist")
                if not self._file.parent.is_dir():
                    make_own_folder(self._file.parent)
            return SqliteConnection(self._file)
        except OSError as error:
            fix = what_to_do(error.errno, not_writable=_WRITABLE, in_the_way="a file is in the way: remove it")
            message = f"the run log store cannot open '{self._file}': {error.strerror}"
            raise DatabaseFailure(Cause.REFUSED, message, fix) from error
        except sqlite3.Error as error:
            raise _failure(error, self._file) from error


class SqliteConnection:
    """An open file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._name = str(file)
        self._is_durable = False
        self._connection = sqlite3.connect(file, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            self._connection.execute("PRAGMA foreign_keys = ON")
            self._connection.execute(f"PRAGMA synchronous = {_SURVIVES_PROCESSES}")
            status = file.stat()
            self._identity = (status.st_dev, status.st_ino)
        except BaseException:
            self._connection.close()
            raise

    @property
    def is_usable(self) -> bool:
        """False when the file was removed or replaced."""
        try:
            status = os.stat(self._name)  # noqa: PTH116 - once for every record
        except OSError:
            return False
        return (status.st_dev, status.st_ino) == self._identity

    def run(self, statement: str, values: Sequence[Value], *, durable: bool) -> Answer:
        """Run one statement."""
        try:
            if durable is not self._is_durable:
                level = _SURVIVES_POWER if durable else _SURVIVES_PROCESSES
                self._connection.execute(f"PRAGMA synchronous = {level}")
                self._is_durable = durable
            cursor = self._connection.execute(_with_marks(statement), values)
            return Answer(cursor.fetchall() if cursor.description else (), cursor.rowcount)
        except sqlite3.Error as error:
            raise _failure(error, self._file) from error

    def make_tables(self) -> None:
        """Make the tables in one transaction, in a file with a write-ahead log."""
        try:
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                for table in statements.TABLES:
                    self._connection.execute(table)
                self._connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise _failure(error, self._file) from error

    def obstacles(self) -> Sequence[Problem]:
        """A file or folder that cannot be written to."""
        places = (self._file, self._file.parent)
        blocked = [place for place in places if not os.access(place, os.W_OK)]
        return [Problem(f"the run log store cannot write to '{place}'", _WRITABLE) for place in blocked[:1]]

    def close(self) -> None:
        """Close the file."""
        with suppress(sqlite3.Error):
            self._connection.close()

    def abandon(self) -> None:
        """Keep the object for ever: SQLite must not close a file that it opened before a fork."""
        keep_for_ever(self._connection)


def keep_for_ever(connection: object) -> None:
    """Count one reference too many, so that even the end of the interpreter does not close the connection."""
    import ctypes  # lazy: few processes are forked from one that has a connection

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))


@cache
def _with_marks(statement: str) -> str:
    return statement.replace("%b", "?")


def _failure(error: sqlite3.Error, file: Path) -> DatabaseFailure:
    code = getattr(error, "sqlite_errorcode", 0)
    message = f"the run log store cannot use '{file}': {error}"
    if code in {sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE}:
        return DatabaseFailure(Cause.EXISTS, message)
    if code == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
        return DatabaseFailure(Cause.NO_RUN, message)
    if str(error).startswith("no such table"):
        return DatabaseFailure(Cause.NO_TABLES, message)
    primary = code & _PRIMARY_CODE
    if primary in _BUSY:
        return DatabaseFailure(Cause.BUSY, message, "end the process that has locked it")
    if primary in _DAMAGED:
        fix = "set `url` to another file, or restore this one from a copy"
        return DatabaseFailure(Cause.REFUSED, message, fix)
    if primary == sqlite3.SQLITE_FULL:
        return DatabaseFailure(Cause.REFUSED, message, "free space on that disk")
    return DatabaseFailure(Cause.REFUSED, message, _WRITABLE)
