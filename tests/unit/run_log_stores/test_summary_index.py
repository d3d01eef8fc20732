"""What stores remember of runs for listings is never out of date, and can be lost at any time."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from msgspec.structs import replace

from magnus.run_log.records import Status
from magnus.run_log.summary import DamagedRun, RunSummary, summary
from magnus.run_log_stores.chunked_file_system import ChunkedOptions, ChunkedRunLogStore
from magnus.run_log_stores.file_system import FileSystemOptions, FileSystemRunLogStore
from magnus.system.system_calls import SystemCalls
from magnus.testing.records import run_record, step_record

LONG_AGO = 1_600_000_000


class Place:
    """A log folder; its runs can be made old, and what is opened is counted."""

    def __init__(self, kind, folder):
        self.folder = folder / ".run_log_store"
        self._kind, self._working_directory = kind, folder
        self.opened = []

    def store(self, **calls):
        def open_file(path, flags, mode):
            self.opened.append(Path(path).name)
            return os.open(path, flags, mode)

        system = SystemCalls(**{"open": open_file, **calls})
        if self._kind == "chunked-fs":
            return ChunkedRunLogStore(ChunkedOptions(), self._working_directory, system=system)
        return FileSystemRunLogStore(FileSystemOptions(), self._working_directory, system=system)

    def file(self, run_id):
        return self.folder / ".runs" / run_id if self._kind == "chunked-fs" else self.folder / f"{run_id}.jsonl"

    def records(self):
        return (self.folder / ".runs").glob("*") if self._kind == "chunked-fs" else self.folder.glob("*.jsonl")

    def make_old(self, when=LONG_AGO):
        for file in self.records():
            with suppress(FileNotFoundError):  # made under another name, and renamed by now
                os.utime(file, (when, when))

    @property
    def index(self):
        return self.folder / ".summaries"

    def listed(self, store=None):
        """What is listed, and the names of the files with records that were read for it."""
        self.opened.clear()
        found = (store or self.store()).summaries()
        return list(found), [name for name in self.opened if not name.startswith(".")]


@pytest.fixture(params=["file-system", "chunked-fs"])
def place(request, tmp_path):
    return Place(request.param, tmp_path)


@pytest.fixture
def three(place):
    for run_id in "abc":
        place.store().create_run(run_record(run_id))
    place.make_old()
    return place


EXPECTED = [summary(run_record(run_id)) for run_id in "abc"]


def test_a_second_listing_reads_no_record(three):
    assert three.listed() == (EXPECTED, [three.file(run_id).name for run_id in "abc"])
    assert three.listed() == (EXPECTED, [])


def test_what_has_changed_is_read_again_and_nothing_else(three):
    three.listed()
    ended = run_record("b", status=Status.SUCCESS)
    three.store().update_run(ended)
    found, read = three.listed()
    assert found == [EXPECTED[0], summary(ended), EXPECTED[2]]
    assert read == [three.file("b").name]


def test_a_file_of_the_same_size_and_time_is_known_for_another_one(three):
    three.listed()
    file = three.file("b")
    other = replace(run_record("b"), tag="other")
    size = file.stat().st_size
    three.store().remove_run("b")
    three.store().create_run(replace(other, owner=replace(other.owner, host="a")))
    os.utime(file, (LONG_AGO, LONG_AGO))
    assert file.stat().st_size == size
    assert three.listed()[0][1].tag == "other"


def test_what_changed_just_now_is_not_remembered(place):
    place.store().create_run(run_record("a"))
    for _ in range(2):
        assert place.listed() == ([EXPECTED[0]], [place.file("a").name])
    assert not place.index.exists()


def test_removed_runs_are_forgotten(three):
    three.listed()
    three.store().remove_run("b")
    assert three.listed()[0] == [EXPECTED[0], EXPECTED[2]]
    assert b'"b"' not in three.index.read_bytes()


@pytest.mark.parametrize("damage", ["empty", "half", "changed", "version", "garbage", "folder"])
def test_a_damaged_index_is_made_anew(three, damage):
    three.listed()
    whole = three.index.read_bytes()
    match damage:
        case "empty":
            three.index.write_bytes(b"")
        case "half":
            three.index.write_bytes(whole[: len(whole) // 2])
        case "changed":
            three.index.write_bytes(whole.replace(b"PROCESSING", b"SUCCESS"))
        case "version":
            three.index.write_bytes(b"9" + whole[1:])
        case "garbage":
            three.index.write_bytes(os.urandom(1000))
        case "folder":
            three.index.unlink()
            three.index.mkdir()
    assert three.listed() == (EXPECTED, [three.file(run_id).name for run_id in "abc"])
    assert damage == "folder" or three.index.read_bytes() == whole


def test_what_cannot_be_remembered_is_listed_all_the_same(three):
    def fail(*_arguments):
        raise OSError(28, "no space left on device")

    assert three.listed(three.store(replace=fail))[0] == EXPECTED
    assert three.listed(three.store(write=fail))[0] == EXPECTED
    assert [file.name for file in three.folder.iterdir() if file.name.startswith((".new", ".summaries"))] == []
    assert three.listed()[0] == EXPECTED


def test_a_damaged_record_is_listed_as_damaged_each_time(three):
    three.listed()
    three.file("b").write_bytes(b"garbage\n")
    three.make_old()
    for _ in range(2):
        first, damaged, last = three.listed()[0]
        assert (first, last) == (EXPECTED[0], EXPECTED[2])
        assert isinstance(damaged, DamagedRun)
        assert damaged.run_id == "b"
        assert str(three.file("b")) in damaged.problem


def test_listings_beside_writers_are_right(three):
    stores = [three.store() for _ in range(4)]

    def write(number):
        for turn in range(20):
            stores[0].create_run(run_record(f"new-{number}-{turn}"))
            stores[0].update_run(run_record(f"new-{number}-{turn}", status=Status.SUCCESS))

    def read(number):
        for _ in range(20):
            found = stores[number].summaries()
            assert {run.run_id for run in found} >= set("abc")
            assert all(isinstance(run, RunSummary) for run in found)
            three.make_old()

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda number: (write if number == 0 else read)(number), range(4)))
    assert [run.status for run in three.listed()[0] if run.run_id.startswith("new")] == [Status.SUCCESS] * 20


def file_system(tmp_path):
    return FileSystemRunLogStore(FileSystemOptions(), tmp_path)


def test_the_last_record_of_the_run_counts_wherever_it_stands(tmp_path):
    store = file_system(tmp_path)
    store.create_run(run_record("a"))
    store.update_run(run_record("a", status=Status.FAIL))
    for number in range(40):
        store.put_step("a", replace(step_record(f"step {number}"), message="m" * 30_000))
    assert store.summaries() == [summary(run_record("a", status=Status.FAIL))]


@pytest.mark.parametrize(
    "torn", [b'\n{"crc":"00000000","run":"a"', b'\n{"crc":"00000000","run":"a","status":"FAIL"}\n']
)
def test_what_a_writer_that_died_left_does_not_count(tmp_path, torn):
    store = file_system(tmp_path)
    store.create_run(run_record("a", status=Status.SUCCESS))
    with (tmp_path / ".run_log_store" / "a.jsonl").open("ab") as file:
        file.write(torn)
    assert store.summaries() == [summary(store.get_run("a"))] == [summary(run_record("a", status=Status.SUCCESS))]


def test_a_large_record_of_the_run_is_found(tmp_path):
    store = file_system(tmp_path)
    large = replace(run_record("a"), run_config={"dag": {"name": "large", "steps": "s" * 500_000}})
    store.create_run(large)
    assert store.summaries() == [summary(large)]
