"""The chunked store: how its files are called, and what it makes of what it finds."""

import errno
import json
import os
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from magnus.definition.fields import read
from magnus.definition.wrong_fields import WrongFields
from magnus.errors import RunLogStoreError, RunNotFound
from magnus.graph.path import BranchPath
from magnus.interfaces.capabilities import Locality, Located
from magnus.run_log.records import Status
from magnus.run_log_stores.chunked_file_system import ChunkedOptions, ChunkedRunLogStore
from magnus.run_log_stores.record_files import file_name
from magnus.run_log_stores.record_line import with_checksum
from magnus.system.system_calls import REAL, SystemCalls
from magnus.testing.records import MOMENT, run_record, step_record

ROOT = BranchPath()


def opened(tmp_path, **more):
    return ChunkedRunLogStore(ChunkedOptions(log_folder="logs"), tmp_path, **more)


@pytest.fixture
def store(tmp_path):
    made = opened(tmp_path)
    made.create_run(run_record("a"))
    return made


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("fit", "fit"),
        ("Fit it", "=fit%20it"),
        ("a/b", "a%2fb"),
        ("a.in", "a%2ein"),
        ("=a", "%3da"),
        ("ä", "%c3%a4"),
        ("~", "~"),
        ("", "="),
        ("x" * 201, "~" + sha256(b"x" * 201).hexdigest()),
    ],
)
def test_names_of_files(part, name):
    assert file_name(part) == name


@given(st.text(), st.text())
def test_different_parts_have_different_files_also_where_case_is_ignored(one, other):
    assert (file_name(one).casefold() == file_name(other).casefold()) == (one == other)
    assert len(os.fsencode(file_name(one))) <= 200
    assert not file_name(one).startswith(".")


def test_what_is_where(store, tmp_path):
    inner = step_record("x").path.into("B").step("in")
    store.put_step("a", step_record("x", status=Status.PROCESSING))
    store.put_step("a", step_record("y"))
    store.put_step("a", step_record().__class__(inner, 0, Status.FAIL, "task"))
    found = sorted(str(file.relative_to(tmp_path / "logs")) for file in tmp_path.rglob("*") if file.is_file())
    assert found == [".gitignore", ".runs/a", ".steps/a/x.in/=b/in.json", ".steps/a/x.json", ".steps/a/y.done.json"]


def test_it_is_shared_by_hosts_and_outlives_them(store, tmp_path):
    assert (store.capabilities.reach, store.capabilities.persistent) == (Locality.NETWORK, True)
    assert isinstance(store, Located)
    assert store.location == tmp_path / "logs"


def test_unknown_options_are_refused():
    with pytest.raises(WrongFields):
        read(ChunkedOptions, {"log_foldr": "x"})


def test_what_a_crash_left_is_passed_over(store, tmp_path):
    steps = tmp_path / "logs/.steps/a"
    store.put_step("a", step_record("whole"))
    (steps / ".new-1-0").write_text("{")
    (tmp_path / "logs/.runs/.new-1-0").write_text("{")
    (steps / "torn.json").write_bytes(b'{"step": "torn"')
    (steps / "empty.done.json").write_bytes(b"")
    assert list(store.list_runs()) == ["a"]
    assert [step.path.name for step in store.list_steps("a", ROOT)] == ["whole"]
    assert store.get_step("a", step_record("torn").path) is None
    store.put_step("a", step_record("empty"))
    assert store.get_step("a", step_record("empty").path) == step_record("empty")


def test_a_record_of_another_version_says_so(store, tmp_path):
    record = with_checksum(b'{"step":"x","position":0,"status":"FAIL","attempts":[{"later":1}]}')[1:]
    (tmp_path / "logs/.steps/a/x.json").write_bytes(record)
    with pytest.raises(RunLogStoreError, match=r"holds a record that this version of magnus cannot read: \{"):
        store.get_step("a", step_record("x").path)


def without_links(_source, _target):
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


