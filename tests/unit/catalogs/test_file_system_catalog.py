"""The catalog in a folder, beyond what every catalog must do: its layout, what it does not do again, what it refuses."""

import errno
import os
import shutil
import socket
import stat
import time
from hashlib import sha256
from itertools import count
from pathlib import Path

import pytest
from msgspec.structs import replace

from magnus.catalogs.file_system.catalog import FileSystemCatalog, FileSystemOptions
from magnus.definition.fields import read
from magnus.definition.wrong_fields import WrongFields
from magnus.errors import CatalogError, DamagedContent, InvalidConfiguration
from magnus.graph.path import BranchPath
from magnus.run_log.records import CatalogRecord
from magnus.system.system_calls import REAL
from magnus.testing.maintained_catalog_contract import old
from magnus.testing.pieces import contents, make_folder, write

ROOT = BranchPath()
LARGE = b"a line of a large file\n" * 150_000
AN_HOUR_LATER = replace(REAL, now=lambda: REAL.now() + 3600 * 10**9)
"""All files have been left alone for long."""


class Counted:
    """System calls that do their work and count it: bytes read and written, and how often each was called."""

    def __init__(self, **replaced):
        self.bytes_written = self.bytes_read = self.synced = 0
        real = replace(REAL, **replaced)
        self.calls = replace(
            real,
            read=lambda *arguments: self.count_read(real.read(*arguments)),
            read_into=lambda *arguments: self.count_read_into(real.read_into(*arguments)),
            write=lambda *arguments: self.count_written(real.write(*arguments)),
            copy_range=lambda *arguments: self.count_written(real.copy_range(*arguments)),
            fsync=self.fsync,
        )

    def count_read(self, data):
        self.bytes_read += len(data)
        return data

    def count_read_into(self, length):
        self.bytes_read += length
        return length

    def count_written(self, length):
        self.bytes_written += length
        return length

    def fsync(self, descriptor):
        self.synced += 1
        REAL.fsync(descriptor)


def unsupported(*_arguments):
    raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))


@pytest.fixture
def project(tmp_path):
    return make_folder(tmp_path / "project")


@pytest.fixture
def elsewhere(tmp_path):
    return make_folder(tmp_path / "elsewhere")


def opened(project, system=REAL, **options):
    return FileSystemCatalog(FileSystemOptions(**options), project, system=system)


def put(catalog, project, files, run_id="a-run", **how):
    return catalog.put(run_id, ROOT, project, write(project, files), **{"unchanged": {}, **how})


def stored(project, content, suffix=""):
    digest = sha256(content).hexdigest()
    return project / ".catalog" / ".store" / digest[:2] / (digest[2:] + suffix)


# Layout


def test_a_run_looks_like_the_project(project):
    put(opened(project), project, {"data/data.txt": b"x", "a b": b"y"})
    assert contents(project / ".catalog" / "a-run") == {"data/data.txt": b"x", "a b": b"y"}


def test_an_entry_says_where_the_file_is(project):
    [entry] = put(opened(project), project, {"data/data.txt": b"x"})
    digest = sha256(b"x").hexdigest()
    assert entry == CatalogRecord("data/data.txt", digest, "a-run/data/data.txt", ".catalog", "put", 1)


def test_a_branch_is_beside_the_files_of_the_root(project):
    branch = ROOT.step("a map").into("0")
    [entry] = opened(project).put("a-run", branch, project, write(project, {"data/a": b"x"}), unchanged={})
    assert entry.catalog_relative_path == "a-run/.branches/a%20map,0/data/a"
    assert (project / ".catalog" / entry.catalog_relative_path).read_bytes() == b"x"


def test_the_location_can_be_elsewhere(project, tmp_path):
    location = tmp_path / "deep" / "catalog"
    catalog = opened(project, catalog_location=str(location))
    [entry] = put(catalog, project, {"a": b"x"})
    assert catalog.location == location
    assert entry.catalog_handler_location == str(location)
    assert (location / "a-run" / "a").read_bytes() == b"x"


def test_nothing_is_made_before_something_is_put(project):
    opened(project).put("a-run", ROOT, project, [], unchanged={})
    assert list(project.iterdir()) == []


def test_content_is_stored_once_for_all_runs_and_names(project):
    put(opened(project), project, {"a": b"x", "b": b"x"}, "one")
    put(opened(project), project, {"a": b"x"}, "two")
    assert stored(project, b"x").stat().st_nlink == 4
    assert (project / ".catalog/one/b").samefile(project / ".catalog/two/a")


