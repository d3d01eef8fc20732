"""The names of the data that leave a step, and the lines in which a picture shows them on an edge. Pure."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

OTHERS = "…"
"""Stands for names that only a run can tell."""


class DataNames(Struct, frozen=True):
    """The names of parameters, of objects and of files, each once and in order."""

    parameters: tuple[str, ...] = ()
    objects: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    def lines(self) -> Iterator[str]:
        """A line for each kind of data that there is."""
        if self.parameters:
            yield ", ".join(self.parameters)
        if self.objects:
            yield f"object{'s' if len(self.objects) > 1 else ''}: {', '.join(self.objects)}"
        if self.files:
            yield f"file{'s' if len(self.files) > 1 else ''}: {', '.join(self.files)}"


def joined(many: Iterable[DataNames]) -> DataNames:
    """The names of all of them; names that only a run can tell come last."""
    every = list(many)

    def names(lists: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
        once = dict.fromkeys(name for listed in lists for name in listed)
        return (*(name for name in once if name != OTHERS), *(OTHERS for name in once if name == OTHERS))

    return DataNames(
        names(one.parameters for one in every), names(one.objects for one in every), names(one.files for one in every)
    )
