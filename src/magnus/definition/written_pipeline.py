"""Has a pipeline as the user wrote it: its value, its place, and its broken parts. Used by `compiler` and `loader`."""

from msgspec import Struct
from msgspec.structs import replace

from magnus.definition.shape import key_corrections
from magnus.definition.yaml_text import Document, KeyPath, renamed, with_keys
from magnus.errors import Location
from magnus.graph.nodes import CacheSpec
from magnus.graph.structure import NOWHERE
from magnus.values import Json


class WrittenPipeline(Struct, frozen=True):
    """A pipeline as written: its value with variables replaced, and where it stands.

    `files` are the files around it, the outermost first, its own last; `steps` the names of the steps around it.
    `broken` has the key paths of parts that have a problem already, `implied` the key paths of every `next` that nobody wrote.
    `cache` is the default of tasks that say nothing of it.
    """

    value: Json
    document: Document
    path: KeyPath
    files: tuple[str, ...]
    steps: tuple[str, ...] = ()
    broken: frozenset[KeyPath] = frozenset()
    cache: CacheSpec | None = None
    implied: frozenset[KeyPath] = frozenset()

    def locate(self, *keys: str | int) -> Location:
        """The place of something in the pipeline."""
        return self.document.locate(*self.path, *keys)

    def with_corrected_keys(self) -> "WrittenPipeline":
        """The same pipeline with its misspelt keys corrected."""
        corrections = key_corrections(self.value)
        if not corrections:
            return self
        value = {corrections.get(key, key): inside for key, inside in self.value.items()}
        broken = frozenset(with_keys(place, self.path, corrections) for place in self.broken)
        implied = frozenset(with_keys(place, self.path, corrections) for place in self.implied)
        document = renamed(self.document, self.path, corrections)
        return replace(self, value=value, document=document, broken=broken, implied=implied)

    def start_at(self) -> str:
        """The name of the first step, or NOWHERE."""
        start = self.value.get("start_at")
        return start if isinstance(start, str) and (*self.path, "start_at") not in self.broken else NOWHERE

    def is_implied(self, name: str) -> bool:
        """Whether nobody wrote which step follows the step."""
        return (*self.path, "steps", name, "next") in self.implied

    def broken_fields(self, name: str) -> set[str]:
        """The fields of the step that have a problem already."""
        start = (*self.path, "steps", name)
        return {str(path[len(start)]) for path in self.broken if path[: len(start)] == start and len(path) > len(start)}
