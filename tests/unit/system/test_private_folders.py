"""Folders for the time of a process: gone afterwards, swept when the process was killed, and never while it is alive."""

import os
import subprocess
import sys

import pytest

from magnus.system.private_folders import private_folder

HOLD = """
import sys
from pathlib import Path
from magnus.system.private_folders import private_folder
with private_folder(Path(sys.argv[1]), "magnus-") as folder:
    (folder / "inner").mkdir()
    print(folder.name, flush=True)
    sys.stdin.read()
"""


def holder(parent):
    """A process with a folder in `parent`, and the folder."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(parent)], text=True, **pipes)
    return process, parent / process.stdout.readline().strip()


def end(process):
    process.kill()
    process.communicate()


def sweep(parent):
    with private_folder(parent, "magnus-") as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not folder.exists()


def test_the_folder_of_a_killed_process_is_swept(tmp_path):
    process, folder = holder(tmp_path)
    sweep(tmp_path)
    assert (folder / "inner").is_dir()
    end(process)
    sweep(tmp_path)
    assert not folder.exists()


def test_a_folder_in_use_stays_where_its_process_has_another_number(tmp_path):
    """As a container sees it: nobody has the number in its name."""
    process, folder = holder(tmp_path)
    seen = folder.rename(tmp_path / f"magnus-{10**9}-{folder.name[-4:]}")
    sweep(tmp_path)
    assert (seen / "inner").is_dir()
    end(process)
    sweep(tmp_path)
    assert not seen.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="/proc says when a process started")
def test_a_folder_is_swept_though_a_later_process_has_the_number_of_its_maker(tmp_path):
    later = subprocess.Popen(["sleep", "600"])
    left, new = tmp_path / f"magnus-{later.pid}-0123", tmp_path / f"magnus-{later.pid}-4567"
    try:
        left.mkdir()
        new.mkdir()
        os.utime(left, (0, new.stat().st_mtime - 3600))
        sweep(tmp_path)
        assert list(tmp_path.iterdir()) == [new]
    finally:
        later.kill()
        later.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="as above")
def test_a_folder_in_use_stays_though_it_looks_older_than_its_process(tmp_path):
    """As after the clock was set."""
    process, folder = holder(tmp_path)
    os.utime(folder, (0, folder.stat().st_mtime - 3600))
    sweep(tmp_path)
    assert (folder / "inner").is_dir()
    end(process)


def test_only_names_of_magnus_are_swept(tmp_path):
    gone = 10**9
    for name in ("magnus-data", f"magnus-{gone}", f"magnus-{gone}-data", f"magnus-{gone}-12345", f"other-{gone}-1234"):
        (tmp_path / name).mkdir()
    (tmp_path / f"magnus-{gone}-abcd").write_text("a file")
    (tmp_path / f"magnus-{gone}-0123").symlink_to(tmp_path / "magnus-data")
    before = sorted(tmp_path.iterdir())
    sweep(tmp_path)
    assert sorted(tmp_path.iterdir()) == before
