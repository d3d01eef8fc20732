"""Reading content again to see that it is what its hash says. Used by the file-system catalog."""

import os
from collections.abc import Sequence
from typing import Final

from magnus.catalogs.content_store import Content, ContentStore
from magnus.catalogs.copying import hash_of, sha256
from magnus.catalogs.overlapped import BLOCK_BYTES
from magnus.catalogs.parallel import for_each
from magnus.errors import CatalogError
from magnus.run_log.records import CatalogRecord
from magnus.system.system_calls import SystemCalls

MISSING: Final = "missing"
DAMAGED: Final = "damaged"


def verified(entries: Sequence[CatalogRecord], store: ContentStore, system: SystemCalls) -> list[str]:
    """What is wrong with the content of each entry, "" when nothing is. Content of several entries is read once."""

    def wrong(key: tuple[str, int]) -> str:
        data_hash, size = key
        stored = [_wrong(Content(data_hash, size, executable), store, system) for executable in (False, True)]
        there = [said for said in stored if said != MISSING]
        return max(there) if there else MISSING

    keys = tuple(dict.fromkeys((entry.data_hash, entry.size) for entry in entries))
    found = dict(zip(keys, for_each(wrong, keys), strict=True))
    return [found[entry.data_hash, entry.size] for entry in entries]


def _wrong(content: Content, store: ContentStore, system: SystemCalls) -> str:
    try:
        descriptor = store.open(content)
    except FileNotFoundError:
        return MISSING
    except OSError as error:
        return f"unreadable: {error.strerror}"
    except CatalogError as error:
        return f"unreadable: {error.problems[0].message}"
    try:
        return "" if _hash(descriptor, content.size, system) == content.data_hash else DAMAGED
    except OSError as error:
        return f"unreadable: {error.strerror}"
    finally:
        os.close(descriptor)


def _hash(descriptor: int, size: int, system: SystemCalls) -> str:
    """The SHA-256 of the file, or of so much more of it than it should hold that it is certainly another."""
    if size <= BLOCK_BYTES:
        return sha256(system.read(descriptor, size + 1))
    return hash_of(descriptor, system)[0]
