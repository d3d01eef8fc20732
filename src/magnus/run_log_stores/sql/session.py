"""Runs statements on one connection of this process, or on one for each, and tries again when the database went away.

A statement that is cut off may have taken place. All statements of the store may run twice, so it runs again; the answer
says that it was unsure, and the caller asks for what stands where that matters.
"""

import logging
import os
import time
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Final, TypeVar

from magnus.run_log_stores.sql import statements
from magnus.run_log_stores.sql.database import (
    AGAIN,
    Answer,
    Cause,
    Connection,
    Database,
    DatabaseFailure,
    Value,
)

_LOG: Final = logging.getLogger(__name__)
_PATIENCE_SECONDS: Final = 30.0
"""How long a database that was there before is waited for: a restart of PostgreSQL takes a few seconds."""
_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 1.0

ResultT = TypeVar("ResultT")


class Session:
    """The connection of one store, for any number of threads, and for processes forked from this one."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._lock = Lock()
        self._process = os.getpid()
        self._connection: Connection | None = None
        self._is_brief = False
        self._was_reached = False
        self._version = 0

    def be_brief(self) -> None:
        """From now on, close the connection after every statement."""
        self._is_brief = True
        self.close()

    def run(self, statement: str, values: Sequence[Value] = (), *, durable: bool = False) -> Answer:
        """Run the statement; DatabaseFailure when it fails for good.

        NO_TABLES also where no run was ever created; REFUSED for tables of a newer version.
        """

        def run(connection: Connection) -> Answer:
            self._refuse_newer(connection)
            return connection.run(statement, values, durable=durable)

        answer, is_unsure = self._persistently(run, create=False)
        return answer._replace(is_unsure=True) if is_unsure else answer

    def make_tables(self) -> None:
        """Make the tables that are missing."""
        self._persistently(lambda connection: connection.make_tables(), create=True)

    def close(self) -> None:
        """Close the connection; the next statement opens another."""
        with self._lock_of_this_process():
            self._drop()

    def _persistently(self, do: Callable[[Connection], ResultT], *, create: bool) -> tuple[ResultT, bool]:
        is_unsure, give_up_at, pause = False, 0.0, _FIRST_PAUSE_SECONDS
        while True:
            try:
                with self._lock_of_this_process():
                    return self._once(do, create=create), is_unsure
            except DatabaseFailure as failure:
                is_unsure = is_unsure or failure.cause is Cause.LOST
                failure.is_unsure = is_unsure
                now = time.monotonic()
                give_up_at = give_up_at or now + _PATIENCE_SECONDS
                if failure.cause not in AGAIN or now > give_up_at or not self._is_there(failure):
                    raise
                _LOG.warning("%s; trying again", failure)
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _is_there(self, failure: DatabaseFailure) -> bool:
        """Whether the database can be expected to come back: a wrong address never does."""
        return self._was_reached or self._is_brief or failure.cause is not Cause.UNREACHABLE

    def _once(self, do: Callable[[Connection], ResultT], *, create: bool) -> ResultT:
        """Do it on the connection, opened if need be. One that something went wrong on is not used again."""
        connection = self._opened(create=create)
        is_kept = False
        try:
            result = do(connection)
        except DatabaseFailure as failure:
            is_kept = failure.cause in {Cause.EXISTS, Cause.NO_RUN, Cause.NO_TABLES, Cause.BUSY}
            raise
        else:
            is_kept = True
            return result
        finally:
            if self._is_brief or not is_kept:
                self._drop()

    def _opened(self, *, create: bool) -> Connection:
        if self._connection is not None and not self._connection.is_usable:
            self._drop()
        if self._connection is None:
            self._connection = self.database.connect(create=create)
            self._was_reached = True
            _LOG.debug("connected to %s", self.database.shown)
        return self._connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _refuse_newer(self, connection: Connection) -> None:
        if not self._version:
            self._version = version_of(connection, self.database)

    def _lock_of_this_process(self) -> Lock:
        """The lock; a forked child may have inherited it from a thread that it does not have."""
        if self._process != os.getpid():
            inherited, self._connection = self._connection, None
            self._lock = Lock()
            self._process = os.getpid()
            if inherited is not None:
                inherited.abandon()
        return self._lock


def version_of(connection: Connection, database: Database) -> int:
    """The version of the tables; REFUSED when it is newer than this, NO_TABLES when there are none."""
    [[version]] = connection.run(statements.VERSION, (), durable=False).rows
    if version is None:
        raise DatabaseFailure(Cause.NO_TABLES, "there are no tables")
    if version > statements.SCHEMA:
        message = f"'{database.shown}' has run logs of a newer magnus: version {version}, and this one reads {statements.SCHEMA}"
        raise DatabaseFailure(Cause.REFUSED, message, "update magnus, or set `url` to another database")
    return int(version)
