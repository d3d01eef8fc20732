"""Files between a step and the catalog: what globs mean, and what happens to what they match."""

import os
import socket
import time
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from magnus.catalogs.do_nothing import DoNothingCatalog, DoNothingOptions
from magnus.catalogs.file_system.catalog import FileSystemCatalog, FileSystemOptions
from magnus.engine.files.catalog_files import (
    get_files,
    keep_files,
    mark_preexisting,
    matching_entries,
    matching_files,
    put_files,
)
from magnus.errors import TaskFailed
from magnus.graph.nodes import CatalogSpec
from magnus.graph.path import BranchPath
from magnus.run_log.records import CatalogRecord
from magnus.testing.pieces import contents, make_folder, write

ROOT = BranchPath()
TREE = (
    *("a.csv", "b.csv", "c.txt", ".hidden", "[x].csv", "data/a.csv", "data/b.txt", "data/.secret", "data/deep/a.csv"),
    *("data/deep/er/a.csv", "data/.dot/a.csv", ".dot/a.csv", ".dot/.dotted", ".catalog/a-run/a.csv", "logs/run.jsonl"),
)


@pytest.fixture
def project(tmp_path):
    return make_folder(tmp_path / "project")


@pytest.fixture
def tree(project):
    write(project, dict.fromkeys(TREE, b""))
    return project


def entry(name):
    return CatalogRecord(name, "0" * 64, f"a-run/{name}", ".catalog", "put", 0)


def matched(folder, *patterns, hidden=()):
    """What the patterns match, found in two ways where they must agree."""
    found = matching_files(folder, patterns, hidden=hidden)
    if not hidden:
        assert matching_entries({name: entry(name) for name in contents(folder)}, patterns) == found
    return list(found.names)


# What globs mean


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("a.csv", ["a.csv"]),
        ("./a.csv", ["a.csv"]),
        ("*.csv", ["[x].csv", "a.csv", "b.csv"]),
        ("?.csv", ["a.csv", "b.csv"]),
        ("[ac].*", ["a.csv", "c.txt"]),
        ("[!a].csv", ["b.csv"]),
        ("[a-b].csv", ["a.csv", "b.csv"]),
        ("[x].csv", ["[x].csv"]),
        ("A.csv", []),
        ("data/*.csv", ["data/a.csv"]),
        ("data/*/*.csv", ["data/deep/a.csv"]),
        ("*/a.csv", ["data/a.csv"]),
        ("**/a.csv", ["a.csv", "data/a.csv", "data/deep/a.csv", "data/deep/er/a.csv"]),
        ("data/**/a.csv", ["data/a.csv", "data/deep/a.csv", "data/deep/er/a.csv"]),
        ("**/deep/*.csv", ["data/deep/a.csv"]),
        ("**/deep/**/*.csv", ["data/deep/a.csv", "data/deep/er/a.csv"]),
        ("**/**/er/*", ["data/deep/er/a.csv"]),
        ("**d**/b.txt", ["data/b.txt"]),
        ("data/deep", ["data/deep/a.csv", "data/deep/er/a.csv"]),
        ("data/deep/", ["data/deep/a.csv", "data/deep/er/a.csv"]),
        ("d*", ["data/a.csv", "data/b.txt", "data/deep/a.csv", "data/deep/er/a.csv"]),
        ("data/**", ["data/a.csv", "data/b.txt", "data/deep/a.csv", "data/deep/er/a.csv"]),
        ("data/**/*", ["data/a.csv", "data/b.txt", "data/deep/a.csv", "data/deep/er/a.csv"]),
        (".hidden", [".hidden"]),
        (".h*", [".hidden"]),
        ("?hidden", []),
        ("[.]hidden", []),
        (".dot", [".dot/a.csv"]),
        (".dot/.*", [".dot/.dotted"]),
        ("data/.*", ["data/.dot/a.csv", "data/.secret"]),
        ("**/.dot/*", [".dot/a.csv", "data/.dot/a.csv"]),
        ("a.csv/b", []),
        ("missing/*", []),
    ],
)
def test_a_glob_means(tree, pattern, names):
    assert matched(tree, pattern) == names


