"""The contract suite of catalogs that store files: a catalog proves itself by subclassing the contract.

See `catalog_contract` for how.
"""

import os
import pickle
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final

import pytest
from msgspec.structs import replace

from magnus.errors import CatalogError
from magnus.interfaces.catalog import Catalog, KeepsChanges, StoresBlobs
from magnus.run_log.records import CatalogRecord
from magnus.testing.catalog_contract import ROOT, CatalogRefusals, OpenCatalog
from magnus.testing.concurrent_catalog_contract import ConcurrentCatalogContract
from magnus.testing.damaged_content_contract import DamagedContentContract
from magnus.testing.pieces import contents, hash_of, make_folder, write
from magnus.testing.records import ODD_NAMES

__all__ = ["KeepingCatalogContract"]

LARGE: Final = b"a line of a large file\n" * 150_000
SIZES: Final = (0, 1, 4096, 1024 * 1024 - 1, 1024 * 1024, 1024 * 1024 + 1, len(LARGE))
NAMES: Final = (
    *("plain.txt", "a b", "ünïcödé ✓", "-rf", "~", "%2E%2E", "a\nb", "a\\b", "'\"", "$x", "*", "[a]", ".dot"),
    *("folder/in folder/file", "a%2Fb", "...", "..a/b..", "\udcff", "x" * 200, ".logs/a.log", ".branches/a", "%.logs"),
)


