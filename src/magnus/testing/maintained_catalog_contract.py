"""The contract suite of catalogs that magnus can clean up: subclass it beside `KeepingCatalogContract`.

::

    class TestMyCatalog(KeepingCatalogContract, MaintainedCatalogContract): ...
"""

import os
import time
from abc import abstractmethod
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Final

import pytest

from magnus.errors import CatalogError
from magnus.interfaces.catalog import Catalog, LogStore, Maintained, Usage
from magnus.run_log.records import CatalogRecord
from magnus.testing.catalog_contract import ROOT, CatalogContract, OpenCatalog
from magnus.testing.pieces import contents, write
from magnus.testing.records import ODD_NAMES

__all__ = ["MaintainedCatalogContract"]

NOBODY: Final[frozenset[str]] = frozenset()


class MaintainedCatalogContract(CatalogContract):
    """Subclass it with a name that begins with `Test`, and say in `make_old` how content gets old."""

    @abstractmethod
    def make_old(self, catalog: Catalog, seconds: float = 2 * 24 * 3600) -> None:
        """Make all content in the place of the catalog look as if it had been put two days ago."""

    @pytest.fixture
    def upkeep(self, catalog: Catalog) -> Maintained:
        """The same catalog, as one that can be looked after."""
        assert isinstance(catalog, Maintained)
        return catalog

    def _put(self, catalog: Catalog, project: Path, files: dict[str, bytes], run_id: str = "a-run") -> CatalogRecord:
        [entry] = catalog.put(run_id, ROOT, project, write(project, files), unchanged={})
        return entry

    def test_the_files_of_a_run_are_counted_logs_included(
        self, catalog: Catalog, upkeep: Maintained, project: Path
    ) -> None:
        assert upkeep.usage("a-run") is None
        self._put(catalog, project, {"a": b"four"})
        assert upkeep.usage("a-run") == Usage(1, 4)
        if isinstance(catalog, LogStore):
            with catalog.open_log("a-run", ROOT.step("a")) as log:
                log.write(b"log")
            assert upkeep.usage("a-run") == Usage(2, 7)
        assert upkeep.usage("another") is None

    def test_content_of_a_removed_run_goes_when_it_is_old(
        self, catalog: Catalog, upkeep: Maintained, project: Path, elsewhere: Path
    ) -> None:
        entry = self._put(catalog, project, {"a": b"four"})
        upkeep.remove_run("a-run")
        assert upkeep.usage("a-run") is None
        young = upkeep.collect(NOBODY, ["a-run"])
        assert (young.removed, young.young) == (Usage(), Usage(1, 4))
        catalog.get("a-run", ROOT, [entry], elsewhere)
        self.make_old(catalog)
        assert upkeep.collect(NOBODY, ["a-run"]).removed == Usage(1, 4)
        (elsewhere / "a").unlink()
        with pytest.raises(CatalogError, match="'a'"):
            catalog.get("a-run", ROOT, [entry], elsewhere)

    @pytest.mark.parametrize("is_quiet", [True, False])
    def test_content_of_the_last_day_goes_when_asked_and_nothing_runs(
        self, catalog: Catalog, upkeep: Maintained, project: Path, elsewhere: Path, *, is_quiet: bool
    ) -> None:
        entry = self._put(catalog, project, {"a": b"four"})
        upkeep.remove_run("a-run")
        just_now = upkeep.collect(NOBODY, ["a-run"], is_quiet=lambda: True)
        assert (just_now.removed, just_now.young) == (Usage(), Usage(1, 4))
        self.make_old(catalog, seconds=120)
        assert upkeep.collect(NOBODY, ["a-run"]).removed == Usage()
        answers = iter([is_quiet])
        removed = upkeep.collect(NOBODY, ["a-run"], is_quiet=lambda: next(answers))
        assert (removed.removed, removed.young) == ((Usage(1, 4), Usage()) if is_quiet else (Usage(), Usage(1, 4)))
        assert not list(answers)  # the catalog has called the function
        if is_quiet:
            with pytest.raises(CatalogError, match="'a'"):
                catalog.get("a-run", ROOT, [entry], elsewhere)
        else:
            catalog.get("a-run", ROOT, [entry], elsewhere)
            assert (elsewhere / "a").read_bytes() == b"four"

    def test_what_is_referred_to_stays_though_no_run_has_it_as_a_file(
        self, catalog: Catalog, upkeep: Maintained, project: Path, elsewhere: Path
    ) -> None:
        earlier = self._put(catalog, project, {"a": b"one"})
        self._put(catalog, project, {"a": b"two"})
        self.make_old(catalog)
        upkeep.collect(frozenset({earlier.data_hash}), ["a-run"])
        catalog.get("a-run", ROOT, [earlier], elsewhere)
        assert contents(elsewhere) == {"a": b"one"}

    def test_files_of_runs_nobody_knows_stay(
        self, catalog: Catalog, upkeep: Maintained, project: Path, elsewhere: Path
    ) -> None:
        entry = self._put(catalog, project, {"a": b"a"}, "a stranger")
        self.make_old(catalog)
        assert upkeep.collect(NOBODY, []).removed == Usage()
        catalog.get("a stranger", ROOT, [entry], elsewhere)

    def test_content_that_runs_share_stays_for_the_other(
        self, catalog: Catalog, upkeep: Maintained, project: Path, elsewhere: Path
    ) -> None:
        entries = [self._put(catalog, project, {"a": b"shared"}, run_id) for run_id in ("one", "two")]
        upkeep.remove_run("one")
        self.make_old(catalog)
        assert upkeep.collect(frozenset({entries[1].data_hash}), ["one", "two"]).removed == Usage()
        catalog.get("two", ROOT, entries[1:], elsewhere)
        assert contents(elsewhere) == {"a": b"shared"}

    def test_what_would_be_removed_is_what_is_removed(
        self, catalog: Catalog, upkeep: Maintained, project: Path
    ) -> None:
        for run_id in ("one", "two"):
            self._put(catalog, project, {"own": run_id.encode() * 5}, run_id)
            (project / "own").unlink()
            self._put(catalog, project, {"shared": b"x"}, run_id)
            (project / "shared").unlink()
        self.make_old(catalog)
        referred = frozenset({sha256(b"two" * 5).hexdigest(), sha256(b"x").hexdigest()})
        planned = upkeep.collect(referred, ["one", "two"], without=["one"], pretend=True)
        assert upkeep.usage("one") == Usage(2, 16)
        upkeep.remove_run("one")
        assert upkeep.collect(referred, ["one", "two"]) == planned
        assert planned.removed == Usage(1, 15)

    def test_content_put_again_is_young_again(
        self, catalog: Catalog, upkeep: Maintained, project: Path, elsewhere: Path
    ) -> None:
        self._put(catalog, project, {"a": b"a"})
        upkeep.remove_run("a-run")
        self.make_old(catalog)
        entry = self._put(catalog, project, {"a": b"a"}, "another")
        upkeep.remove_run("another")
        assert upkeep.collect(NOBODY, []).removed == Usage()
        catalog.get("another", ROOT, [entry], elsewhere)

    def test_a_put_after_content_went_keeps_it_anew(
        self, open_catalog: OpenCatalog, upkeep: Maintained, project: Path, elsewhere: Path
    ) -> None:
        catalog, size = open_catalog(), 3_000_000
        self._put(catalog, project, {"a": b"a" * size})
        upkeep.remove_run("a-run")
        self.make_old(catalog)
        assert upkeep.collect(NOBODY, []).removed == Usage(1, size)
        entry = self._put(catalog, project, {"a": b"a" * size})
        catalog.get("a-run", ROOT, [entry], elsewhere)
        assert contents(elsewhere) == {"a": b"a" * size}

    def test_every_run_can_be_removed_and_be_there_again(
        self, catalog: Catalog, upkeep: Maintained, project: Path
    ) -> None:
        for name in ODD_NAMES:
            self._put(catalog, project, {"a": b"a"}, name)
        for name in ODD_NAMES:
            assert upkeep.usage(name) is not None
            assert not upkeep.was_removed(name)
            upkeep.remove_run(name)
            upkeep.remove_run(name)
            assert upkeep.was_removed(name)
        assert [upkeep.usage(name) for name in ODD_NAMES] == [None] * len(ODD_NAMES)
        self._put(catalog, project, {"a": b"a"}, ODD_NAMES[-1])
        assert not upkeep.was_removed(ODD_NAMES[-1])

    def test_that_a_run_was_removed_is_forgotten_with_the_run(self, upkeep: Maintained) -> None:
        for run_id in ("known", "unknown"):
            upkeep.remove_run(run_id)
        upkeep.collect(NOBODY, ["known"])
        assert [upkeep.was_removed(run_id) for run_id in ("known", "unknown")] == [True, False]

    def test_content_that_is_whole_or_not_there_is_told_apart(
        self, catalog: Catalog, upkeep: Maintained, project: Path
    ) -> None:
        entries = catalog.put(
            "a-run", ROOT, project, write(project, {str(n): b"%d" % n * n * 90_000 for n in range(40)}), unchanged={}
        )
        absent = CatalogRecord("b", "0" * 64, "a-run/b", "somewhere", "put", 1)
        assert list(upkeep.verify([*entries, absent, *entries])) == [*[""] * 40, "missing", *[""] * 40]
        assert list(upkeep.verify([])) == []


def old(files: Iterable[Path], seconds: float = 2 * 24 * 3600) -> None:
    """Make files look as if they had been written so long ago."""
    then = time.time() - seconds
    for file in files:
        if file.is_file():
            os.utime(file, (then, then))
