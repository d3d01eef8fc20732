"""What run log stores and catalogs ask of an object store, and the failures that they tell apart."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from enum import Enum, auto
from typing import Protocol

from msgspec import Struct

from magnus.errors import Problem


class ObjectFacts(Struct, frozen=True):
    """An object as the store lists it.

    Attributes:
        key: its key below the prefix of the store.
        size: in bytes.
        version: differs for any two writes of the key (the ETag); "" where the store has none.
        modified: when it was written, by the clock of the store, in UTC.
    """

    key: str
    size: int
    version: str
    modified: datetime


class Cause(Enum):
    """Why a request failed."""

    NO_BUCKET = auto()
    DENIED = auto()
    NO_CREDENTIALS = auto()
    CLOCK = auto()
    UNREACHABLE = auto()
    """No answer, or one that asks for another try. Nobody knows whether the request took place."""
    REFUSED = auto()
    """Another try would fail likewise."""


class ObjectStoreFailure(Exception):
    """A request failed for good; the problem holds no secret and says what to do."""

    def __init__(self, cause: Cause, problem: Problem) -> None:
        super().__init__(problem.message)
        self.cause = cause
        self.problem = problem


class ObjectStore(Protocol):
    """Moves bytes by key. Any number of threads may use it at once. Every method raises ObjectStoreFailure.

    An object appears whole or not at all, and every read that starts after a write returned sees it. A write whose
    answer was lost is looked for before it counts as failed. Keys are made by `keys`.
    """

    @property
    def shown(self) -> str:
        """The address for people, without secrets."""
        ...

    def get(self, key: str) -> bytes | None:
        """The content; None when there is no such object."""
        ...

    def get_each(self, keys: Sequence[str]) -> Sequence[bytes | None]:
        """The contents, in the order of the keys, many at a time."""
        ...

    def download(self, key: str, write: Callable[[memoryview], object]) -> bool:
        """Give the content to `write` piece by piece; False when there is no such object.

        A connection that breaks is an error, though pieces were written. Memory does not grow with the size.
        """
        ...

    def head(self, key: str) -> ObjectFacts | None:
        """The facts of one object; None when there is none."""
        ...

    def put(self, key: str, content: bytes) -> None:
        """Write the object, in the place of the one before."""
        ...

    def create(self, key: str, content: bytes) -> bool:
        """Write the object unless there is one; False when another one stands.

        If two callers create one key, exactly one of them gets True. Only if the answer to one of them is lost and both
        have the same bytes, both may get True.
        """
        ...

    def upload(self, key: str, pieces: Iterable[bytes | memoryview]) -> None:
        """Write the object from pieces, in the place of the one before; what `pieces` raises comes through.

        Nothing is written then. Memory does not grow with the size.
        """
        ...

    def list(self, prefix: str) -> Iterator[ObjectFacts]:
        """All objects below the prefix, which is a whole part of keys, at any depth."""
        ...

    def list_direct(self, prefix: str) -> Sequence[ObjectFacts]:
        """The objects directly below the prefix."""
        ...

    def delete(self, keys: Sequence[str]) -> None:
        """Remove the objects; missing ones do not count."""
        ...

    def remove_leftovers(
        self, before: datetime, *, folders: Collection[str], is_own: Callable[[str], bool] = lambda _: False
    ) -> None:
        """Remove what killed processes left of objects, if nobody wrote to it since `before`.

        Only objects below the folders count, and those at the top whose keys are own ones.
        """
        ...