def test_the_working_file_is_no_link_to_the_catalog(project, elsewhere):
    for content in (b"x", LARGE):
        entries = put(opened(project), project, {"a": content})
        opened(project).get("a-run", ROOT, entries, elsewhere)
        assert (project / "a").stat().st_nlink == (elsewhere / "a").stat().st_nlink == 1


def test_what_is_stored_is_read_only(project):
    put(opened(project), project, {"a": b"x", "large": LARGE})
    for content in (b"x", LARGE):
        assert stat.S_IMODE(stored(project, content).stat().st_mode) & 0o222 == 0


def test_no_temporary_file_stays(project, elsewhere):
    entries = put(opened(project), project, {"a": b"x", "large": LARGE, "d/a": b"x"})
    entries += put(opened(project), project, {"a": b"y", "large": LARGE[:-1], "d/a": b"x"})
    opened(project).get("a-run", ROOT, entries, elsewhere)
    assert contents(project / ".catalog" / ".store" / "tmp") == {}
    assert set(contents(elsewhere)) == {"a", "large", "d/a"}


def test_a_file_that_may_be_executed_may_be_afterwards(project, elsewhere):
    write(project, {"run.sh": b"#!/bin/sh\n", "plain": b"#!/bin/sh\n"})
    (project / "run.sh").chmod(0o755)
    for name in ("run.sh", "plain"):
        entries = opened(project).put("a-run", ROOT, project, [name], unchanged={})
        opened(project).get("a-run", ROOT, entries, elsewhere)
        assert (elsewhere / name).stat().st_mode & 0o700 == (0o700 if name == "run.sh" else 0o600)
        assert (project / ".catalog/a-run" / name).stat().st_mode & 0o100 == (0o100 if name == "run.sh" else 0)


def test_an_executable_and_a_plain_file_of_one_content_are_both_kept(project, elsewhere):
    names = write(project, {"run.sh": LARGE, "plain": LARGE})
    (project / "run.sh").chmod(0o755)
    entries = opened(project).put("a-run", ROOT, project, names, unchanged={})
    opened(project).get("a-run", ROOT, entries, elsewhere)
    assert os.access(elsewhere / "run.sh", os.X_OK)
    assert (elsewhere / "plain").stat().st_mode & 0o111 == 0
    shutil.rmtree(project / ".catalog" / "a-run")
    (elsewhere / "run.sh").unlink()
    opened(project).get("a-run", ROOT, entries, elsewhere)
    assert (elsewhere / "run.sh").read_bytes() == LARGE


def test_a_later_put_of_a_name_replaces_it_in_the_tree(project):
    put(opened(project), project, {"a": b"x"})
    put(opened(project), project, {"a": b"y"})
    assert contents(project / ".catalog" / "a-run") == {"a": b"y"}
    assert stored(project, b"x").read_bytes() == b"x"


def test_a_file_and_a_folder_make_way_for_each_other_in_the_tree(project):
    catalog, tree = opened(project), project / ".catalog" / "a-run"
    put(catalog, project, {"a": b"x"})
    (project / "a").unlink()
    put(catalog, project, {"a/b/c": b"y", "a/d": b"z"})
    assert contents(tree) == {"a/b/c": b"y", "a/d": b"z"}
    shutil.rmtree(project / "a")
    put(catalog, project, {"a": b"x"})
    assert contents(tree) == {"a": b"x"}


