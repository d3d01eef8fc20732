"""A fresh copy of the project: what an image would hold, and nothing that leads back."""

import os
import shutil
import socket
import subprocess

import pytest

from magnus.engine.files import project_copy
from magnus.engine.files.project_copy import ProjectCopy
from magnus.errors import TaskFailed


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    for name in ("work.py", "src/pkg/a.py", "data/deep/raw.csv", "venv/pyvenv.cfg", "venv/bin/x", ".env",
                 ".catalog/run/a", ".pytest_cache/x", "volume/runs/r.json", "src/pkg/__pycache__/a.pyc"):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    return folder


def test_it_holds_the_files_of_the_project(project, tmp_path):
    ProjectCopy(project, [project / ".catalog", project / "volume"]).make(tmp_path / "copy")
    expected = [".env", "data/deep/raw.csv", "src/pkg/__pycache__/a.pyc", "src/pkg/a.py", "work.py"]
    assert names(tmp_path / "copy") == expected
    assert all((tmp_path / "copy" / name).read_text() == name for name in expected)


def test_a_write_on_one_side_is_not_seen_on_the_other(project, tmp_path):
    (project / "large").write_bytes(b"x" * 1_000_000)
    ProjectCopy(project).make(tmp_path / "copy")
    with (tmp_path / "copy" / "large").open("r+b") as file:
        file.write(b"changed")
    (project / "work.py").write_text("changed")
    assert (project / "large").read_bytes() == b"x" * 1_000_000
    assert (tmp_path / "copy" / "work.py").read_text() == "work.py"


def test_times_and_permissions_are_kept(project, tmp_path):
    os.utime(project / "work.py", ns=(10**18, 10**18 + 5))
    (project / "work.py").chmod(0o754)
    ProjectCopy(project).make(tmp_path / "copy")
    copied = (tmp_path / "copy" / "work.py").stat()
    assert (copied.st_mtime_ns, copied.st_mode & 0o777) == (10**18 + 5, 0o754)


def test_links_lead_to_the_copy_or_where_they_led(project, tmp_path):
    (project / "relative").symlink_to("data/deep/raw.csv")
    (project / "absolute").symlink_to(project / "data")
    (project / "out").symlink_to(tmp_path)
    (project / "gone").symlink_to("nowhere")
    ProjectCopy(project).make(tmp_path / "copy")
    copy = tmp_path / "copy"
    assert os.readlink(copy / "relative") == "data/deep/raw.csv"
    assert os.readlink(copy / "absolute") == str(copy / "data")
    assert os.readlink(copy / "out") == str(tmp_path)
    assert os.readlink(copy / "gone") == "nowhere"


def test_pipes_and_sockets_are_left_out(project, tmp_path, monkeypatch):
    os.mkfifo(project / "pipe")
    monkeypatch.chdir(project)
    with socket.socket(socket.AF_UNIX) as address:
        address.bind("socket")
        ProjectCopy(project).make(tmp_path / "copy")
    assert not {"pipe", "socket"} & set(os.listdir(tmp_path / "copy"))


def test_a_git_repository_is_whole_and_apart(project, tmp_path):
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t"]
    for command in (["init", "-q"], ["add", "work.py"], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *command], cwd=project, check=True)
    copy = tmp_path / "copy"
    ProjectCopy(project).make(copy)
    said = subprocess.run([*git, "status", "--porcelain", "-uno"], cwd=copy, check=True, capture_output=True)
    assert said.stdout == b""
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "second"], cwd=copy, check=True)
    heads = [
        subprocess.run([*git, "log", "--format=%s"], cwd=folder, check=True, capture_output=True, text=True)
        for folder in (project, copy)
    ]
    assert [head.stdout.split() for head in heads] == [["first"], ["second", "first"]]


def test_a_copy_inside_the_project_does_not_hold_itself(project):
    (project / "tmp").mkdir()
    ProjectCopy(project).make(project / "tmp" / "copy")
    assert (project / "tmp/copy/work.py").is_file()
    assert not (project / "tmp/copy/tmp/copy").exists()


def test_what_cannot_be_copied_is_named(project, tmp_path):
    (tmp_path / "copy").write_text("")
    with pytest.raises(TaskFailed, match=r"the project could not be copied for the step: '.*copy': File exists"):
        ProjectCopy(project).make(tmp_path / "copy")


def test_folders_of_runs_that_go_on_are_left_out(project):
    for name in ("tmp/magnus-12-0a1b/magnus-13-ffff/ab.project/work.py", "tmp/magnus-model/weights"):
        (project / name).parent.mkdir(parents=True)
        (project / name).touch()
    ProjectCopy(project).make(project / "tmp/magnus-12-0a1b/cd.project")
    assert names(project / "tmp/magnus-12-0a1b/cd.project/tmp") == ["magnus-model/weights"]


def test_what_vanishes_meanwhile_is_left_out(project, tmp_path, monkeypatch):
    copy_file, removed = shutil.copyfile, []

    def remove_first(source, target):
        if not removed:
            removed.append(source)
            os.unlink(source)
        return copy_file(source, target)

    monkeypatch.setattr(shutil, "copyfile", remove_first)
    monkeypatch.setattr(project_copy, "_cloned", lambda _source, _target: False)
    before = names(project)
    ProjectCopy(project).make(tmp_path / "copy")
    gone = os.path.relpath(removed[0], project)
    assert gone in before
    assert names(tmp_path / "copy") == [
        name for name in before if name != gone and not name.startswith((".pytest", "venv"))
    ]


def test_a_folder_that_is_shared_is_one_for_all_copies(tmp_path):
    project, volume = tmp_path / "project", tmp_path / "project" / "data" / "volume"
    volume.mkdir(parents=True)
    ProjectCopy(project, shared=[volume]).make(tmp_path / "copy")
    (tmp_path / "copy" / "data" / "volume" / "file").write_text("text")
    assert (volume / "file").read_text() == "text"
