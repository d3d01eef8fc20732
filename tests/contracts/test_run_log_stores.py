"""Every run log store of magnus keeps the contract of run log stores."""

from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from magnus.catalogs.do_nothing import DoNothingCatalog, DoNothingOptions
from magnus.engine.large_values import LargeValues
from magnus.engine.spilling import SpillingStore
from magnus.run_log_stores.buffered import BufferedOptions, BufferedRunLogStore
from magnus.run_log_stores.chunked_file_system import ChunkedOptions, ChunkedRunLogStore
from magnus.run_log_stores.file_system import FileSystemOptions, FileSystemRunLogStore
from magnus.testing.run_log_store_contract import RunLogStoreContract


class TestBuffered(RunLogStoreContract):
    @contextmanager
    def place(self):
        store = BufferedRunLogStore(BufferedOptions(), Path.cwd())
        yield lambda: store


class TestFileSystem(RunLogStoreContract):
    @contextmanager
    def place(self):
        with TemporaryDirectory() as folder:
            yield lambda: FileSystemRunLogStore(FileSystemOptions(), Path(folder))


class TestFileSystemWithDurablePuts(RunLogStoreContract):
    @contextmanager
    def place(self):
        with TemporaryDirectory() as folder:
            yield lambda: FileSystemRunLogStore(FileSystemOptions(durable=True), Path(folder))


class TestChunked(RunLogStoreContract):
    @contextmanager
    def place(self):
        with TemporaryDirectory() as folder:
            yield lambda: ChunkedRunLogStore(ChunkedOptions(), Path(folder))


class TestChunkedWithDurablePuts(RunLogStoreContract):
    @contextmanager
    def place(self):
        with TemporaryDirectory() as folder:
            yield lambda: ChunkedRunLogStore(ChunkedOptions(durable=True), Path(folder))


class TestWithLargeValuesElsewhere(RunLogStoreContract):
    @contextmanager
    def place(self):
        with TemporaryDirectory() as folder:
            catalog = DoNothingCatalog(DoNothingOptions(), Path(folder))
            yield lambda: SpillingStore(
                FileSystemRunLogStore(FileSystemOptions(), Path(folder)), LargeValues(lambda: catalog)
            )
