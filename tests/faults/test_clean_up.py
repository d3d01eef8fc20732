"""Cleaning up that is killed at any moment: no remaining run loses anything, and the next one finishes."""

import errno
import fcntl
import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest
from msgspec.structs import fields, replace
from safety_net import LONGEST_SECONDS
from upkeep_places import ROOT, Place

from magnus.catalogs.file_system.catalog import FileSystemCatalog, FileSystemOptions
from magnus.errors import CatalogError
from magnus.system.system_calls import REAL, SystemCalls
from magnus.testing.pieces import contents, make_folder, write

RUNS, FILES, KEPT = 150, 8, 6
CALLS = ["replace", "unlink", "link", "open", "read", "read_into"]


class Killed(BaseException):
    """The process ends here."""


def dying(call, number):
    """System calls of which the n-th of one kind is the last thing that happens."""
    left = number
    real = getattr(REAL, call)

    def last(*arguments):
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed
        return real(*arguments)

    assert call in {field.name for field in fields(SystemCalls)}
    return replace(REAL, **{call: last})


def catalog(folder, system=REAL):
    return FileSystemCatalog(FileSystemOptions(), folder, system=system)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", CALLS)
def test_killed_at_any_call_nothing_is_lost_and_the_next_finishes(tmp_path, call, when):
    place = Place(tmp_path)
    for number in range(1, 100):
        gone = place.run(f"gone{number}", {"f": b"gone%d" % number, "g": b"shared%d" % number})
        [kept] = place.run(f"kept{number}", {"k": b"shared%d" % number})
        place.make_old()
        system, was_killed = dying(call, number), False
        needed = {entry.data_hash for entry in [kept]}
        known = place.store.list_runs()
        referred = frozenset(needed.union(*(place.store.mentioned_hashes(run) for run in known if "kept" in run)))
        try:
            catalog(tmp_path, system).remove_run(f"gone{number}")
            catalog(tmp_path, system).collect(referred, known)
        except Killed:
            was_killed = True
        assert not was_killed or catalog(tmp_path).verify([kept]) == [""] or when == "after"
        if when == "after":
            again = place.run(f"again{number}", {"f": b"gone%d" % number})
            assert catalog(tmp_path).verify(again) == [""]
            place.store.remove_run(f"again{number}")
            catalog(tmp_path).remove_run(f"again{number}")
            place.make_old()
        catalog(tmp_path).remove_run(f"gone{number}")
        catalog(tmp_path).collect(referred, known)
        assert catalog(tmp_path).verify([kept, *gone]) == ["", "missing", ""]
        assert os.listdir(tmp_path / ".catalog" / ".store" / "tmp") == []
        if not was_killed:
            place.store.close()
            return
    pytest.fail("it never ended")