VISIBLE = [
    *("[x].csv", "a.csv", "b.csv", "c.txt", "data/a.csv", "data/b.txt"),
    *("data/deep/a.csv", "data/deep/er/a.csv", "logs/run.jsonl"),
]


@pytest.mark.parametrize("pattern", ["*", "**/*", "**", ".", "./", "./**/*"])
def test_all_files_that_do_not_begin_with_a_dot(tree, pattern):
    assert matched(tree, pattern) == VISIBLE


def test_files_are_sorted_and_each_is_there_once(tree):
    assert matched(tree, "data/**/*", "**/a.csv", "c.txt", "data") == [
        *("a.csv", "c.txt", "data/a.csv", "data/b.txt", "data/deep/a.csv", "data/deep/er/a.csv")
    ]


def test_globs_without_a_match_are_said(tree):
    (tree / "empty").mkdir()
    patterns = ("nothing", "*.csv", "empty", "empty/**", "*.csv/x")
    assert matching_files(tree, patterns, hidden=()).unmatched == ("nothing", "empty", "empty/**", "*.csv/x")


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("**/*", [name for name in VISIBLE if name != "logs/run.jsonl"]),
        ("l*", []),
        ("**/logs", []),
        (".*", [".dot/a.csv", ".hidden"]),
        (".c*/**/*", []),
        ("logs", ["logs/run.jsonl"]),
        ("logs/*.jsonl", ["logs/run.jsonl"]),
        (".catalog/**/*", [".catalog/a-run/a.csv"]),
        (".catalog", [".catalog/a-run/a.csv"]),
    ],
)
def test_the_folders_of_services_match_only_when_they_are_named(tree, pattern, names):
    assert matched(tree, pattern, hidden=[tree / ".catalog", tree / "logs"]) == names


def test_a_folder_of_a_service_within_another_matches_only_when_it_is_named(tree):
    hidden = [tree / "data" / "deep"]
    assert matched(tree, "data", hidden=hidden) == ["data/a.csv", "data/b.txt"]
    assert matched(tree, "data/*/a.csv", hidden=hidden) == []
    assert matched(tree, "data/deep/a.csv", hidden=hidden) == ["data/deep/a.csv"]
    assert matched(tree / "data", "*", hidden=hidden) == ["a.csv", "b.txt"]


def test_a_link_to_a_folder_of_a_service_matches_only_when_it_is_named(tree):
    (tree / "link").symlink_to(".catalog")
    (tree / "to file").symlink_to(".catalog/a-run/a.csv")
    hidden = [tree / ".catalog"]
    assert not {"link/a-run/a.csv", "to file"} & set(matched(tree, "**/*", hidden=hidden))
    assert matched(tree, "link", "to file", hidden=hidden) == ["link/a-run/a.csv", "to file"]


def test_folders_of_services_elsewhere_hide_nothing(tree, tmp_path):
    assert matched(tree, "**/*", hidden=[tmp_path / "elsewhere", tmp_path, tree]) == VISIBLE


@pytest.mark.parametrize("name", ["a\nb", "a b", "ünï", "\udcff", "-x", "**", "a\\b", "%"])
def test_awkward_names_match(project, name):
    write(project, {name: b"", "other": b""})
    assert name in matched(project, "*")
    assert name in matched(project, name)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("/etc/passwd", "the catalog pattern '/etc/passwd' is absolute; write it relative to the data folder"),
        ("../x", "the catalog pattern '../x' leads out of the data folder; write it without '..'"),
        ("a/../b", "the catalog pattern 'a/../b' leads out of the data folder; write it without '..'"),
        ("**/..", "the catalog pattern '**/..' leads out of the data folder; write it without '..'"),
        ("", "the catalog pattern '' can match nothing; name files, or write '**/*' for all"),
        ("a\0b", "the catalog pattern 'a\\x00b' can match nothing; name files, or write '**/*' for all"),
    ],
)
def test_a_glob_that_leads_out_is_refused(project, pattern, message):
    for match in (
        lambda: matching_files(project, ["*", pattern], hidden=()),
        lambda: matching_entries({}, ["*", pattern]),
    ):
        with pytest.raises(TaskFailed) as refused:
            match()
        assert str(refused.value) == message


