"""Every catalog of magnus keeps the contract of catalogs."""

import errno
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec.structs import replace

from magnus.catalogs.do_nothing import DoNothingCatalog, DoNothingOptions
from magnus.catalogs.file_system.catalog import FileSystemCatalog, FileSystemOptions
from magnus.catalogs.object_store import layout
from magnus.catalogs.object_store.catalog import ObjectCatalogOptions, ObjectStoreCatalog
from magnus.system.system_calls import REAL
from magnus.testing.catalog_contract import CatalogContract
from magnus.testing.keeping_catalog_contract import KeepingCatalogContract
from magnus.testing.maintained_catalog_contract import MaintainedCatalogContract, old
from magnus.testing.pieces import FilePiece


class TestDoNothing(CatalogContract):
    @contextmanager
    def place(self):
        yield lambda: DoNothingCatalog(DoNothingOptions(), Path.cwd())


class OfFileSystem:
    """Where the catalog keeps content: once, whatever the number of links to it."""

    def pieces(self, catalog, data_hash):
        return [FilePiece(path) for path in (catalog.location / ".store" / data_hash[:2]).glob(f"{data_hash[2:]}*")]


class TestFileSystem(OfFileSystem, KeepingCatalogContract, MaintainedCatalogContract):
    def make_old(self, catalog, seconds=2 * 24 * 3600):
        old((catalog.location / ".store").rglob("*"), seconds)

    @contextmanager
    def place(self):
        with TemporaryDirectory() as folder:
            yield lambda: FileSystemCatalog(FileSystemOptions(), Path(folder))


class TestFileSystemWithoutHardLinks(MaintainedCatalogContract):
    keeps = True

    def make_old(self, catalog, seconds=2 * 24 * 3600):
        old((catalog.location / ".store").rglob("*"), seconds)

    @contextmanager
    def place(self):
        def link(*_):
            raise OSError(errno.ENOTSUP, "no hard links")

        with TemporaryDirectory() as folder:
            yield lambda: FileSystemCatalog(FileSystemOptions(), Path(folder), system=replace(REAL, link=link))


class TestObjectStoreInAFolder(KeepingCatalogContract, MaintainedCatalogContract):
    def pieces(self, catalog, data_hash):
        return [FilePiece(catalog.location / layout.content(data_hash))]

    def make_old(self, catalog, seconds=2 * 24 * 3600):
        old((catalog.location / ".catalog").rglob("*"), seconds)

    @contextmanager
    def place(self):
        with TemporaryDirectory() as folder:
            options = ObjectCatalogOptions(f"file://{folder}/a folder")
            yield lambda: ObjectStoreCatalog(options, Path(folder))


class TestFileSystemWithDurablePuts(OfFileSystem, KeepingCatalogContract):
    @contextmanager
    def place(self):
        with TemporaryDirectory() as folder:
            yield lambda: FileSystemCatalog(FileSystemOptions(durable=True), Path(folder))
