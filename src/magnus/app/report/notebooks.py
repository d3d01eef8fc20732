"""Reads an executed notebook for a report: sources, and outputs as text or pictures. Its HTML and scripts are left out."""

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

from magnus.app.report.interned_texts import readable_log, shortened
from magnus.app.report.model import Cell, Notebook, Output
from magnus.values import Json

_MOST_CELLS: Final = 200
_MOST_TEXT: Final = 64_000
_MOST_OUTPUTS: Final = 20
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_PICTURES: Final = ("image/png", "image/jpeg")
_SVG: Final = "image/svg+xml"

AddImage: TypeAlias = Callable[[str, str], int]
"""Takes the media type and the base64 of an image, and returns the number of the image in the report."""


def read_notebook(content: bytes, add_image: AddImage) -> Notebook | None:
    """The notebook, its first cells if it is long; None if the content is no notebook."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return None
    cells = document.get("cells") if isinstance(document, dict) else None
    if not isinstance(cells, list):
        return None
    shown: list[Cell] = []
    length = 0
    for cell in cells[:_MOST_CELLS]:
        if isinstance(cell, dict):
            shown.append(_cell(cell, add_image))
            length += len(shown[-1].source) + sum(len(output.text) for output in shown[-1].outputs)
        if length > _MOST_TEXT:
            break
    return Notebook(shown, len(cells) - len(shown))


def _cell(cell: Mapping[str, Json], add_image: AddImage) -> Cell:
    outputs = cell.get("outputs")
    listed = outputs[:_MOST_OUTPUTS] if isinstance(outputs, list) else []
    made = [made for output in listed if isinstance(output, dict) for made in _outputs(output, add_image)]
    return Cell(str(cell.get("cell_type", "")), shortened(_joined(cell.get("source"))), made)


def _outputs(output: Mapping[str, Json], add_image: AddImage) -> Iterator[Output]:
    """The output of a cell in the form that says most of those a page can show safely."""
    match output:
        case {"output_type": "error", **more}:
            lines = more.get("traceback")
            text = (
                "\n".join(map(str, lines)) if isinstance(lines, list) else f"{more.get('ename')}: {more.get('evalue')}"
            )
            yield Output(_readable(text), is_error=True)
        case {"output_type": "stream", **more}:
            yield Output(_readable(_joined(more.get("text"))), is_error=more.get("name") == "stderr")
        case {"data": dict(data)}:
            text = _readable(_joined(data.get("text/plain")))
            image = _image(data, add_image)
            if image is not None or text:
                yield Output(text, image)
        case _:
            return


def _image(data: Mapping[str, Json], add_image: AddImage) -> int | None:
    for media_type in _PICTURES:
        content = "".join(_joined(data.get(media_type)).split())
        if _BASE64.fullmatch(content):
            return add_image(media_type, content)
    drawing = _joined(data.get(_SVG))
    return add_image(_SVG, base64.b64encode(drawing.encode(errors="replace")).decode()) if "<svg" in drawing else None


def _readable(text: str) -> str:
    return shortened(readable_log(text.encode(errors="replace")))


def _joined(text: Json) -> str:
    """The text, which a notebook has as one text or as its lines."""
    if isinstance(text, list):
        return "".join(map(str, text))
    return text if isinstance(text, str) else ""
