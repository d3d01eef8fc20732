"""The driver for PostgreSQL, by psycopg 3; this is its only home.

Every statement is a transaction of its own, is not prepared, and changes no setting of the session, so the store works
behind a pooler that gives each transaction another connection. Nothing but the transaction that makes the tables takes a lock.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import psycopg
from psycopg import conninfo

from magnus.errors import Problem
from magnus.run_log_stores.sql import statements
from magnus.run_log_stores.sql.database import Answer, Cause, DatabaseFailure, Value
from magnus.run_log_stores.sql.sqlite import keep_for_ever
from magnus.run_log_stores.sql.url import DatabaseUrl

_DEFAULTS: Final = {"connect_timeout": "10", "tcp_user_timeout": "30000", "application_name": "magnus"}
"""Connection parameters that the URL and the environment may set otherwise."""
_VARIABLES: Final = {"connect_timeout": "PGCONNECT_TIMEOUT", "application_name": "PGAPPNAME"}
_LOCK: Final = 7266213
"""The number of the advisory lock under which tables are made."""
_DURABLE: Final = (
    " RETURNING CASE current_setting('synchronous_commit')"
    " WHEN 'off' THEN set_config('synchronous_commit', 'on', true) END"
)
"""Waits for the disk also where the server is configured not to; the setting ends with the transaction."""
_MISSING_RIGHTS: Final = """
    SELECT current_user, current_schema(),
        CASE WHEN to_regclass('magnus_schema') IS NULL THEN has_schema_privilege(current_schema(), 'CREATE')
        ELSE has_table_privilege('magnus_runs', 'SELECT, INSERT, UPDATE, DELETE')
            AND has_table_privilege('magnus_steps', 'SELECT, INSERT, UPDATE, DELETE') END,
        to_regclass('magnus_schema') IS NULL, current_setting('transaction_read_only')