def many_files(content):
    return {
        f"data/{number}/{name}": content + b"%d" % (number // 2) for number in range(20) for name in ("a", "b", "c/d")
    }


def test_many_files_join_those_that_the_run_has_put(project, elsewhere):
    catalog = opened(project)
    put(catalog, project, {"data/0/e": b"e", "data/1/c": b"a file", "data/2/a/b": b"b"})
    (project / "data/1/c").unlink()
    shutil.rmtree(project / "data/2")
    old, new = many_files(b"old"), many_files(b"new")
    put(catalog, project, old)
    entries = put(catalog, project, {**new, "top": b"t", ".logs": b"a file"})
    expected = {**new, "top": b"t", "data/0/e": b"e"}
    assert contents(project / ".catalog" / "a-run") == {**expected, "%.logs": b"a file"}
    assert not list((project / ".catalog/.store/tmp").iterdir())
    catalog.get("a-run", ROOT, entries, elsewhere)
    assert contents(elsewhere) == {**new, "top": b"t", ".logs": b"a file"}


def test_many_files_and_their_content_are_one_file_each(project):
    files = {f"data/{number}": b"%d" % number for number in range(40)}
    put(opened(project), project, files)
    for name, content in files.items():
        kept = (project / ".catalog" / "a-run" / name).stat()
        assert (kept.st_ino, kept.st_nlink) == (stored(project, content).stat().st_ino, 2)
        assert stat.S_IMODE(kept.st_mode) & 0o222 == 0


def test_a_name_may_be_put_twice_among_many(project):
    files = {f"data/{number}": b"%d" % number for number in range(40)}
    names = [*write(project, files), *files]
    entries = opened(project).put("a-run", ROOT, project, names, unchanged={})
    assert [entry.name for entry in entries] == names
    assert contents(project / ".catalog" / "a-run") == files


def test_many_files_are_kept_though_a_clean_up_removes_temporary_files_that_are_a_day_old(project):
    files = {f"data/{number}": b"%d" % number for number in range(100)}
    names = write(project, files)
    calls, now, removed = count(), [REAL.now()], []

    def open_slowly(path, flags, mode):
        if next(calls) in {40, 100}:
            now[0] += 2 * 24 * 3600 * 10**9
            for left in (project / ".catalog/.store/tmp").iterdir():
                shutil.rmtree(left, ignore_errors=True)  # other threads may be making files there
                removed.append(left)
        return os.open(path, flags, mode)

    system = replace(REAL, open=open_slowly, now=lambda: now[0])
    opened(project, system).put("a-run", ROOT, project, names, unchanged={})
    assert len(removed) == 2
    assert contents(project / ".catalog" / "a-run") == files


def test_files_of_the_project_never_replace_logs_or_branches(project):
    catalog = opened(project)
    with catalog.open_log("a-run", ROOT.step("a")) as log:
        log.write(b"the log\n")
    put(catalog, project, {".logs/a.log": b"mine", ".branches/map,0/a": b"mine"})
    assert contents(project / ".catalog" / "a-run") == {
        ".logs/a.log": b"the log\n",
        "%.logs/a.log": b"mine",
        "%.branches/map,0/a": b"mine",
    }


def test_a_log_is_appended_to(project):
    for line in (b"one\n", b"two\n"):
        with opened(project).open_log("a-run", ROOT.step("step shell")) as log:
            log.write(line)
    assert contents(project / ".catalog" / "a-run") == {".logs/step%20shell.log": b"one\ntwo\n"}


# What is not done again


def test_content_that_is_there_is_not_written_again(project):
    for content in (b"x", LARGE):
        put(opened(project), project, {"a": content}, "one")
        write(project, {"a": content})
        counted = Counted()
        put(opened(project, counted.calls), project, {}, "two")
        opened(project, counted.calls).put("two", ROOT, project, ["a"], unchanged={})
        assert counted.bytes_written < 1000


def test_a_large_file_guessed_wrong_is_kept_as_it_is(project, elsewhere):
    put(opened(project), project, {"a": LARGE}, "one")
    other = LARGE[:-1] + b"?"
    entries = put(opened(project), project, {"a": other}, "two")
    opened(project).get("two", ROOT, entries, elsewhere)
    assert contents(elsewhere) == {"a": other}


def test_a_file_left_alone_is_not_read_again(project):
    """Nor is the stored content, although each run links to it, which changes its status."""
    entries = put(opened(project, AN_HOUR_LATER), project, {"a": b"x", "large": LARGE})
    opened(project, AN_HOUR_LATER).put("two", ROOT, project, ["a", "large"], unchanged={})  # the first to rely on it
    for run_id in ("three", "four"):
        counted = Counted(now=AN_HOUR_LATER.now)
        again = opened(project, counted.calls).put(run_id, ROOT, project, ["a", "large"], unchanged={})
        opened(project, counted.calls).get(run_id, ROOT, entries, project)
        assert [entry.data_hash for entry in again] == [entry.data_hash for entry in entries]
        assert contents(project / ".catalog" / run_id) == {"a": b"x", "large": LARGE}
        assert counted.bytes_read < 10_000
        assert counted.bytes_written < 1000


def test_stored_content_that_was_damaged_between_two_runs_is_read_again_and_healed(project):
    """Also if the time of its modification was put back: a link alone leaves the rest of its status as it was."""
    for run_id in ("one", "two"):
        put(opened(project, AN_HOUR_LATER), project, {"large": LARGE}, run_id=run_id)
    content = stored(project, LARGE)
    before = content.stat()
    content.chmod(0o644)
    content.write_bytes(LARGE[:-1] + b"?")
    content.chmod(0o444)
    os.utime(content, ns=(before.st_atime_ns, before.st_mtime_ns))
    opened(project, AN_HOUR_LATER).put("three", ROOT, project, ["large"], unchanged={})
    assert content.read_bytes() == LARGE


def test_a_file_got_in_place_and_unchanged_is_not_read_to_put_it(project):
    system = AN_HOUR_LATER
    got = put(opened(project, system), project, {"a": LARGE})
    counted = Counted()
    unchanged = {entry.name: entry.data_hash for entry in got}
    assert opened(project, counted.calls).put("a-run", ROOT, project, ["a"], unchanged=unchanged) == ()
    assert counted.bytes_read < 1000


def test_a_young_file_is_read_again(project):
    entries = put(opened(project), project, {"a": b"x"})
    counted = Counted()
    opened(project, counted.calls).get("a-run", ROOT, entries, project)
    assert counted.bytes_read >= 1


def test_a_file_known_whose_content_was_removed_is_kept_again(project, elsewhere):
    system = AN_HOUR_LATER
    put(opened(project, system), project, {"a": b"x", "large": LARGE})
    for content in (b"x", LARGE):
        stored(project, content).unlink()
    entries = opened(project, system).put("two", ROOT, project, ["a", "large"], unchanged={})
    opened(project).get("two", ROOT, entries, elsewhere)
    assert contents(elsewhere) == {"a": b"x", "large": LARGE}


def test_memory_stays_flat_whatever_the_size(project, elsewhere):
    longest = []
    system = replace(
        REAL,
        read=lambda descriptor, length: longest.append(length) or REAL.read(descriptor, length),
        read_into=lambda descriptor, blocks: longest.append(len(blocks[0])) or REAL.read_into(descriptor, blocks),
        clone=unsupported,
        copy_range=unsupported,
    )
    entries = put(opened(project, system), project, {"a": LARGE * 4})
    opened(project, system).get("a-run", ROOT, entries, elsewhere)
    opened(project, system).get("a-run", ROOT, entries, project)
    assert contents(elsewhere) == {"a": LARGE * 4}
    assert max(longest) <= 1024 * 1024 + 1


def test_everything_is_durable_when_it_is_asked_for(project, elsewhere):
    counted = Counted()
    entries = put(opened(project, counted.calls), project, {"a": b"x"})
    assert counted.synced == 0
    catalog = opened(project, counted.calls, durable=True)
    put(catalog, project, {"a": b"y"})
    written = counted.synced
    assert written >= 3  # the content, its folder, the tree
    catalog.get("a-run", ROOT, entries, elsewhere)
    assert counted.synced == written + 2  # the file, its folder


# File systems that cannot do what others can


def test_content_is_copied_where_there_are_no_hard_links(project, elsewhere):
    system = replace(REAL, link=unsupported)
    for content in (b"x", b"y", LARGE):
        entries = put(opened(project, system), project, {"a": content})
        opened(project, system).get("a-run", ROOT, entries, elsewhere)
        assert contents(elsewhere) == {"a": content}
        assert contents(project / ".catalog" / "a-run") == {"a": content}


def test_many_files_are_copied_where_there_are_no_hard_links(project, elsewhere):
    system = replace(REAL, link=unsupported)
    for content in (b"old", b"new"):
        files = many_files(content)
        opened(project).get("a-run", ROOT, put(opened(project, system), project, files), elsewhere)
        assert contents(elsewhere) == contents(project / ".catalog" / "a-run") == files


def test_more_files_than_one_can_have_links_are_copied(project):
    links = []

    def link(source, destination):
        if len(links) >= 3:
            raise OSError(errno.EMLINK, os.strerror(errno.EMLINK))
        links.append(destination)
        REAL.link(source, destination)

    files = {str(number): b"x" for number in range(6)}
    put(opened(project, replace(REAL, link=link)), project, files)
    assert contents(project / ".catalog" / "a-run") == files


@pytest.mark.parametrize("failing", [{"clone": unsupported}, {"clone": unsupported, "copy_range": unsupported}])
def test_large_content_is_copied_by_whatever_means_there_are(project, elsewhere, failing):
    system = replace(REAL, **failing)
    entries = put(opened(project, system), project, {"a": LARGE})
    opened(project, system).get("a-run", ROOT, entries, elsewhere)
    assert contents(elsewhere) == {"a": LARGE}


@pytest.mark.skipif(not hasattr(os, "copy_file_range"), reason="this kernel does not copy")
def test_a_copy_that_the_kernel_made_is_read_before_it_is_used(project, elsewhere):
    [entry] = put(opened(project), project, {"a": LARGE})

    def copied_badly(source, target, length, offset):
        copied = REAL.copy_range(source, target, length, offset)
        os.pwrite(target, b"?", 0)
        return copied

    bad = replace(REAL, clone=unsupported, copy_range=copied_badly)
    with pytest.raises(DamagedContent):
        opened(project, bad).get("a-run", ROOT, [entry], elsewhere)
    assert contents(elsewhere) == {}


def test_large_content_is_shared_where_the_file_system_can(project, elsewhere):
    cloned = []

    def clone(target, source):
        cloned.append(target)
        os.pwrite(target, os.pread(source, 10**8, 0), 0)

    system = replace(REAL, clone=clone, copy_range=unsupported, write=unsupported)
    [entry] = put(opened(project, system), project, {"a": LARGE})
    assert entry.data_hash == sha256(LARGE).hexdigest()
    opened(project, system).get("a-run", ROOT, [entry], elsewhere)
    assert contents(elsewhere) == {"a": LARGE}
    assert len(cloned) == 2


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no other file system")
def test_the_catalog_may_be_on_another_file_system(project, elsewhere):
    location = Path(f"/dev/shm/magnus-test-{os.getpid()}")
    try:
        catalog = opened(project, catalog_location=str(location))
        entries = put(catalog, project, {"a": b"x", "large": LARGE})
        catalog.get("a-run", ROOT, entries, elsewhere)
        assert contents(elsewhere) == {"a": b"x", "large": LARGE}
    finally:
        shutil.rmtree(location, ignore_errors=True)


def test_names_that_differ_by_case_are_refused_where_case_is_ignored(project):
    system = replace(REAL, ignores_case=lambda _folder: True)
    write(project, {"Data": b"x", "data": b"y"})
    with pytest.raises(CatalogError) as refused:
        opened(project, system).put("a-run", ROOT, project, ["Data", "data"], unchanged={})
    assert str(refused.value) == (
        f"error: 'Data' and 'data' are one file in '{project}/.catalog', which ignores case\n  fix: rename one of them"
    )
    entries = opened(project).put("a-run", ROOT, project, ["Data", "data"], unchanged={})
    with pytest.raises(CatalogError, match="'Data' and 'data' are one file in"):
        opened(project, system).get("a-run", ROOT, entries, project)


def test_whether_case_is_ignored_is_found_out(tmp_path):
    folder = make_folder(tmp_path / "Folder")
    assert REAL.ignores_case(str(folder)) == (tmp_path / "fOLDER").exists()
    make_folder(tmp_path / "fOLDER")
    assert REAL.ignores_case(str(folder)) == (tmp_path / "fOLDER").samefile(folder)


# What is refused


def test_the_working_directory_cannot_be_the_catalog(project):
    for location in (".", "", "./", str(project), "a/.."):
        with pytest.raises(InvalidConfiguration) as refused:
            opened(project, catalog_location=location)
        assert str(refused.value) == (
            f"error: the catalog cannot be the working directory (`catalog_location: {location!r}`)\n"
            "  fix: choose a folder in it, such as '.catalog'"
        )


def test_unknown_options_are_refused():
    with pytest.raises(WrongFields):
        read(FileSystemOptions, {"catalog_loc": "x"})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing", "the catalog cannot keep 'missing': No such file or directory"),
        ("folder", "the catalog cannot keep 'folder': it is a folder\n  fix: name the files in it"),
        ("pipe", "the catalog cannot keep 'pipe': it is a pipe, a socket or a device"),
        ("socket", "the catalog cannot keep 'socket': it is a pipe, a socket or a device"),
        ("out", "'out' is behind a link that leads out of '{project}'"),
        ("round", "the catalog cannot keep 'round': it is a link that leads to itself"),
        ("a/b", "the catalog cannot keep 'a/b': a file is in the place of one of its folders"),
        (
            "x" * 300,
            f"the catalog cannot keep '{'x' * 59}...{'x' * 59}': the name is too long for the file system\n"
            "  fix: use a shorter name",
        ),
        ("../a", "'../a' is not the name of a file below a folder\n  fix: use a relative path without empty parts, '.' and '..'"),
        ("\ud800", "'\\ud800' cannot be the name of a file: it is not valid text"),
    ],
)  # fmt: skip
def test_what_cannot_be_put_is_named_with_the_reason(project, tmp_path, monkeypatch, name, message):
    write(tmp_path, {"outside": b"x"})
    write(project, {"a": b"x"})
    (project / "folder").mkdir()
    (project / "out").symlink_to(tmp_path / "outside")
    (project / "round").symlink_to("round")
    os.mkfifo(project / "pipe")
    monkeypatch.chdir(project)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        with pytest.raises(CatalogError) as refused:
            opened(project).put("a-run", ROOT, project, [name], unchanged={})
    assert str(refused.value) == "error: " + message.format(project=project)


