"""Runs with their files move between files, a database with a bucket, and files again; both ends verify them."""

import io
import itertools
import json
import shutil
import signal
import subprocess
import sys
import tarfile
import uuid
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from forked import kept
from object_servers import objects, of_s3
from safety_net import LONGEST_SECONDS

from magnus.catalogs.object_store import layout
from magnus.run_log_stores.sql.store import key_of

pytestmark = [pytest.mark.xdist_group("moto"), pytest.mark.timeout(1200)]

WORK = """\
import os, pathlib

class Thing:
    def __init__(self, n): self.n = n

def make(n):
    pathlib.Path("data").mkdir(exist_ok=True)
    pathlib.Path("data/a b.txt").write_text("text " * 1000)
    pathlib.Path("data/large").write_bytes(bytes(range(256)) * 10_000)
    script = "#!/bin/sh\\necho from the tool\\n"
    pathlib.Path("tool.sh").write_text(script)
    pathlib.Path("data/tool.txt").write_text(script)
    os.chmod("tool.sh", 0o755)
    os.chmod("data/tool.txt", 0o644)
    print("made \\u00fc", flush=True)
    return Thing(n), list(range(100_000))

def use(thing, large, fails=False):
    print("used", thing.n, len(large), flush=True)
    assert not fails
    return {"result": thing.n + large[-1]}
"""
PIPELINE = """\
dag:
  steps:
    make:
      command: work.make
      catalog: {put: [data/*, tool.sh]}
      returns: [{name: thing, kind: object}, large]
    each:
      type: map
      iterate_on: es
      iterate_as: e
      branch:
        steps:
          tool x/y:
            command_type: shell
            command: ./tool.sh; cat 'data/a b.txt' > out; test $e; test ! -x data/tool.txt
            catalog: {get: [tool.sh, data/*], put: [out]}
    use:
      command: work.use
"""
STEPS = 8
TEXT_BYTES = 5000
LARGE_BYTES = 2_560_000
FACTS_OF_A_STORE = {"catalog_relative_path", "catalog_handler_location"}


class Project:
    """A pipeline in a folder, and stores `files`, `cloud` (a database and a bucket), `chunks` and `new`."""

    def __init__(self, path, temporary, database, location, commands):
        self.path, self.temporary, self.database, self.location = path, temporary, database, location
        self.commands = commands
        self.environment = {**kept(), "TMPDIR": str(temporary)}
        (path / "work.py").write_text(WORK)
        (path / "p.yaml").write_text(PIPELINE)
        names = ("url", "endpoint", "region", "access_key_id", "secret_access_key")
        bucket = {name: getattr(location, name) for name in names}
        self.configure("cloud", ("sql", {"url": database}), ("object-store", bucket))
        for name, store in (("files", "file-system"), ("chunks", "chunked-fs"), ("new", "file-system")):
            folder = ("file-system", {"catalog_location": f"{name}/catalog"})
            self.configure(name, (store, {"log_folder": f"{name}/log"}), folder)

    def configure(self, name, store, catalog):
        services = {
            family: {"type": kind, "config": options}
            for family, (kind, options) in {"run_log_store": store, "catalog": catalog}.items()
        }
        (self.path / f"{name}.yaml").write_text(json.dumps(services))

    def start(self, *command):
        return subprocess.run(
            [sys.executable, *command],
            cwd=self.path,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
        )

    def magnus(self, *arguments, store):
        return self.commands(*arguments, "-c", f"{store}.yaml", cwd=self.path, env=self.environment)

    def output(self, *arguments, store):
        done = self.magnus(*arguments, store=store)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refusal(self, *arguments, store, status=2):
        """The one error of a command that fails so."""
        done = self.magnus(*arguments, store=store)
        assert done.returncode == status, done.stderr
        errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1, done.stderr
        assert "Traceback" not in done.stderr
        return errors[0]

    def execute(self, run_id, **parameters):
        values = {"n": 7, "es": ["x", "y"], **parameters}
        options = [part for name, value in values.items() for part in (f"--{name}", json.dumps(value))]
        return self.magnus("execute", "p.yaml", "--run-id", run_id, *options, store="files")

    def facts(self, run_id, store):
        """The run log without what is of its stores, and the output of all steps."""
        log = self.output("show", run_id, "--json", store=store)
        return json.loads(log, object_hook=_without_places), self.output("logs", run_id, store=store)

    @property
    def archive(self):
        return (self.path / "r.tar").read_bytes()

    @property
    def bucket(self):
        return objects(self.location)

    def rows(self, statement, *values):
        with psycopg.connect(self.database, autocommit=True) as connection:
            return connection.execute(statement, values).fetchall()

    def empty_cloud(self):
        self.rows("DELETE FROM magnus_runs RETURNING 1")
        self.bucket.delete([facts.key for facts in self.bucket.list("")])


