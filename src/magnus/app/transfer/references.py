"""The content that records refer to, and records without the places that their catalog has for it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from magnus.graph.path import BranchPath
from magnus.run_log.records import BranchScope, CatalogRecord, RunRecord, StepRecord
from magnus.values import Json

PLACE: Final = "catalog"
"""Stands in an archive for the place of an entry whose content is kept."""
_PLACE_OF_EXECUTABLE: Final = f"{PLACE}, executable"
"""The same for a file that may be executed."""
_HASH_DIGITS: Final = 64
_HEX: Final = frozenset("0123456789abcdef")
_FACTS: Final = ".facts/"


class Reference(Struct, frozen=True):
    """Content of a run: the branch and the name it is kept under, its content hash, and its size in bytes.

    `place` is the path in the catalog that the record has.
    """

    branch: BranchPath
    name: str
    data_hash: str
    size: int
    place: str = PLACE

    @property
    def is_executable(self) -> bool:
        """Whether the file may be executed; of a reference in an archive."""
        return self.place == _PLACE_OF_EXECUTABLE


def without_places(step: StepRecord, is_executable: Callable[[CatalogRecord], bool] = lambda _: False) -> StepRecord:
    """The record as every catalog would have it, but for files that may be executed, which an archive marks."""
    return with_entries(step, lambda entry: replace(entry, **_place(entry, is_executable)))


def with_entries(step: StepRecord, change: Callable[[CatalogRecord], CatalogRecord]) -> StepRecord:
    """The record with all its entries changed."""
    scope = step.scope
    if scope is not None and scope.files:
        files = {name: change(entry) for name, entry in scope.files.items()}
        scope = BranchScope(scope.parameters, files, scope.map_variables)
    return replace(step, catalog=tuple(map(change, step.catalog)), scope=scope)


def _place(entry: CatalogRecord, is_executable: Callable[[CatalogRecord], bool]) -> Mapping[str, str]:
    place = ""
    if entry.catalog_relative_path:
        place = _PLACE_OF_EXECUTABLE if is_executable(entry) else PLACE
    return {"catalog_relative_path": place, "catalog_handler_location": ""}


def of_step(step: StepRecord, stored: Json) -> Iterator[Reference]:
    """The content that a step refers to; `stored` is its record as JSON."""
    entries = (entry for entry in step.catalog if entry.catalog_relative_path and is_hash(entry.data_hash))
    yield from (
        Reference(step.branch, entry.name, entry.data_hash, entry.size, entry.catalog_relative_path)
        for entry in entries
    )
    yield from _all(stored, step.branch)


def of_run(stored: Json) -> Iterator[Reference]:
    """The content that the record of a run, as JSON, refers to."""
    return _all(stored, BranchPath())


def changes_of(run: RunRecord) -> str:
    """The content hash of the differences from the commit; "" if there are none."""
    changes = run.run_config.get("changes")
    return str(changes.get("data_hash", "")) if isinstance(changes, dict) else ""


def _all(stored: Json, branch: BranchPath) -> Iterator[Reference]:
    """Everything with a content hash and a size, wherever it stands."""
    waiting = [stored]
    while waiting:
        match waiting.pop():
            case {"catalog_relative_path": ""}:
                pass
            case {"data_hash": str() as data_hash, "size": int() as size} as found if is_hash(data_hash):
                name = next(
                    (str(found[key]) for key in ("name", "large", "object") if key in found), _FACTS + data_hash
                )
                yield Reference(branch, name, data_hash, size, str(found.get("catalog_relative_path", PLACE)))
            case dict() as members:
                waiting.extend(reversed(members.values()))
            case list() as elements:
                waiting.extend(reversed(elements))
            case _:
                pass


def is_hash(text: str) -> bool:
    """Whether it is a SHA-256 in hex."""
    return len(text) == _HASH_DIGITS and _HEX.issuperset(text)


def is_safe(name: str) -> bool:
    """Whether the name stays within a folder."""
    return bool(name) and not name.startswith("/") and "\0" not in name and ".." not in name.split("/")
