"""Runs made without running anything, for tests of upkeep."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from magnus.catalogs.file_system.catalog import FileSystemCatalog, FileSystemOptions
from magnus.graph.path import BranchPath
from magnus.run_log.records import Owner, RunRecord, Status, StepRecord
from magnus.run_log_stores.file_system import FileSystemOptions as StoreOptions
from magnus.run_log_stores.file_system import FileSystemRunLogStore
from magnus.testing.maintained_catalog_contract import old
from magnus.testing.pieces import make_folder, write

ROOT = BranchPath()
NOW = datetime(2024, 5, 6, tzinfo=UTC)


class Place:
    """A working directory with the services of the default configuration."""

    def __init__(self, folder, store=None):
        self.folder = folder
        self.catalog = FileSystemCatalog(FileSystemOptions(), folder)
        self.store = store or FileSystemRunLogStore(StoreOptions(), folder)

    def run(self, run_id, files=None, *, days=5, status=Status.SUCCESS, owner=None, **more):
        """A run with a step `a` that put these files, and the entries."""
        record = RunRecord(run_id, status, "", NOW - timedelta(days=days), owner or Owner("", 0), **more)
        self.store.create_run(record)
        return self.step(run_id, "a", files or {})

    def step(self, run_id, name, files, branch=ROOT, **more):
        folder = make_folder(self.folder / "work")
        entries = self.catalog.put(run_id, branch, folder, write(folder, files), unchanged={})
        step = StepRecord(branch.step(name), 0, Status.SUCCESS, "task", catalog=entries)
        self.store.put_step(run_id, replace(step, **more))
        return entries

    def make_old(self):
        old((self.folder / ".catalog" / ".store").rglob("*"))

    def make_old_safely(self):
        """The same while others remove files."""
        for file in (self.folder / ".catalog" / ".store").glob("??/*"):
            with suppress(FileNotFoundError):
                old([file])

    def contents(self):
        """The hashes of what is stored."""
        folders = (self.folder / ".catalog" / ".store").glob("??")
        return {folder.name + file.name for folder in folders for file in folder.iterdir()}