# Links


def test_links_that_stay_in_the_folder_are_followed(project):
    write(project, {"data/a": b"", "data/deep/b": b""})
    (project / "file").symlink_to("data/a")
    (project / "folder").symlink_to("data")
    found = matching_files(project, ["**/*"], hidden=()).names
    assert found == ("data/a", "data/deep/b", "file", "folder/a", "folder/deep/b")
    assert matching_files(project, ["folder/deep"], hidden=()).names == ("folder/deep/b",)


def test_links_that_lead_round_and_round_are_followed_once(project):
    write(project, {"a/x": b"", "b/y": b""})
    (project / "a" / "up").symlink_to("..")
    (project / "a" / "self").symlink_to(".")
    (project / "a" / "to b").symlink_to("../b")
    (project / "b" / "to a").symlink_to("../a")
    (project / "itself").symlink_to("itself")
    found = matching_files(project, ["**/*"], hidden=())
    assert found.names == ("a/to b/y", "a/x", "b/to a/x", "b/y")
    assert found.left_out == ("'itself' is a link to nothing (a dangling link)",)


@pytest.fixture
def special(project):
    """A folder with one file, and with what only looks like one."""
    write(project, {"out/a.csv": b""})
    (project / "out" / "gone.csv").symlink_to("nowhere.csv")
    (project / "out" / "loop.csv").symlink_to("loop.csv")
    os.mkfifo(project / "out" / "pipe.csv")
    (project / "out" / "to pipe.csv").symlink_to("pipe.csv")
    address = socket.socket(socket.AF_UNIX)
    address.bind(os.path.relpath(project / "out" / "socket.csv"))
    yield project
    address.close()


LEFT_OUT = (
    "'out/gone.csv' is a link to nothing (a dangling link)",
    "'out/loop.csv' is a link to nothing (a dangling link)",
    "'out/pipe.csv' is a pipe, a socket or a device",
    "'out/socket.csv' is a pipe, a socket or a device",
    "'out/to pipe.csv' is a link to a pipe, a socket or a device",
)


@pytest.mark.parametrize("pattern", ["**/*", "out", "out/*.csv"])
def test_what_is_no_file_is_left_out_and_said(special, pattern):
    found = matching_files(special, [pattern, "out/*.txt"], hidden=())
    assert (found.names, found.left_out, found.unmatched) == (("out/a.csv",), LEFT_OUT, ("out/*.txt",))


@pytest.mark.parametrize("name", ["gone", "loop", "pipe", "socket", "to pipe"])
def test_what_is_no_file_is_left_out_when_it_is_named_too(special, name):
    found = matching_files(special, [f"out/{name}.csv"], hidden=())
    assert (found.names, found.left_out) == ((), tuple(text for text in LEFT_OUT if f"out/{name}.csv'" in text))
    assert found.unmatched == (f"out/{name}.csv",)


@pytest.mark.parametrize("pattern", ["*", "**/*", "data", "data/out", "data/o*", "data/out/a", "data/out/*"])
@pytest.mark.parametrize("to", ["", "a"])
def test_a_link_that_leads_out_is_refused_when_it_is_matched(project, tmp_path, pattern, to):
    write(tmp_path, {"outside/a": b""})
    (make_folder(project / "data") / "out").symlink_to(tmp_path / "outside" / to)
    with pytest.raises(TaskFailed) as refused:
        matching_files(project, [pattern], hidden=())
    assert str(refused.value) == f"catalog put: 'data/out' is a link that leads out of '{project}'"


