"""Tests of requests that a catalog refuses: it never reads or writes outside the folder of the user.

A part of `KeepingCatalogContract`.
"""

import os
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace

from magnus.errors import CatalogError
from magnus.interfaces.catalog import Catalog
from magnus.run_log.records import CatalogRecord
from magnus.testing.catalog_contract import ROOT, CatalogContract
from magnus.testing.files import contents, make_folder, write

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
