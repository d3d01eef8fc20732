"""`magnus export` and `magnus import`: runs with their files in other stores, whole or not at all."""

import io
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from magnus.app.transfer.archive import ArchiveReader, ArchiveWriter
from magnus.app.transfer.export_runs import export_runs
from magnus.app.transfer.import_runs import import_runs
from magnus.catalogs.file_system.catalog import FileSystemCatalog
from magnus.run_log_stores.file_system import FileSystemRunLogStore

WORK = """\
import json, os, pathlib
from magnus import get_from_catalog

class Thing:
    def __init__(self, n): self.n = n

def make(n):
    pathlib.Path("data").mkdir(exist_ok=True)
    pathlib.Path("data/a b.txt").write_text("text " * 1000)
    pathlib.Path("tool.sh").write_text("#!/bin/sh\\necho from the tool\\n")
    os.chmod("tool.sh", 0o755)
    print("made \\u00fc", flush=True)
    return Thing(n), list(range(100_000))

def use(thing, large, fails=False):
    print("used", thing.n, len(large), flush=True)
    assert not fails
    return {"result": thing.n + large[-1]}
"""
MAKE = {"type": "task", "command": "work.make", "catalog": {"put": ["data/*", "tool.sh"]}, "next": "m"}
MAKE |= {"returns": [{"name": "thing", "kind": "object"}, "large"]}
TOOL = {"type": "task", "command_type": "shell", "command": "./tool.sh; cat 'data/a b.txt' > out; test $e"}
TOOL |= {"catalog": {"get": ["tool.sh", "data/*"], "put": ["out"]}, "next": "success"}
STEPS = {
    "make": MAKE,
    "m": {
        "type": "map", "iterate_on": "es", "iterate_as": "e", "next": "use",
        "branch": {"start_at": "tool x/y", "steps": {"tool x/y": TOOL}},
    },
    "use": {"type": "task", "command": "work.use", "next": "success"},
}  # fmt: skip
STORES = {
    "a": ("file-system", {"log_folder": "a/log"}, "file-system", {"catalog_location": "a/catalog"}),
    "b": ("chunked-fs", {"log_folder": "b/log"}, "object-store", {"url": "file:b/catalog"}),
    "c": (
        "sql",
        {"url": "sqlite:///c/runs.db"},
        "file-system",
        {"catalog_location": "c/catalog", "spill_threshold": 9},
    ),
    "d": ("object-store", {"url": "file:d/log"}, "file-system", {"catalog_location": "d/catalog"}),
}


@pytest.fixture
def project(folder):
    folder.write("work.py", WORK)
    folder.write("p.yaml", json.dumps({"dag": {"start_at": "make", "steps": STEPS}}))
    for name, (store, store_options, catalog, catalog_options) in STORES.items():
        (folder.path / name).mkdir()
        options = {
            key: f"file://{folder.path}/{value.removeprefix('file:')}" if str(value).startswith("file:") else value
            for key, value in catalog_options.items()
        }
        own = {
            key: f"file://{folder.path}/{value.removeprefix('file:')}" if value.startswith("file:") else value
            for key, value in store_options.items()
        }
        services = {"run_log_store": {"type": store, "config": own}, "catalog": {"type": catalog, "config": options}}
        folder.write(f"{name}.yaml", json.dumps(services))
    return folder


def executed(project, run_id, **parameters):
    given = [
        part
        for name, value in {"n": 7, "es": ["x", "y"], **parameters}.items()
        for part in (f"--{name}", json.dumps(value))
    ]
    return project.magnus("execute", "p.yaml", "-c", "a.yaml", "--run-id", run_id, *given)


def ok(done):
    assert done.status == 0, done.err
    return done


def archive(project, name="r.tar"):
    return (project.path / name).read_bytes()


def facts(project, store, run_id="r"):
    """The run log without places and owners of stores, and the output."""
    log = ok(project.magnus("show", run_id, "-c", f"{store}.yaml", "--json")).log
    text = json.dumps(log, sort_keys=True)
    found = json.loads(text, object_hook=without_places)
    return found, ok(project.magnus("logs", run_id, "-c", f"{store}.yaml")).out


def without_places(members):
    return {
        key: value for key, value in members.items() if key not in {"catalog_relative_path", "catalog_handler_location"}
    }


@pytest.fixture
def exported(project):
    ok(executed(project, "r"))
    said = ok(project.magnus("export", "r", "r.tar", "-c", "a.yaml")).out
    assert said.startswith("wrote run r with ")
    return project


