"""The run log store in files, beyond the contract of all stores."""

import errno
import json
import os
import subprocess
import sys
import tracemalloc
import zlib
from pathlib import Path

import pytest
from msgspec.structs import replace

from magnus.definition.fields import read
from magnus.definition.wrong_fields import WrongFields
from magnus.errors import InvalidRunId, RunExists, RunLogStoreError, RunNotFound
from magnus.graph.path import BranchPath
from magnus.interfaces.capabilities import Located
from magnus.interfaces.run_log_store import KeepsDocuments
from magnus.run_log.records import Status
from magnus.run_log_stores.file_system import FileSystemOptions, FileSystemRunLogStore
from magnus.system import atomic_files
from magnus.system.system_calls import SystemCalls
from magnus.testing.records import run_record, step_record

ROOT = BranchPath()


@pytest.fixture
def opened():
    """Opens stores that are closed afterwards."""
    stores = []

    def open_one(folder, **options):
        system = options.pop("system", SystemCalls())
        stores.append(FileSystemRunLogStore(FileSystemOptions(**options), folder, system=system))
        return stores[-1]

    yield open_one
    for store in stores:
        store.close()


@pytest.fixture
def store(opened, tmp_path):
    return opened(tmp_path)


def failing(number):
    def fail(*arguments):
        raise OSError(number, os.strerror(number))

    return fail


def open_files():
    return sum(1 for _ in Path("/dev/fd").iterdir())


def counted(function, calls):
    def count(*arguments):
        result = function(*arguments)
        calls.append((arguments, result))
        return result

    return count


# What is in the folder


def names(folder):
    return sorted(file.name for file in folder.iterdir())


def test_it_keeps_documents_and_says_where_it_is(store, tmp_path):
    assert isinstance(store, KeepsDocuments)
    assert isinstance(store, Located)
    assert store.location == tmp_path / ".run_log_store"


def test_unknown_options_are_refused():
    with pytest.raises(WrongFields):
        read(FileSystemRunLogStore.options, {"log_foldr": "x"})


def test_an_absolute_folder_is_used_as_it_is(opened, tmp_path):
    assert opened(tmp_path / "work", log_folder=str(tmp_path / "logs")).location == tmp_path / "logs"


def test_the_folder_is_made_by_the_first_run_only(opened, tmp_path):
    store = opened(tmp_path, log_folder="not/there/yet")
    assert list(store.list_runs()) == []
    assert not (tmp_path / "not").exists()
    store.create_run(run_record("a"))
    assert names(tmp_path / "not/there/yet") == [".gitignore", "a.jsonl"]


def test_every_record_is_a_line_of_json_with_its_checksum(store):
    store.create_run(run_record("a"))
    store.put_step("a", step_record("ünïcödé"))
    lines = [line for line in (store.location / "a.jsonl").read_bytes().split(b"\n") if line]
    assert [next(key for key in json.loads(line) if key != "crc") for line in lines] == ["run", "step"]
    for line in lines:
        assert line[:8] + line[16:18] == b'{"crc":"",'
        assert int(line[8:16], 16) == zlib.crc32(line[18:])


def test_names_that_are_no_runs_are_not_listed(store):
    store.create_run(run_record("a"))
    store.write_document("a", iter(["{}"]))
    for name in (".new-1-0", ".new.jsonl", "notes.txt"):
        (store.location / name).touch()
    assert list(store.list_runs()) == ["a"]


def test_what_a_crash_left_of_a_creation_is_passed_over(store):
    store.location.mkdir()
    for number in range(3):
        (store.location / f".new-{os.getpid()}-{number}").touch()
    store.create_run(run_record("a"))
    assert store.get_run("a") == run_record("a")


def test_the_document_is_replaced_whole(store):
    store.create_run(run_record("a"))
    document = store.location / "a.json"
    store.write_document("a", iter(["first"]))
    store.write_document("a", ("x" * 1000 + "ü" for _ in range(300)))
    assert document.read_text(encoding="utf-8") == ("x" * 1000 + "ü") * 300
    assert names(store.location) == [".gitignore", "a.json", "a.jsonl"]


@pytest.mark.parametrize("error", [RunLogStoreError("no more"), KeyboardInterrupt()])
def test_a_document_whose_text_breaks_off_leaves_the_old_one_and_nothing_else(store, error):
    def broken():
        yield "half"
        raise error

    store.create_run(run_record("a"))
    store.write_document("a", iter(["whole"]))
    with pytest.raises(type(error)):
        store.write_document("a", broken())
    assert (store.location / "a.json").read_text() == "whole"
    assert names(store.location) == [".gitignore", "a.json", "a.jsonl"]


