"""The tutorial runs as it is printed: its files are the files of the example, and its commands print what it shows."""

import json
import re
import shutil
from itertools import pairwise
from pathlib import Path

import pytest
from printed_pages import blocks, files, follow

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/tutorial"
CHAPTERS = sorted((ROOT / "docs/tutorial").glob("[1-9]-*.md"))
NOTEBOOK = "look.ipynb"


def test_there_are_five_chapters_that_lead_to_the_next():
    assert len(CHAPTERS) == 5
    for chapter, following in pairwise(CHAPTERS):
        assert re.search(rf"^Next: \[.*\]\({re.escape(following.name)}\)\.$", chapter.read_text(), re.MULTILINE)
        assert f"]({chapter.name})" in following.read_text()


def test_the_files_of_the_chapters_are_those_of_the_example():
    example = {file.name: file.read_text() for file in EXAMPLE.iterdir() if file.is_file() and file.name != NOTEBOOK}
    assert files(*CHAPTERS) == example


def test_the_cells_of_the_notebook_are_shown():
    cells = json.loads((EXAMPLE / NOTEBOOK).read_text())["cells"]
    shown = [text for language, title, text in blocks(CHAPTERS[2]) if language == "python" and not title]
    assert shown == ["".join(cell["source"]) + "\n" for cell in cells if cell["cell_type"] == "code"]


@pytest.mark.kernel
@pytest.mark.slow
def test_the_chapters_one_after_the_other(folder):
    shutil.copy(EXAMPLE / NOTEBOOK, folder.path)
    for chapter in CHAPTERS:
        follow(chapter, folder.path, folder.environment)
