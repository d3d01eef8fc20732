"""Large values and the catalog: kept there by content before a record refers to them, and read when somebody asks.

Used by `engine.files.spilling_store`, which stands before every run log store; parameters that are read from one carry it along.
"""

from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import Final, Generic, TypeVar
from urllib.parse import quote
from zlib import crc32

import msgspec

from magnus.errors import CatalogError
from magnus.graph.path import BranchPath
from magnus.interfaces.catalog import Catalog, HasSpillThreshold
from magnus.run_log.json_bytes import from_bytes, to_bytes
from magnus.run_log.parameters import LargeParameter
from magnus.run_log.records import CatalogRecord
from magnus.values import Json

PLACE: Final = ".parameters/"
"""Where large values are in the tree of a run: no glob matches it unless it names it."""
DEFAULT_THRESHOLD: Final = 256 * 1024
"""Values whose JSON is longer, in bytes, are large, where the catalog does not say otherwise."""
_REMEMBERED_BYTES: Final = 64 * 1024 * 1024
_LONGEST_NAME: Final = 150
_MOST_BYTES_A_CHARACTER: Final = 6
SHORT: Final = frozenset({int, float, bool, type(None)})
"""Types whose values are never large."""

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")


class LargeValues:
    """The large values of all runs of a catalog, which is made when it is needed first.

    A value that was kept is known again by its identity, not by what is in it: nobody may change a value that is or was
    in a record. What tasks and programs get are values of their own.
    """

    def __init__(self, catalog: Callable[[], Catalog]) -> None:
        self._make = catalog
        self._made: Catalog | None = None
        self._threshold: tuple[int | None] | None = None
        self._contents = _Recent[str, bytes]()
        self._known = _Recent[int, tuple[Json, LargeParameter]]()
        self._of_runs: set[tuple[str, str]] = set()

    def __reduce__(self) -> "tuple[type[LargeValues], tuple[Callable[[], Catalog]]]":
        """In another process it has read nothing yet."""
        return LargeValues, (partial(_itself, self._catalog),)

    @property
    def _catalog(self) -> Catalog:
        if self._made is None:
            self._made = self._make()
        return self._made

    @property
    def threshold(self) -> int | None:
        """The bytes of JSON from which on a value is large; None when none is, as the catalog keeps nothing."""
        if self._threshold is None:
            self._threshold = (_threshold(self._catalog),)
        return self._threshold[0]

    def content(self, parameter: LargeParameter) -> bytes:
        """The content, from the catalog unless it was read or kept of late; CatalogError when it is not there."""
        known = self._contents.get(parameter.data_hash)
        if known is None:
            with self._catalog.open(parameter.catalog_name, parameter.data_hash, parameter.size) as file:
                known = file.read()
            self._contents.put(parameter.data_hash, known, len(known))
        return known

    def kept(
        self, run_id: str, branch: BranchPath, name: str, value: Json, text: str | None = None
    ) -> LargeParameter | None:
        """The value as a large one, which is in the catalog then; None when it is not large.

        A value that the catalog fails to keep is not large either: it stays in the record.
        """
        if type(value) in SHORT:
            return None
        known = self._known.get(id(value))
        if known is not None and known[0] is value:
            self.adopt(run_id, branch, known[1])
            return known[1]
        threshold = self.threshold
        content = None if threshold is None else _content(value, threshold)
        if content is None:
            return None
        said = _as_said(value, text)
        with suppress(CatalogError):
            return self._put(run_id, branch, name, value, content if said is None else said, is_text=said is not None)
        return None

    def adopt(self, run_id: str, branch: BranchPath, parameter: LargeParameter) -> None:
        """Make the content of a value one of this run too, so that it stays when others go."""
        key = (run_id, parameter.data_hash)
        if key in self._of_runs:
            return
        entry = CatalogRecord(
            parameter.catalog_name, parameter.data_hash, parameter.catalog_name, "", "put", parameter.size
        )
        try:
            self._catalog.adopt(run_id, branch, [entry])
        except CatalogError:
            content = self._contents.get(parameter.data_hash)
            if content is None:  # who reads it says so
                return
            try:
                self._catalog.put_stream(run_id, branch, parameter.catalog_name, lambda file: file.write(content))
            except CatalogError:  # the next record tries again
                return
        self._of_runs.add(key)

    def _put(
        self, run_id: str, branch: BranchPath, name: str, value: Json, content: bytes, *, is_text: bool
    ) -> LargeParameter:
        entry = self._catalog.put_stream(run_id, branch, _file_name(name), lambda file: file.write(content))
        parameter = LargeParameter(entry.name, entry.data_hash, entry.size, is_text, self)
        self._contents.put(entry.data_hash, content, len(content))
        self._known.put(id(value), (value, parameter), len(content))
        self._of_runs.add((run_id, entry.data_hash))
        return parameter


class _Recent(Generic[KeyT, ValueT]):
    """What was put or asked for last, as far as it is not too much; for any number of threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._found: OrderedDict[KeyT, tuple[ValueT, int]] = OrderedDict()
        self._bytes = 0

    def get(self, key: KeyT) -> ValueT | None:
        """What was put under the key; None when that is not known any more."""
        with self._lock:
            if key not in self._found:
                return None
            self._found.move_to_end(key)
            return self._found[key][0]

    def put(self, key: KeyT, value: ValueT, size: int) -> None:
        """Remember the value, which takes `size` bytes; what was used longest ago is forgotten for it."""
        with self._lock:
            _, before = self._found.pop(key, (None, 0))
            self._found[key] = (value, size)
            self._bytes += size - before
            while self._bytes > _REMEMBERED_BYTES and len(self._found) > 1:
                _, (_, forgotten) = self._found.popitem(last=False)
                self._bytes -= forgotten


def _threshold(catalog: Catalog) -> int | None:
    if not catalog.capabilities.keeps:
        return None
    return catalog.spill_threshold if isinstance(catalog, HasSpillThreshold) else DEFAULT_THRESHOLD


def _content(value: Json, threshold: int) -> bytes | None:
    """The JSON of a value when there is more of it than the threshold; None for others, and for what has no JSON."""
    if isinstance(value, str) and len(value) * _MOST_BYTES_A_CHARACTER + 2 <= threshold:
        return None
    try:
        content = msgspec.json.encode(value)
        if b"null" in content:  # what it writes for NaN, too
            content = to_bytes(value)
    except (TypeError, ValueError, RecursionError, OverflowError):
        try:
            content = to_bytes(value)
        except (TypeError, ValueError, RecursionError):
            return None
    return content if len(content) > threshold else None


def _as_said(value: Json, text: str | None) -> bytes | None:
    """The text that a value was given as, where it has to be kept to the letter; it is JSON of the value."""
    if text is None or text == value:
        return None
    try:
        said = text.encode()
        return said if from_bytes(said) == value else None
    except ValueError:
        return None


def _file_name(name: str) -> str:
    quoted = quote(name, safe="", errors="surrogatepass")
    if len(quoted) > _LONGEST_NAME:
        quoted = f"{quoted[:_LONGEST_NAME]}~{crc32(name.encode('utf-8', 'surrogatepass')):08x}"
    return f"{PLACE}{quoted}.json"


def _itself(catalog: Catalog) -> Catalog:
    return catalog
