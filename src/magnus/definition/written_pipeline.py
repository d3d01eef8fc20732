"""A pipeline as written: its value, its place, and what is known to be wrong in it. Used by `compiling` and `loader`."""

from msgspec import Struct
from msgspec.structs import replace

from magnus.definition.shape import meant_keys
from magnus.definition.yaml_text import Document, KeyPath, renamed, with_keys
from magnus.errors import Location
from magnus.graph.structure import NOWHERE
from magnus.values import Json


class Written(Struct, frozen=True):
    """A pipeline as written: its value with variables replaced, and where it stands.

    `files` are the files around it, the outermost first, its own last; `steps` the names of the steps around it.
    `broken` are the places in the document of what is known to be wrong.
    """

    value: Json
    document: Document
    path: KeyPath
    files: tuple[str, ...]
    steps: tuple[str, ...] = ()
    broken: frozenset[KeyPath] = frozenset()

    def locate(self, *keys: str | int) -> Location:
        """The place of something in the pipeline."""
        return self.document.locate(*self.path, *keys)

    def with_meant_keys(self) -> "Written":
        """The same with the keys of the pipeline that are misspelt as they were meant."""
        meant = meant_keys(self.value)
        if not meant:
            return self
        value = {meant.get(key, key): inside for key, inside in self.value.items()}
        broken = frozenset(with_keys(place, self.path, meant) for place in self.broken)
        return replace(self, value=value, document=renamed(self.document, self.path, meant), broken=broken)

    def start_at(self) -> str:
        """The name of the first step, or NOWHERE."""
        start = self.value.get("start_at")
        return start if isinstance(start, str) and (*self.path, "start_at") not in self.broken else NOWHERE

    def broken_fields(self, name: str) -> set[str]:
        """The fields of the step in which something is known to be wrong."""
        start = (*self.path, "steps", name)
        return {str(path[len(start)]) for path in self.broken if path[: len(start)] == start and len(path) > len(start)}
