"""What the store asks of a database, and the failures that decide what it does next. A driver is one module beside this."""

from collections.abc import Sequence
from enum import Enum, auto
from typing import Any, NamedTuple, Protocol, TypeAlias

from magnus.errors import Problem

Value: TypeAlias = bytes | int
Row: TypeAlias = Sequence[Any]
"""Bytes, numbers and times, as the driver gives them."""


class Answer(NamedTuple):
    """The rows of a query, or the number of rows that a statement changed.

    `is_unsure` says that an earlier try of the statement was cut off and may have taken place.
    """

    rows: Sequence[Row]
    changed: int
    is_unsure: bool = False


class Cause(Enum):
    """Why a statement failed."""

    LOST = auto()
    """The connection broke; nobody knows whether the statement took place."""
    UNREACHABLE = auto()
    """There was no connection; another try may have one."""
    BUSY = auto()
    """The database is there and asks for another try."""
    EXISTS = auto()
    NO_RUN = auto()
    NO_TABLES = auto()
    REFUSED = auto()
    """Another try would fail likewise."""


AGAIN = frozenset({Cause.LOST, Cause.UNREACHABLE, Cause.BUSY})


class DatabaseFailure(Exception):
    """A statement failed; the message has no password. `is_unsure` is as in `Answer`."""

    def __init__(self, cause: Cause, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.cause = cause
        self.problem = Problem(message, fix)
        self.is_unsure = False


class Connection(Protocol):
    """An open connection, for one thread at a time. Every method raises DatabaseFailure."""

    @property
    def is_usable(self) -> bool:
        """False when the database behind it was replaced or the connection is broken."""
        ...

    def run(self, statement: str, values: Sequence[Value], *, durable: bool) -> Answer:
        """Run one statement in a transaction of its own; with `durable` it survives a loss of power."""
        ...

    def make_tables(self) -> None:
        """Make the tables that are missing; any number of processes may do so at once."""
        ...

    def obstacles(self) -> Sequence[Problem]:
        """The rights that this user lacks for the work of the store, without trying them."""
        ...

    def close(self) -> None:
        """End the connection; never raises."""
        ...

    def abandon(self) -> None:
        """Let go of a connection of the parent process: send nothing, close nothing that the parent uses."""
        ...


class Database(Protocol):
    """A database that can be connected to."""

    @property
    def shown(self) -> str:
        """The URL for people, with the password masked."""
        ...

    def connect(self, *, create: bool) -> Connection:
        """Open a connection; DatabaseFailure when there is none.

        With `create` a database that is a file is made; without, a missing file is NO_TABLES.
        """
        ...