def _without_places(members):
    return {key: value for key, value in members.items() if key not in FACTS_OF_A_STORE}


@pytest.fixture
def project(moto_server, postgresql_server, database, commands, tmp_path):
    location = of_s3(moto_server, f"s3://tests/{uuid.uuid4()}/runs")
    with TemporaryDirectory(prefix="mt-", dir="/tmp") as temporary:
        yield Project(tmp_path, Path(temporary), postgresql_server.url(database), location, commands)
        assert list(Path(temporary).iterdir()) == [], "a command left files behind"


@pytest.fixture
def exported(project):
    """The project with a run `r`, which was resumed from `failed`, and the archive `r.tar` of both."""
    assert project.execute("failed", fails=True).returncode == 1
    project.output("retry", "failed", "--run-id", "r", "--fails", "false", store="files")
    project.output("export", "failed", "r", "r.tar", store="files")
    return project


def test_runs_stay_the_same_from_files_over_a_database_and_a_bucket_back_to_files(exported):
    project, first = exported, exported.archive
    runs = {run_id: project.facts(run_id, "files") for run_id in ("failed", "r")}
    for store, before in (("cloud", "files"), ("chunks", "cloud"), ("new", "chunks")):
        project.output("export", "r", "failed", "r.tar", store=before)
        assert project.archive == first, before
        text = project.output("import", "r.tar", store=store)
        assert text == f"imported failed: {STEPS} steps\nimported r: {STEPS} steps\n"
        for run_id, facts in runs.items():
            assert project.facts(run_id, store) == facts
        assert "nothing is wrong" in project.output("catalog", "verify", store=store)
        again = project.output("import", "r.tar", store=store)
        assert again == "failed is there already\nr is there already\nnothing was changed\n"


@pytest.mark.parametrize("store", ["cloud", "chunks"])
def test_a_failed_run_is_resumed_in_its_new_place(exported, store):
    exported.output("import", "r.tar", store=store)
    for name in ("data", "tool.sh", "out"):
        path = exported.path / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    log = json.loads(exported.output("retry", "failed", "--run-id", "again", "--fails", "false", store=store))
    assert log["parameters"]["result"] == 7 + 99_999
    output = exported.output("logs", "again", store=store)
    assert "used 7 100000" in output
    assert "made" not in output, "the step that succeeded is reused"
    exported.output("export", "again", "r.tar", store=store)
    exported.output("import", "r.tar", store="new")
    assert exported.facts("again", "new") == exported.facts("again", store)


