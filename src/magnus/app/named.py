"""A mapping by name that says, when there is nothing of a name, which one was probably meant."""

from collections.abc import Mapping
from typing import TypeVar

from magnus.graph.check import near

ValueT = TypeVar("ValueT")


class NoSuchName(KeyError):
    """There is nothing of this name."""

    def __str__(self) -> str:
        return str(self.args[0])


class Named(dict[str, ValueT]):
    """What is called `what` in messages, by name; `also` are more names for some, which are not listed."""

    def __init__(self, what: str, values: Mapping[str, ValueT], also: Mapping[str, str] | None = None) -> None:
        super().__init__(values)
        self._what = what
        self._also = also or {}

    def __missing__(self, key: object) -> ValueT:
        name = str(key)
        if name in self:
            return self[name]
        if name in self._also:
            return self[self._also[name]]
        match = near(name, (*self._also, *self))
        known = ", ".join(f"'{name}'" for name in list(self._also or self)[:10])
        there = f"there are {known}{' and more' if len(self) > 10 else ''}" if self else "there is none"
        raise NoSuchName(f"there is no {self._what} '{name}'; " + (f"did you mean '{match}'?" if match else there))