def test_what_cannot_be_got_is_named_with_the_reason(project, elsewhere):
    [small, large] = put(opened(project), project, {"a": b"x", "large": LARGE})

    def refusal(entry, folder=elsewhere):
        with pytest.raises(CatalogError) as refused:
            opened(project).get("a-run", ROOT, [entry], folder)
        return str(refused.value)

    write(project, {"large": LARGE[:-1]})
    stored(project, LARGE).unlink()
    assert refusal(large) == (
        f"error: the content of 'large' is not in the catalog '{project}/.catalog'\n"
        "  fix: resume the run (magnus retry): the step that puts this content runs again"
    )
    assert refusal(replace(small, data_hash="0" * 64, catalog_relative_path="")) == (
        "error: the content of 'a' was not kept (`store_copy: false`), and it is not in place\n"
        "  fix: run the step that makes it again, or put it with `store_copy: true`"
    )
    assert refusal(replace(small, data_hash="../x")) == "error: the entry of 'a' has no SHA-256 but '../x'"
    make_folder(elsewhere / "a")
    assert refusal(small) == "error: the catalog cannot bring 'a': a folder is in its place"
    assert (
        refusal(replace(small, name="a/" + "x" * 300))
        == f"error: the catalog cannot bring 'a/{'x' * 57}...{'x' * 59}': the name is too long for the file system\n"
        "  fix: use a shorter name"
    )


