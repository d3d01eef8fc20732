"""Tests of damaged content. A part of `KeepingCatalogContract`."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import pytest

from magnus.errors import CatalogError, DamagedContent
from magnus.interfaces.catalog import Catalog
from magnus.run_log.records import CatalogRecord
from magnus.testing.catalog_contract import ROOT, CatalogContract, OpenCatalog
from magnus.testing.pieces import Piece, contents, flipped, make_folder, write

_MIB: Final = 1024 * 1024
_SIZES: Final = (1, _MIB, _MIB + 1)
_DAMAGE: Final[dict[str, Callable[[bytes], bytes]]] = {
    "the first byte": lambda content: flipped(content, 0),
    "the middle byte": lambda content: flipped(content, len(content) // 2),
    "the last byte": lambda content: flipped(content, -1, 0x80),
    "cut": lambda content: content[: len(content) // 2],
    "empty": lambda _content: b"",
    "longer": lambda content: content + b"\0",
}
of_each_size = pytest.mark.parametrize("size", _SIZES)
of_each_damage = pytest.mark.parametrize("damage", _DAMAGE.values(), ids=_DAMAGE)


class DamagedContentContract(CatalogContract):
    """Say in `pieces` where content is kept; without, these tests are skipped."""

    def pieces(self, catalog: Catalog, data_hash: str) -> Sequence[Piece]:  # noqa: ARG002 - others need them
        """All places where the catalog keeps the content, so that a test can damage it there."""
        return ()

    def _damaged(
        self, catalog: Catalog, folder: Path, content: bytes, damage: Callable[[bytes], bytes], run_id: str = "a-run"
    ) -> CatalogRecord:
        """An entry whose content was damaged after it was put."""
        [entry] = catalog.put(run_id, ROOT, folder, write(folder, {"a": content}), unchanged={})
        self._damage(catalog, entry, damage)
        return entry

    def _damage(self, catalog: Catalog, entry: CatalogRecord, damage: Callable[[bytes], bytes]) -> None:
        pieces = self.pieces(catalog, entry.data_hash)
        if not pieces:
            pytest.skip("say in `pieces` where this catalog keeps content")
        for piece in pieces:
            piece.write(damage(piece.read()))

    @of_each_size
    @of_each_damage
    def test_damaged_content_is_not_brought_and_a_file_in_its_place_stays(
        self, open_catalog: OpenCatalog, project: Path, tmp_path: Path, size: int, damage: Callable[[bytes], bytes]
    ) -> None:
        entry = self._damaged(open_catalog(), project, _content(size), damage)
        for before in ({}, {"a": b"another"}, {"a": damage(_content(size))}):
            folder = make_folder(tmp_path / f"before {len(before)}{hash(before.get('a')) % 97}")
            write(folder, before)
            with pytest.raises(DamagedContent, match=entry.data_hash):
                open_catalog().get("a-run", ROOT, [entry], folder)
            assert contents(folder) == before

    @of_each_size
    @of_each_damage
    def test_damaged_content_is_neither_opened_nor_adopted(
        self, open_catalog: OpenCatalog, project: Path, size: int, damage: Callable[[bytes], bytes]
    ) -> None:
        entry = self._damaged(open_catalog(), project, _content(size), damage)
        with pytest.raises(DamagedContent, match=entry.data_hash):
            open_catalog().open(entry.name, entry.data_hash, entry.size)
        with pytest.raises(DamagedContent, match=entry.data_hash):
            open_catalog().adopt("another", ROOT, [entry])

    @of_each_size
    def test_a_file_that_is_in_place_is_judged_by_itself(
        self, open_catalog: OpenCatalog, project: Path, size: int
    ) -> None:
        entry = self._damaged(open_catalog(), project, _content(size), _DAMAGE["the middle byte"])
        open_catalog().get("a-run", ROOT, [entry], project)
        assert contents(project) == {"a": _content(size)}

    @of_each_size
    @of_each_damage
    @pytest.mark.parametrize("streamed", [False, True])
    def test_a_put_of_the_same_content_puts_damage_right_for_all_runs(
        self,
        open_catalog: OpenCatalog,
        project: Path,
        elsewhere: Path,
        size: int,
        damage: Callable[[bytes], bytes],
        *,
        streamed: bool,
    ) -> None:
        content = _content(size)
        entry = self._damaged(open_catalog(), project, content, damage)
        if streamed:
            open_catalog().put_stream("another", ROOT, "b", lambda file: file.write(content))
        else:
            open_catalog().put("another", ROOT, project, ["a"], unchanged={})
        open_catalog().get("a-run", ROOT, [entry], elsewhere)
        assert contents(elsewhere) == {"a": content}
        assert all(piece.read() == content for piece in self.pieces(open_catalog(), entry.data_hash))

    def test_content_that_was_removed_is_an_error_until_it_is_put_again(
        self, open_catalog: OpenCatalog, project: Path, elsewhere: Path
    ) -> None:
        [entry] = open_catalog().put("a-run", ROOT, project, write(project, {"a": b"x"}), unchanged={})
        self._damage(open_catalog(), entry, bytes)
        for piece in self.pieces(open_catalog(), entry.data_hash):
            piece.remove()
        for ask in (
            lambda: open_catalog().open(entry.name, entry.data_hash, entry.size),
            lambda: open_catalog().get("a-run", ROOT, [entry], elsewhere),
            lambda: open_catalog().adopt("another", ROOT, [entry]),
        ):
            with pytest.raises(CatalogError, match="'a'"):
                ask()
        open_catalog().put("another", ROOT, project, ["a"], unchanged={})
        open_catalog().get("a-run", ROOT, [entry], elsewhere)
        assert contents(elsewhere) == {"a": b"x"}


def _content(size: int) -> bytes:
    return (b"some content " * (size // 13 + 1))[:size]