def test_without_hard_links_the_first_success_stands_all_the_same(tmp_path):
    store = opened(tmp_path, system=SystemCalls(link=without_links))
    store.create_run(run_record("a"))
    store.put_step("a", step_record("x"))
    store.put_step("a", step_record("x", position=7))
    assert store.get_step("a", step_record("x").path) == step_record("x")


def test_a_removed_run_is_not_found_and_not_made_again_by_a_late_step(store, tmp_path):
    (tmp_path / "logs/.runs/a").unlink()
    (tmp_path / "logs/.steps/a").rmdir()
    for late in (
        lambda: store.put_step("a", step_record()),
        lambda: store.get_step("a", step_record().path),
        lambda: store.list_steps("a", ROOT),
        lambda: store.update_run(run_record("a")),
        lambda: store.get_run("a"),
    ):
        with pytest.raises(RunNotFound, match=r"there is no run 'a' in '.*logs'"):
            late()
    assert not list((tmp_path / "logs/.steps").iterdir())


def test_a_file_in_the_place_of_its_folder(tmp_path):
    (tmp_path / "logs").write_text("")
    with pytest.raises(RunLogStoreError) as caught:
        opened(tmp_path).create_run(run_record("a"))
    assert "the run log store cannot make" in str(caught.value)
    assert "a file is in the way" in str(caught.value)


def test_the_document_is_beside_the_records(store, tmp_path):
    store.write_document("a", iter(["{", "}\n"]))
    assert json.loads((tmp_path / "logs/a.json").read_text()) == {}


def test_when_a_run_ends_all_its_steps_are_on_the_disk_before_its_record_is(tmp_path):
    synced = []

    def sync(descriptor):
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}").removeprefix(f"{tmp_path}/logs/"))
        os.fsync(descriptor)

    store = opened(tmp_path, system=SystemCalls(fsync=sync))
    run = run_record("a", status=Status.PROCESSING)
    store.create_run(run)
    inner = step_record("x").path.into("b").step("in")
    store.put_step("a", step_record("x"))
    store.put_step("a", replace(step_record("y"), path=inner))
    assert not [name for name in synced if name.endswith(".json")]
    synced.clear()
    store.update_run(replace(run, status=Status.SUCCESS, end_time=MOMENT))
    expected = {".steps/a/x.done.json", ".steps/a", ".steps/a/x.in/b/in.done.json", ".steps/a/x.in/b", ".steps/a/x.in"}
    assert set(synced[: len(expected)]) == expected


def test_a_log_folder_that_cannot_be_looked_into_is_an_error_that_says_so(tmp_path):
    store = ChunkedRunLogStore(ChunkedOptions(log_folder="x" * 300), tmp_path)
    for look in (
        lambda: store.get_run("a"),
        lambda: store.get_step("a", step_record().path),
        lambda: store.list_steps("a", ROOT),
        lambda: store.update_run(run_record("a")),
        lambda: store.put_step("a", step_record()),
    ):
        with pytest.raises(RunLogStoreError, match=r"the run log store cannot (read|write) '.*': File name too long"):
            look()


@pytest.mark.parametrize("refuses", [False, True])
@pytest.mark.parametrize(("steps", "hints"), [(10, 0), (100, 101)])
def test_many_records_are_on_their_way_to_the_disk_before_the_first_is_synced(tmp_path, steps, hints, refuses):
    order = []

    def start(descriptor):
        order.append("start")
        if refuses:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        REAL.start_writing(descriptor)

    def sync(descriptor):
        order.append("sync")
        os.fsync(descriptor)

    store = opened(tmp_path, system=SystemCalls(start_writing=start, fsync=sync))
    store.create_run(run_record("a"))
    for number in range(steps):
        store.put_step("a", step_record(f"s{number}", position=number))
    order.clear()
    store.update_run(replace(run_record("a", status=Status.SUCCESS), end_time=MOMENT))
    assert order.count("start") == hints
    assert order[:hints] == ["start"] * hints
    assert order.count("sync") > steps