def damage(file, content):
    """Other content in the file, with the times it had; as a disk does it, that is without a word."""
    status = file.stat()
    file.chmod(0o644)
    file.write_bytes(content)
    file.chmod(stat.S_IMODE(status.st_mode))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("damaged", [b"", b"xx", b"?"])
def test_damaged_content_is_an_error_that_says_what_to_do(project, elsewhere, damaged):
    entries = put(opened(project), project, {"a": b"x"})
    damage(stored(project, b"x"), damaged)
    with pytest.raises(DamagedContent) as refused:
        opened(project).get("a-run", ROOT, entries, elsewhere)
    assert str(refused.value) == (
        f"error: the content of 'a', put by the run 'a-run', is damaged in the catalog: '{stored(project, b'x')}' "
        f"does not have the SHA-256 {entries[0].data_hash}\n"
        "  fix: resume the run (magnus retry): the step that puts this content runs again and replaces it; "
        "magnus catalog verify finds all other damaged content"
    )
    assert contents(elsewhere) == {}


@pytest.mark.parametrize("content", [b"x", LARGE])
@pytest.mark.parametrize("known", [False, True])
def test_a_put_writes_damaged_content_anew_for_all_that_link_to_it(project, elsewhere, content, known):
    """Whether its own file was hashed before, or is now."""
    system = AN_HOUR_LATER if known else REAL
    entries = put(opened(project, system), project, {"a": content})
    put(opened(project, system), project, {"a": content}, run_id="two")
    damage(stored(project, content), b"?" + content[1:])
    put(opened(project, system), project, {"a": content}, run_id="three")
    for run in ("a-run", "two", "three"):
        assert (project / ".catalog" / run / "a").read_bytes() == content
        assert (project / ".catalog" / run / "a").stat().st_ino == stored(project, content).stat().st_ino
    assert stat.S_IMODE(stored(project, content).stat().st_mode) == 0o444
    opened(project).get("a-run", ROOT, entries, elsewhere)
    assert contents(elsewhere) == {"a": content}