@pytest.mark.parametrize("call", ["replace", "unlink"])
def test_a_call_that_fails_is_an_error_of_the_catalog(tmp_path, call):
    place = Place(tmp_path)
    entries = place.run("a", {"f": b"a"})
    place.store.close()
    place.make_old()

    def failing(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    broken = catalog(tmp_path, replace(REAL, **{call: failing}))
    if call == "unlink":
        broken.remove_run("a")
    with pytest.raises(CatalogError, match=os.strerror(errno.EIO)):
        (broken.remove_run if call == "replace" else broken.collect)(
            *(["a"] if call == "replace" else [frozenset(), []])
        )
    catalog(tmp_path).remove_run("a")
    catalog(tmp_path).collect(frozenset(), ["a"])
    assert catalog(tmp_path).verify(entries) == ["missing"]


def test_content_that_is_linked_to_in_the_last_moment_stays(tmp_path):
    """A put looks, finds old content, and links to it just when it is being removed."""
    place = Place(tmp_path)
    [entry] = place.run("a", {"f": b"a"})
    place.catalog.remove_run("a")
    place.make_old()

    def moved(source, destination):
        if ".store/tmp/unneeded-" in destination:
            place.run("b", {"f": b"a"})
        REAL.replace(source, destination)

    found = catalog(tmp_path, replace(REAL, replace=moved)).collect(frozenset(), ["a", "b"])
    assert found.removed.files == 0
    place.store.close()
    assert catalog(tmp_path).verify([entry]) == [""]
    assert (tmp_path / ".catalog" / "b" / "f").read_bytes() == b"a"


def test_two_that_clean_up_at_the_same_time_disturb_nobody(tmp_path, monkeypatch):
    """The second comes when the first has moved content aside, which it could take for what a dead one left there."""
    place = Place(tmp_path)
    [entry] = place.run("a", {"f": b"a"})
    place.store.close()
    place.catalog.remove_run("a")
    place.make_old()
    goes_on, removed = threading.Event(), []
    lock = fcntl.flock

    def flock(*arguments):
        if threading.current_thread() is second:
            goes_on.set()
        lock(*arguments)

    def clean_up(system=REAL):
        removed.append(catalog(tmp_path, system).collect(frozenset(), ["a"]).removed.files)
        goes_on.set()

    second = threading.Thread(target=clean_up)

    def unlink(path):
        second.start()
        assert goes_on.wait(LONGEST_SECONDS)
        REAL.unlink(path)

    monkeypatch.setattr(fcntl, "flock", flock)
    clean_up(replace(REAL, unlink=unlink))
    second.join()
    assert removed == [1, 0]
    assert catalog(tmp_path).verify([entry]) == ["missing"]
    assert os.listdir(tmp_path / ".catalog" / ".store" / "tmp") == []


@pytest.mark.parametrize("executable", [False, True])
def test_content_can_be_read_while_it_is_aside(tmp_path, executable):
    place = Place(tmp_path)
    write(make_folder(tmp_path / "work"), {"f": b"a"})
    (tmp_path / "work" / "f").chmod(0o755 if executable else 0o644)
    [entry] = place.run("a", {"f": b"a"})
    place.store.close()
    place.catalog.remove_run("a")
    place.make_old()
    with pytest.raises(Killed):
        catalog(tmp_path, dying("unlink", 1)).collect(frozenset(), ["a"])
    assert len(os.listdir(tmp_path / ".catalog" / ".store" / "tmp")) == 1
    assert catalog(tmp_path).verify([entry]) == [""]


@pytest.mark.parametrize("size", [10, 3_000_000])
def test_content_that_goes_while_it_is_put_is_kept_anew(tmp_path, size):
    content = b"a" * size
    place = Place(tmp_path)
    [entry] = place.run("a", {"f": content})
    place.store.close()
    place.catalog.remove_run("a")
    stored = tmp_path / ".catalog" / ".store" / entry.data_hash[:2] / entry.data_hash[2:]
    folder = tmp_path / "work"

    def link(source, destination):
        if "/b/" in destination and stored.exists() and stored.stat().st_nlink == 1 and not linked:
            linked.append(destination)
            stored.unlink()
        REAL.link(source, destination)

    linked = []
    [again] = catalog(tmp_path, replace(REAL, link=link)).put("b", ROOT, folder, ["f"], unchanged={})
    assert linked
    assert catalog(tmp_path).verify([again]) == [""]
    assert (tmp_path / ".catalog" / "b" / "f").read_bytes() == content


def test_pipelines_that_put_and_get_meanwhile_notice_nothing(tmp_path):  # noqa: C901 - two threads and a loop
    """Contents come and go, old ones at that, while two threads put and get the same ones again and again."""
    place = Place(tmp_path)
    place.store.close()
    done = threading.Event()
    failures, removed = [], 0

    def work(name):
        try:
            put_and_get(name)
        except CatalogError as error:
            failures.append(str(error))

    def put_and_get(name):
        folder, got = make_folder(tmp_path / f"work {name}"), make_folder(tmp_path / f"got {name}")
        own, number = catalog(tmp_path), 0
        while not done.is_set():
            number += 1
            files = {str(n): b"%d" % n for n in range(6)}
            run_id = f"{name}{number}"
            entries = own.put(run_id, ROOT, folder, write(folder, files), unchanged={})
            own.get(run_id, ROOT, entries, got)
            if contents(got) != files:
                failures.append(run_id)
            for file in files:
                (got / file).unlink()
            own.remove_run(run_id)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    try:
        for _ in range(300):
            place.make_old_safely()
            removed += catalog(tmp_path).collect(frozenset(), []).removed.files
            if not all(thread.is_alive() for thread in threads):
                break
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert removed > 0


def kill_at_work(command, folder, environment, after):
    """Kill the command some time after it has begun to change the catalog; whether it had not ended by then."""

    def state():
        return [os.stat(folder / ".catalog" / name).st_mtime_ns for name in (".", ".store/tmp")]

    before = state()
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None and state() == before:
            time.sleep(0.0005)
        time.sleep(after)
        process.kill()
    return process.returncode == -signal.SIGKILL


def test_the_command_killed_at_any_moment(tmp_path, pytestconfig):
    moments = random.Random(7)
    place = Place(tmp_path)
    kept = {}
    for number in range(RUNS):
        files = {f"{n}": b"%d" % (number * 3 + n) for n in range(FILES)}
        entries = place.run(f"run{number:03}", files, days=RUNS - number)
        if number >= RUNS - KEPT:
            kept |= {entry.data_hash: entry for entry in entries}
    place.store.close()
    place.make_old()
    command = [sys.executable, "-m", "magnus", "gc", "--keep-last", str(KEPT), "--run-logs", "--yes"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    was_killed = 0
    for kill in range(min(pytestconfig.getoption("--kills"), 15)):
        was_killed += kill_at_work(command, tmp_path, environment, moments.random() * (0.04 if kill < 8 else 0.8))
        assert place.catalog.verify(list(kept.values())) == [""] * len(kept)
        assert place.store.list_runs()[-KEPT:] == [f"run{number:03}" for number in range(RUNS - KEPT, RUNS)]
        assert {entry.name for entry in (tmp_path / ".catalog").iterdir()} - {".store", ".gitignore"} <= set(
            place.store.list_runs()
        )
    subprocess.run(command, cwd=tmp_path, env=environment, check=True, stdout=subprocess.DEVNULL)
    assert was_killed > 1
    assert place.store.list_runs() == [f"run{number:03}" for number in range(RUNS - KEPT, RUNS)]
    assert place.contents() == set(kept)
    assert {entry.name for entry in (tmp_path / ".catalog").iterdir()} == {
        ".store",
        ".gitignore",
        *place.store.list_runs(),
    }
    assert os.listdir(tmp_path / ".catalog" / ".store" / "tmp") == []
    kept = {file.name for file in (tmp_path / ".run_log_store").iterdir()} - {".gitignore"}
    assert {os.path.splitext(name)[1] for name in kept} == {".jsonl"}
