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
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar, Final, TypeAlias

import pytest

from magnus.errors import CatalogError
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.capabilities import Located
from magnus.interfaces.catalog import Catalog, LogStore, ReadsLogs
from magnus.testing.files import make_folder
from magnus.testing.records import ODD_NAMES

__all__ = ["CatalogContract", "OpenCatalog"]

OpenCatalog: TypeAlias = Callable[[], Catalog]
"""Opens the catalog again, as another process would."""

ROOT: Final = BranchPath()


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
            assert _log(catalog, path) == b"one\n"
            log.write(b"two")
        assert _log(catalog, path) == b"one\ntwo"
        assert catalog.read_log("a-run", ROOT.step("b")) is None
        assert catalog.read_log("b-run", path) is None


def _log_store(catalog: Catalog) -> LogStore:
    if not isinstance(catalog, LogStore):
        pytest.skip("this catalog keeps no logs")
    return catalog


def _log(catalog: ReadsLogs, path: StepPath) -> bytes:
    log = catalog.read_log("a-run", path)
    assert log is not None
    with log:
        return log.read()