def test_a_run_goes_through_all_stores_and_stays_the_same(exported):
    project, first = exported, archive(exported)
    original = facts(project, "a")
    for store, before in zip("bcd", "abc", strict=True):
        if before != "a":
            ok(project.magnus("export", "r", "r.tar", "-c", f"{before}.yaml"))
            assert archive(project) == first, before
        assert ok(project.magnus("import", "r.tar", "-c", f"{store}.yaml")).out == "imported r: 8 steps\n"
        assert facts(project, store) == original
        assert (
            "no problem" in (said := ok(project.magnus("catalog", "verify", "-c", f"{store}.yaml")).out)
            or "0 problems" in said
            or said
        )
        again = ok(project.magnus("import", "r.tar", "-c", f"{store}.yaml")).out
        assert again == "r is there already\nnothing was changed\n"


def test_bytes_are_the_same_each_time_and_hold_no_times_and_owners(exported):
    first = archive(exported)
    ok(exported.magnus("export", "r", "r.tar", "-c", "a.yaml"))
    assert archive(exported) == first
    with tarfile.open(fileobj=io.BytesIO(first)) as tar:
        members = tar.getmembers()
    assert {(member.mtime, member.uid, member.gid, member.uname, member.type) for member in members} == {
        (0, 0, 0, "", tarfile.REGTYPE)
    }
    assert {member.mode for member in members} == {0o644}


@pytest.mark.parametrize("store", "bcd")
def test_a_failed_run_that_was_imported_is_resumed(project, store):
    failed = executed(project, "r", fails=True)
    assert failed.status == 1
    ok(project.magnus("export", "r", "r.tar", "-c", "a.yaml"))
    ok(project.magnus("import", "r.tar", "-c", f"{store}.yaml"))
    for name in ("tool.sh", "out", "data/a b.txt"):
        (project.path / name).unlink()
    resumed = ok(project.magnus("retry", "r", "-c", f"{store}.yaml", "--fails", "false"))
    assert resumed.log["parameters"]["result"] == 100_006
    assert resumed.log["steps"]["make"]["mock"] or "made" not in resumed.err


def test_each_command_of_the_page_works(project):
    ok(executed(project, "r", fails=True) and project.magnus("runs", "-c", "a.yaml"))
    (project.path / "a.yaml").rename(project.path / "magnus-config.yaml")
    text = (project.path / "magnus-config.yaml").read_text()
    project.write("magnus-config.yaml", json.dumps({"defaults": json.loads(text)}))
    (project.path / "b.yaml").rename(project.path / "team.yaml")
    page = (Path(__file__).parents[2] / "docs/how-to/move-runs.md").read_text()
    commands = [line for block in re.findall(r"```shell\n(.*?)```", page, re.DOTALL) for line in block.splitlines()]
    assert len(commands) == 4
    for command in commands:
        more = ["--fails", "false"] if "retry" in command else []
        ok(project.magnus(*command.split()[1:], *more))


def test_several_runs_share_content(exported):
    ok(executed(exported, "q"))
    ok(exported.magnus("export", "r", "q", "both.tar", "-c", "a.yaml"))
    ok(exported.magnus("import", "r.tar", "-c", "b.yaml"))
    said = ok(exported.magnus("import", "both.tar", "-c", "b.yaml")).out
    assert said == "imported q: 8 steps\nr is there already\n"
    assert facts(exported, "b", "q") == facts(exported, "a", "q")


def test_another_run_of_the_same_id_is_refused_and_nothing_changes(exported):
    ok(exported.magnus("import", "r.tar", "-c", "b.yaml"))
    ok(executed(exported, "q"))
    (exported.path / "a/log/r.jsonl").unlink()
    (exported.path / "a/log/r.json").unlink(missing_ok=True)
    ok(executed(exported, "r", n=8))
    ok(exported.magnus("export", "q", "r", "other.tar", "-c", "a.yaml"))
    refused = exported.magnus("import", "other.tar", "-c", "b.yaml")
    assert refused.status == 2
    assert refused.err.startswith("error: another run has the id 'r' here")
    assert "Traceback" not in refused.err
    assert exported.magnus("show", "q", "-c", "b.yaml").status == 2