def damaged_archives(whole):
    """What becomes of an archive on a bad way, by name."""
    changed = bytearray(whole)
    changed[len(whole) // 2] ^= 1
    with tarfile.open(fileobj=io.BytesIO(whole)) as tar:
        member = next(member for member in tar if member.name.startswith("contents/"))
        end = member.offset_data + member.size + -member.size % tarfile.BLOCKSIZE
    return {
        "a byte is changed": bytes(changed),
        "a member is missing": whole[: member.offset] + whole[end:],
        "half of it": whole[: len(whole) // 2],
        "the end is missing": whole[:-1024],
    }


def test_a_damaged_archive_leaves_the_database_and_the_bucket_empty(exported):
    for name, data in damaged_archives(exported.archive).items():
        (exported.path / "bad.tar").write_bytes(data)
        assert "'bad.tar' is no whole export of runs" in exported.refusal("import", "bad.tar", store="cloud"), name
    assert list(exported.bucket.list("")) == []
    assert exported.rows("SELECT tablename FROM pg_tables WHERE tablename LIKE 'magnus%%'") == []


def content_of(project, size):
    """The key of the content of this size."""
    [key] = [facts.key for facts in project.bucket.list(layout.CONTENT) if facts.size == size]
    return key


@pytest.mark.parametrize("size", [TEXT_BYTES, LARGE_BYTES])
def test_a_changed_byte_in_the_bucket_stops_an_export_and_an_import_repairs_it(exported, size):
    exported.output("import", "r.tar", store="cloud")
    key = content_of(exported, size)
    content = exported.bucket.get(key)
    exported.bucket.put(key, bytes([content[0] ^ 1]) + content[1:])
    error = exported.refusal("export", "failed", "x.tar", store="cloud", status=3)
    assert "data/" in error
    assert not (exported.path / "x.tar").exists()
    exported.output("import", "r.tar", store="cloud")
    exported.output("export", "failed", "r", "x.tar", store="cloud")
    assert (exported.path / "x.tar").read_bytes() == exported.archive


def test_a_changed_byte_in_the_database_stops_an_export_and_an_import_repairs_it(exported):
    exported.output("import", "r.tar", store="cloud")
    flip = "SET record = set_byte(record, 40, get_byte(record, 40) # 1)"
    exported.rows(f"UPDATE magnus_steps {flip} WHERE run = %b RETURNING 1", key_of("r"))
    assert f"the run 'r' has {STEPS} damaged records" in exported.refusal("export", "r", "x.tar", store="cloud")
    assert not (exported.path / "x.tar").exists()
    exported.output("import", "r.tar", store="cloud")
    exported.output("export", "failed", "r", "x.tar", store="cloud")
    assert (exported.path / "x.tar").read_bytes() == exported.archive
    exported.rows(f"UPDATE magnus_runs {flip} WHERE key = %b RETURNING 1", key_of("r"))
    assert "the record of the run 'r'" in exported.refusal("import", "r.tar", store="cloud", status=3)


def test_an_import_brings_what_an_earlier_one_lost(exported):
    exported.output("import", "r.tar", store="cloud")
    facts = exported.facts("r", "cloud")
    exported.rows("DELETE FROM magnus_steps WHERE run = %b RETURNING 1", key_of("r"))
    pieces = [facts.key for facts in exported.bucket.list(layout.logs("r"))]
    exported.bucket.delete([content_of(exported, TEXT_BYTES), content_of(exported, LARGE_BYTES), *pieces])
    assert "imported r" in exported.output("import", "r.tar", store="cloud")
    assert exported.facts("r", "cloud") == facts
    assert "nothing is wrong" in exported.output("catalog", "verify", store="cloud")
    assert "nothing was changed" in exported.output("import", "r.tar", store="cloud")


KILLED = """\
import itertools, os, signal, sys
from magnus.cli import program
from magnus.catalogs.object_store.catalog import ObjectStoreCatalog
from magnus.object_stores.client import ObstoreObjects
from magnus.run_log_stores.sql.session import Session

calls, last = itertools.count(), int(sys.argv[1])

def counted(function):
    def call(*arguments, **options):
        if next(calls) == last:
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*arguments, **options)
        if next(calls) == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return call

for kind, names in ((ObstoreObjects, ("put", "create", "upload")), (Session, ("run",))):
    for name in names:
        setattr(kind, name, counted(getattr(kind, name)))
sys.exit(program.run(sys.argv[2:]))
"""


@pytest.mark.slow
def test_an_import_that_is_killed_before_or_after_any_write_is_finished_by_the_next_one(exported):
    facts = exported.facts("r", "files")
    (exported.path / "killed.py").write_text(KILLED)
    writes = itertools.count()
    while (number := next(writes) * 19 + 1) < 1000:
        done = exported.start("killed.py", str(number), "import", "r.tar", "-c", "cloud.yaml")
        for folder in exported.temporary.glob("magnus-*"):  # nobody else could remove it
            shutil.rmtree(folder)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        shown = exported.magnus("show", "r", "--json", store="cloud")
        if shown.returncode == 0 and json.loads(shown.stdout)["status"] != "SUCCESS":
            assert "its import was killed" in exported.refusal("retry", "r", store="cloud")
        exported.output("import", "r.tar", store="cloud")
        assert exported.facts("r", "cloud") == facts
        assert "nothing is wrong" in exported.output("catalog", "verify", store="cloud")
        exported.empty_cloud()
    assert number > 60, "the import was killed many times"


def test_an_imported_run_is_reproduced_with_a_database_and_a_bucket(exported):
    """It was made with other stores. The project is in no git repository, and has changed since."""
    project = exported
    project.output("import", "r.tar", store="cloud")
    first = project.magnus("reproduce", "r", "--json", store="cloud")
    assert first.returncode == 0, first.stdout
    document = json.loads(first.stdout)
    assert (document["reproduced"], document["compared_steps"]) == (True, 4)
    assert document["run_id"] in project.output("runs", store="cloud")
    assert document["run_id"] not in project.output("runs", store="files")
    (project.path / "work.py").write_text(WORK.replace("thing.n + large[-1]", "thing.n + large[-2]"))
    changed = project.magnus("reproduce", "r", "--json", store="cloud")
    assert changed.returncode == 1, changed.stderr
    document = json.loads(changed.stdout)
    assert [(step["path"], step["judgement"]) for step in document["steps"]] == [("use", "same again")]
    assert "code of step 'use': work.py: use" in document["surroundings"]
