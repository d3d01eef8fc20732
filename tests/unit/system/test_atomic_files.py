"""Files that are there as a whole or not at all."""

import pytest

from magnus.cli.console import write_file
from magnus.errors import InvalidInput
from magnus.system.atomic_files import write_text


@pytest.mark.parametrize("name", ["a.txt", "x" * 255, "漢" * 80])
def test_a_file_is_written_and_replaced_and_nothing_else_is_left(tmp_path, name):
    for text in ("old", "ä new"):
        write_text(tmp_path / name, text)
        assert (tmp_path / name).read_text("utf-8") == text
    assert [*tmp_path.iterdir()] == [tmp_path / name]


def test_a_file_that_cannot_be_written_leaves_the_old_file(tmp_path):
    write_text(tmp_path / "a", "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "a", "\ud800")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InvalidInput, match="cannot be written"):
        write_file(tmp_path / "folder", "text")
    assert sorted(tmp_path.iterdir()) == [tmp_path / "a", tmp_path / "folder"]
    assert (tmp_path / "a").read_text() == "old"