"""

_CAUSES: Final = {
    "23505": Cause.EXISTS,
    "23503": Cause.NO_RUN,
    "42P01": Cause.NO_TABLES,
    "40001": Cause.BUSY,
    "40P01": Cause.BUSY,
    "55P03": Cause.BUSY,
    "57P01": Cause.LOST,
    "57P02": Cause.LOST,
    "57P03": Cause.BUSY,
    "53300": Cause.BUSY,
}
"""By SQLSTATE, as the manual of PostgreSQL lists them in its appendix A."""
_FIXES: Final = {
    "42501": "let the owner of the database grant the right to this user",
    "3F000": "make the schema, or name one that exists: ?options=-csearch_path%3DSCHEMA at the end of the URL",
    "25006": "use the URL of the primary server: this one is read-only",
    "53100": "free space on the disk of the server",
}
_WORDS_OF_REFUSALS: Final = (
    ("password authentication failed", "correct user and password in `url`, or set PGPASSWORD or PGPASSFILE"),
    ("no password supplied", "set PGPASSWORD or PGPASSFILE, or write the password in `url`"),
    ("could not translate host name", "correct the host in `url`"),
    ("failed to resolve host", "correct the host in `url`"),
    ("Name or service not known", "correct the host in `url`"),
    ("no pg_hba.conf entry", "let the server accept this user, host and database in its pg_hba.conf"),
    ("role ", "correct the user in `url`, or make the role: createuser USER"),
    ("database ", "correct the database in `url`, or make it: createdb DATABASE"),
    ("unsupported startup parameter", "correct the parameters in `url`, or let the pooler ignore them"),
    ("SSL", "correct the options of SSL in `url`"),
)
"""Words of libpq and the server at which another try is in vain; messages in other languages are tried again for a while."""
_BUSY_WORDS: Final = ("too many clients", "remaining connection slots", "the database system is ")
"""Words of a server that will answer soon: it starts, stops, recovers, or accepts no connections yet."""


class PostgresqlDatabase:
    """A database of a PostgreSQL server."""

    def __init__(self, url: DatabaseUrl) -> None:
        self._url = url
        self.shown = url.shown

    def connect(self, *, create: bool) -> "PostgresqlConnection":  # noqa: ARG002 - a server makes no database
        """Connect to the server."""
        try:
            given = conninfo.conninfo_to_dict(self._url.text)
            parameters: dict[str, Any] = {
                name: value
                for name, value in _DEFAULTS.items()
                if name not in given and _VARIABLES.get(name, "") not in os.environ
            }
            connection = psycopg.connect(self._url.text, autocommit=True, prepare_threshold=None, **parameters)
        except psycopg.ProgrammingError as error:
            message = f"url '{self.shown}' cannot be used: {self._words(error)}"
            raise DatabaseFailure(Cause.REFUSED, message, "correct `url` of the run log store") from None
        except psycopg.Error as error:
            raise self._no_connection(error) from None  # whose traceback would hold the password
        return PostgresqlConnection(connection, self._url)

    def _no_connection(self, error: psycopg.Error) -> DatabaseFailure:
        words = self._words(error)
        message = f"the run log store cannot connect to '{self.shown}': {words}"
        if any(word in words for word in _BUSY_WORDS):
            return DatabaseFailure(Cause.BUSY, message, "try again, or raise max_connections of the server")
        for word, fix in _WORDS_OF_REFUSALS:
            if word in words:
                return DatabaseFailure(Cause.REFUSED, message, fix)
        return DatabaseFailure(Cause.UNREACHABLE, message, "start the server, or correct host and port in `url`")

    def _words(self, error: psycopg.Error) -> str:
        return _short(self._url, error)


class PostgresqlConnection:
    """A connection to the server."""

    def __init__(self, connection: "psycopg.Connection[Any]", url: DatabaseUrl) -> None:
        self._connection = connection
        self._cursor = connection.cursor(binary=True)
        self._url = url

    @property
    def is_usable(self) -> bool:
        """False once the connection broke."""
        return not self._connection.closed

    def run(self, statement: str, values: Sequence[Value], *, durable: bool) -> Answer:
        """Run one statement: one message to the server and one answer."""
        text: Any = statement + _DURABLE if durable else statement
        try:
            cursor = self._cursor.execute(text, values)
            return Answer(cursor.fetchall() if cursor.description else (), cursor.rowcount)
        except psycopg.Error as error:
            raise self._failure(error) from error

    def make_tables(self) -> None:
        """Make the tables: several statements in one message are one transaction."""
        lock = f"SELECT pg_advisory_xact_lock({_LOCK})"
        script: Any = ";\n".join((lock, *statements.TABLES))
        try:
            self._connection.execute(script)
        except psycopg.Error as error:
            raise self._failure(error) from error

    def obstacles(self) -> Sequence[Problem]:
        """Missing rights, and servers that cannot be written to."""
        try:
            row = self._connection.execute(_MISSING_RIGHTS).fetchone()
        except psycopg.Error as error:
            return [self._failure(error).problem]
        user, schema, may_work, is_empty, is_read_only = row or ("", "", True, False, "off")
        if schema is None:
            return [Problem(f"no schema of '{self._url.shown}' can be used", _FIXES["3F000"])]
        if is_read_only == "on":
            return [Problem(f"'{self._url.shown}' is read-only", _FIXES["25006"])]
        if may_work:
            return []
        if is_empty:
            message = f"the user '{user}' may not create tables in the schema '{schema}' of '{self._url.shown}'"
            return [Problem(message, f'run as its owner: GRANT CREATE ON SCHEMA "{schema}" TO "{user}"')]
        message = f"the user '{user}' may not read and write the tables of magnus in '{self._url.shown}'"
        grant = f'GRANT SELECT, INSERT, UPDATE, DELETE ON magnus_runs, magnus_steps TO "{user}"'
        return [Problem(message, f"run as their owner: {grant}")]

    def close(self) -> None:
        """End the connection."""
        with suppress(psycopg.Error, OSError):
            self._connection.close()

    def abandon(self) -> None:
        """Close the descriptor of this process alone; the object would tell the server that the parent has gone."""
        keep_for_ever(self._connection)
        with suppress(psycopg.Error, OSError):
            os.close(self._connection.fileno())

    def _failure(self, error: psycopg.Error) -> DatabaseFailure:
        state = error.sqlstate or ""
        words = _short(self._url, error)
        message = f"the run log store cannot use '{self._url.shown}': {words}"
        cause = _CAUSES.get(state)
        if cause is None:
            is_lost = self._connection.closed or state.startswith("08")
            cause = Cause.LOST if is_lost else Cause.REFUSED
        fix = "start the server again, and resume the run" if cause is Cause.LOST else _FIXES.get(state, "")
        return DatabaseFailure(cause, message, fix)


def _short(url: DatabaseUrl, error: psycopg.Error) -> str:
    """The words of the server, on one line and without passwords."""
    lines = [line.strip() for line in url.without_passwords(str(error)).splitlines()]
    reasons = [line for line in lines if line and not line.startswith(("LINE ", "^", "HINT:", "Is the server running"))]
    text = reasons[0] if reasons else type(error).__name__
    return text.removeprefix("connection failed: ")
