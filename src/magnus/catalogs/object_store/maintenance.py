"""Counts and removes the files of runs, removes content that no run needs, and verifies content.

What a kill left half done, the next call finishes. Others may put and get meanwhile: see `announcements`. The clock is that
of the object store: "now" is when it wrote the mark of this clean-up.
"""

import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Struct

from magnus.catalogs.object_store import layout
from magnus.catalogs.object_store.announcements import LEASE_SECONDS, Announcements
from magnus.catalogs.object_store.contents import Contents, Damaged, Missing
from magnus.catalogs.object_store.failures import failing
from magnus.catalogs.object_store.put_files import SMALL_AT_A_TIME
from magnus.errors import CatalogError
from magnus.interfaces.catalog import Collected, Usage
from magnus.object_stores import keys
from magnus.object_stores.interface import ObjectFacts, ObjectStore, ObjectStoreFailure
from magnus.run_log.records import CatalogRecord
from magnus.system.parallel import for_each

_YOUNG: Final = timedelta(days=1)
"""Content that was put, or put again, within this time is not removed: the record that needs it may be on its way."""
_RECENT: Final = timedelta(minutes=1)
"""Content that was put within this time is not removed even when the user wants the rest of it gone."""
_BATCH: Final = 1000
_SURE_SECONDS: Final = LEASE_SECONDS / 5
"""After a longer pause a clean-up looks again at what puts announced."""


