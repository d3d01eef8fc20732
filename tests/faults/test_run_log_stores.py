"""The run log stores in files when writes fail, disks are full, files are cut and processes are killed."""

import errno
import os
import random
import resource
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import fields, replace

from magnus.errors import RunLogStoreError, RunNotFound
from magnus.graph.path import BranchPath
from magnus.run_log.records import Status
from magnus.run_log_stores.chunked_file_system import ChunkedOptions, ChunkedRunLogStore
from magnus.run_log_stores.file_system import FileSystemOptions, FileSystemRunLogStore
from magnus.system.system_calls import SystemCalls
from magnus.testing.records import MOMENT, run_record, step_record

RUN = run_record("a", status=Status.PROCESSING)
ENDED = replace(RUN, status=Status.SUCCESS, end_time=MOMENT)
BEGUN = step_record("one", status=Status.PROCESSING)
DONE = step_record("one")
AFTER = step_record("after", position=9)
INNER = replace(step_record("two"), path=DONE.path.into("ö").step("two"))

ACTIONS = (
    lambda store: store.create_run(RUN),
    lambda store: store.put_step("a", BEGUN),
    lambda store: store.put_step("a", DONE),
    lambda store: store.put_step("a", INNER, durable=True),
    lambda store: store.put_step("a", replace(DONE, status=Status.FAIL, message="late")),
    lambda store: store.write_document("a", iter(["{}"])),
    lambda store: store.update_run(ENDED),
)
NOTHING = (None, (), (), None)
STATES = (
    (RUN, (), (), None),
    (RUN, (BEGUN,), (), None),
    (RUN, (DONE,), (), None),
    (RUN, (DONE,), (INNER,), None),
    (RUN, (DONE,), (INNER,), None),
    (RUN, (DONE,), (INNER,), "{}"),
    (ENDED, (DONE,), (INNER,), "{}"),
)
"""What a reader sees after each of the actions: the run, the steps of the root and of the branch, the document."""


MADE = {
    "file-system": lambda folder, **more: FileSystemRunLogStore(FileSystemOptions(log_folder="logs"), folder, **more),
    "chunked-fs": lambda folder, **more: ChunkedRunLogStore(ChunkedOptions(log_folder="logs"), folder, **more),
}
of_each_kind = pytest.mark.parametrize("kind", MADE)


@contextmanager
def opened(folder, system=None, kind="file-system"):
    store = MADE[kind](folder, system=system or SystemCalls())
    try:
        yield store
    finally:
        store.close()


def seen(folder, kind="file-system"):
    """What a new reader sees."""
    with opened(folder, kind=kind) as store:
        try:
            run = store.get_run("a")
        except RunNotFound:
            assert list(store.list_runs()) == []
            return NOTHING
        assert list(store.list_runs()) == ["a"]
        document = store.location / "a.json"
        return (
            run,
            tuple(store.list_steps("a", BranchPath())),
            tuple(store.list_steps("a", INNER.branch)),
            document.read_text() if document.exists() else None,
        )


def write_actions(folder, actions=ACTIONS):
    """Do the actions; the size of the file of records after each."""
    sizes = []
    with opened(folder) as store:
        for action in actions:
            action(store)
            sizes.append((folder / "logs/a.jsonl").stat().st_size)
    return sizes


# A file that was cut or changed


def test_a_file_cut_at_any_byte_is_readable_and_holds_every_record_before_the_cut(tmp_path):
    sizes = write_actions(tmp_path)
    file = tmp_path / "logs/a.jsonl"
    whole = file.read_bytes()
    for cut in range(sizes[0] - 1, len(whole) + 1):
        file.write_bytes(whole[:cut])
        kept = max((number for number, size in enumerate(sizes) if size - 1 <= cut), default=0)
        run, steps, inner, _ = STATES[kept]
        with opened(tmp_path) as store:
            assert store.get_run("a") == run, f"cut at {cut}"
            assert tuple(store.list_steps("a", BranchPath())) == steps, f"cut at {cut}"
            store.put_step("a", AFTER)
        with opened(tmp_path) as store:
            assert tuple(store.list_steps("a", BranchPath())) == (*steps, AFTER), f"cut at {cut}"
            assert tuple(store.list_steps("a", INNER.branch)) == inner, f"cut at {cut}"


