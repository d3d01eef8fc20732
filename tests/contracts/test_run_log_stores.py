"""Every run log store of magnus keeps the contract of run log stores."""

import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from rows_of_runs import InRows

from magnus.catalogs.do_nothing import DoNothingCatalog, DoNothingOptions
from magnus.engine.files.large_values import LargeValues
from magnus.engine.files.spilling_store import SpillingStore
from magnus.object_stores.address import ObjectLocation
from magnus.run_log_stores.buffered import BufferedOptions, BufferedRunLogStore
from magnus.run_log_stores.chunked_file_system import ChunkedOptions, ChunkedRunLogStore
from magnus.run_log_stores.file_system import FileSystemOptions, FileSystemRunLogStore
from magnus.run_log_stores.object_store import ObjectStoreRunLogStore
from magnus.run_log_stores.sql.store import SqlOptions, SqlRunLogStore
from magnus.testing.pieces import FilePiece, lines_of
from magnus.testing.run_log_store_contract import RunLogStoreContract


class TestBuffered(RunLogStoreContract):
    @contextmanager
    def place(self):
        store = BufferedRunLogStore(BufferedOptions(), Path.cwd())
        yield lambda: store


class InFiles:
    def pieces(self, store, run_id):
        return lines_of(store.location / f"{run_id}.jsonl")


class InFilesOfTheirOwn:
    def pieces(self, store, run_id):
        steps = sorted((store.location / ".steps" / run_id).rglob("*.json"))
        return [FilePiece(path) for path in (store.location / ".runs" / run_id, *steps)]


class TestFileSystem(InFiles, RunLogStoreContract):
    @contextmanager
    def place(self):
        with TemporaryDirectory() as folder:
            yield lambda: FileSystemRunLogStore(FileSystemOptions(), Path(folder))


class TestFileSystemWithDurablePuts(InFiles, RunLogStoreContract):
    @contextmanager
    def place(self):
        with TemporaryDirectory() as folder:
            yield lambda: FileSystemRunLogStore(FileSystemOptions(durable=True), Path(folder))


class TestChunked(InFilesOfTheirOwn, RunLogStoreContract):
    @contextmanager
    def place(self):
        with TemporaryDirectory() as folder:
            yield lambda: ChunkedRunLogStore(ChunkedOptions(), Path(folder))


class TestChunkedWithDurablePuts(InFilesOfTheirOwn, RunLogStoreContract):
    @contextmanager
    def place(self):
        with TemporaryDirectory() as folder:
            yield lambda: ChunkedRunLogStore(ChunkedOptions(durable=True), Path(folder))


class TestObjectStoreInAFolder(RunLogStoreContract):
    @contextmanager
    def place(self):
        with TemporaryDirectory() as folder:
            location = ObjectLocation(f"file://{folder}/a folder")
            yield lambda: ObjectStoreRunLogStore(location, Path(folder))

    def pieces(self, store, run_id):
        steps = sorted((store.location / ".steps" / run_id).rglob("*.json"))
        return [FilePiece(path) for path in (store.location / ".runs" / run_id, *steps)]


class TestSqlite(InRows, RunLogStoreContract):
    durable = False

    @contextmanager
    def place(self):
        with TemporaryDirectory() as folder:
            self.database = Path(folder) / "runs.db"
            options = SqlOptions(url="sqlite:///runs.db", durable=self.durable)
            yield lambda: SqlRunLogStore(options, Path(folder))

    @contextmanager
    def connected(self):
        with closing(sqlite3.connect(self.database, isolation_level=None, timeout=30)) as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            yield lambda text, *values: connection.execute(text.replace("%s", "?"), values).fetchall()


class TestSqliteWithDurablePuts(TestSqlite):
    durable = True


class TestWithLargeValuesElsewhere(InFiles, RunLogStoreContract):
    @contextmanager
    def place(self):
        with TemporaryDirectory() as folder:
            catalog = DoNothingCatalog(DoNothingOptions(), Path(folder))
            yield lambda: SpillingStore(
                FileSystemRunLogStore(FileSystemOptions(), Path(folder)), LargeValues(lambda: catalog)
            )