# What it costs


def test_a_put_is_one_write_that_begins_and_ends_with_a_newline(opened, tmp_path):
    writes = []
    store = opened(tmp_path, system=SystemCalls(write=counted(os.write, writes)))
    store.create_run(run_record("a"))
    writes.clear()
    store.put_step("a", step_record())
    ((_, line), _), *others = writes
    assert not others
    assert (line[:1], line[-1:], line.count(b"\n")) == (b"\n", b"\n", 2)


def test_what_is_synced_to_the_disk(opened, tmp_path):
    syncs = []
    system = SystemCalls(fsync=counted(os.fsync, syncs))

    def synced(action):
        syncs.clear()
        action()
        return len(syncs)

    store = opened(tmp_path, system=system)
    assert synced(lambda: store.create_run(run_record("a"))) == 3  # the folder made, the file, the name in the folder
    assert synced(lambda: store.create_run(run_record("b"))) == 2
    assert synced(lambda: store.put_step("a", step_record())) == 0
    assert synced(lambda: store.put_step("a", step_record("b"), durable=True)) == 1
    assert synced(lambda: store.update_run(run_record("a"))) == 1
    assert synced(lambda: store.write_document("a", iter("x"))) == 1
    durable = opened(tmp_path, durable=True, system=system)
    assert synced(lambda: durable.put_step("a", step_record("c"))) == 1


def test_a_step_that_was_put_is_read_without_reading_the_others(opened, tmp_path):
    reads = []
    store = opened(tmp_path, system=SystemCalls(read_at=counted(os.pread, reads)))
    store.create_run(run_record("a"))

    def bytes_read(position):
        step = step_record(f"step {position:04}", position=position)
        store.put_step("a", step)
        store.put_step("a", step_record("another", position=position, status=Status.FAIL))
        reads.clear()
        assert store.get_step("a", step.path) == step
        return len(reads), sum(len(data) for _, data in reads)

    costs = [bytes_read(position) for position in range(1000)]
    assert costs[-1] == (1, len((store.location / "a.jsonl").read_bytes().split(b"\n")[-4]))
    assert len({count for count, _ in costs[1:]}) == 1


def test_the_newest_record_is_read_from_memory_unless_another_stands(opened, tmp_path):
    reads = []
    store = opened(tmp_path, system=SystemCalls(read_at=counted(os.pread, reads)))
    store.create_run(run_record("a"))
    assert store.get_step("a", step_record().path) is None
    first, late = step_record("a"), step_record("a", position=7)
    store.put_step("a", first)
    reads.clear()
    assert store.get_step("a", first.path) == first
    assert sum(len(data) for _, data in reads) == 0
    store.put_step("a", late)
    assert store.get_step("a", first.path) == first
    opened(tmp_path).put_step("a", step_record("b"))
    store.put_step("a", step_record("c"))
    assert store.get_step("a", step_record("b").path) == step_record("b")


def test_a_reader_reads_only_what_was_added(opened, tmp_path):
    reads = []
    writer, reader = opened(tmp_path), opened(tmp_path, system=SystemCalls(read_at=counted(os.pread, reads)))
    writer.create_run(run_record("a"))
    for position in range(300):
        writer.put_step("a", step_record(f"step {position}", position=position))
    assert len(reader.list_steps("a", ROOT)) == 300
    before = (reader.location / "a.jsonl").stat().st_size
    writer.put_step("a", step_record("one more"))
    reads.clear()
    assert reader.get_step("a", step_record("one more").path) is not None
    assert min(offset for (_, _, offset), _ in reads) >= before


def test_a_record_takes_little_memory(store):
    store.create_run(run_record("a"))
    assert list(store.list_steps("a", ROOT)) == []
    tracemalloc.start()
    try:
        for position in range(2000):
            store.put_step("a", step_record(f"step {position}", position=position))
        held = tracemalloc.get_traced_memory()[0]
        assert store.get_step("a", step_record("step 1999").path) is not None
    finally:
        tracemalloc.stop()
    assert held / 2000 < 500


def test_few_runs_are_open_at_a_time(store):
    before = open_files()
    for number in range(60):
        store.create_run(run_record(f"run {number}"))
        store.put_step(f"run {number}", step_record())
    assert open_files() - before < 20
    assert all(store.get_step(run_id, step_record().path) for run_id in store.list_runs())
    store.close()
    assert open_files() == before


# What goes wrong


def test_a_run_that_is_not_there(store, tmp_path):
    with pytest.raises(RunNotFound) as caught:
        store.get_run("a")
    assert str(caught.value) == (
        f"error: there is no run 'a' in '{tmp_path}/.run_log_store'\n  fix: magnus runs lists those there are"
    )


