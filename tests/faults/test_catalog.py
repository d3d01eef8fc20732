"""The catalog in files when calls fail, disks are full, processes are killed, and many work at once."""

import errno
import os
import random
import shutil
import subprocess
import sys
from contextlib import ExitStack
from hashlib import sha256

import pytest
from msgspec.structs import fields, replace

from magnus.catalogs.file_system import put_file
from magnus.catalogs.file_system.catalog import FileSystemCatalog, FileSystemOptions
from magnus.errors import CatalogError
from magnus.graph.path import BranchPath
from magnus.system.system_calls import REAL, SystemCalls
from magnus.testing.pieces import contents, make_folder, write

ROOT = BranchPath()
LARGE = b"a line of a large file\n" * 100_000
CALLS = [field.name for field in fields(SystemCalls) if field.name not in {"now", "ignores_case"}]
OLD = {"a": b"old", "large": LARGE, "folder/b": b"b", "gone/c": b"c"}
NEW = {"a": b"new", "large": LARGE[::-1], "folder/b": b"b", "gone": b"a file now"}


class FailingAt:
    """System calls of which the n-th of one kind fails, or writes only a part first."""

    def __init__(self, call, number, error):
        self.left = number
        self.failed = False
        real = getattr(REAL, call)

        def failing(*arguments):
            self.left -= 1
            if self.left != 0:
                return real(*arguments)
            self.failed = True
            raise OSError(error, os.strerror(error))

        self.calls = replace(REAL, **{call: failing})


def opened(folder, system=REAL, *, durable=True):
    options = FileSystemOptions(catalog_location=str(folder / "catalog"), durable=durable)
    return FileSystemCatalog(options, folder, system=system)


@pytest.fixture
def folder(tmp_path):
    write(make_folder(tmp_path / "old"), OLD)
    write(make_folder(tmp_path / "new"), NEW)
    return tmp_path


def put(folder, files, system=REAL, *, durable=True):
    names = list(OLD if files == "old" else NEW)
    return opened(folder, system, durable=durable).put("a-run", ROOT, folder / files, names, unchanged={})


def tree(folder):
    run = folder / "catalog" / "a-run"
    return contents(run) if run.exists() else {}


def assert_store_is_whole(folder):
    """Every content has the hash it is stored under."""
    for name, content in contents(folder / "catalog" / ".store").items():
        part, _, rest = name.partition("/")
        if part not in {"tmp", "hashes"}:
            assert sha256(content).hexdigest() == part + rest


def refusal(work):
    """What the catalog says when it cannot do the work; "" when it can. No other error is let through."""
    try:
        work()
    except CatalogError as failed:
        return str(failed)
    return ""


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO], ids=errno.errorcode.get)
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("is_apart", [False, True], ids=["each file by itself", "a tree apart"])
def test_a_put_that_fails_anywhere_leaves_old_or_new_files(folder, monkeypatch, is_apart, call, error):
    monkeypatch.setattr(put_file, "_MANY", 1 if is_apart else 1000)
    for number in range(1, 1000):
        shutil.rmtree(folder / "catalog", ignore_errors=True)
        old = put(folder, "old", durable=not is_apart)
        system = FailingAt(call, number, error)
        said = refusal(lambda system=system: put(folder, "new", system.calls, durable=not is_apart))
        assert not said or os.strerror(error) in said
        assert_store_is_whole(folder)
        assert all(content in {OLD.get(name), NEW.get(name)} for name, content in tree(folder).items())
        assert said or tree(folder) == NEW
        got = make_folder(folder / f"got {number}")
        opened(folder).get("a-run", ROOT, old, got)
        assert contents(got) == OLD
        assert call == "unlink" or not list((folder / "catalog" / ".store" / "tmp").iterdir())
        put(folder, "new", durable=not is_apart)
        assert tree(folder) == NEW
        if not system.failed:
            return
    pytest.fail("it never ended")


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO], ids=errno.errorcode.get)
@pytest.mark.parametrize("call", CALLS)
def test_a_get_that_fails_anywhere_leaves_old_or_new_files(folder, call, error):
    entries = put(folder, "new")
    for number in range(1, 1000):
        place = make_folder(folder / f"place {number}")
        write(place, {"a": b"old", "large": LARGE})
        system = FailingAt(call, number, error)
        said = refusal(
            lambda system=system, place=place: opened(folder, system.calls).get("a-run", ROOT, entries, place)
        )
        assert not said or os.strerror(error) in said
        assert all(content in {OLD.get(name), NEW.get(name)} for name, content in contents(place).items())
        assert said or contents(place) == NEW
        if not system.failed:
            return
    pytest.fail("it never ended")


