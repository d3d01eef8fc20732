"""Tests of a catalog that many threads and processes use at once. A part of `KeepingCatalogContract`.

Hypothesis puts and gets in any order by two open catalogs; both must agree with a plain dict of bytes.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from magnus.graph.path import BranchPath
from magnus.interfaces.catalog import Catalog
from magnus.run_log.records import CatalogRecord
from magnus.testing.catalog_contract import ROOT, CatalogContract, OpenCatalog
from magnus.testing.pieces import contents, make_folder, write

_NAMES = ("a", "b.txt", "data/a", "data/deep/ü ✓", "-\n", "%2E")
_CONTENTS = st.sampled_from((b"", b"a", b"b", b"b" * 5000)) | st.binary(max_size=20)
_BRANCHES = st.sampled_from((BranchPath(), BranchPath(("a map", "0")), BranchPath(("a map", "0", "a", "b/c"))))
_RUNS = st.sampled_from(("a-run", "b.run"))
_CATALOGS = st.integers(0, 1)


class ConcurrentCatalogContract(CatalogContract):
    """The tests of several catalogs on one place."""

    keeps = True

    def test_threads_that_put_and_get_disturb_nobody(
        self, open_catalog: OpenCatalog, project: Path, tmp_path: Path
    ) -> None:
        catalogs = [open_catalog() for _ in range(4)]
        together = threading.Barrier(8)
        shared = {f"shared {number}": b"shared %d" % number for number in range(10)}
        write(project, shared)

        def work(number: int) -> bool:
            together.wait()
            catalog, own = catalogs[number % 4], make_folder(tmp_path / f"own {number}")
            folder = make_folder(tmp_path / f"got {number}")
            entries = catalog.put("a-run", ROOT, project, list(shared), unchanged={})
            files = {f"{number}/{i}": b"%d" % (i % 3) for i in range(20)}
            entries += catalog.put(f"run {number}", ROOT, own, write(own, files), unchanged={})
            catalog.get("a-run", ROOT, entries, folder)
            return contents(folder) == {**shared, **files}

        with ThreadPoolExecutor(8) as threads:
            assert all(threads.map(work, range(8)))

    def test_a_reader_sees_whole_files_while_they_are_replaced(
        self, open_catalog: OpenCatalog, project: Path, tmp_path: Path
    ) -> None:
        versions = [bytes([65 + number]) * 300_000 for number in range(4)]
        entries = [
            open_catalog().put("a-run", ROOT, project, write(project, {"a": content}), unchanged={})
            for content in versions
        ]
        catalog, folder = open_catalog(), make_folder(tmp_path / "together")
        done = threading.Event()

        def bring() -> None:
            for number in range(40):
                catalog.get("a-run", ROOT, entries[number % 4], folder)

        def read() -> bool:
            whole = True
            while not done.is_set():
                whole = whole and (folder / "a").read_bytes() in versions
            return whole

        catalog.get("a-run", ROOT, entries[0], folder)
        with ThreadPoolExecutor(3) as threads:
            reading = threads.submit(read)
            try:
                for writing in [threads.submit(bring), threads.submit(bring)]:
                    writing.result()
            finally:
                done.set()
            assert reading.result()
        assert list(contents(folder)) == ["a"]

    def test_it_behaves_as_a_dict(self) -> None:
        run_state_machine_as_test(_state_machine(self.place))


def _state_machine(
    place: Callable[[], AbstractContextManager[Callable[[], Catalog]]],
) -> type[RuleBasedStateMachine]:
    """The machine for catalogs on a place that keep; two of them are open, as in two processes."""

    class CatalogMachine(_Machine):
        def open_place(self) -> AbstractContextManager[Callable[[], Catalog]]:
            return place()

    CatalogMachine.TestCase.settings = settings(max_examples=50, stateful_step_count=30, deadline=None)
    return CatalogMachine


class _Machine(RuleBasedStateMachine):
    """The rules; a subclass says where the catalogs are. `files` is what the working folder should hold."""

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, bytes] = {}
        self.kept: list[tuple[CatalogRecord, bytes]] = []
        self.got: dict[str, str] = {}
        self.cleanup = ExitStack()
        self.folder = Path(self.cleanup.enter_context(TemporaryDirectory()))
        open_catalog = self.cleanup.enter_context(self.open_place())
        self.catalogs = (open_catalog(), open_catalog())

    def open_place(self) -> AbstractContextManager[Callable[[], Catalog]]:
        raise NotImplementedError

    def teardown(self) -> None:
        self.cleanup.close()

    @initialize(content=_CONTENTS)
    def first_file(self, content: bytes) -> None:
        self.write(_NAMES[0], content)

    @rule(name=st.sampled_from(_NAMES), content=_CONTENTS)
    def write(self, name: str, content: bytes) -> None:
        self.files[name] = content
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    @rule(name=st.sampled_from(_NAMES))
    def remove(self, name: str) -> None:
        if self.files.pop(name, None) is not None:
            (self.folder / name).unlink()

    @rule(
        run_id=_RUNS,
        branch=_BRANCHES,
        names=st.lists(st.sampled_from(_NAMES), unique=True),
        catalog=_CATALOGS,
        store_copy=st.booleans(),
        all_anew=st.booleans(),
    )
    def put(
        self, run_id: str, branch: BranchPath, names: list[str], catalog: int, *, store_copy: bool, all_anew: bool
    ) -> None:
        names = [name for name in names if name in self.files]
        unchanged = {} if all_anew else self.got
        entries = self.catalogs[catalog].put(
            run_id, branch, self.folder, names, unchanged=unchanged, store_copy=store_copy
        )
        hashes = {name: sha256(self.files[name]).hexdigest() for name in names}
        changed = [name for name in names if hashes[name] != unchanged.get(name)]
        facts = [(entry.name, entry.data_hash, entry.size, entry.stage) for entry in entries]
        assert facts == [(name, hashes[name], len(self.files[name]), "put") for name in changed]
        if store_copy:
            self.kept += [(entry, self.files[entry.name]) for entry in entries]

    @rule(catalog=_CATALOGS, data=st.data())
    def get(self, catalog: int, data: st.DataObject) -> None:
        positions = data.draw(st.lists(st.integers(0, 30), max_size=4))
        chosen = {}
        for position in positions:
            if position < len(self.kept):
                entry, content = self.kept[position]
                chosen[entry.name] = entry, content
        self.catalogs[catalog].get("a-run", BranchPath(), [entry for entry, _ in chosen.values()], self.folder)
        self.files |= {name: content for name, (_, content) in chosen.items()}
        self.got = {name: entry.data_hash for name, (entry, _) in chosen.items()}

    @invariant()
    def the_folder_holds_what_the_dict_says(self) -> None:
        files = {file.relative_to(self.folder).as_posix(): file for file in self.folder.rglob("*") if file.is_file()}
        assert {name: file.read_bytes() for name, file in files.items()} == self.files