def test_a_file_cut_in_its_first_record_says_so(tmp_path):
    (first, *_) = write_actions(tmp_path, ACTIONS[:1])
    file = tmp_path / "logs/a.jsonl"
    whole = file.read_bytes()
    for cut in range(first - 1):
        file.write_bytes(whole[:cut])
        with opened(tmp_path) as store:
            assert list(store.list_runs()) == ["a"]
            assert list(store.list_steps("a", BranchPath())) == []
            with pytest.raises(RunLogStoreError, match="is damaged: it holds no record of the run"):
                store.get_run("a")


@pytest.mark.parametrize("byte", [b"\n", b"\0", b"}", b"\xff"])
def test_a_changed_byte_costs_one_record_at_most(tmp_path, byte):
    steps = [replace(step_record(f"step {number}", position=number), attempts=()) for number in range(3)]
    with opened(tmp_path) as store:
        store.create_run(RUN)
        for step in steps:
            store.put_step("a", step)
    file = tmp_path / "logs/a.jsonl"
    whole = file.read_bytes()
    for place in range(whole.index(b'"step":'), len(whole)):
        file.write_bytes(whole[:place] + byte + whole[place + 1 :])
        with opened(tmp_path) as store:
            found = store.list_steps("a", BranchPath())
            assert store.get_run("a") == RUN
        assert all(step in steps for step in found)
        assert len(found) >= len(steps) - 1, f"byte {place}"


def test_a_damaged_success_lets_the_record_before_it_stand(tmp_path):
    (_, before, _) = write_actions(tmp_path, ACTIONS[:3])
    with (tmp_path / "logs/a.jsonl").open("r+b") as file:
        file.seek(before + 30)
        file.write(b"damage")
    assert seen(tmp_path) == STATES[1]


# Calls of the system that fail


class Failing:
    """Counts the calls it passes on, and makes one of them fail."""

    def __init__(self, number, how):
        self.left = number
        self.how = how
        self.failed = ""

    def calls(self):
        return SystemCalls(**{field.name: self.wrap(field.name) for field in fields(SystemCalls)})

    def wrap(self, name):
        real = getattr(SystemCalls(), name)

        def call(*arguments):
            if name == "read":
                return real(*arguments)
            self.left -= 1
            if self.left != -1:
                return real(*arguments)
            self.failed = name
            return self.how(name, real, arguments)

        return call


def not_done(name, real, arguments):
    raise OSError(errno.EIO, "failed before it was done")


def done(name, real, arguments):
    """The call does its work and fails all the same."""
    result = real(*arguments)
    if name == "open":
        os.close(result)
    raise OSError(errno.EIO, "failed after it was done")