def test_archives_that_are_cut_or_changed_import_nothing(exported):
    whole = archive(exported)
    for place in sorted(
        {0, 1, 511, 512, 700, *range(1000, len(whole), len(whole) // 12), len(whole) - 1024, len(whole) - 1}
    ):
        refused_whole(exported, whole[:place])
    for place in range(3, len(whole), len(whole) // 25):
        changed = bytearray(whole)
        changed[place] ^= 0x15
        refused_whole(exported, bytes(changed))
    refused_whole(exported, whole + b"\0")
    assert not (exported.path / "b/log").exists()


def refused_whole(project, data):
    (project.path / "bad.tar").write_bytes(data)
    refused = project.magnus("import", "bad.tar", "-c", "b.yaml")
    assert refused.status == 2, refused.err
    assert refused.err.startswith("error: "), refused.err
    assert refused.err.count("error:") == 1
    assert "Traceback" not in refused.err


def member(name, kind=tarfile.REGTYPE, size=0, link="", content=b""):
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname = kind, size or len(content), link
    return info.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512)


HEAD = member("magnus-export.json", content=b'{"format":1,"runs":["r"]}')


@pytest.mark.parametrize(
    "data",
    [
        b"", b"text", bytes(2048), member("../../etc/passwd", content=b"x"), member("/etc/passwd", content=b"x"),
        HEAD + member("contents/" + "a" * 64, tarfile.SYMTYPE, link="/etc/passwd"),
        HEAD + member("contents/" + "a" * 64, tarfile.LNKTYPE, link="x"),
        HEAD + member("runs/0/records.jsonl", tarfile.CHRTYPE), HEAD + member("runs/0/records.jsonl", size=1 << 60),
        HEAD + member("x", tarfile.XHDTYPE, size=1 << 40), HEAD + member("runs/1/records.jsonl"), HEAD + HEAD,
        HEAD + member("runs/0/records.jsonl", content=b"[" * 200_000 + b"\n"),
        HEAD + member("runs/0/records.jsonl", content=b'{"run":"../x"}\n'),
        member("magnus-export.json", content=b'{"format":1,"runs":["../x"]}'),
        member("magnus-export.json", content=b'{"format":2,"runs":["r"]}'),
        member("magnus-export.json", content=b'{"format":1,"runs":["r","r"]}'),
    ],
)  # fmt: skip
def test_malicious_archives_are_one_error_and_write_nothing(project, data):
    refused_whole(project, data)
    assert not (project.path / "b/log").exists()
    assert not (project.path / "b/catalog").exists()


def test_what_cannot_be_exported_is_one_error_and_leaves_no_file(exported):
    for arguments in (("nobody", "x.tar"), ("r", "gone/x.tar"), ("r", "a")):
        refused = exported.magnus("export", *arguments, "-c", "a.yaml")
        assert (refused.status, refused.err.count("error:"), "Traceback" in refused.err) == (2, 1, False), refused.err
    content = next(
        path
        for path in (exported.path / "a/catalog/.store").rglob("*")
        if path.is_file() and path.stat().st_size == 5000
    )
    content.chmod(0o644)
    content.write_bytes(b"x" * 5000)
    refused = exported.magnus("export", "r", "x.tar", "-c", "a.yaml")
    assert refused.status == 3, refused.err
    assert "data/a b.txt" in refused.err
    assert list(exported.path.glob("*x.tar*")) == []
    assert not [path for path in exported.path.iterdir() if "tmp" in path.name]


def test_files_of_other_programs_in_object_stores_are_no_runs_and_no_output(exported):
    for store in "bd":
        ok(exported.magnus("import", "r.tar", "-c", f"{store}.yaml"))
    folders = [exported.path / "d/log/.runs", *(exported.path / "b/catalog/.catalog/logs/r").iterdir()]
    assert len(folders) > 1
    for folder in folders:
        for name in (".DS_Store", "%ff", "~aa"):
            (folder / name).touch()
    original = facts(exported, "a")
    listed = ok(exported.magnus("runs", "-c", "d.yaml", "--json")).out
    assert [run["run_id"] for run in json.loads(listed)] == ["r"]
    for store in "bd":
        assert facts(exported, store) == original
        ok(exported.magnus("gc", "--keep-last", "1", "-c", f"{store}.yaml"))


def test_executable_files_are_named_like_a_file_and_like_a_folder(project):
    """The first step makes a tool in a folder; the second one makes a tool in the place of the folder."""
    first = "mkdir tool; echo 1 > tool/x; chmod +x tool/x"
    second = "rm -r tool; echo 2 > tool; chmod +x tool"
    steps = {
        name: {"type": "task", "command_type": "shell", "command": command, "catalog": {"put": [put]}, "next": after}
        for name, command, put, after in (("a", first, "tool/x", "b"), ("b", second, "tool", "success"))
    }
    project.write("t.yaml", json.dumps({"dag": {"start_at": "a", "steps": steps}}))
    ok(project.magnus("execute", "t.yaml", "-c", "a.yaml", "--run-id", "r"))
    ok(project.magnus("export", "r", "r.tar", "-c", "a.yaml"))
    for store in "bc":
        ok(project.magnus("import", "r.tar", "-c", f"{store}.yaml"))
        assert facts(project, store) == facts(project, "a")


@pytest.mark.parametrize("first", ["tool", "text"])
def test_of_two_files_with_the_same_content_one_may_be_executed_everywhere(project, first):
    """A step puts both in each order, and other steps of the resumed run see them as they were."""
    both = ["tool", "text"] if first == "tool" else ["text", "tool"]
    make = {"command": "echo exit > tool; cp tool text; chmod 755 tool; chmod 644 text", "catalog": {"put": both}}
    use = {"command": "test -x tool; test ! -x text; test $fails = no", "catalog": {"get": ["tool", "text"]}}
    branch = {"type": "map", "iterate_on": "es", "iterate_as": "e"}
    steps = {
        "make": {"type": "task", "command_type": "shell", **make, "next": "m"},
        "m": {**branch, "branch": {"steps": {"use": {"command_type": "shell", **use}}}, "next": "success"},
    }
    project.write("t.yaml", json.dumps({"dag": {"start_at": "make", "steps": steps}}))
    options = ["--es", "[1, 2]", "--fails"]
    assert project.magnus("execute", "t.yaml", "-c", "a.yaml", "--run-id", "r", *options, "yes").status == 1
    archives = set()
    for store, before in zip("bcda", "abcd", strict=True):
        ok(project.magnus("export", "r", "r.tar", "-c", f"{before}.yaml"))
        archives.add(archive(project))
        if store == "a":
            shutil.rmtree(project.path / "a")
            (project.path / "a").mkdir()
        ok(project.magnus("import", "r.tar", "-c", f"{store}.yaml"))
        for name in both:
            (project.path / name).unlink()
        ok(project.magnus("retry", "r", "-c", f"{store}.yaml", "--fails", "no"))
    assert len(archives) == 1


def test_the_hashes_of_much_missing_content_are_no_limit(tmp_path):
    missing = [f"{number:064x}" for number in range(20_000)]
    writer = ArchiveWriter()
    with (tmp_path / "r.tar").open("w+b") as file:
        file.writelines(writer.json("magnus-export.json", {"format": 1, "runs": ["r"]}))
        file.writelines(writer.end({"missing": missing}))
        file.flush()
        reader = ArchiveReader(file, "r.tar")
        values = [reader.value(b"".join(pieces)) for _, pieces in reader.members()]
    assert values[1]["missing"] == missing


def test_a_file_may_have_a_name_that_is_no_unicode(exported):
    said = ok(exported.magnus("export", "r", "a\udcff.tar", "-c", "a.yaml")).out
    assert "to a\\udcff.tar (" in said
    assert archive(exported, "a\udcff.tar") == archive(exported)
    assert ok(exported.magnus("import", "a\udcff.tar", "-c", "b.yaml")).out == "imported r: 8 steps\n"


def test_an_export_to_a_device_leaves_the_device(exported):
    (exported.path / "device").symlink_to("/dev/null")
    ok(exported.magnus("export", "r", "device", "-c", "a.yaml"))
    assert (exported.path / "device").is_char_device()


def test_content_that_cannot_be_read_is_an_error_and_not_missing(exported):
    """It may be there, so an archive without it would lose it."""
    ok(exported.magnus("import", "r.tar", "-c", "b.yaml"))
    contents = exported.path / "b/catalog/.catalog/content"
    [content] = [path for path in contents.glob("*/*") if path.stat().st_size == 5000]
    content.unlink()
    lost = ok(exported.magnus("export", "r", "x.tar", "-c", "b.yaml"))
    assert "warning: the content of 'data/a b.txt' is not in the catalog" in lost.err
    (exported.path / "x.tar").unlink()
    content.symlink_to(content)
    refused = exported.magnus("export", "r", "x.tar", "-c", "b.yaml")
    assert refused.status == 3, refused.err
    assert refused.err.startswith("error: the catalog cannot read from")
    assert not (exported.path / "x.tar").exists()


def test_output_that_grows_is_exported_as_it_was(exported, monkeypatch):
    monkeypatch.chdir(exported.path)
    read_log = FileSystemCatalog.read_log

    def growing(self, run_id, path):
        log = read_log(self, run_id, path)
        return log and Growing(log)

    monkeypatch.setattr(FileSystemCatalog, "read_log", growing)
    export_runs(["r"], "x.tar", "a.yaml", {})
    assert archive(exported, "x.tar") == archive(exported)


class Growing:
    """A log whose step prints while it is read."""

    def __init__(self, log):
        self.log = log

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __getattr__(self, name):
        return getattr(self.log, name)

    def read(self, size=-1):
        return self.log.read(size) or b"more"


KILLED = """\
import itertools, os, signal, sys
from magnus.cli import program
from magnus.app.transfer import archive
from magnus.catalogs.object_store.catalog import ObjectStoreCatalog as Catalog
from magnus.run_log_stores.chunked_file_system import ChunkedRunLogStore as Store

calls, last = itertools.count(), int(sys.argv[1])

def counted(function):
    def call(*arguments, **options):
        if next(calls) == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **options)
    return call

for kind, names in (
    (Catalog, ("adopt", "put", "put_stream", "open_log")),
    (Store, ("create_run", "put_step", "update_run", "write_document")),
    (archive.ArchiveWriter, ("member", "end")),
):
    for name in names:
        if hasattr(kind, name):
            setattr(kind, name, counted(getattr(kind, name)))
sys.exit(program.run(sys.argv[2:]))
"""


def killed(project, number, *arguments):
    """The command, which is killed at this call of a store or of the writer of the archive."""
    project.write("killed.py", KILLED)
    command = [sys.executable, "killed.py", str(number), *arguments]
    done = subprocess.run(command, cwd=project.path, env=project.environment, capture_output=True, text=True)
    for folder in Path(project.environment["TMPDIR"]).glob("magnus-*"):  # nobody else could remove it
        shutil.rmtree(folder)
    return done.returncode


def importing_with(exported, monkeypatch, kind, name):
    """An import in whose first call of this kind another process imports the same archive; what that one said."""
    call, others = getattr(kind, name), []

    def after_another(self, *arguments):
        if not others:
            others.append(exported.magnus("import", "r.tar", "-c", "a2.yaml"))
        return call(self, *arguments)

    places = {"log_folder": "a2/log"}, {"catalog_location": "a2/catalog"}
    services = (("run_log_store", places[0]), ("catalog", places[1]))
    exported.write(
        "a2.yaml", json.dumps({name: {"type": "file-system", "config": config} for name, config in services})
    )
    monkeypatch.chdir(exported.path)
    monkeypatch.setattr(kind, name, after_another)
    [run] = import_runs("r.tar", "a2.yaml", {}).runs
    return run, others[0]


def test_two_imports_at_the_same_time_append_no_output_twice(exported, monkeypatch):
    run, other = importing_with(exported, monkeypatch, FileSystemCatalog, "open_log")
    message = f"the run 'r' is being imported by another process ({os.getpid()})"
    assert (other.status, message in other.err, run.is_new) == (2, True, True)
    assert facts(exported, "a2") == facts(exported, "a")


def test_of_two_imports_that_start_at_the_same_time_one_finds_the_run_there(exported, monkeypatch):
    run, other = importing_with(exported, monkeypatch, FileSystemRunLogStore, "create_run")
    assert (other.status, run.is_new) == (0, False)
    assert facts(exported, "a2") == facts(exported, "a")


@pytest.mark.slow
def test_an_import_that_is_killed_anywhere_is_finished_by_the_next_one(exported):
    original = facts(exported, "a")
    for number in itertools.count(step=2):
        status = killed(exported, number, "import", "r.tar", "-c", "b.yaml")
        if status == 0:
            break
        assert status == -signal.SIGKILL
        shown = exported.magnus("show", "r", "-c", "b.yaml", "--json")
        assert shown.status == 2 or shown.log["status"] == "SUCCESS" or "lost" in shown.log["message"]
        if shown.status == 0 and shown.log["status"] != "SUCCESS":
            assert (
                "'r' is not here as a whole: its import was killed" in exported.magnus("retry", "r", "-c", "b.yaml").err
            )
        ok(exported.magnus("import", "r.tar", "-c", "b.yaml"))
        assert facts(exported, "b") == original
        shutil.rmtree(exported.path / "b")
        (exported.path / "b").mkdir()
    assert number > 15


def test_an_export_that_is_killed_leaves_no_file_of_the_name(exported):
    for number in (0, 1, 4, 8):
        assert killed(exported, number, "export", "r", "k.tar", "-c", "a.yaml") == -signal.SIGKILL
        assert not (exported.path / "k.tar").exists()
