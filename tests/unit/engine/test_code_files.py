"""Bytecode that cannot be younger than its source has to have the code of the source, or the step has run other code."""

import os
import py_compile
from importlib.util import cache_from_source

import pytest

from magnus.engine.run.code_files import changed_files, remove_stale_bytecode

SECOND = 1_000_000_000


def module(folder, text, *, compiled, younger=0):
    """A module with bytecode of another text, as an image has it that keeps times in seconds."""
    file = folder / "work.py"
    file.write_text(compiled)
    os.utime(file, ns=(SECOND, SECOND))
    py_compile.compile(str(file), doraise=True)
    file.write_text(text)
    os.utime(file, ns=(SECOND, SECOND))
    os.utime(cache_from_source(str(file)), ns=(SECOND + younger, SECOND + younger))
    status = file.stat()
    return {str(file): (status.st_mtime_ns, status.st_ctime_ns, status.st_dev, status.st_ino, status.st_size)}


CODE = "LIMIT = 1\ndef f(x):\n    return x + LIMIT\n"


@pytest.mark.parametrize(
    ("compiled", "expected"),
    {CODE: 0, CODE.replace("x + L", "x - L"): 1, CODE.replace("= 1", "= 2"): 1}.items(),
    ids=["the same code", "another function", "another constant"],
)
def test_bytecode_of_the_same_time_is_compared_with_its_source(tmp_path, compiled, expected):
    statuses = module(tmp_path, CODE, compiled=compiled)
    assert len(list(changed_files(statuses, ()))) == expected


@pytest.mark.parametrize("damage", [b"", b"0" * 16, b"0" * 40])
def test_bytecode_that_cannot_be_read_is_not_the_code_of_its_source(tmp_path, damage):
    statuses = module(tmp_path, CODE, compiled=CODE)
    [file] = statuses
    with open(cache_from_source(file), "wb") as bytecode:
        bytecode.write(damage)
    os.utime(cache_from_source(file), ns=(SECOND, SECOND))
    assert list(changed_files(statuses, ())) == [file]


def test_a_source_that_cannot_be_compiled_has_no_bytecode(tmp_path):
    statuses = module(tmp_path, "def f(:\n", compiled=CODE)
    assert list(changed_files(statuses, ())) == list(statuses)


def test_younger_bytecode_is_taken_for_that_of_its_source_as_python_does(tmp_path):
    assert list(changed_files(module(tmp_path, CODE, compiled=CODE, younger=1), ())) == []


def test_bytecode_of_the_same_time_is_removed_where_it_can_be(tmp_path):
    statuses = module(tmp_path, CODE, compiled=CODE)
    remove_stale_bytecode(statuses.items())
    assert not os.path.exists(cache_from_source(next(iter(statuses))))