def test_content_that_cannot_be_written_over_is_replaced(project, elsewhere):
    entries = put(opened(project), project, {"a": b"x"})
    damage(stored(project, b"x"), b"?")

    def refusing(path, flags, mode):
        if flags & os.O_WRONLY and path == str(stored(project, b"x")):
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        return os.open(path, flags, mode)

    put(opened(project, replace(REAL, open=refusing)), project, {"a": b"x"})
    opened(project).get("a-run", ROOT, entries, elsewhere)
    assert contents(elsewhere) == {"a": b"x"}


def test_content_that_the_disk_does_not_give_back_is_written_anew(project, elsewhere):
    entries = put(opened(project), project, {"large": LARGE})
    bad = stored(project, LARGE).stat().st_ino

    def lost(descriptor, buffers):
        if os.fstat(descriptor).st_ino == bad:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return os.readv(descriptor, buffers)

    put(opened(project, replace(REAL, read_into=lost)), project, {"large": LARGE})
    assert stored(project, LARGE).stat().st_ino != bad
    opened(project).get("a-run", ROOT, entries, elsewhere)
    assert contents(elsewhere) == {"large": LARGE}


def test_what_is_remembered_of_content_is_not_believed_after_a_change_that_keeps_its_times(project):
    [entry] = put(opened(project, AN_HOUR_LATER), project, {"large": LARGE})
    catalog = opened(project, AN_HOUR_LATER)
    for _ in range(2):
        catalog.open(entry.name, entry.data_hash, entry.size).close()
    time.sleep(0.02)  # a clock of the file system may not tell less from nothing; two seconds are waited for in earnest
    damage(stored(project, LARGE), b"?" + LARGE[1:])
    with pytest.raises(DamagedContent, match="'large' is damaged in the catalog"):
        catalog.open(entry.name, entry.data_hash, entry.size)


