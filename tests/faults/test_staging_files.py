"""A clean-up removes what killed processes left half written in a folder of objects, and nothing else."""

import json
import os
import subprocess
import sys
import time
from itertools import repeat
from pathlib import Path

import pytest
from safety_net import LONGEST_SECONDS

from magnus.object_stores.address import ObjectLocation
from magnus.object_stores.client import ObstoreObjects

WRITER = """\
import sys
from magnus.object_stores.address import ObjectLocation
from magnus.object_stores.client import ObstoreObjects

def pieces():
    for _ in range(3):
        yield bytes(8 * 1024 * 1024)
    sys.stdin.readline()

ObstoreObjects(ObjectLocation(sys.argv[1])).upload(sys.argv[2], pieces())
"""
PIPELINE = {"dag": {"steps": {"say": {"command_type": "shell", "command": "echo said"}}}}
HASH = "ab" * 32
KEYS = [
    f".catalog/content/{HASH[:2]}/{HASH[2:]}",
    ".catalog/logs/r/x/00000000",
    ".runs/gone",
    ".steps/gone/s/s.done.json",
    ".results/key",
    "gone.json",
    ".format",
    ".probe-00",
]
"""One of each kind of object that a run log store and a catalog write."""
TWO_DAYS = 2 * 24 * 3600


@pytest.fixture
def store(tmp_path):
    """The folder of a run log store and a catalog with one run."""
    folder = tmp_path / "store"
    service = {"type": "object-store", "config": {"url": f"file://{folder}"}}
    configuration = {"defaults": {"run_log_store": service, "catalog": service}}
    (tmp_path / "magnus-config.yaml").write_text(json.dumps(configuration))
    (tmp_path / "p.yaml").write_text(json.dumps(PIPELINE))
    magnus(tmp_path, "execute", "p.yaml", "--run-id", "kept")
    return folder


def magnus(folder, *arguments):
    command = [sys.executable, "-m", "magnus", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=LONGEST_SECONDS)
    assert done.returncode == 0, done.stderr
    return done.stdout


def started(store, key):
    """A process that has written some of the object."""
    before = staging_files(store, key)
    process = subprocess.Popen([sys.executable, "-c", WRITER, f"file://{store}", key], stdin=subprocess.PIPE)
    deadline = time.monotonic() + LONGEST_SECONDS
    while not any(file.stat().st_size for file in staging_files(store, key) - before):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    return process


def staging_files(store, key):
    return set((store / key).parent.glob(f"{Path(key).name}#*"))


def make_old(file):
    os.utime(file, times=tuple(repeat(time.time() - TWO_DAYS, 2)))


def test_files_of_killed_writers_go_when_they_are_a_day_old(store):
    for key in KEYS:
        process = started(store, key)
        process.kill()
        process.communicate()
    left = [file for key in KEYS for file in staging_files(store, key)]
    assert len(left) == len(KEYS)
    magnus(store.parent, "gc", "--yes")
    assert all(file.exists() for file in left), "a writer may be at work on young ones"
    for file in left:
        make_old(file)
    magnus(store.parent, "gc")
    assert all(file.exists() for file in left), "nothing changes without --yes"
    magnus(store.parent, "gc", "--yes")
    assert not list(store.rglob("*#*"))
    assert json.loads(magnus(store.parent, "show", "kept", "--json"))["status"] == "SUCCESS"
    assert "said" in magnus(store.parent, "logs", "kept")


def test_an_object_that_is_being_written_is_whole_afterwards(store):
    key = KEYS[0]
    dead = started(store, key)
    dead.kill()
    dead.communicate()
    [of_dead] = staging_files(store, key)
    make_old(of_dead)
    alive = started(store, key)
    magnus(store.parent, "gc", "--yes")
    assert not of_dead.exists()
    alive.communicate(b"\n", timeout=LONGEST_SECONDS)
    assert alive.returncode == 0
    facts = ObstoreObjects(ObjectLocation(f"file://{store}")).head(key)
    assert facts is not None
    assert facts.size == 3 * 8 * 1024 * 1024


def test_other_files_stay(store):
    names = ["notes#1", "notes.txt#2", ".catalog/a#b", ".runs/#1", "data/x#1", "%ff.json#1", ".git/config#1"]
    for name in names:
        file = store / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("mine")
        make_old(file)
    (store / ".catalog/folder#1").mkdir()
    (store / ".catalog/link#1").symlink_to(store / "notes#1")
    magnus(store.parent, "gc", "--yes")
    assert [name for name in names if not (store / name).exists()] == []
    assert (store / ".catalog/folder#1").is_dir()
    assert (store / ".catalog/link#1").is_symlink()
