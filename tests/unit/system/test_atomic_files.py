"""Files that are there as a whole or not at all."""

import errno
import os

import pytest

from magnus.cli.console import write_file
from magnus.errors import InvalidInput
from magnus.system.atomic_files import NewNames, temporary_file, write_all, write_text
from magnus.system.system_calls import REAL, SystemCalls


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


def test_a_link_stays_one_and_a_pipe_takes_the_text(tmp_path):
    (tmp_path / "link").symlink_to("a")
    write_text(tmp_path / "link", "old")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "a").read_text() == "new"
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_text(tmp_path / "pipe", "through")
    assert os.read(reader, 100) == b"through"
    os.close(reader)
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize("size", [0, 1, 256 * 1024, 256 * 1024 + 1, 3_000_000])
@pytest.mark.parametrize("most", [1 << 40, 100_000])
def test_all_is_written_in_pieces_also_by_a_system_that_takes_less(size, most):
    taken = []

    def write(_descriptor, data):
        taken.append(bytes(data[:most]))
        return len(taken[-1])

    content = bytes(range(251)) * (size // 251 + 1)
    write_all(0, content[:size], SystemCalls(write=write))
    assert b"".join(taken) == content[:size]
    assert max(map(len, taken)) <= 256 * 1024


def test_the_write_after_a_short_one_says_why():
    pieces = iter([10, OSError(errno.ENOSPC, "full")])

    def write(_descriptor, _data):
        piece = next(pieces)
        if isinstance(piece, OSError):
            raise piece
        return piece

    with pytest.raises(OSError, match="full"):
        write_all(0, b"x" * 20, SystemCalls(write=write))


def test_new_names_differ():
    names = [NewNames("a/") for _ in range(3)]
    assert len({new.next() for new in names for _ in range(100)}) == 300


@pytest.mark.parametrize("is_renamed", [True, False])
def test_a_temporary_file_is_gone_after_an_error_and_stays_only_where_it_was_renamed(tmp_path, is_renamed):
    def use(name, action):
        with temporary_file(str(tmp_path / name), REAL, is_renamed=is_renamed) as (temporary, descriptor):
            write_all(descriptor, b"content", REAL)
            action(temporary)

    def fail(_temporary):
        raise ValueError("of the caller")

    with pytest.raises(ValueError, match="of the caller"):
        use("a", fail)
    use("b", lambda temporary: REAL.replace(temporary, str(tmp_path / "renamed")))
    assert [file.name for file in tmp_path.iterdir()] == ["renamed"]
    assert (tmp_path / "renamed").read_bytes() == b"content"