WORK = """
import sys
from pathlib import Path
from magnus.catalogs.file_system.catalog import FileSystemCatalog, FileSystemOptions
from magnus.graph.path import BranchPath
folder, run_id, rounds = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
catalog = FileSystemCatalog(FileSystemOptions(catalog_location=str(folder / "catalog")), folder)
for number in range(rounds):
    for kind in ("old", "new"):
        names = sorted(str(f.relative_to(folder / kind)) for f in (folder / kind).rglob("*") if f.is_file())
        entries = catalog.put(run_id, BranchPath(), folder / kind, names, unchanged={})
        place = folder / f"place {run_id}" / kind
        place.mkdir(parents=True, exist_ok=True)
        catalog.get(run_id, BranchPath(), entries, place)
        print(kind, flush=True)
"""


def test_a_process_killed_at_any_moment_leaves_old_or_new_files(folder, killed, request):
    kills = max(request.config.getoption("kills") // 5, 1)
    many = {f"many/{number}/{name}": b"%d" % number for number in range(20) for name in "ab"}
    old, new = {**OLD, **many}, {**NEW, **{name: content + b"." for name, content in many.items()}}
    write(folder / "old", old)
    write(folder / "new", new)
    for number in range(kills):
        after = random.Random(number).random() * 0.05
        killed([sys.executable, "-c", WORK, folder, "a-run", "1000"], after=after)
        assert_store_is_whole(folder)
        for name, content in tree(folder).items():
            assert content in {old.get(name), new.get(name)}
        for kind, files in (("old", old), ("new", new)):
            place = folder / "place a-run" / kind
            for name, content in contents(place).items() if place.exists() else ():
                assert "/.magnus-" in f"/{name}" or content == files[name]
    for kind, files in (("old", OLD), ("new", NEW)):
        opened(folder).get("a-run", ROOT, put(folder, kind), make_folder(folder / f"after {kind}"))
        assert contents(folder / f"after {kind}") == files


def test_processes_that_put_and_get_at_once_disturb_nobody(folder):
    for kind in ("old", "new"):
        write(folder / kind, {f"many/{number}": b"%d" % (number % 20) for number in range(50)})
    with ExitStack() as stack:
        working = [
            stack.enter_context(
                subprocess.Popen([sys.executable, "-c", WORK, folder, run_id, "10"], stdout=subprocess.PIPE, text=True)
            )
            for run_id in ("one", "one", "two", "three")
        ]
        said = [process.communicate()[0].split() for process in working]
    assert [process.returncode for process in working] == [0] * 4
    assert said == [["old", "new"] * 10] * 4
    assert_store_is_whole(folder)
    for run_id in ("one", "two", "three"):
        for kind in ("old", "new"):
            assert contents(folder / f"place {run_id}" / kind) == contents(folder / kind)


FULL = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
"""


def test_a_file_too_large_for_the_disk_is_an_error_that_says_so(folder):
    write(folder / "old", {"a": b"x" * 2_000_000})
    ended = subprocess.run(
        [sys.executable, "-c", FULL + WORK, folder, "a-run", "1"], capture_output=True, text=True, check=False
    )
    assert ended.stderr.splitlines()[-2:] == [
        "magnus.errors.CatalogError: error: the catalog cannot keep 'a': File too large",
        "  fix: raise the limit on the size of files (`ulimit -f`)",
    ]
    assert tree(folder) == {}
    assert_store_is_whole(folder)