def test_a_run_id_in_use(store, tmp_path):
    store.create_run(run_record("a"))
    with pytest.raises(RunExists) as caught:
        store.create_run(run_record("a"))
    assert str(caught.value) == (
        f"error: there is a run 'a' already in '{tmp_path}/.run_log_store'\n  fix: choose another run id"
    )


@pytest.mark.parametrize(
    ("run_id", "why"),
    [
        ("../x", "it is empty or begins with a dot"),
        ("", "it is empty or begins with a dot"),
        ("a/../x", "it holds a path separator"),
        ("a\0b", "it holds a path separator"),
        ("x" * 250, "it is too long"),
        ("\ud800", "it is not valid text"),
    ],
)
def test_a_run_id_that_cannot_name_a_file(store, tmp_path, run_id, why):
    with pytest.raises(InvalidRunId) as caught:
        store.create_run(run_record(run_id))
    assert str(caught.value) == (
        f"error: the run id '{run_id}' cannot be used: {why}\n  fix: use letters, digits, '-', '_' and '.'"
    )
    with pytest.raises(RunNotFound):
        store.get_run(run_id)
    assert list(tmp_path.iterdir()) == []


def test_the_longest_run_id_can_be_used(store):
    store.create_run(run_record("x" * 249))
    store.write_document("x" * 249, iter("x"))
    assert store.get_run("x" * 249) == run_record("x" * 249)