class Maintenance:
    """Looks after one catalog. Every method raises CatalogError."""

    def __init__(self, objects: ObjectStore, contents: Contents) -> None:
        self._objects = objects
        self._contents = contents

    def usage(self, run_id: str) -> Usage | None:
        """The newest file of each name and branch, and the logs of the run."""
        with failing():
            sizes = dict(self._file_sizes(run_id))
            pieces = list(self._objects.list(layout.logs(run_id)))
        if not sizes and not pieces:
            return None
        logs = {facts.key.rpartition("/")[0] for facts in pieces}
        return Usage(len(sizes) + len(logs), sum(sizes.values()) + sum(facts.size for facts in pieces))

    def _file_sizes(self, run_id: str) -> Iterator[tuple[tuple[str, str], int]]:
        """The branch, the name and the size of each file in the lists of the run, older lists first."""
        lists = sorted(self._objects.list(layout.files(run_id)), key=lambda facts: facts.modified)
        for facts, text in zip(lists, self._objects.get_each([facts.key for facts in lists]), strict=True):
            if text is not None:
                with _whole(self._objects, facts.key):
                    branch, files = layout.list_from_bytes(text)
                for file in files:
                    yield (branch, file.name), file.size

    def remove_run(self, run_id: str) -> None:
        """Leave a mark, keep announced what is young, and remove the lists and the logs."""
        with failing():
            self._objects.put(layout.removed(run_id), b"")
            lists = list(self._objects.list(layout.files(run_id)))
            mark = self._objects.head(layout.removed(run_id))
            if mark is not None:
                young = [facts for facts in lists if mark.modified - facts.modified <= _YOUNG]
                Announcements(self._objects).of_removed_run(self._hashes_in(young))
            logs = [facts.key for facts in self._objects.list(layout.logs(run_id))]
            self._objects.delete([*logs, *(facts.key for facts in lists)])

    def was_removed(self, run_id: str) -> bool:
        """Whether there is a mark, and no object of the run."""
        with failing():
            if self._objects.head(layout.removed(run_id)) is None:
                return False
            places = (layout.files(run_id), layout.logs(run_id))
            return not any(next(iter(self._objects.list(place)), None) for place in places)

    def verify(self, entries: Sequence[CatalogRecord]) -> Sequence[str]:
        """Read the content of each entry again; content of several entries is read once."""
        contents = tuple(dict.fromkeys((entry.data_hash, entry.size) for entry in entries))
        problems = for_each(lambda content: self._problem_of(*content), contents, threads=SMALL_AT_A_TIME)
        by_content = dict(zip(contents, problems, strict=True))
        return [by_content[entry.data_hash, entry.size] for entry in entries]

    def _problem_of(self, data_hash: str, size: int) -> str:
        try:
            self._contents.read(data_hash, size)
        except Damaged:
            return "damaged"
        except Missing:
            return "missing"
        except ObjectStoreFailure as error:
            return f"unreadable: {error.problem.message}"
        return ""

    def collect(
        self,
        referred: frozenset[str],
        run_ids: Collection[str],
        *,
        pretend: bool,
        is_quiet: Callable[[], bool] | None,
    ) -> Collected:
        """As the Protocol says; runs that would be removed have only content that counts by its age."""
        age = _YOUNG if is_quiet is None else _RECENT
        known_runs = frozenset(map(keys.part, run_ids))
        with failing():
            if pretend:
                return _collected(*self._unneeded(_Collection(datetime.now(UTC), age, known_runs), referred))
            with self._marked() as (mark, now):
                collection = _Collection(now, age, known_runs)
                self._finish_earlier(mark, collection)
                self._objects.remove_leftovers(now - _YOUNG, folders=[layout.TOP])
                old, young = self._unneeded(collection, referred)
                stays = self._remove(mark, collection, old, is_quiet) if old else frozenset()
        gone = [facts for facts in old if facts.key not in stays]
        return _collected(gone, [*young, *(facts for facts in old if facts.key in stays)])

    def _unneeded(
        self, collection: "_Collection", referred: frozenset[str]
    ) -> tuple[Sequence[ObjectFacts], Sequence[ObjectFacts]]:
        """The contents that no run needs: the old ones, which can go, and the young ones."""
        of_strangers, announced = self._announced(collection)
        needed = referred | of_strangers
        old: list[ObjectFacts] = []
        young: list[ObjectFacts] = []
        for facts in self._objects.list(layout.CONTENT):
            data_hash = layout.hash_of(facts.key)
            if data_hash and data_hash not in needed:
                (old if collection.is_old(facts) and data_hash not in announced else young).append(facts)
        return old, young

    def _remove(
        self,
        mark: str,
        collection: "_Collection",
        old: Sequence[ObjectFacts],
        is_quiet: Callable[[], bool] | None,
    ) -> frozenset[str]:
        """Remove the contents; returns the keys that stay, as they were put again meanwhile, or as runs are active."""
        text = layout.hashes_to_bytes([layout.hash_of(facts.key) for facts in old])
        self._objects.put(mark, text)
        marked_at = time.monotonic()
        needed = frozenset[str]().union(*self._announced(collection))
        if is_quiet is not None and not is_quiet():
            return frozenset(facts.key for facts in old)
        stays: set[str] = set()
        for start in range(0, len(old), _BATCH):
            pause = time.monotonic() - marked_at
            self._objects.put(mark, text)
            marked_at = time.monotonic()
            if pause > _SURE_SECONDS:
                needed = needed.union(*self._announced(collection))
            batch = {layout.hash_of(facts.key): facts.key for facts in old[start : start + _BATCH]}
            stays |= {key for data_hash, key in batch.items() if data_hash in needed}
            goes = {data_hash: key for data_hash, key in batch.items() if data_hash not in needed}
            self._objects.delete([*goes.values(), *map(layout.version, goes)])
        return frozenset(stays)

    def _announced(self, collection: "_Collection") -> tuple[frozenset[str], frozenset[str]]:
        """The contents of runs without records, and the contents that were announced lately."""
        strangers, young = [], []
        for facts in self._objects.list(layout.FILES):
            if layout.run_part(facts.key) not in collection.known_runs:
                strangers.append(facts)
            elif not collection.is_old(facts):
                young.append(facts)
        recent = [facts.key for facts in self._objects.list_direct(layout.RECENT) if not collection.is_old(facts)]
        announced = set(self._hashes_in(young))
        for key, text in zip(recent, self._objects.get_each(recent), strict=True):
            if text is not None:
                with _whole(self._objects, key):
                    announced |= layout.hashes_from_bytes(text)
        return self._hashes_in(strangers), frozenset(announced)

    def _hashes_in(self, lists: Sequence[ObjectFacts]) -> frozenset[str]:
        """The contents of the files in the lists."""
        hashes: set[str] = set()
        keys_of_lists = [facts.key for facts in lists]
        for key, text in zip(keys_of_lists, self._objects.get_each(keys_of_lists), strict=True):
            if text is not None:
                with _whole(self._objects, key):
                    hashes |= {file.data_hash for file in layout.list_from_bytes(text)[1]}
        return frozenset(hashes)

    @contextmanager
    def _marked(self) -> Iterator[tuple[str, datetime]]:
        """The key of the mark of this clean-up, and the time of the store; the mark is removed afterwards."""
        mark = f"{layout.COLLECTING}/{os.urandom(8).hex()}"
        self._objects.put(mark, layout.hashes_to_bytes(()))
        try:
            facts = self._objects.head(mark)
            if facts is None:
                raise CatalogError(f"the mark of the clean-up in '{self._objects.shown}' is gone", fix="try again")
            yield mark, facts.modified
        finally:
            self._objects.delete([mark])

    def _finish_earlier(self, mark: str, collection: "_Collection") -> None:
        """Remove the marks of dead clean-ups and of runs without records, and announcements that are old."""
        lease = timedelta(seconds=2 * LEASE_SECONDS)
        clean_ups = self._objects.list_direct(layout.COLLECTING)
        recent = self._objects.list_direct(layout.RECENT)
        removed = self._objects.list_direct(layout.REMOVED)
        self._objects.delete(
            [
                *(facts.key for facts in clean_ups if facts.key != mark and collection.now - facts.modified > lease),
                *(facts.key for facts in recent if collection.now - facts.modified > _YOUNG),
                *(facts.key for facts in removed if facts.key.rpartition("/")[2] not in collection.known_runs),
            ]
        )


class _Collection(Struct, frozen=True):
    """What one clean-up starts from."""

    now: datetime
    age: timedelta
    known_runs: frozenset[str]

    def is_old(self, facts: ObjectFacts) -> bool:
        return self.now - facts.modified > self.age


@contextmanager
def _whole(objects: ObjectStore, key: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise CatalogError(
            f"the catalog cannot tell which content is needed: '{objects.shown}/{key}' is damaged",
            fix="remove this object if the run that it belongs to is not needed any more",
        ) from error


def _collected(removed: Sequence[ObjectFacts], young: Sequence[ObjectFacts]) -> Collected:
    return Collected(_usage(removed), _usage(young))


def _usage(contents: Sequence[ObjectFacts]) -> Usage:
    return Usage(len(contents), sum(facts.size for facts in contents))
