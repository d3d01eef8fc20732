"""Pictures and notebooks from the catalog in a report."""

import base64
import json
from io import BytesIO

import pytest

from magnus.app.report.model import Cell, File, Output, Row
from magnus.app.report.pictures import Pictures
from magnus.errors import CatalogError

PNG = b"\x89PNG\r\n\x1a\n and so on"
SVG = b"<svg xmlns='http://www.w3.org/2000/svg'/>"


class _Catalog:
    def __init__(self, **contents):
        self.contents = contents

    def open(self, name, data_hash, size):
        if data_hash not in self.contents:
            raise CatalogError(f"'{name}' is not in the catalog")
        return BytesIO(self.contents[data_hash])


def file(name, data_hash="a", size=24, *, stage="put", place="here"):
    return File(name, stage, size, data_hash, place)


def with_pictures(*files, budget=1_000, **contents):
    pictures = Pictures(_Catalog(**contents), budget)
    pictures.add([Row(0, "s", "task", "SUCCESS", files=list(files))])
    return pictures


def test_each_content_is_there_once():
    one, same, other = file("p.png"), file("q.PNG"), file("r.svg", "b")
    pictures = with_pictures(one, same, other, a=PNG, b=SVG)
    assert (one.image, same.image, other.image) == (0, 0, 1)
    assert pictures.images[0].type == "image/png"
    assert base64.b64decode(pictures.images[0].content) == PNG
    assert pictures.images[1].type == "image/svg+xml"


def test_the_smallest_come_first_and_others_say_why_they_are_missing():
    large, small = file("large.png", "a", 900), file("small.png", "b", 20)
    pictures = with_pictures(large, small, budget=200, a=PNG, b=PNG)
    assert small.image == 0
    assert large.reason == "it does not fit into the 200 B for pictures; see --pictures"
    assert len(pictures.images) == 1


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("p.png", b"<svg></svg>", "it is no PNG picture"),
        ("p.jpg", PNG, "it is no JPG picture"),
        ("p.svg", b"<html>", "it is no SVG picture"),
        ("p.ipynb", b"[]", "it is no notebook that can be read"),
        ("p.ipynb", b"[" * 100_000, "it is no notebook that can be read"),
    ],
)
def test_content_of_another_kind_is_not_shown(name, content, reason):
    shown = file(name)
    pictures = with_pictures(shown, a=content)
    assert shown.reason == reason
    assert (pictures.images, pictures.notebooks) == ([], [])


def test_content_that_is_gone_says_so():
    shown = file("p.png")
    with_pictures(shown)
    assert shown.reason == "'p.png' is not in the catalog"


def test_other_files_and_those_that_a_step_gets_or_does_not_store_are_left_alone():
    others = [file("p.csv"), file("p.png", stage="get"), file("p.png", place=""), file("png")]
    with_pictures(*others, a=PNG)
    assert not any(other.image is not None or other.reason for other in others)


def test_a_notebook_is_its_cells_with_texts_and_pictures():
    picture = base64.b64encode(PNG).decode()
    cells = [
        {"cell_type": "markdown", "source": ["# A title\n", "text"]},
        {"cell_type": "code", "source": "plot()", "outputs": [
            {"output_type": "stream", "name": "stdout", "text": ["one\n", "two\n"]},
            {"output_type": "display_data", "data": {"image/png": picture + "\n", "text/plain": "<Figure>"}},
            {"output_type": "execute_result", "data": {"text/html": "<script>", "text/plain": ["a  b"]}},
            {"output_type": "display_data", "data": {"image/png": "no base64!", "text/html": "<b>"}},
            {"output_type": "error", "ename": "E", "evalue": "v", "traceback": ["\x1b[31mE\x1b[0m: v"]},
        ]},
    ]  # fmt: skip
    content = json.dumps({"cells": cells}).encode()
    shown = file("n.ipynb", size=len(content))
    pictures = with_pictures(shown, budget=10_000, a=content)
    assert shown.notebook == 0
    title, code = pictures.notebooks[0].cells
    assert title == Cell("markdown", "# A title\ntext")
    assert code.outputs == [
        Output("one\ntwo\n"),
        Output("<Figure>", 0),
        Output("a  b"),
        Output("E: v", is_error=True),
    ]
    assert pictures.images[0].content == picture


def test_a_long_notebook_says_how_many_cells_are_left_out():
    cells = [{"cell_type": "code", "source": "x" * 3_000, "outputs": []}] * 100
    content = json.dumps({"cells": cells}).encode()
    shown = file("n.ipynb", size=len(content))
    pictures = with_pictures(shown, budget=len(content), a=content)
    [notebook] = pictures.notebooks
    assert 20 < len(notebook.cells) < 30
    assert notebook.left_out == 100 - len(notebook.cells)
