"""Failures of an object store as CatalogError, for all modules of the catalog."""

from collections.abc import Iterator
from contextlib import contextmanager

from magnus.catalogs.file_system import failures
from magnus.catalogs.object_store import layout
from magnus.catalogs.object_store.contents import Damaged, Missing
from magnus.errors import CatalogError
from magnus.object_stores.interface import ObjectStore, ObjectStoreFailure


@contextmanager
def failing() -> Iterator[None]:
    """Raise failures of requests as CatalogError."""
    try:
        yield
    except ObjectStoreFailure as error:
        raise CatalogError(f"the catalog {error.problem.message}", fix=error.problem.fix) from error


@contextmanager
def failing_content(objects: ObjectStore, name: str, data_hash: str, run_id: str = "") -> Iterator[None]:
    """Raise what may be wrong with the content of the file `name`, which the run put, as CatalogError likewise."""
    try:
        with failing():
            yield
    except Damaged:
        place = f"{objects.shown}/{layout.content(data_hash)}"
        raise failures.damaged(name, place, data_hash, run_id=run_id) from None
    except Missing:
        raise failures.not_there(name, objects.shown) from None