def test_a_link_in_the_store_is_not_read_through(project, elsewhere, tmp_path):
    entries = put(opened(project), project, {"a": b"x"})
    write(tmp_path, {"outside": b"x"})
    stored(project, b"x").unlink()
    stored(project, b"x").symlink_to(tmp_path / "outside")
    with pytest.raises(CatalogError, match="'a'"):
        opened(project).get("a-run", ROOT, entries, elsewhere)
    put(opened(project), project, {"a": b"x"})
    assert not stored(project, b"x").is_symlink()
    assert contents(tmp_path)["outside"] == b"x"


def test_a_folder_of_the_store_that_is_a_link_is_refused(project, elsewhere, tmp_path):
    entries = put(opened(project), project, {"a": b"x"})
    folder = stored(project, b"x").parent
    folder.rename(tmp_path / "outside")
    folder.symlink_to(tmp_path / "outside")
    for use in (
        lambda: opened(project).get("a-run", ROOT, entries, elsewhere),
        lambda: put(opened(project), project, {"a": b"x"}),
    ):
        with pytest.raises(CatalogError) as refused:
            use()
        assert str(refused.value) == f"error: '{folder}' is a link, which the catalog does not follow\n  fix: remove it"


def test_a_link_in_the_tree_is_not_written_through(project, tmp_path):
    outside = make_folder(tmp_path / "outside")
    write(outside, {"a": b"outside"})
    tree = project / ".catalog" / "a-run"
    tree.mkdir(parents=True)
    (tree / "folder").symlink_to(outside)
    (tree / "a").symlink_to(outside / "a")
    with pytest.raises(CatalogError) as refused:
        put(opened(project), project, {"folder/a": b"x"})
    assert str(refused.value) == (
        f"error: '{tree}/folder' is in the way: the catalog needs a folder there\n  fix: remove it"
    )
    put(opened(project), project, {"a": b"x"})
    assert contents(outside) == {"a": b"outside"}
    assert not (tree / "a").is_symlink()


def test_a_log_that_is_a_link_is_not_written_through(project, tmp_path):
    logs = project / ".catalog" / "a-run" / ".logs"
    logs.mkdir(parents=True)
    (logs / "a.log").symlink_to(tmp_path / "outside")
    with pytest.raises(CatalogError, match=r"cannot open the log 'a\.log'"):
        opened(project).open_log("a-run", ROOT.step("a"))
    assert not (tmp_path / "outside").exists()


def test_a_run_id_cannot_lead_out_of_the_catalog(project):
    put(opened(project), project, {"a": b"x"}, "../../x")
    assert contents(project / ".catalog" / "%2E.%2F..%2Fx") == {"a": b"x"}


# Files that change while they are read


def changing(times, change):
    """Reading that is followed, so many times, by a change of the file."""
    left = [times]

    def changed(_answer):
        if left[0]:
            left[0] -= 1
            change()
        return _answer

    return replace(
        REAL,
        read=lambda *arguments: changed(REAL.read(*arguments)),
        read_into=lambda *arguments: changed(REAL.read_into(*arguments)),
    )


@pytest.mark.parametrize("content", [b"x" * 100, LARGE], ids=len)
@pytest.mark.parametrize("store_copy", [True, False])
@pytest.mark.parametrize("size", [-10, 0, 10])
def test_a_file_that_changes_once_is_read_again(project, elsewhere, content, store_copy, size):
    write(project, {"a": content})
    new = b"y" * (len(content) + size)
    system = changing(1, lambda: write(project, {"a": new}))
    [entry] = opened(project, system).put("a-run", ROOT, project, ["a"], unchanged={}, store_copy=store_copy)
    assert (entry.data_hash, entry.size) == (sha256(new).hexdigest(), len(new))
    opened(project).get("a-run", ROOT, [entry], elsewhere if store_copy else project)


