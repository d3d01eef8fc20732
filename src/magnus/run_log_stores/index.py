"""Which record of a step stands: the last one, but the first success for ever.

Used by every store that reads records in the order they were put. A place is an offset or a text, as the store likes.
"""

from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar

PlaceT = TypeVar("PlaceT")


class Index(Generic[PlaceT]):
    """Where the records that stand are, by the text of the step's path. Not safe under threads by itself."""

    __slots__ = ("_branches",)

    def __init__(self) -> None:
        self._branches: dict[str, dict[str, tuple[bool, PlaceT]]] = {}

    def note(self, path: str, place: PlaceT, *, success: bool) -> None:
        """A record of the step was put at `place`, after all that were noted before."""
        branch, _, name = path.rpartition("/")
        steps = self.standing_in(branch)
        standing = steps.get(name)
        if standing is None or not standing[0]:
            steps[name] = (success, place)

    def standing_in(self, branch: str) -> dict[str, tuple[bool, PlaceT]]:
        """Whether a success stands, and its place, by the names of the steps in `branch`; to be changed as `note` does."""
        return self._branches.setdefault(branch, {})

    def place(self, path: str) -> PlaceT | None:
        """The place of the record that stands for the step; None when there is none."""
        branch, _, name = path.rpartition("/")
        standing = self._branches.get(branch, {}).get(name)
        return None if standing is None else standing[1]

    def places(self, branch: str) -> Sequence[PlaceT]:
        """The places of the steps directly in `branch`, in the order they were first put."""
        return [place for _, place in self._branches.get(branch, {}).values()]

    def count(self, branch: str) -> int:
        """How many steps directly in `branch` have a record."""
        return len(self._branches.get(branch, ()))

    def all_places(self) -> Iterator[PlaceT]:
        """The places of all steps."""
        for steps in self._branches.values():
            for _, place in steps.values():
                yield place
