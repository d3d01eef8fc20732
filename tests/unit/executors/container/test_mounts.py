"""Which folders a container gets."""

from pathlib import Path

import pytest

from magnus.errors import TaskFailed
from magnus.executors.container.mounts import Folder, mounts


def test_folders_inside_others_come_with_them_and_missing_ones_are_made(tmp_path):
    work = tmp_path / "work"
    assert mounts([work, work / "catalog", tmp_path / "logs"], [work / "p"]) == [
        Folder(work),
        Folder(tmp_path / "logs"),
    ]
    assert (work / "catalog").is_dir()


def test_what_is_only_read_is_mounted_so_when_it_is_there(tmp_path):
    (tmp_path / "there").touch()
    found = mounts([tmp_path / "work"], [tmp_path / "there", tmp_path / "gone"])
    assert Folder(tmp_path / "there", is_read_only=True) in found
    assert len(found) == 2


def test_a_folder_that_is_written_is_not_lost_in_one_that_is_read(tmp_path):
    assert mounts([tmp_path / "a/work"], [tmp_path / "a"]) == [
        Folder(tmp_path / "a", is_read_only=True),
        Folder(tmp_path / "a/work"),
    ]


def test_where_links_lead_is_mounted_too(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "work").mkdir()
    (tmp_path / "work/catalog").symlink_to(tmp_path / "real")
    found = mounts([tmp_path / "work", tmp_path / "work/catalog"], [])
    assert {folder.path for folder in found} == {tmp_path / "work", tmp_path / "real"}


def test_the_root_is_refused():
    with pytest.raises(TaskFailed, match="the root of the file system cannot be mounted"):
        mounts([Path("/")], [])


def test_the_root_is_not_mounted_for_what_is_read(tmp_path):
    assert mounts([tmp_path], [Path("/")]) == [Folder(tmp_path)]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(TaskFailed, match=r"file/logs' cannot be made: Not a directory"):
        mounts([tmp_path / "file/logs"], [])
