"""The contract suite of all catalogs: a catalog proves itself by subclassing one of two contracts.

`CatalogContract` when it keeps nothing; else `keeping_catalog_contract.KeepingCatalogContract`, which is far more.
::

    class TestMyCatalog(KeepingCatalogContract):
        @contextmanager
        def place(self):
            with TemporaryDirectory() as folder:
                yield lambda: MyCatalog(MyOptions(folder=folder), Path.cwd())

        def pieces(self, catalog, data_hash):
            return [FilePiece(catalog.location / data_hash)]

`pieces` say where content is kept (`magnus.testing.pieces`), for tests that damage it.
Beside it stand the tests of requests that a catalog refuses: it never reads or writes outside the folder of the user.
"""

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar, Final, TypeAlias

import pytest
from msgspec.structs import replace

from magnus.errors import CatalogError
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.capabilities import Located
from magnus.interfaces.catalog import Catalog, LogStore, ReadsLogs
from magnus.run_log.records import CatalogRecord
from magnus.testing.pieces import contents, make_folder, write
from magnus.testing.records import ODD_NAMES

__all__ = ["CatalogContract", "OpenCatalog"]

OpenCatalog: TypeAlias = Callable[[], Catalog]
"""Opens the catalog again, as another process would."""

ROOT: Final = BranchPath()
_LONGEST_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 0.01


class CatalogContract(ABC):
    """Subclass it with a name that begins with `Test`, and say in `place` how to get a catalog."""

    keeps: ClassVar[bool] = False

    @abstractmethod
    def place(self) -> AbstractContextManager[OpenCatalog]:
        """An empty place for files, gone afterwards.

        Every call of what it yields opens one more catalog on the place, as another process would; where the catalog
        is not persistent, it gives the same catalog again.
        """

    @pytest.fixture
    def open_catalog(self) -> Iterator[OpenCatalog]:
        """Opens catalogs on one place."""
        with self.place() as opening:
            yield opening

    @pytest.fixture
    def catalog(self, open_catalog: OpenCatalog) -> Catalog:
        """A catalog on an empty place."""
        return open_catalog()

    @pytest.fixture
    def project(self, tmp_path: Path) -> Path:
        """The folder of the user that files are put from."""
        return make_folder(tmp_path / "project")

    @pytest.fixture
    def elsewhere(self, tmp_path: Path) -> Path:
        """Another one, which is empty."""
        return make_folder(tmp_path / "elsewhere")

    def test_what_it_declares_has_the_right_types(self, catalog: Catalog) -> None:
        assert isinstance(catalog.compute_data_folder, str)
        assert isinstance(catalog.strict, bool)
        assert catalog.capabilities.keeps == self.keeps, "a catalog that keeps files is to pass KeepingCatalogContract"
        if isinstance(catalog, Located):
            assert catalog.location.is_absolute()

    def test_nothing_put_and_nothing_got_is_nothing(self, catalog: Catalog, project: Path) -> None:
        assert catalog.put("a-run", ROOT, project, [], unchanged={}) == ()
        assert catalog.get("a-run", ROOT, [], project) == ()
        assert list(project.iterdir()) == []

    def test_what_it_does_not_keep_it_does_not_record(self, catalog: Catalog, project: Path) -> None:
        (project / "a").write_bytes(b"a")
        entries = catalog.put("a-run", ROOT, project, ["a"], unchanged={})
        assert len(entries) == self.keeps

    def test_what_it_does_not_keep_cannot_be_written_to_it(self, catalog: Catalog) -> None:
        if not self.keeps:
            with pytest.raises(CatalogError, match=r"\.objects/a"):
                catalog.put_stream("a-run", ROOT, ".objects/a", lambda file: file.write(b"a"))
            with pytest.raises(CatalogError, match=r"\.objects/a"):
                catalog.open(".objects/a", "0" * 64, 1)
        assert catalog.capabilities.keeps == self.keeps

    def test_logs_can_be_opened_at_the_same_time_and_again(self, open_catalog: OpenCatalog) -> None:
        for _ in range(2):
            with (
                _log_store(open_catalog()).open_log("a-run", ROOT.step("a")) as one,
                _log_store(open_catalog()).open_log("a-run", ROOT.step("a")) as two,
            ):
                one.write(b"one\n")
                two.write(b"two\n")

    def test_every_step_can_have_a_log(self, catalog: Catalog) -> None:
        logs = _log_store(catalog)
        for name in ODD_NAMES:
            for path in (ROOT.step(name), ROOT.step(name).into(name).step(name)):
                with logs.open_log("a-run", path) as log:
                    log.write(b"a line\n")

    def test_what_was_written_to_a_log_is_read_also_while_it_is_open(self, open_catalog: OpenCatalog) -> None:
        catalog = open_catalog()
        if not isinstance(catalog, ReadsLogs):
            pytest.skip("this catalog gives no logs back")
        path = ROOT.step("a")
        assert catalog.read_log("a-run", path) is None
        with _log_store(open_catalog()).open_log("a-run", path) as log:
            log.write(b"one\n")
            log.flush()
            _wait_for_log(catalog, path, b"one\n")
            log.write(b"two")
        assert _log(catalog, path) == b"one\ntwo"
        assert catalog.read_log("a-run", ROOT.step("b")) is None
        assert catalog.read_log("b-run", path) is None


