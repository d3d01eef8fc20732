"""What a run ran in."""

import hashlib
import platform
import sys
from pathlib import Path

import pytest

from magnus import __version__
from magnus.engine.provenance import environment, listed


def installed(folder, *names):
    for name in names:
        (folder / name).mkdir(parents=True)
    return str(folder)


def test_the_facts(tmp_path):
    facts = environment(sys.path, tmp_path).facts
    assert facts["python"] == platform.python_version()
    assert facts["implementation"] == sys.implementation.name
    assert facts["platform"].startswith(platform.system())
    assert facts["magnus"] == __version__
    packages = environment(sys.path, tmp_path).packages
    assert facts["packages_hash"] == hashlib.sha256(packages).hexdigest()
    assert f"pytest=={pytest.__version__}\n".encode() in packages


def test_packages_are_listed_by_name_and_version_whatever_the_order_and_the_folder(tmp_path):
    one = installed(tmp_path / "one", "a-1.0.dist-info", "B_c.d-2.dist-info", "no package")
    two = installed(tmp_path / "two", "b.C_d-2.dist-info")
    three = installed(tmp_path / "three", "A-1.0.dist-info")
    assert listed([one]) == listed([two, three]) == listed([three, two, three])
    other = installed(tmp_path / "other", "a-1.1.dist-info", "b_c_d-2.dist-info")
    assert listed([other]) != listed([one])
    assert listed([two]) != listed([one])


def test_of_two_versions_the_first_on_the_path_counts(tmp_path):
    old, new = (installed(tmp_path / version, f"a-{version}.dist-info") for version in ("1", "2"))
    assert listed([old, new]) == listed([old])
    assert listed([new, old]) == listed([new])


def test_what_cannot_be_read_holds_no_packages(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"")
    assert listed([str(tmp_path / "a.zip"), str(tmp_path / "missing")]) == listed([])


def test_files_of_the_user_are_not_looked_at(tmp_path):
    installed(tmp_path, "a-1.dist-info")
    paths = [str(tmp_path), ""]
    assert environment(paths, tmp_path).packages == listed([])
    assert environment(paths, Path("/")).packages != listed([])