@pytest.mark.parametrize("folder", ["logs", "logs/below"])
def test_a_file_in_the_place_of_the_log_folder(opened, tmp_path, folder):
    (tmp_path / "logs").touch()
    with pytest.raises(RunLogStoreError) as caught:
        opened(tmp_path, log_folder=folder).create_run(run_record("a"))
    assert str(caught.value) == (
        f"error: the run log store cannot make '{tmp_path}/{folder}': File exists\n"
        "  fix: a file is in the way: remove it, or set `log_folder` of the run log store to another folder"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_log_folder_that_is_not_writable(store, tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(RunLogStoreError, match="Permission denied"):
            store.create_run(run_record("a"))
    finally:
        tmp_path.chmod(0o700)


def test_the_system_refusing_to_make_a_file_is_told_with_what_to_do(opened, tmp_path):
    (tmp_path / ".run_log_store").mkdir()
    with pytest.raises(RunLogStoreError) as caught:
        opened(tmp_path, system=SystemCalls(open=failing(errno.EACCES))).create_run(run_record("a"))
    assert str(caught.value) == (
        f"error: the run log store cannot make '{tmp_path}/.run_log_store/a.jsonl': Permission denied\n"
        "  fix: make it writable, or set `log_folder` of the run log store to a folder that is"
    )


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (errno.ENOSPC, "No space left on device\n  fix: free space on that disk"),
        (errno.EFBIG, "File too large\n  fix: raise the limit on the size of files (`ulimit -f`)"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_a_put_that_the_system_refuses(opened, tmp_path, number, text):
    opened(tmp_path).create_run(run_record("a"))
    with pytest.raises(RunLogStoreError) as caught:
        opened(tmp_path, system=SystemCalls(write=failing(number))).put_step("a", step_record())
    assert str(caught.value) == f"error: the run log store cannot write '{tmp_path}/.run_log_store/a.jsonl': {text}"


def test_a_put_of_which_the_system_takes_a_part(opened, tmp_path):
    store = opened(tmp_path, system=SystemCalls(write=lambda file, data: os.write(file, data[:100])))
    opened(tmp_path).create_run(run_record("a"))
    with pytest.raises(RunLogStoreError) as caught:
        store.put_step("a", step_record())
    assert str(caught.value) == (
        f"error: the run log store cannot write '{tmp_path}/.run_log_store/a.jsonl': "
        "only a part of the record was written"
    )
    assert opened(tmp_path).get_step("a", step_record().path) is None


def test_a_put_without_its_last_newline_is_whole(opened, tmp_path):
    store = opened(tmp_path, system=SystemCalls(write=lambda file, data: os.write(file, data[:-1])))
    opened(tmp_path).create_run(run_record("a"))
    for name in ("a", "b"):
        store.put_step("a", step_record(name))
    for reader in (store, opened(tmp_path)):
        assert reader.list_steps("a", ROOT) == [step_record("a"), step_record("b")]


def test_an_interrupted_put_leaves_the_store_usable(opened, tmp_path):
    interruptions = [KeyboardInterrupt()]

    def interrupted(file, data):
        written = os.write(file, data)
        if interruptions:
            raise interruptions.pop()
        return written

    opened(tmp_path).create_run(run_record("a"))
    store = opened(tmp_path, system=SystemCalls(write=interrupted))
    with pytest.raises(KeyboardInterrupt):
        store.put_step("a", step_record("a"))
    store.put_step("a", step_record("b"))
    assert store.list_steps("a", ROOT) == [step_record("a"), step_record("b")]


def test_a_run_that_may_only_be_read_can_be_read(opened, tmp_path):
    opened(tmp_path).create_run(run_record("a"))

    def read_only(file, flags, mode):
        if flags & os.O_RDWR:
            failing(errno.EROFS)()
        return os.open(file, flags, mode)

    store = opened(tmp_path, system=SystemCalls(open=read_only))
    assert store.get_run("a") == run_record("a")
    with pytest.raises(RunLogStoreError) as caught:
        store.put_step("a", step_record())
    assert str(caught.value) == (
        f"error: the run log store cannot write '{tmp_path}/.run_log_store/a.jsonl': Read-only file system\n"
        "  fix: make it writable, or set `log_folder` of the run log store to a folder that is"
    )


def test_a_record_file_without_a_record_of_the_run(store, tmp_path):
    store.location.mkdir()
    (store.location / "a.jsonl").write_bytes(b'\n{"crc":"00000000","run":"a"}\n')
    with pytest.raises(RunLogStoreError) as caught:
        store.get_run("a")
    assert str(caught.value) == (
        f"error: '{tmp_path}/.run_log_store/a.jsonl' is damaged: it holds no record of the run\n  fix: remove the file"
    )


def test_a_record_of_another_version(store, tmp_path):
    store.location.mkdir()
    rest = b'"run":"a","stately":"home"}'
    (store.location / "a.jsonl").write_bytes(b'\n{"crc":"%08x",%b\n' % (zlib.crc32(rest), rest))
    with pytest.raises(RunLogStoreError) as caught:
        store.get_run("a")
    assert str(caught.value) == (
        f"error: '{tmp_path}/.run_log_store/a.jsonl' holds a record that this version of magnus cannot read: "
        f'{{"crc":"{zlib.crc32(rest):08x}","run":"a","stately":"home"}}'
        "\n  fix: read it with the version that wrote it, or remove the file"
    )


def test_a_file_that_something_else_overwrote(opened, tmp_path):
    writer, store = opened(tmp_path), opened(tmp_path)
    writer.create_run(run_record("a"))
    writer.put_step("a", step_record())
    assert store.get_step("a", step_record().path) == step_record()
    with (store.location / "a.jsonl").open("r+b") as file:
        file.seek(-40, os.SEEK_END)
        file.write(b"garbage")
    with pytest.raises(RunLogStoreError) as caught:
        store.get_step("a", step_record().path)
    assert str(caught.value) == (
        f"error: '{tmp_path}/.run_log_store/a.jsonl' was changed by something other than magnus\n"
        "  fix: restore the file, or remove it"
    )


def test_a_removed_run_is_not_found_and_can_be_made_again(opened, tmp_path):
    store, other = opened(tmp_path), opened(tmp_path)
    store.create_run(run_record("a"))
    store.put_step("a", step_record())
    (store.location / "a.jsonl").unlink()
    with pytest.raises(RunNotFound):
        store.put_step("a", step_record())
    with pytest.raises(RunNotFound):
        store.get_step("a", step_record().path)
    other.create_run(run_record("a", status=Status.CREATED))
    assert store.get_run("a").status is Status.CREATED
    assert store.list_steps("a", ROOT) == []


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP])
def test_without_hard_links_a_run_is_still_made_once(opened, tmp_path, number):
    store = opened(tmp_path, system=SystemCalls(link=failing(number)))
    store.create_run(run_record("a"))
    with pytest.raises(RunExists):
        store.create_run(replace(run_record("a"), tag="second"))
    assert store.get_run("a") == run_record("a")
    assert names(store.location) == [".gitignore", "a.jsonl"]


def test_a_run_that_cannot_be_made_durable_is_not_there(opened, tmp_path):
    syncs = []

    def only_of_the_file(descriptor):
        syncs.append(descriptor)
        if len(syncs) == 2:
            failing(errno.EIO)()

    (tmp_path / ".run_log_store").mkdir()
    store = opened(tmp_path, system=SystemCalls(fsync=only_of_the_file))
    with pytest.raises(RunLogStoreError, match="Input/output error"):
        store.create_run(run_record("a"))
    assert list(store.location.iterdir()) == []
    store.create_run(run_record("a"))
    assert store.get_run("a") == run_record("a")


# More than one process

FORKS = """
import os, sys
from msgspec.structs import replace
from pathlib import Path
from magnus.run_log_stores.file_system import FileSystemOptions, FileSystemRunLogStore
from magnus.run_log.records import *
from magnus.graph.path import BranchPath

store = FileSystemRunLogStore(FileSystemOptions(), Path(sys.argv[1]))
step = lambda number: StepRecord(BranchPath().step(f"step {number}"), number, Status.SUCCESS, "task")
store.put_step("a", step(0))
child = os.fork()
for number in range(1, 500):
    store.put_step("a", step(number * 2 + (child == 0)))
    assert store.get_step("a", step(0).path) == step(0)
    assert store.get_step("a", step(number * 2 + (child == 0)).path).position == number * 2 + (child == 0)
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_child_and_its_parent_use_one_store(store, tmp_path):
    store.create_run(run_record("a"))
    subprocess.run([sys.executable, "-c", FORKS, str(tmp_path)], check=True)
    assert sorted(step.position for step in store.list_steps("a", ROOT)) == [0, *range(2, 1000)]


FORK_WHILE_WRITING = """
import os, signal, sys, threading
from pathlib import Path
from magnus.run_log_stores.file_system import FileSystemOptions, FileSystemRunLogStore
from magnus.system.system_calls import SystemCalls
from magnus.run_log.records import *
from magnus.graph.path import BranchPath

parent, writing, go_on = os.getpid(), threading.Event(), threading.Event()

def write(descriptor, data):
    if os.getpid() == parent:
        writing.set()
        go_on.wait()
    return os.write(descriptor, data)

store = FileSystemRunLogStore(FileSystemOptions(), Path(sys.argv[1]), system=SystemCalls(write=write))
step = lambda name: StepRecord(BranchPath().step(name), 0, Status.SUCCESS, "task")
thread = threading.Thread(target=lambda: store.put_step("a", step("parent")))
thread.start()
writing.wait()
child = os.fork()
if not child:
    signal.alarm(20)
    store.put_step("a", step("child"))
    os._exit(0)
ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
go_on.set()
thread.join()
sys.exit(ended)
"""


def test_a_child_forked_while_a_thread_writes_is_not_stuck(store, tmp_path):
    store.create_run(run_record("a"))
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORK_WHILE_WRITING, str(tmp_path)], check=True)
    assert sorted(step.path.name for step in store.list_steps("a", ROOT)) == ["child", "parent"]


WORKER = """
import sys
from pathlib import Path
from magnus.errors import RunExists
from magnus.run_log_stores.file_system import FileSystemOptions, FileSystemRunLogStore
from magnus.run_log.records import *
from magnus.graph.path import BranchPath
from datetime import datetime, UTC

folder, worker, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
store = FileSystemRunLogStore(FileSystemOptions(), folder)
sys.stdin.read()
try:
    store.create_run(RunRecord("a", Status.PROCESSING, "", datetime.now(UTC), Owner("h", 1), tag=worker))
    print("created")
except RunExists:
    pass
branch = BranchPath().step("map").into(worker)
for number in range(count):
    step = branch.step(f"step {number}")
    store.put_step("a", StepRecord(step, number, Status.PROCESSING, "task"))
    store.put_step("a", StepRecord(step, number, Status.SUCCESS, "task", message=f"{worker} {number} " * (number % 50)))
    if number % 20 == 0:
        assert store.get_step("a", step).status is Status.SUCCESS
"""


def test_processes_that_begin_and_write_one_run_at_once_lose_nothing(store, tmp_path):
    workers, count = 8, 200
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path), str(worker), str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for worker in range(workers)
    ]
    for process in processes:
        process.stdin.close()
    created = []
    for process in processes:
        with process:
            created.append(process.stdout.read() == b"created\n")
        assert process.returncode == 0
    assert created.count(True) == 1
    assert store.get_run("a").tag == str(created.index(True))
    for worker in range(workers):
        steps = store.list_steps("a", ROOT.step("map").into(str(worker)))
        assert [(step.position, step.status) for step in steps] == [(n, Status.SUCCESS) for n in range(count)]
        assert all(step.message == f"{worker} {n} " * (n % 50) for n, step in enumerate(steps))


def test_temporary_files_of_killed_processes_are_removed_when_they_are_old(tmp_path):
    old, new = tmp_path / ".new-1-0", tmp_path / ".new-2-0"
    old.touch()
    new.touch()
    os.utime(old, (100, 100))
    atomic_files.remove_leftovers(tmp_path, 1000.0, atomic_files.REAL)
    assert list(tmp_path.iterdir()) == [new]
