"""The environment of a step: another python or another package is another one, and the place of an installation is not."""

import json
import sys

import pytest

from magnus.engine.run.step_environment import environment_text


def install(folder, *, version="0.1", code="a", origin=None, record=True):
    metadata = folder / f"ours-{version}.dist-info"
    metadata.mkdir(parents=True)
    lines = [f"ours.py,sha256={code},1", "__pycache__/ours.cpython-311.pyc,,", f"../../bin/ours,sha256={folder.name},1"]
    if record:
        lines.append(f"{metadata.name}/direct_url.json,sha256={folder.name},1")
        (metadata / "RECORD").write_text("\n".join(lines))
    if origin is not None:
        (metadata / "direct_url.json").write_text(origin if isinstance(origin, str) else json.dumps(origin))


FOLDER = {"url": "file:///x/ours", "dir_info": {}}
REPOSITORY = {"url": "https://x/ours", "vcs_info": {"vcs": "git", "commit_id": "1"}}
LINK = {"url": "file:///x/ours", "dir_info": {"editable": True}}
PAIRS = {
    # name: (how a package is installed twice, whether that is one environment)
    "the same release in another place": ({}, {}, True),
    "another version": ({}, {"version": "0.2"}, False),
    "none": ({}, None, False),
    "a release, known by its version": ({"code": "a"}, {"code": "b"}, True),
    "the same copy in another place": ({"origin": FOLDER}, {"origin": {"url": "file:///y/ours", "dir_info": {}}}, True),
    "a changed copy of a folder": ({"origin": FOLDER}, {"origin": FOLDER, "code": "b"}, False),
    "a changed copy of a repository": ({"origin": REPOSITORY}, {"origin": REPOSITORY, "code": "b"}, False),
    "a link, which is followed": ({"origin": LINK}, {"origin": LINK, "code": "b"}, True),
    "an origin that cannot be read": ({"origin": "{"}, {"origin": "{", "code": "b"}, False),
    "an origin of another form": ({"origin": "[]"}, {"origin": "[]", "code": "b"}, False),
    "a copy without a record": ({"origin": FOLDER, "record": False}, {"origin": FOLDER}, False),
}


@pytest.mark.parametrize(("first", "second", "same"), PAIRS.values(), ids=PAIRS)
def test_packages_count_by_version_and_copies_by_content(tmp_path, first, second, same):
    for name, how in (("one", first), ("two", second)):
        (tmp_path / name).mkdir()
        if how is not None:
            install(tmp_path / name, **how)
    one, two = (environment_text([str(tmp_path / name)], tmp_path) for name in ("one", "two"))
    assert (one == two) is same


def test_another_build_of_the_same_python_is_another_environment(tmp_path, monkeypatch):
    before = environment_text([], tmp_path)
    assert before.startswith(f"{sys.implementation.name} {sys.version.split()[0]} ")
    monkeypatch.setattr(sys, "version", sys.version.replace("(", "(rebuilt, "))
    assert environment_text([], tmp_path) != before


def test_the_text_is_short_enough_to_be_shown(tmp_path):
    assert len(environment_text(sys.path, tmp_path)) <= 80


def test_the_working_directory_and_zip_files_have_no_packages(tmp_path):
    install(tmp_path, origin=FOLDER)
    (tmp_path / "x.zip").write_bytes(b"")
    assert environment_text([str(tmp_path), str(tmp_path / "x.zip"), ""], tmp_path) == environment_text([], tmp_path)
