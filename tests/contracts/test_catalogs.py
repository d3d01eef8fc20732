"""Every catalog of magnus keeps the contract of catalogs."""

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from magnus.catalogs.do_nothing import DoNothingCatalog, DoNothingOptions
from magnus.catalogs.file_system import FileSystemCatalog, FileSystemOptions
from magnus.testing.catalog_contract import CatalogContract
from magnus.testing.keeping_catalog_contract import KeepingCatalogContract


class TestDoNothing(CatalogContract):
    @contextmanager
    def place(self):
        yield lambda: DoNothingCatalog(DoNothingOptions(), Path.cwd())


class TestFileSystem(KeepingCatalogContract):
    @contextmanager
    def place(self):
        with TemporaryDirectory() as folder:
            yield lambda: FileSystemCatalog(FileSystemOptions(), Path(folder))


class TestFileSystemWithDurablePuts(KeepingCatalogContract):
    @contextmanager
    def place(self):
        with TemporaryDirectory() as folder:
            yield lambda: FileSystemCatalog(FileSystemOptions(durable=True), Path(folder))