class KeepingCatalogContract(ConcurrentCatalogContract, CatalogRefusals, DamagedContentContract):
    """Subclass it with a name that begins with `Test`; `place` opens a catalog, `pieces` gives its stored content."""

    # What is put

    @pytest.mark.parametrize("size", SIZES)
    def test_an_entry_says_what_was_put(self, catalog: Catalog, project: Path, size: int) -> None:
        content = LARGE[:size]
        (project / "a").write_bytes(content)
        [entry] = catalog.put("a-run", ROOT, project, ["a"], unchanged={})
        assert (entry.name, entry.stage) == ("a", "put")
        assert (entry.data_hash, entry.size) == (sha256(content).hexdigest(), size)
        assert entry.catalog_relative_path
        assert entry.catalog_handler_location

    @pytest.mark.parametrize("size", SIZES)
    def test_what_was_put_comes_back_equal(
        self, open_catalog: OpenCatalog, project: Path, elsewhere: Path, size: int
    ) -> None:
        content = LARGE[:size]
        (project / "a").write_bytes(content)
        entries = open_catalog().put("a-run", ROOT, project, ["a"], unchanged={})
        open_catalog().get("a-run", ROOT, entries, elsewhere)
        assert contents(elsewhere) == {"a": content}

    @pytest.mark.parametrize("size", SIZES)
    def test_what_is_written_to_it_is_put(self, open_catalog: OpenCatalog, elsewhere: Path, size: int) -> None:
        content = LARGE[:size]

        def write_in_pieces(file: BinaryIO) -> None:
            for start in range(0, size, 3_000_000):
                file.write(memoryview(content)[start : start + 3_000_000])

        entry = open_catalog().put_stream("a-run", ROOT, ".objects/a b", write_in_pieces)
        assert (entry.name, entry.stage, entry.size) == (".objects/a b", "put", size)
        assert entry.data_hash == sha256(content).hexdigest()
        with open_catalog().open(entry.name, entry.data_hash, entry.size) as file:
            assert file.read() == content
        open_catalog().get("a-run", ROOT, [entry], elsewhere)
        assert contents(elsewhere) == {".objects/a b": content}

    def test_what_could_not_be_written_whole_is_not_put(self, catalog: Catalog) -> None:
        def fail(file: BinaryIO) -> None:
            file.write(b"half")
            raise LookupError("on purpose")

        with pytest.raises(LookupError, match="on purpose"):
            catalog.put_stream("a-run", ROOT, "a", fail)
        with pytest.raises(CatalogError, match="a"):
            catalog.open("a", sha256(b"half").hexdigest(), 4)

    def test_a_file_and_what_was_written_are_one_content(self, catalog: Catalog, project: Path) -> None:
        (project / "a").write_bytes(LARGE)
        [put] = catalog.put("a-run", ROOT, project, ["a"], unchanged={})
        streamed = catalog.put_stream("a-run", ROOT, "b", lambda file: file.write(LARGE))
        assert streamed.data_hash == put.data_hash

    def test_content_that_is_not_there_cannot_be_opened(self, catalog: Catalog) -> None:
        with pytest.raises(CatalogError, match="nothing here"):
            catalog.open("nothing here", sha256(b"x").hexdigest(), 1)

    @pytest.mark.parametrize("content", [b"", b"diff", LARGE], ids=len)
    def test_changes_and_blobs_are_opened_by_their_hash(self, catalog: Catalog, content: bytes) -> None:
        if not isinstance(catalog, KeepsChanges) or not isinstance(catalog, StoresBlobs):
            pytest.skip("this catalog keeps no changes and no blobs")
        catalog.keep_changes("a-run", content + b"changes")
        catalog.store_blob(content + b"blob")
        catalog.store_blob(content + b"blob")
        for blob in (content + b"changes", content + b"blob"):
            with catalog.open("a name", sha256(blob).hexdigest(), len(blob)) as file:
                assert file.read() == blob

    def test_it_can_be_used_in_another_process(self, catalog: Catalog) -> None:
        entry = catalog.put_stream("a-run", ROOT, "a", lambda file: file.write(b"abc"))
        with pickle.loads(pickle.dumps(catalog)).open("a", entry.data_hash, entry.size) as file:
            assert file.read() == b"abc"

    def test_entries_are_in_the_order_of_the_names(self, catalog: Catalog, project: Path) -> None:
        names = [f"{number:03}" for number in range(100)]
        write(project, {name: name.encode() for name in names})
        entries = catalog.put("a-run", ROOT, project, names[::-1], unchanged={})
        assert [entry.name for entry in entries] == names[::-1]

    def test_a_got_entry_is_the_put_one_with_another_stage(self, catalog: Catalog, project: Path) -> None:
        write(project, {"a": b"a", "b": b"b"})
        put = catalog.put("a-run", ROOT, project, ["b", "a"], unchanged={})
        assert catalog.get("a-run", ROOT, put, project) == tuple(replace(entry, stage="get") for entry in put)

    def test_names_that_are_awkward_elsewhere_are_kept_apart(
        self, catalog: Catalog, project: Path, elsewhere: Path
    ) -> None:
        files = {name: name.encode("utf-8", "surrogateescape") for name in NAMES}
        write(project, files)
        entries = catalog.put("a-run", ROOT, project, NAMES, unchanged={})
        catalog.get("a-run", ROOT, entries, elsewhere)
        assert contents(elsewhere) == files

    def test_many_files_come_back_equal(self, catalog: Catalog, project: Path, elsewhere: Path) -> None:
        files = {f"{number % 7}/{number % 3}/{number}": b"%d" % (number % 50) for number in range(300)}
        write(project, files)
        entries = catalog.put("a-run", ROOT, project, list(files), unchanged={})
        catalog.get("a-run", ROOT, entries, elsewhere)
        assert contents(elsewhere) == files

    def test_an_unchanged_file_is_left_out(self, catalog: Catalog, project: Path) -> None:
        write(project, {"same": b"a", "large": LARGE, "changed": b"b", "new": b"c"})
        got = {name: hash_of(project, name) for name in ("same", "large", "changed")}
        write(project, {"changed": b"B"})
        entries = catalog.put("a-run", ROOT, project, ["same", "large", "changed", "new"], unchanged=got)
        assert [entry.name for entry in entries] == ["changed", "new"]

    def test_a_later_put_leaves_the_content_of_an_earlier_one(
        self, catalog: Catalog, project: Path, elsewhere: Path
    ) -> None:
        versions = []
        for content in (b"one", b"two", LARGE, LARGE[:-1], b"one"):
            write(project, {"a": content})
            versions.append((content, catalog.put("a-run", ROOT, project, ["a"], unchanged={})))
        for content, entries in versions:
            catalog.get("a-run", ROOT, entries, elsewhere)
            assert contents(elsewhere) == {"a": content}

    def test_a_file_and_a_folder_may_take_the_place_of_each_other(
        self, catalog: Catalog, project: Path, tmp_path: Path
    ) -> None:
        write(project, {"a": b"file"})
        first = catalog.put("a-run", ROOT, project, ["a"], unchanged={})
        (project / "a").unlink()
        write(project, {"a/b/c": b"in folder"})
        second = catalog.put("a-run", ROOT, project, ["a/b/c"], unchanged={})
        third = catalog.put(
            "a-run", ROOT, make_folder(tmp_path / "o"), write(tmp_path / "o", {"a": b"again"}), unchanged={}
        )
        for number, (entries, expected) in enumerate(
            [(first, {"a": b"file"}), (second, {"a/b/c": b"in folder"}), (third, {"a": b"again"})]
        ):
            folder = make_folder(tmp_path / str(number))
            catalog.get("a-run", ROOT, entries, folder)
            assert contents(folder) == expected

    def test_runs_and_branches_are_kept_apart(self, catalog: Catalog, project: Path, elsewhere: Path) -> None:
        branches = [ROOT, *(ROOT.step(name).into(key) for name in ODD_NAMES for key in ("0", name))]
        kept = []
        for run_id in ("a-run", "A run", "a.run", "ü"):
            for branch in branches:
                content = f"{run_id} {branch}".encode()
                write(project, {"a": content})
                kept.append((run_id, branch, content, catalog.put(run_id, branch, project, ["a"], unchanged={})))
        for run_id, branch, content, entries in kept:
            catalog.get(run_id, branch, entries, elsewhere)
            assert contents(elsewhere) == {"a": content}
        assert len({entry.catalog_relative_path for *_, [entry] in kept}) == len(kept)

    def test_a_later_write_to_the_file_changes_nothing_kept(
        self, catalog: Catalog, project: Path, elsewhere: Path
    ) -> None:
        for content in (b"before", LARGE):
            write(project, {"a": content})
            entries = catalog.put("a-run", ROOT, project, ["a"], unchanged={})
            with (project / "a").open("r+b") as file:
                file.write(b"AFTER")
            catalog.get("a-run", ROOT, entries, elsewhere)
            assert contents(elsewhere) == {"a": content}

    def test_a_write_to_a_file_it_brought_changes_nothing_kept(
        self, catalog: Catalog, project: Path, elsewhere: Path
    ) -> None:
        for content in (b"before", LARGE):
            entries = catalog.put("a-run", ROOT, project, write(project, {"a": content}), unchanged={})
            catalog.get("a-run", ROOT, entries, elsewhere)
            with (elsewhere / "a").open("r+b") as file:
                file.write(b"AFTER")
            catalog.get("a-run", ROOT, entries, elsewhere)
            assert contents(elsewhere) == {"a": content}

    def test_links_that_stay_in_the_folder_are_followed(self, catalog: Catalog, project: Path, elsewhere: Path) -> None:
        write(project, {"data/a": b"a"})
        (project / "link").symlink_to("data/a")
        (project / "folder").symlink_to("data")
        entries = catalog.put("a-run", ROOT, project, ["link", "folder/a"], unchanged={})
        catalog.get("a-run", ROOT, entries, elsewhere)
        assert contents(elsewhere) == {"link": b"a", "folder/a": b"a"}

    # What is only recorded

    def test_without_a_copy_the_hash_is_recorded(self, catalog: Catalog, project: Path) -> None:
        for content in (b"a", LARGE):
            write(project, {"a": content})
            [entry] = catalog.put("a-run", ROOT, project, ["a"], unchanged={}, store_copy=False)
            assert (entry.data_hash, entry.size) == (sha256(content).hexdigest(), len(content))
            assert entry.catalog_relative_path == ""

    def test_without_a_copy_a_file_in_place_can_be_got(self, catalog: Catalog, project: Path) -> None:
        for content in (b"a", LARGE):
            write(project, {"a": content})
            entries = catalog.put("a-run", ROOT, project, ["a"], unchanged={}, store_copy=False)
            assert catalog.get("a-run", ROOT, entries, project) == (replace(entries[0], stage="get"),)
            assert contents(project) == {"a": content}

    def test_without_a_copy_a_file_that_is_gone_or_changed_cannot_be_got(self, catalog: Catalog, project: Path) -> None:
        for content in (b"a", LARGE):
            write(project, {"a": content})
            entries = catalog.put("a-run", ROOT, project, ["a"], unchanged={}, store_copy=False)
            write(project, {"a": content[:-1] + b"?"})
            with pytest.raises(CatalogError, match="'a'"):
                catalog.get("a-run", ROOT, entries, project)
            assert contents(project) == {"a": content[:-1] + b"?"}
            (project / "a").unlink()
            with pytest.raises(CatalogError, match="'a'"):
                catalog.get("a-run", ROOT, entries, project)
            assert contents(project) == {}

    # What is got

    @pytest.mark.parametrize("content", [b"", b"a", LARGE], ids=len)
    def test_a_file_that_is_in_place_is_left_alone(self, catalog: Catalog, project: Path, content: bytes) -> None:
        entries = catalog.put("a-run", ROOT, project, write(project, {"a": content}), unchanged={})
        os.utime(project / "a", (1, 1))
        before = (project / "a").stat()
        for _ in range(2):
            catalog.get("a-run", ROOT, entries, project)
            after = (project / "a").stat()
            assert (after.st_ino, after.st_mtime_ns, after.st_ctime_ns) == (
                before.st_ino,
                before.st_mtime_ns,
                before.st_ctime_ns,
            )

    @pytest.mark.parametrize("content", [b"", b"a", LARGE], ids=len)
    @pytest.mark.parametrize("other", [b"b", b"longer", LARGE[:-1] + b"?"], ids=len)
    def test_a_file_with_other_content_is_replaced(
        self, catalog: Catalog, project: Path, content: bytes, other: bytes
    ) -> None:
        entries = catalog.put("a-run", ROOT, project, write(project, {"a": content}), unchanged={})
        write(project, {"a": other})
        catalog.get("a-run", ROOT, entries, project)
        assert contents(project) == {"a": content}

    def test_what_it_brings_can_be_written_to(self, catalog: Catalog, project: Path, elsewhere: Path) -> None:
        entries = catalog.put("a-run", ROOT, project, write(project, {"d/a": b"a"}), unchanged={})
        (project / "d/a").chmod(0o444)
        catalog.get("a-run", ROOT, entries, elsewhere)
        assert (elsewhere / "d/a").stat().st_mode & 0o600 == 0o600

    def test_content_that_was_never_put_is_an_error(self, catalog: Catalog, project: Path) -> None:
        write(project, {"a": b"here before"})
        for size in (0, 1, 10**9):
            entry = CatalogRecord("a", "0" * 64, "a-run/a", "somewhere", "put", size)
            with pytest.raises(CatalogError, match="'a'"):
                catalog.get("a-run", ROOT, [entry], project)
        assert contents(project) == {"a": b"here before"}
