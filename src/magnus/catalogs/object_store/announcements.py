"""Announces that a put needs content, before it looks whether the content is there: a clean-up must not remove it then.

A clean-up writes which content it is about to remove, and reads the announcements after that. So it sees the
announcement, or the put sees the clean-up and waits for its end.
"""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from hashlib import sha256
from typing import Final

from magnus.catalogs.object_store import layout
from magnus.catalogs.object_store.layout import ListedFile
from magnus.graph.path import BranchPath
from magnus.object_stores.interface import ObjectFacts, ObjectStore

LEASE_SECONDS: Final = 300.0
"""A clean-up that has not renewed its mark for so long was killed; it removes nothing more."""
_PAUSE_SECONDS: Final = 0.2


class Announcements:
    """The announcements of puts; every method raises ObjectStoreFailure."""

    def __init__(self, objects: ObjectStore, pause: Callable[[float], None] = time.sleep) -> None:
        self._objects = objects
        self._pause = pause

    def of_files(self, run_id: str, branch: BranchPath, files: Sequence[ListedFile]) -> None:
        """Announce files of a branch, and return when no clean-up removes their content."""
        if files:
            key = f"{layout.files(run_id)}/{layout.branch_and_list(branch, files)}"
            self._announce(key, layout.list_to_bytes(branch, files), {file.data_hash for file in files})

    def of_content(self, data_hash: str) -> None:
        """Announce content that is no file of a run."""
        key = f"{layout.RECENT}/{data_hash}"
        self._announce(key, layout.hashes_to_bytes([data_hash]), {data_hash})

    def of_removed_run(self, hashes: Collection[str]) -> None:
        """Keep announced what a run announced whose lists are removed now."""
        if hashes:
            text = layout.hashes_to_bytes(hashes)
            self._objects.put(f"{layout.RECENT}/{sha256(text).hexdigest()}", text)

    def _announce(self, key: str, text: bytes, hashes: Collection[str]) -> None:
        self._objects.put(key, text)
        start = time.monotonic()
        announced: ObjectFacts | None = None
        while about_to_go := list(self._clean_ups_of(hashes)):
            announced = announced or self._objects.head(key)
            if announced is None:  # the run was removed meanwhile
                return
            waited = time.monotonic() - start
            ages = [(announced.modified - facts.modified).total_seconds() + waited for facts in about_to_go]
            if min(ages) > LEASE_SECONDS:
                return
            self._pause(_PAUSE_SECONDS)

    def _clean_ups_of(self, hashes: Collection[str]) -> Iterator[ObjectFacts]:
        """The clean-ups that are about to remove some of the contents."""
        for facts in self._objects.list_direct(layout.COLLECTING):
            text = self._objects.get(facts.key)
            if text is not None and _names_one(text, hashes):
                yield facts


def _names_one(text: bytes, hashes: Collection[str]) -> bool:
    try:
        return not layout.hashes_from_bytes(text).isdisjoint(hashes)
    except ValueError:  # it is damaged, and could name any
        return True
