"""Where the keys and values of a document are written. Made by what reads YAML and JSON, asked when something is wrong."""

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar

from magnus.errors import Location

KeyPath = tuple[str | int, ...]
ValueT = TypeVar("ValueT")


class Later(Mapping[KeyPath, ValueT], Generic[ValueT]):
    """A mapping by path that is made when somebody first asks: most documents have nothing wrong in them."""

    def __init__(self, make: Callable[[], Mapping[KeyPath, ValueT]]) -> None:
        self._make: Callable[[], Mapping[KeyPath, ValueT]] | None = make
        self._made: Mapping[KeyPath, ValueT] = {}

    def _mapping(self) -> Mapping[KeyPath, ValueT]:
        if self._make is not None:
            self._made, self._make = self._make(), None
        return self._made

    def __getitem__(self, path: KeyPath) -> ValueT:
        return self._mapping()[path]

    def __iter__(self) -> Iterator[KeyPath]:
        return iter(self._mapping())

    def __len__(self) -> int:
        return len(self._mapping())


class Lines:
    """The lines of a text, to tell line and column of a position in it."""

    def __init__(self, text: str, file: str) -> None:
        self._file = file
        self._starts = [0, *(at + 1 for at, character in enumerate(text) if character == "\n")]

    def location(self, position: int) -> Location:
        """The place of the position."""
        from bisect import bisect_right  # lazy: only mistakes need it

        line = bisect_right(self._starts, position)
        return Location(self._file, line, position - self._starts[line - 1] + 1)
