"""What the run log keeps of a run beside what it was asked, so that the run can be compared. Called by `app.run.create_run`."""

import hashlib
from collections.abc import Mapping
from contextlib import suppress

from magnus.errors import CatalogError
from magnus.interfaces.catalog import Catalog, StoresBlobs
from magnus.values import Json


def facts(**known: Json) -> Mapping[str, Json]:
    """Those of the facts that there are."""
    return {name: fact for name, fact in known.items() if fact}


def kept(catalog: Catalog, fact: bytes) -> Mapping[str, Json]:
    """How the run log speaks of a fact that the catalog keeps once for all runs; nothing where it cannot be kept."""
    if isinstance(catalog, StoresBlobs):
        with suppress(CatalogError):
            catalog.store_blob(fact)
            return content(fact)
    return {}


def content(data: bytes) -> Mapping[str, Json]:
    """How the run log speaks of content in the catalog; `magnus gc` goes by it."""
    return {"data_hash": hashlib.sha256(data, usedforsecurity=False).hexdigest(), "size": len(data)}
