"""Every catalog of magnus keeps the contract of catalogs."""

import errno
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec.structs import replace

from magnus.catalogs.do_nothing import DoNothingCatalog, DoNothingOptions
from magnus.catalogs.file_system import FileSystemCatalog, FileSystemOptions
from magnus.catalogs.system_calls import REAL
from magnus.testing.catalog_contract import CatalogContract
from magnus.testing.keeping_catalog_contract import KeepingCatalogContract
from magnus.testing.maintained_catalog_contract import MaintainedCatalogContract, old


class TestDoNothing(CatalogContract):
    @contextmanager
    def place(self):
        yield lambda: DoNothingCatalog(DoNothingOptions(), Path.cwd())


class TestFileSystem(KeepingCatalogContract, MaintainedCatalogContract):
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


class TestFileSystemWithDurablePuts(KeepingCatalogContract):
    @contextmanager
    def place(self):
        with TemporaryDirectory() as folder:
            yield lambda: FileSystemCatalog(FileSystemOptions(durable=True), Path(folder))