@pytest.mark.parametrize("content", [b"x" * 100, LARGE], ids=len)
def test_a_file_that_changes_all_the_time_is_an_error_that_names_it(project, content):
    write(project, {"a": content})
    growing = changing(10**6, lambda: os.truncate(project / "a", (project / "a").stat().st_size + 1))
    system = replace(growing, read_into=lambda descriptor, blocks: _at_most(3, growing.read_into, descriptor, blocks))
    with pytest.raises(CatalogError) as refused:
        opened(project, system).put("a-run", ROOT, project, ["a"], unchanged={})
    assert str(refused.value) == (
        "error: 'a' changed while it was read\n  fix: see that no process writes to it after its step has finished"
    )
    assert contents(project / ".catalog" / "a-run") == {}


@pytest.mark.parametrize("content", [b"x" * 100, LARGE], ids=len)
@pytest.mark.parametrize("store_copy", [True, False])
def test_a_file_that_another_replaces_all_the_time_is_kept_as_one_of_them(project, elsewhere, content, store_copy):
    def replace_it():
        write(project, {"new": content[:-1] + b"y"})
        (project / "new").replace(project / "a")

    replace_it()
    system = changing(10**6, replace_it)
    [entry] = opened(project, system).put("a-run", ROOT, project, ["a"], unchanged={}, store_copy=store_copy)
    assert entry.data_hash == sha256(content[:-1] + b"y").hexdigest()
    opened(project).get("a-run", ROOT, [entry], elsewhere if store_copy else project)


@pytest.mark.parametrize("content", [b"x" * 100, LARGE], ids=len)
def test_a_file_that_another_replaces_before_it_is_opened_is_the_other(project, content):
    write(project, {"a": content, "new": content[:-1] + b"y"})
    times = (project / "a").stat().st_mtime_ns
    os.utime(project / "new", ns=(times, times))

    def open_late(path, flags, mode):
        if path == str(project / "a") and (project / "new").exists():
            (project / "new").replace(project / "a")
        return os.open(path, flags, mode)

    [entry] = opened(project, replace(REAL, open=open_late)).put("a-run", ROOT, project, ["a"], unchanged={})
    assert entry.data_hash == sha256(content[:-1] + b"y").hexdigest()


@pytest.mark.parametrize("content", [b"x" * 100, LARGE], ids=len)
def test_a_pipe_that_replaces_a_file_before_it_is_opened_is_refused(project, content):
    write(project, {"a": content})

    def open_late(path, flags, mode):
        if path == str(project / "a") and (project / "a").is_file():
            (project / "a").unlink()
            os.mkfifo(project / "a")
        return os.open(path, flags, mode)

    with pytest.raises(CatalogError, match="the catalog cannot keep 'a': it is a pipe"):
        opened(project, replace(REAL, open=open_late)).put("a-run", ROOT, project, ["a"], unchanged={})


def _at_most(blocks_of_file, read_into, descriptor, blocks):
    """End a file that grows with every read after a few reads."""
    if os.lseek(descriptor, 0, os.SEEK_CUR) > blocks_of_file * len(blocks[0]):
        return 0
    return read_into(descriptor, blocks)


def test_of_many_files_the_one_that_cannot_be_kept_is_named(project):
    names = write(project, {f"{number:03}": b"%d" % number for number in range(100)})
    (project / "057").unlink()
    with pytest.raises(CatalogError, match="'057'"):
        opened(project).put("a-run", ROOT, project, names, unchanged={})


def test_what_a_crash_left_behind_is_harmless(project, elsewhere):
    put(opened(project), project, {"a": b"x"})
    write(project / ".catalog" / ".store" / "tmp", {"1-abc-0": b"half"})
    entries = put(opened(project), project, {"a": b"y"})
    opened(project).get("a-run", ROOT, entries, elsewhere)
    assert contents(elsewhere) == {"a": b"y"}


def test_a_catalog_whose_folder_was_removed_starts_anew(project, elsewhere):
    catalog = opened(project)
    put(catalog, project, {"a": b"x"})
    shutil.rmtree(project / ".catalog")
    entries = put(catalog, project, {"a": b"x"})
    catalog.get("a-run", ROOT, entries, elsewhere)
    assert contents(elsewhere) == {"a": b"x"}


def test_facts_are_kept_once_by_content_and_while_a_record_names_them(tmp_path):
    project = make_folder(tmp_path / "project")
    catalog = FileSystemCatalog(FileSystemOptions(), project)
    fact = b"a==1\n"
    data_hash = sha256(fact).hexdigest()
    catalog.store_blob(fact)
    catalog.store_blob(fact)
    with catalog.open("a fact", data_hash, len(fact)) as file:
        assert file.read() == fact
    old((project / ".catalog" / ".store").rglob("*"))
    assert catalog.collect(frozenset({data_hash}), ()).removed.files == 0
    assert catalog.collect(frozenset(), ()).removed.files == 1
