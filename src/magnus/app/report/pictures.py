"""Puts pictures and executed notebooks from the catalog into a report, as far as its size budget allows."""

import base64
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Final

from magnus.app.report.model import File, Image, Notebook, Row
from magnus.app.report.notebooks import read_notebook
from magnus.app.text.units import size
from magnus.errors import CatalogError
from magnus.interfaces.catalog import Catalog

DEFAULT_BUDGET: Final = 4_000_000
"""The bytes of pictures and notebooks in a report, as they are in the catalog, if the user says nothing else."""

_NOTEBOOK: Final = ".ipynb"
_TYPES: Final = {
    ".png": ("image/png", b"\x89PNG\r\n\x1a\n"),
    ".jpg": ("image/jpeg", b"\xff\xd8\xff"),
    ".jpeg": ("image/jpeg", b"\xff\xd8\xff"),
    ".svg": ("image/svg+xml", b""),
}
"""The media type of files with this ending, and how their content starts."""


class Pictures:
    """Collects the pictures and notebooks of a report, each content once; without a catalog there are none.

    Attributes:
        images: the images, in the order of their numbers.
        notebooks: the notebooks, likewise.
    """

    def __init__(self, catalog: Catalog | None, budget: int) -> None:
        self._catalog = catalog
        self._budget = budget
        self._remaining = budget
        self.images: list[Image] = []
        self.notebooks: list[Notebook] = []

    def add(self, rows: Sequence[Row]) -> None:
        """Give files of the rows their pictures and notebooks, the smallest first, or the reason why they have none."""
        by_content: dict[tuple[str, bool], list[File]] = {}
        for file in _shown_files(rows) if self._catalog is not None else ():
            by_content.setdefault((file.data_hash, _is_notebook(file)), []).append(file)
        for files in sorted(by_content.values(), key=lambda files: files[0].size):
            self._add(files)

    def _add(self, files: Sequence[File]) -> None:
        first = files[0]
        try:
            content = self._content(first)
            numbers = self._notebook(content) if _is_notebook(first) else self._image(first, content)
        except (CatalogError, _LeftOut) as error:
            reason = error.problems[0].message if isinstance(error, CatalogError) else str(error)
            for file in files:
                file.reason = reason
            return
        for file in files:
            file.image, file.notebook = numbers

    def _content(self, file: File) -> bytes:
        if file.size > self._remaining:
            raise _LeftOut(f"it does not fit into the {size(self._budget)} for pictures; see --pictures")
        assert self._catalog is not None
        with self._catalog.open(file.name, file.data_hash, file.size) as stream:
            content = stream.read(file.size + 1)
        self._remaining -= len(content)
        return content

    def _image(self, file: File, content: bytes) -> tuple[int | None, int | None]:
        media_type, start = _TYPES[_ending(file)]
        if not content.startswith(start) or (not start and b"<svg" not in content):
            raise _LeftOut(f"it is no {_ending(file)[1:].upper()} picture")
        return self._number_of(media_type, base64.b64encode(content).decode()), None

    def _notebook(self, content: bytes) -> tuple[int | None, int | None]:
        notebook = read_notebook(content, self._number_of)
        if notebook is None:
            raise _LeftOut("it is no notebook that can be read")
        self.notebooks.append(notebook)
        return None, len(self.notebooks) - 1

    def _number_of(self, media_type: str, content: str) -> int:
        self.images.append(Image(media_type, content))
        return len(self.images) - 1


class _LeftOut(Exception):
    """The reason why a file is not in the report."""


def _shown_files(rows: Sequence[Row]) -> Iterator[File]:
    """The stored files that are pictures or notebooks by their names, and that a step put."""
    for row in rows:
        for file in row.files:
            if file.place and file.stage == "put" and (_ending(file) in _TYPES or _is_notebook(file)):
                yield file


def _ending(file: File) -> str:
    return PurePosixPath(file.name).suffix.lower()


def _is_notebook(file: File) -> bool:
    return _ending(file) == _NOTEBOOK
