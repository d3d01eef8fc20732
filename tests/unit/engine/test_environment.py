"""What a run ran in."""

import importlib.metadata
import platform
import sys
import time
from pathlib import Path

from magnus import __version__
from magnus.engine.environment import environment, packages_hash


def installed(folder, *names):
    for name in names:
        (folder / name).mkdir(parents=True)
    return str(folder)


def test_the_facts(tmp_path):
    facts = environment(sys.path, tmp_path)
    assert facts["python"] == platform.python_version()
    assert facts["implementation"] == sys.implementation.name
    assert facts["platform"].startswith(platform.system())
    assert facts["magnus"] == __version__
    assert len(facts["packages_hash"]) == 64


def test_the_hash_is_of_names_and_versions_whatever_the_order_and_the_folder(tmp_path):
    one = installed(tmp_path / "one", "a-1.0.dist-info", "B_c.d-2.dist-info", "no package")
    two = installed(tmp_path / "two", "b.C_d-2.dist-info")
    three = installed(tmp_path / "three", "A-1.0.dist-info")
    assert packages_hash([one]) == packages_hash([two, three]) == packages_hash([three, two, three])
    other = installed(tmp_path / "other", "a-1.1.dist-info", "b_c_d-2.dist-info")
    assert packages_hash([other]) != packages_hash([one])
    assert packages_hash([two]) != packages_hash([one])


def test_of_two_versions_the_first_on_the_path_counts(tmp_path):
    old, new = (installed(tmp_path / version, f"a-{version}.dist-info") for version in ("1", "2"))
    assert packages_hash([old, new]) == packages_hash([old])
    assert packages_hash([new, old]) == packages_hash([new])


def test_what_cannot_be_read_holds_no_packages(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"")
    assert packages_hash([str(tmp_path / "a.zip"), str(tmp_path / "missing")]) == packages_hash([])


def test_files_of_the_user_are_not_looked_at(tmp_path):
    installed(tmp_path, "a-1.dist-info")
    paths = [str(tmp_path), ""]
    assert environment(paths, tmp_path)["packages_hash"] == packages_hash([])
    assert environment(paths, Path("/"))["packages_hash"] != packages_hash([])


def test_it_takes_no_time():
    assert list(importlib.metadata.distributions())
    durations = []
    for _ in range(5):
        started = time.perf_counter()
        environment(sys.path, Path.cwd())
        durations.append(time.perf_counter() - started)
    assert min(durations) < 0.01