def half_done(name, real, arguments):
    """A write takes a part; that the rest does not fit shows with the next one."""
    if name != "write":
        raise OSError(errno.ENOSPC, "no space")
    descriptor, data = arguments
    return real(descriptor, data[: len(data) // 2])


def torn(name, real, arguments):
    """A write takes a part and fails."""
    if name == "write":
        descriptor, data = arguments
        real(descriptor, data[: len(data) // 2])
    raise OSError(errno.EIO, "torn")


def interrupted(name, real, arguments):
    result = real(*arguments)
    if name == "open":
        os.close(result)
    raise KeyboardInterrupt


def until_nothing_fails(folder, how):
    """The same actions with the first, second, ... call failing, each time in a new folder."""
    for number in range(200):
        place = folder / str(number)
        place.mkdir()
        failing = Failing(number, how)
        yield place, failing
        if failing.left >= 0:
            return
    pytest.fail("the number of calls has no end")


@of_each_kind
@pytest.mark.parametrize("how", [not_done, done, half_done, torn])
def test_whichever_call_fails_each_put_takes_place_whole_or_not_at_all(tmp_path, how, kind):
    messages = []
    for place, failing in until_nothing_fails(tmp_path, how):
        state = NOTHING
        with opened(place, failing.calls(), kind) as store:
            for action, after in zip(ACTIONS, STATES, strict=True):
                try:
                    action(store)
                    state = after
                except RunLogStoreError as error:
                    messages.append(str(error))
                    now = seen(place, kind)
                    assert now in (state, after)
                    if now != after:
                        action(store)
                    state = after
                assert seen(place, kind) == state
        left_over = list((place / "logs").rglob(".new-*"))
        assert not left_over or failing.failed in {"open", "unlink"}
    assert len(messages) > 10
    assert all(message.startswith("error: the run log store cannot ") for message in messages)


@of_each_kind
@pytest.mark.parametrize("how", [not_done, done, half_done, torn])
def test_a_run_whose_end_cannot_be_kept_durably_has_not_ended(tmp_path, how, kind):
    """Whichever call fails, once: readers see that it ended only when nobody was told otherwise."""
    failures = 0
    for place, failing in until_nothing_fails(tmp_path, how):
        with opened(place, kind=kind) as store:
            for action in ACTIONS[:-1]:
                action(store)
        with opened(place, failing.calls(), kind) as store:
            try:
                store.update_run(ENDED)
            except RunLogStoreError:
                failures += 1
                assert seen(place, kind)[0] == RUN, failing.failed
                store.update_run(ENDED)
        assert seen(place, kind)[0] == ENDED
    assert failures > 1


PROGRAM = """
import errno, os, sys
from pathlib import Path

real, left = os.fsync, [0, 0]

def fsync(descriptor):
    left[0] -= 1
    if left[0] < 0 and left[0] >= -left[1]:
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    real(descriptor)

os.fsync = fsync  # before anything keeps the real one
from magnus import Pipeline, ShellTask
from magnus.errors import MagnusError
from magnus.app.composition.plugins import find

kind = find("run_log_store", sys.argv[1])
Path("c.yaml").write_text(f"run_log_store: {{type: {sys.argv[1]}}}")
pipeline = Pipeline([ShellTask(name="a", command="true")])
for failing in (1, 10**6):
    for number in range(1000):
        run_id = f"run-{failing}-{number}"
        left[:] = number, failing
        status = 0
        try:
            pipeline.execute(configuration_file="c.yaml", run_id=run_id)
        except MagnusError as error:
            status = error.exit_code
        is_done = left[0] >= 0
        left[:] = 10**9, 0
        store = kind(kind.options(), Path.cwd())
        stored = store.get_run(run_id).status.value if run_id in store.list_runs() else "none"
        print(failing, status, stored, flush=True)
        if is_done:
            break
"""


@of_each_kind
def test_a_run_that_succeeded_is_success_for_whoever_started_it_and_in_the_run_log(tmp_path, kind):
    """The file system fails to make something durable, once or from then on, at every moment of a run."""
    said = subprocess.run(
        [sys.executable, "-c", PROGRAM, kind], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    found = [line.split() for line in said.stdout.splitlines()]
    assert {(status, stored == "SUCCESS") for _, status, stored in found} == {("0", True), ("3", False)}
    assert [status for _, status, _ in found].count("3") > 4


@of_each_kind
def test_wherever_it_is_interrupted_the_store_goes_on(tmp_path, kind):
    for place, failing in until_nothing_fails(tmp_path, interrupted):
        state = NOTHING
        with opened(place, failing.calls(), kind) as store:
            for action, after in zip(ACTIONS, STATES, strict=True):
                try:
                    action(store)
                except KeyboardInterrupt:
                    if seen(place, kind) == state:
                        action(store)
                state = seen(place, kind)
                assert state == after


def test_the_end_of_a_chunked_run_syncs_each_record_that_stands_and_none_that_does_not(tmp_path):
    names, synced = {}, set()

    def open_file(path, flags, mode):
        descriptor = os.open(path, flags, mode)
        names[descriptor] = Path(path).name
        return descriptor

    def fsync(descriptor):
        synced.add(names[descriptor])
        os.fsync(descriptor)

    failed = step_record("failed", status=Status.FAIL, position=1)
    with opened(tmp_path, replace(SystemCalls(), open=open_file, fsync=fsync), "chunked-fs") as store:
        store.create_run(RUN)
        for record in (BEGUN, DONE, failed, replace(INNER, status=Status.PROCESSING), INNER):
            store.put_step("a", record)
        synced.clear()
        store.update_run(ENDED)
    records = {name for name in synced if name.endswith(".json")}
    assert records == {"one.done.json", "failed.json", "two.done.json"}


# Disks that are full


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 64 KiB, where one can be made."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = shutil.which("mount")
    command = [mount or "", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    if mount is None or os.geteuid() or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def put_until_it_fails(store, done):
    for position in range(10_000):
        store.put_step("a", step_record(f"step {position}", position=position))
        done.append(position)


def test_a_disk_that_fills_up_keeps_every_put_that_returned(small_disk):
    done = []
    with opened(small_disk) as store:
        store.create_run(RUN)
        with pytest.raises(RunLogStoreError) as caught:
            put_until_it_fails(store, done)
        message = str(caught.value)
        assert [step.position for step in store.list_steps("a", BranchPath())] == done
    assert message == (
        f"error: the run log store cannot write '{small_disk}/logs/a.jsonl': No space left on device\n"
        "  fix: free space on that disk"
    )
    with opened(small_disk) as store:
        with pytest.raises(RunLogStoreError, match="No space left on device"):
            store.create_run(run_record("b"))
        with pytest.raises(RunLogStoreError, match="No space left on device"):
            store.write_document("a", iter(["x" * 100_000]))
        assert [step.position for step in store.list_steps("a", BranchPath())] == done
        assert {file.name for file in store.location.iterdir()} - {".gitignore"} == {"a.jsonl"}


LIMITED = """
import resource, sys
from pathlib import Path
import pytest
sys.path.insert(0, sys.argv[1])
import test_run_log_stores as tests

for limit in range(0, 3000, int(sys.argv[3])):
    folder = Path(sys.argv[2], str(limit))
    folder.mkdir()
    tests.actions_below_a_limit(folder, limit)
print("checked")
"""


def actions_below_a_limit(folder, limit):
    """Do the actions while no file may grow beyond `limit` bytes; called in a process of its own."""
    state = NOTHING
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    with opened(folder) as store:
        for action, after in zip(ACTIONS, STATES, strict=True):
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
            message = ""
            try:
                action(store)
            except RunLogStoreError as error:
                message = str(error)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
            assert seen(folder) == (state if message else after)
            if message:
                assert message.endswith("File too large\n  fix: raise the limit on the size of files (`ulimit -f`)")
                action(store)
            state = after
            assert seen(folder) == state


def test_a_limit_on_the_size_of_files_is_hit_by_whole_records_only(tmp_path):
    here = str(Path(__file__).parent)
    command = [sys.executable, "-c", LIMITED, here, str(tmp_path), "29"]
    said = subprocess.run(command, check=True, capture_output=True, text=True)
    assert said.stdout == "checked\n"


# Processes that are killed

WRITER = """
import sys
from pathlib import Path
from magnus.app.composition.plugins import find
from magnus.run_log.records import *
from magnus.graph.path import BranchPath
from datetime import datetime, UTC

kind = find("run_log_store", sys.argv[2])
store = kind(kind.options(log_folder="logs"), Path(sys.argv[1]))
number = 0
while True:
    run = f"run {number // 5}"
    if number % 5 == 0:
        store.create_run(RunRecord(run, Status.PROCESSING, "", datetime.now(UTC), Owner("h", 1)))
        print(run, "begun", flush=True)
    path = BranchPath().step(f"step {number}")
    store.put_step(run, StepRecord(path, number, Status.PROCESSING, "task"))
    store.put_step(run, StepRecord(path, number, Status.SUCCESS, "task", message="x" * 1000 * (number % 10)))
    store.write_document(run, iter([f"{number}" * 10000]))
    print(run, path, flush=True)
    number += 1
"""


@of_each_kind
def test_what_was_reported_before_a_kill_is_there(tmp_path, killed, request, kind):
    chance = random.Random(1)
    for attempt in range(max(3, request.config.getoption("--kills", 50) // 10)):
        folder = tmp_path / str(attempt)
        lines, was_killed = killed([sys.executable, "-c", WRITER, str(folder), kind], after=chance.uniform(0, 0.1))
        assert was_killed
        assert lines
        with opened(folder, kind=kind) as store:
            for run_id in store.list_runs():
                assert store.get_run(run_id).status is Status.PROCESSING
                document = store.location / f"{run_id}.json"
                assert not document.exists() or len(document.read_text()) >= 10_000
            for line in lines:
                run_id, what = line.rsplit(" ", 1)
                assert run_id in store.list_runs()
                if what != "begun":
                    done = {str(step.path): step.status for step in store.list_steps(run_id, BranchPath())}
                    assert done[what] is Status.SUCCESS
