"""Hashes of files are remembered as long as nothing says that the file has changed."""

import os

import pytest

from magnus.catalogs.file_system.hash_cache import HashCache
from magnus.system.system_calls import SystemCalls

HASH, OTHER = "a" * 64, "b" * 64
LARGE = 2 * 1024 * 1024


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "hashes"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a file"
    path.write_bytes(b"content")
    return path


def opened(folder, **calls):
    return HashCache(str(folder), SystemCalls(**calls))


def later(status, *, seconds=2.0):
    """A time so many seconds after the file was changed."""
    return max(status.st_mtime_ns, status.st_ctime_ns) + int(seconds * 1e9)


def remembered(folder, file, data_hash=HASH, *, seconds=2.0):
    cache, status = opened(folder), file.stat()
    cache.remember(str(file), status, data_hash, read_at=later(status, seconds=seconds))
    cache.save()
    return cache


def test_a_file_left_alone_for_two_seconds_is_known(folder, file):
    assert remembered(folder, file).find(str(file), file.stat()) == HASH


def test_a_file_hashed_sooner_after_it_was_changed_is_not_known(folder, file):
    assert remembered(folder, file, seconds=1.999).find(str(file), file.stat()) == ""


def test_a_file_from_the_future_is_not_known(folder, file):
    os.utime(file, (2**33, 2**33))
    cache = opened(folder)
    cache.remember(str(file), file.stat(), HASH, read_at=file.stat().st_ctime_ns + 10**10)
    assert cache.find(str(file), file.stat()) == ""


def test_another_process_knows_what_was_saved(folder, file):
    remembered(folder, file)
    assert opened(folder).find(str(file), file.stat()) == HASH


def test_what_was_not_saved_is_known_here_alone(folder, file):
    cache = opened(folder)
    cache.remember(str(file), file.stat(), HASH, read_at=later(file.stat()))
    assert cache.find(str(file), file.stat()) == HASH
    assert opened(folder).find(str(file), file.stat()) == ""


def change_content(file):
    file.write_bytes(b"CONTENT")


def change_size(file):
    before = file.stat()
    file.write_bytes(b"longer content")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def put_the_time_back(file):
    before = file.stat()
    file.write_bytes(b"CONTENT")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace_it(file):
    before = file.stat()
    other = file.with_name("other")
    other.write_bytes(b"CONTENT")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(file)


def test_a_file_with_one_more_name_is_known_and_no_other_change_is_carried(folder, file):
    os.utime(file, (1, 1))
    cache, before = remembered(folder, file), file.stat()
    os.link(file, file.with_name("another"))
    after = file.stat()
    cache.carry(str(file), before, after)
    cache.save()
    assert opened(folder).find(str(file), after) == HASH
    for change in (change_content, change_size, replace_it):
        before = file.stat()
        change(file)
        cache.carry(str(file), before, file.stat())
        assert cache.find(str(file), file.stat()) == ""


def test_a_hash_is_carried_only_from_the_status_it_belongs_to(folder, file):
    cache = remembered(folder, file)
    file.chmod(0o600)
    before = file.stat()
    os.link(file, file.with_name("another"))
    cache.carry(str(file), before, file.stat())
    assert cache.find(str(file), file.stat()) == ""


@pytest.mark.parametrize("change", [change_content, change_size, put_the_time_back, replace_it])
def test_a_changed_file_is_not_known(folder, file, change):
    os.utime(file, (1, 1))
    cache = remembered(folder, file)
    change(file)
    assert cache.find(str(file), file.stat()) == ""
    assert opened(folder).find(str(file), file.stat()) == ""


def test_the_last_hash_of_a_path_counts(folder, file):
    remembered(folder, file, OTHER)
    remembered(folder, file, HASH)
    assert opened(folder).find(str(file), file.stat()) == HASH


def test_a_large_file_is_guessed_when_it_has_its_size_again(folder, file):
    os.truncate(file, LARGE)
    cache = remembered(folder, file, seconds=0)
    assert cache.find(str(file), file.stat()) == ""
    assert cache.guess(str(file), LARGE) == opened(folder).guess(str(file), LARGE) == HASH
    assert cache.guess(str(file), LARGE + 1) == ""
    assert cache.guess(str(file) + "x", LARGE) == ""


@pytest.mark.parametrize("name", ["a\nb", "a b", "ü", "\udcff", '"', "\\"])
def test_awkward_names_are_known(folder, tmp_path, name):
    file = tmp_path / name
    file.write_bytes(b"")
    remembered(folder, file)
    assert opened(folder).find(str(file), file.stat()) == HASH


def test_many_files_are_known(folder, tmp_path):
    cache = opened(folder)
    files = [tmp_path / str(number) for number in range(500)]
    for number, file in enumerate(files):
        file.write_bytes(b"")
        cache.remember(str(file), file.stat(), f"{number:064}", read_at=later(file.stat()))
    cache.save()
    again = opened(folder)
    assert [again.find(str(file), file.stat()) for file in files] == [f"{number:064}" for number in range(500)]


@pytest.mark.parametrize("damage", [b"", b"\0" * 1000, b"\xff\n\n \n", b"00000000 a b c d e f g\n"])
def test_a_damaged_shard_is_as_good_as_none_and_can_be_added_to(folder, file, damage):
    remembered(folder, file)
    [shard] = folder.iterdir()
    shard.write_bytes(damage)
    cache = opened(folder)
    assert cache.find(str(file), file.stat()) == ""
    remembered(folder, file)
    assert opened(folder).find(str(file), file.stat()) == HASH


def test_one_changed_byte_makes_a_line_unknown(folder, file):
    remembered(folder, file)
    [shard] = folder.iterdir()
    data = shard.read_bytes()
    for position in range(len(data) - 1):
        if data[position : position + 1] in {b"\n", b" "}:
            continue
        shard.write_bytes(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])
        assert opened(folder).find(str(file), file.stat()) == "", position


def test_a_shard_that_is_a_link_is_not_read(folder, file, tmp_path):
    remembered(folder, file)
    [shard] = folder.iterdir()
    shard.replace(tmp_path / "elsewhere")
    shard.symlink_to(tmp_path / "elsewhere")
    assert opened(folder).find(str(file), file.stat()) == ""


def test_a_shard_does_not_grow_for_ever(folder, file):
    os.truncate(file, LARGE)
    cache, status = opened(folder), file.stat()
    for _ in range(5000):
        cache.remember(str(file), status, HASH, read_at=later(status))
        cache.save()
    [shard] = folder.iterdir()
    assert shard.stat().st_size < 600 * 1024
    assert opened(folder).find(str(file), status) in {HASH, ""}


def fail(*_arguments):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("call", ["open", "write"])
def test_a_cache_that_cannot_be_written_knows_what_it_knows(folder, file, call):
    cache = opened(folder, **{call: fail})
    cache.remember(str(file), file.stat(), HASH, read_at=later(file.stat()))
    cache.save()
    assert cache.find(str(file), file.stat()) == HASH
    assert opened(folder).find(str(file), file.stat()) == ""