def _wait_for_log(catalog: ReadsLogs, path: StepPath, expected: bytes) -> None:
    """Read the log until it holds this; a catalog may take some seconds to show what was written."""
    deadline = time.monotonic() + _LONGEST_SECONDS
    while _log(catalog, path) != expected:
        assert time.monotonic() < deadline, "what was written and flushed cannot be read"
        time.sleep(_PAUSE_SECONDS)


def _log_store(catalog: Catalog) -> LogStore:
    if not isinstance(catalog, LogStore):
        pytest.skip("this catalog keeps no logs")
    return catalog


def _log(catalog: ReadsLogs, path: StepPath) -> bytes:
    log = catalog.read_log("a-run", path)
    if log is None:
        return b""
    with log:
        return log.read()


BAD_NAMES: Final = (
    "",
    "/etc/passwd",
    "..",
    ".",
    "../a",
    "a/../../b",
    "a/..",
    "./a",
    "a//b",
    "a/",
    "/",
    "a\0b",
    "\ud800",
)


class CatalogRefusals(CatalogContract):
    """The tests of names, links and things that are no files."""

    keeps = True

    @pytest.mark.parametrize("name", BAD_NAMES, ids=repr)
    def test_a_name_that_is_not_below_the_folder_is_refused(
        self, catalog: Catalog, tmp_path: Path, project: Path, name: str
    ) -> None:
        write(tmp_path, {"a": b"outside", "b": b"outside"})
        good = catalog.put("a-run", ROOT, project, write(project, {"good": b"good"}), unchanged={})
        before = contents(tmp_path)
        with pytest.raises(CatalogError):
            catalog.put("a-run", ROOT, project, [name], unchanged={})
        with pytest.raises(CatalogError):
            catalog.get("a-run", ROOT, [replace(good[0], name=name)], project)
        assert contents(tmp_path) == before

    def test_a_hash_that_is_none_is_refused(self, catalog: Catalog, project: Path) -> None:
        for data_hash in ("", "../../../a", "g" * 64, "A" * 64, "0" * 63, "0" * 64 + "\n"):
            with pytest.raises(CatalogError, match="'a'"):
                catalog.get("a-run", ROOT, [CatalogRecord("a", data_hash, "a-run/a", "x", "put", 1)], project)
        assert contents(project) == {}

    @pytest.mark.parametrize("name", ["link", "folder/a"])
    def test_what_is_behind_a_link_that_leads_out_is_not_put(
        self, catalog: Catalog, project: Path, elsewhere: Path, name: str
    ) -> None:
        write(elsewhere, {"a": b"outside"})
        (project / "link").symlink_to(elsewhere / "a")
        (project / "folder").symlink_to(elsewhere)
        with pytest.raises(CatalogError, match=name):
            catalog.put("a-run", ROOT, project, [name], unchanged={})

    @pytest.mark.parametrize("name", ["link", "folder/a", "folder/new"])
    def test_nothing_is_written_through_a_link_that_leads_out(
        self, catalog: Catalog, project: Path, elsewhere: Path, name: str
    ) -> None:
        entries = catalog.put("a-run", ROOT, project, write(project, {name: b"mine"}), unchanged={})
        for file in (project / name, project / "folder"):
            if file.is_dir():
                file.rmdir()
            else:
                file.unlink(missing_ok=True)
        write(elsewhere, {"a": b"outside"})
        (project / "link").symlink_to(elsewhere / "a")
        (project / "folder").symlink_to(elsewhere)
        with pytest.raises(CatalogError, match=name):
            catalog.get("a-run", ROOT, entries, project)
        assert contents(elsewhere) == {"a": b"outside"}

    def test_what_is_no_file_is_not_put(self, catalog: Catalog, project: Path) -> None:
        (project / "folder").mkdir()
        (project / "dangling").symlink_to("nothing")
        (project / "round").symlink_to("round")
        os.mkfifo(project / "pipe")
        for name in ("missing", "folder", "dangling", "round", "pipe", "missing/a", "x" * 300):
            with pytest.raises(CatalogError, match=name[:50]):
                catalog.put("a-run", ROOT, project, [name], unchanged={})

    def test_what_is_no_file_is_not_replaced(self, catalog: Catalog, project: Path, tmp_path: Path) -> None:
        entries = catalog.put("a-run", ROOT, project, write(project, {"a": b"a"}), unchanged={})
        in_folder, in_pipe = make_folder(tmp_path / "one"), make_folder(tmp_path / "two")
        (in_folder / "a").mkdir()
        os.mkfifo(in_pipe / "a")
        for folder in (in_folder, in_pipe):
            with pytest.raises(CatalogError, match="'a'"):
                catalog.get("a-run", ROOT, entries, folder)
            assert not (folder / "a").is_file()

    def test_a_file_in_the_place_of_a_folder_is_left(self, catalog: Catalog, project: Path, elsewhere: Path) -> None:
        entries = catalog.put("a-run", ROOT, project, write(project, {"a/b": b"a"}), unchanged={})
        write(elsewhere, {"a": b"mine"})
        with pytest.raises(CatalogError, match="'a/b'"):
            catalog.get("a-run", ROOT, entries, elsewhere)
        assert contents(elsewhere) == {"a": b"mine"}
