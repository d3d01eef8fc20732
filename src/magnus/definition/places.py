"""Has the places of keys and values in a document. Readers of YAML and JSON make them; messages about mistakes use them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar

from magnus.errors import Location

KeyPath = tuple[str | int, ...]
ValueT = TypeVar("ValueT")


class Later(Mapping[KeyPath, ValueT], Generic[ValueT]):
    """A mapping by path that is computed on first use: most documents have no mistakes."""

    def __init__(self, make: Callable[[], Mapping[KeyPath, ValueT]]) -> None:
        self._make: Callable[[], Mapping[KeyPath, ValueT]] | None = make
        self._values: Mapping[KeyPath, ValueT] = {}

    def _mapping(self) -> Mapping[KeyPath, ValueT]:
        if self._make is not None:
            self._values, self._make = self._make(), None
        return self._values

    def __getitem__(self, path: KeyPath) -> ValueT:
        return self._mapping()[path]

    def __iter__(self) -> Iterator[KeyPath]:
        return iter(self._mapping())

    def __len__(self) -> int:
        return len(self._mapping())


class Lines:
    """The lines of a text, which give line and column of a position."""

    def __init__(self, text: str, file: str) -> None:
        self._file = file
        self._starts = [0, *(at + 1 for at, character in enumerate(text) if character == "\n")]

    def location(self, position: int) -> Location:
        """The place of the position."""
        from bisect import bisect_right  # lazy: only mistakes need it

        line = bisect_right(self._starts, position)
        return Location(self._file, line, position - self._starts[line - 1] + 1)