@pytest.mark.parametrize("pattern", ["**/*.csv", "*/*.csv", "*.csv"])
def test_a_link_that_leads_out_is_not_followed_in_search_of_a_match(project, tmp_path, pattern):
    write(tmp_path, {"outside/deep/a.csv": b"", "outside/a.csv": b""})
    (project / "out").symlink_to(tmp_path / "outside")
    (project / "sibling").symlink_to(f"{project}-sibling")
    assert matched(project, pattern) == []


def test_a_folder_reached_by_a_link_is_the_folder(tree, tmp_path):
    (tmp_path / "link").symlink_to(tree)
    assert matched(tmp_path / "link", "**/*", hidden=[tmp_path / "link" / "logs"]) == VISIBLE[:-1]
    assert matched(tree, "**/*", hidden=[tmp_path / "link" / "logs"]) == VISIBLE[:-1]


def test_a_folder_that_cannot_be_read_is_said(project):
    folder = os.open(project, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("x" * 250, dir_fd=folder)
        deeper = os.open("x" * 250, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = deeper
    os.close(folder)
    with pytest.raises(TaskFailed) as refused:
        matching_files(project, ["**/*"], hidden=())
    assert str(refused.value).startswith(f"catalog put: the folder '{project}/xxx")
    assert str(refused.value).endswith("xxx' cannot be read: File name too long")


# Put


def put(project, *patterns, catalog=None, hidden=(), got=(), **spec):
    catalog = catalog or FileSystemCatalog(FileSystemOptions(), project)
    return put_files(
        catalog,
        CatalogSpec(put=patterns, **spec),
        run_id="a-run",
        branch=ROOT,
        working_directory=project,
        hidden=hidden,
        got=got,
    )


def test_what_is_matched_is_put(project):
    write(project, {"data/a": b"x", "data/b": b"y", "c": b"z"})
    entries, warnings = put(project, "data/*", hidden=[project / ".catalog"])
    assert [entry.name for entry in entries] == ["data/a", "data/b"]
    assert warnings == ()
    assert contents(project / ".catalog" / "a-run") == {"data/a": b"x", "data/b": b"y"}


def test_the_catalog_is_never_put_into_itself(project):
    write(project, {"a": b"x"})
    catalog = FileSystemCatalog(FileSystemOptions(catalog_location="catalog"), project)
    for _ in range(2):
        entries, _ = put(project, "**/*", catalog=catalog, hidden=[catalog.location])
        assert [entry.name for entry in entries] == ["a"]


def test_a_glob_without_a_match_is_a_warning(project):
    write(project, {"a": b"x"})
    entries, warnings = put(project, "a", "*.csv", "data/*")
    assert [entry.name for entry in entries] == ["a"]
    assert warnings == ("catalog put: no file matches '*.csv'", "catalog put: no file matches 'data/*'")


def test_what_a_task_leaves_itself_is_kept_and_no_glob_puts_it_again(project):
    write(project, {"own/a": b"of the task", "own/deep/b": b"y", "a": b"of the folder", "c": b"z"})
    catalog = FileSystemCatalog(FileSystemOptions(), project)
    own = keep_files(catalog, project / "own", run_id="a-run", branch=ROOT)
    assert [entry.name for entry in own] == ["a", "deep/b"]
    entries, _ = put_files(
        catalog,
        CatalogSpec(put=("*",)),
        run_id="a-run",
        branch=ROOT,
        working_directory=project,
        hidden=[project / "own"],
        got=(),
        own=lambda names: [name for name in names if name not in {entry.name for entry in own}],
    )
    assert [entry.name for entry in entries] == ["c"]
    assert contents(project / ".catalog" / "a-run") == {"a": b"of the task", "deep/b": b"y", "c": b"z"}


def test_a_task_that_leaves_nothing_and_a_catalog_that_keeps_nothing(project):
    write(project, {"own/a": b"x"})
    catalog = FileSystemCatalog(FileSystemOptions(), project)
    assert keep_files(catalog, project / "none", run_id="a-run", branch=ROOT) == ()
    assert keep_files(DoNothingCatalog(DoNothingOptions(), project), project / "own", run_id="a-run", branch=ROOT) == ()


@pytest.mark.parametrize(("of_step", "of_catalog"), [(True, False), (None, True)])
def test_a_glob_without_a_match_is_a_failure_when_strict(project, of_step, of_catalog):
    write(project, {"a": b"x"})
    catalog = FileSystemCatalog(FileSystemOptions(strict=of_catalog), project)
    with pytest.raises(TaskFailed) as failed:
        put(project, "a", "b", "c", catalog=catalog, strict=of_step)
    assert str(failed.value) == "catalog put: no file matches 'b'\ncatalog put: no file matches 'c'"
    assert not (project / ".catalog").exists()


def test_the_step_may_be_less_strict_than_the_catalog(project):
    catalog = FileSystemCatalog(FileSystemOptions(strict=True), project)
    assert put(project, "a", catalog=catalog, strict=False) == ((), ("catalog put: no file matches 'a'",))


def test_what_is_unchanged_since_the_get_is_left_out(project):
    write(project, {"a": b"x", "b": b"y"})
    got, _ = put(project, "*")
    write(project, {"b": b"changed"})
    entries, warnings = put(project, "*", got=[replace(entry, stage="get") for entry in got])
    assert [entry.name for entry in entries] == ["b"]
    assert warnings == ()


def test_without_a_copy_only_the_hash_is_recorded(project):
    write(project, {"a": b"x"})
    [entry], _ = put(project, "a", store_copy=False)
    assert entry.catalog_relative_path == ""
    assert not (project / ".catalog" / "a-run").exists()


# The data folder


@pytest.mark.parametrize("named", ["data", "./data/", "data/deep/..", "{project}/data"])
@pytest.mark.parametrize("by_step", [True, False])
def test_globs_are_relative_to_the_data_folder_and_names_to_the_project(project, named, by_step):
    write(project, {"data/a": b"x", "b": b"y", "data/.x/c": b""})
    named = named.format(project=project)
    options = FileSystemOptions(compute_data_folder="missing" if by_step else named)
    spec = {"compute_data_folder": named} if by_step else {}
    catalog = FileSystemCatalog(options, project)
    entries, warnings = put(project, "*", "b", catalog=catalog, **spec)
    assert [entry.name for entry in entries] == ["data/a"]
    assert warnings == ("catalog put: no file matches 'b' in 'data'",)
    assert contents(project / ".catalog" / "a-run") == {"data/a": b"x"}


def test_the_step_may_name_the_working_directory(project):
    write(project, {"a": b"x"})
    catalog = FileSystemCatalog(FileSystemOptions(compute_data_folder="data"), project)
    [entry], _ = put(project, "a", catalog=catalog, compute_data_folder="")
    assert entry.name == "a"


def test_a_data_folder_that_is_not_there_has_no_files(project):
    assert put(project, "*", compute_data_folder="data") == ((), ("catalog put: no file matches '*' in 'data'",))
    with pytest.raises(TaskFailed, match=r"leads out of the data folder"):
        put(project, "../*", compute_data_folder="data")


@pytest.mark.parametrize("named", ["..", "../elsewhere", "/tmp", "data/../..", "link"])
def test_a_data_folder_outside_the_working_directory_is_refused(project, tmp_path, named):
    (project / "link").symlink_to(make_folder(tmp_path / "elsewhere"))
    for use in (put, get):
        with pytest.raises(TaskFailed) as refused:
            use(project, "*", compute_data_folder=named)
        assert str(refused.value) == (
            f"the compute_data_folder '{named}' is outside the working directory; name a folder in it"
        )


def test_a_working_directory_behind_a_link_has_data_folders_too(project, tmp_path):
    (tmp_path / "link").symlink_to(project)
    write(project, {"data/a": b"x"})
    for named in ("data", str(project / "data"), str(tmp_path / "link" / "data")):
        [entry], _ = put(tmp_path / "link", "*", compute_data_folder=named)
        assert entry.name == "data/a"


# Get


def get(project, *patterns, catalog=None, visible=None, **spec):
    catalog = catalog or FileSystemCatalog(FileSystemOptions(), project)
    return get_files(
        catalog,
        CatalogSpec(get=patterns, **spec),
        run_id="a-run",
        branch=ROOT,
        working_directory=project,
        visible=visible or {},
    )


def put_and_removed(project, files):
    """Entries of the files, which are gone from the project."""
    names = write(project, files)
    entries, _ = put(project, *names)
    for name in names:
        (project / name).unlink()
    return {entry.name: entry for entry in entries}


def test_what_is_matched_is_brought(project):
    visible = put_and_removed(project, {"data/b": b"y", "data/a": b"x", "c": b"z"})
    entries = get(project, "data/*", visible=visible)
    assert entries == tuple(replace(visible[name], stage="get") for name in ("data/a", "data/b"))
    assert {name: data for name, data in contents(project).items() if not name.startswith(".catalog")} == {
        "data/a": b"x",
        "data/b": b"y",
    }


def test_a_get_is_relative_to_the_data_folder(project):
    visible = put_and_removed(project, {"data/a": b"x", "a": b"y"})
    [entry] = get(project, "*", visible=visible, compute_data_folder="data")
    assert entry.name == "data/a"
    assert (project / "data" / "a").read_bytes() == b"x"
    assert not (project / "a").exists()


def test_a_get_without_a_match_is_a_failure_that_says_what_there_is(project):
    visible = put_and_removed(project, {"data/a": b"x", "c": b"z"})
    with pytest.raises(TaskFailed) as failed:
        get(project, "c", "b", "*.csv", visible=visible)
    assert str(failed.value) == "catalog get: nothing in the catalog matches 'b', '*.csv'; it holds 'c', 'data/a'"
    assert not (project / "c").exists()


def test_a_get_without_a_match_says_only_some_of_much(project):
    visible = {f"{number:02}": entry(f"{number:02}") for number in range(13)}
    with pytest.raises(TaskFailed) as failed:
        get(project, "*.csv", visible=visible, compute_data_folder="data")
    assert str(failed.value) == (
        "catalog get: nothing in the catalog matches '*.csv' in 'data'; it holds "
        "'00', '01', '02', '03', '04', '05', '06', '07', '08', '09' and 3 more"
    )


def test_a_get_of_nothing_kept_says_so(project):
    with pytest.raises(TaskFailed) as failed:
        get(project, "a")
    assert (
        str(failed.value) == "catalog get: nothing in the catalog matches 'a'; it holds no files that this step can see"
    )


# A catalog that keeps nothing


def test_a_catalog_that_keeps_nothing_minds_nothing(project):
    write(project, {"a": b"x"})
    catalog = DoNothingCatalog(DoNothingOptions(), project)
    assert get(project, "a", "b", catalog=catalog) == ()
    assert put(project, "a", "b", catalog=catalog) == ((), ())
    assert put(project, "b", catalog=catalog, strict=True) == ((), ())


def test_globs_that_lead_out_are_refused_whatever_the_catalog(project):
    catalog = DoNothingCatalog(DoNothingOptions(), project)
    for use in (get, put):
        with pytest.raises(TaskFailed, match=r"leads out of the data folder"):
            use(project, "../x", catalog=catalog)


# What a step found, and what it made


def test_a_file_that_was_there_before_the_run_began_was_found(project):
    write(project, {"old.csv": b"1", "new.csv": b"2"})
    put = tuple(entry(name) for name in ("old.csv", "new.csv", "gone.csv"))
    began = (project / "old.csv").stat().st_ctime + 0.05
    while time.time() < began + 0.05:  # the clock of a file cannot be set, only awaited
        time.sleep(0.01)
    (project / "new.csv").write_bytes(b"3")
    os.utime(project / "new.csv", (0, 0))
    for moment, found in ((began, [True, False, False]), (began - 0.05, [False, False, False])):
        told = mark_preexisting(put, project, started_at=datetime.fromtimestamp(moment, UTC))
        assert [entry.preexisting for entry in told] == found
