"""Steps in containers of a real Docker engine share a database and an object store, and no folder for run logs or files."""

import json
import os
import subprocess
import sys
import uuid
from io import BytesIO

import pytest
import yaml
from container_engines import IMAGE
from object_servers import ObjectPiece, objects, of_s3
from postgresql import WITH_PASSWORD
from safety_net import LONGEST_SECONDS

from magnus.catalogs.object_store import layout

pytestmark = [pytest.mark.xdist_group("docker"), pytest.mark.usefixtures("client")]

PASSWORD = "open sesame"
TOKEN = "a whispered token"
KEYS = {"AWS_ACCESS_KEY_ID": "an-access-id", "AWS_SECRET_ACCESS_KEY": "hush-hush"}
COMPLETE = "complete-without-a-folder:1"
STEPS = """
steps:
  make:
    command: work.make
    returns: [{name: model, kind: object}, large, xs]
    catalog: {put: "made/*"}
  clear:
    command: rm -rf made
    command_type: shell
  each:
    type: map
    iterate_on: xs
    iterate_as: x
    branch:
      steps:
        use:
          command: work.use
          returns: [y]
          catalog: {get: "made/*", put: "own-*"}
  clear own:
    command: rm -rf made own-*
    command_type: shell
  last:
    command: work.last
    returns: [names, length]
    secrets: [TOKEN]
    catalog: {get: "own-*"}
"""
WORK = """
import os
from pathlib import Path

class Model:
    def __init__(self, weights):
        self.weights = weights

def make(n):
    Path("made").mkdir()
    Path("made/text.txt").write_text(f"made of {n}")
    Path("made/large.bin").write_bytes(bytes(3_000_000))
    print("making", n)
    return Model(list(range(n))), ["a large value"] * 50_000, [1, 2]

def use(model, large, x):
    Path(f"own-{x}").write_text(Path("made/text.txt").read_text() + f" for {x}")
    return sum(model.weights) + len(large) + Path("made/large.bin").stat().st_size + x

def last(y):
    print("the token is", os.environ["TOKEN"])
    return {file.name: file.read_text() for file in sorted(Path().glob("own-*"))}, len(os.environ["TOKEN"])
"""
RESULTS = {
    "n": 4,
    "xs": [1, 2],
    "y": [3_050_007, 3_050_008],
    "names": {"own-1": "made of 4 for 1", "own-2": "made of 4 for 2"},
    "length": len(TOKEN),
}


@pytest.fixture(params=["postgresql", "object-store"])
def stores(request, moto_server):
    """Run logs in a database or in a bucket, and files in a bucket."""
    url = f"s3://tests/{uuid.uuid4()}"
    bucket = {"type": "object-store", "config": {"url": url, "endpoint": moto_server, "region": "us-east-1"}}
    if request.param == "object-store":
        return Stores(url, bucket, bucket, KEYS)
    server = request.getfixturevalue("mortal_server")
    with server.connect() as connection:
        connection.execute(f"CREATE ROLE {WITH_PASSWORD} LOGIN PASSWORD '{PASSWORD}'")
        connection.execute(f"CREATE DATABASE runs OWNER {WITH_PASSWORD}")
    database = {"type": "sql", "config": {"url": server.url("runs", WITH_PASSWORD)}}
    return Stores(url, database, bucket, {**KEYS, "PGPASSWORD": PASSWORD})


class Stores:
    """Their configuration, the variables with the credentials for them, and the URL of the files."""

    def __init__(self, url, run_log_store, catalog, credentials):
        self.url, self.credentials = url, credentials
        self.configured = {
            "run_log_store": run_log_store,
            "catalog": catalog,
            "secrets": {"type": "env-secrets-manager", "config": {"prefix": "OUR_"}},
        }


@pytest.fixture
def project(tmp_path, stores):
    return Project(tmp_path / "project", stores)


class Project:
    """A pipeline and its configurations, by commands that have the credentials in their environment."""

    def __init__(self, path, stores):
        self.path, self.stores = path, stores
        path.mkdir()
        (path / "work.py").write_text(WORK)
        (path / "pipeline.yaml").write_text(yaml.safe_dump({"dag": yaml.safe_load(STEPS)}, sort_keys=False))
        self.configure("here.yaml", {"type": "local"})

    def configure(self, name, executor):
        (self.path / name).write_text(yaml.safe_dump({"executor": executor, **self.stores.configured}))

    def magnus(self, *arguments, status=0, folder=None, typed=""):
        others = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PG"))}
        done = subprocess.run(
            [sys.executable, "-m", "magnus", *arguments],
            cwd=folder or self.path,
            env={**others, **self.stores.credentials, "OUR_TOKEN": TOKEN},
            input=typed,
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
        )
        assert done.returncode == status, done.stderr
        for secret in (TOKEN, PASSWORD, "hush-hush"):
            assert secret not in done.stdout + done.stderr
        return done.stdout

    def check(self, log):
        """The run log is the one in the store, with all results; output and files are in the bucket."""
        assert log["status"] == "SUCCESS", json.dumps(log["steps"], indent=1)
        assert {name: log["parameters"][name] for name in RESULTS} == RESULTS
        assert json.loads(self.magnus("show", log["run_id"], "--json", "-c", "here.yaml")) == log
        assert self.magnus("logs", log["run_id"], "make", "-c", "here.yaml").endswith("making 4\n")
        assert "the token is *****" in self.magnus("logs", log["run_id"], "last", "-c", "here.yaml")
        put = log["steps"]["make"]["data_catalog"]
        assert [entry["name"] for entry in put] == [".objects/model.pickle", "made/large.bin", "made/text.txt"]
        assert {entry["catalog_handler_location"] for entry in put} == {self.stores.url}
        assert "read 6 files," in self.magnus("catalog", "verify", "-c", "here.yaml")


def contents(folder):
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if "__pycache__" not in file.parts}


def test_steps_in_containers(project, client):
    options = {"docker_image": IMAGE, "network": "host", "pull_policy": "never", "enable_parallel": True}
    project.configure("there.yaml", {"type": "local-container", "config": {**options, "auto_remove_container": False}})
    before = contents(project.path)
    log = json.loads(project.magnus("execute", "pipeline.yaml", "-c", "there.yaml", "--n", "4"))
    containers = client.containers.list(all=True)
    mounts = {(mount["Source"], mount["Destination"]) for one in containers for mount in one.attrs["Mounts"]}
    for container in containers:
        container.remove()
    project.check(log)
    assert len(containers) == 6
    assert mounts == {(str(project.path), str(project.path))}
    assert contents(project.path) == before | {"own-1", "own-2"}


def test_simulated_pods_of_an_image_with_everything(project, client):
    keys = [
        {"environment_variable": name, "secret_name": "all", "secret_key": name}
        for name in (*project.stores.credentials, "OUR_TOKEN")
    ]
    options = {"image": COMPLETE, "image_pull_policy": "Never", "secrets_from_k8s": keys}
    project.configure("argo.yaml", {"type": "argo", "config": options})
    secrets = {"all": {**project.stores.credentials, "OUR_TOKEN": TOKEN}}
    (project.path / "secrets.yaml").write_text(yaml.safe_dump(secrets))
    project.magnus("execute", "pipeline.yaml", "-c", "argo.yaml", "--n", "4")
    files = "pipeline.yaml argo.yaml work.py"
    (project.path / "Dockerfile").write_text(f"FROM {IMAGE}\nWORKDIR /project\nCOPY {files} ./\n")
    client.images.build(path=str(project.path), tag=COMPLETE, network_mode="none", rm=True)
    for name in files.split():
        (project.path / name).unlink()
    before = contents(project.path)
    more = ["--containers", "--network", "host", "--secrets", "secrets.yaml"]
    log = json.loads(project.magnus("simulate", "argo-pipeline.yaml", *more, "-p", "run_id=it"))
    project.check(log)
    assert contents(project.path) == before


CACHED = """
cache: {environment: true}
steps:
  make: {command: work.make, returns: [{name: model, kind: object}], catalog: {put: made.txt}}
  use: {command: work.use, returns: [y], catalog: {get: made.txt}, cache: true}
  say: {command: 'export said="$(cat made.txt)"', command_type: shell, returns: [said], catalog: {get: made.txt}, cache: true}
"""
CACHED_WORK = """
from pathlib import Path

class Model:
    def __init__(self, size):
        self.size = size

def make(n):
    Path("made.txt").write_text(f"made of {n}")
    return Model(n)

def use(model):
    return model.size * 10 + len(Path("made.txt").read_text())
"""


@pytest.fixture
def cached(project):
    (project.path / "pipeline.yaml").write_text(yaml.safe_dump({"dag": yaml.safe_load(CACHED)}, sort_keys=False))
    (project.path / "work.py").write_text(CACHED_WORK)
    return project


def reasons(log):
    """Each step with the run whose result it has, or with the reason why it ran."""
    steps = {name: step for name, step in log["steps"].items() if name != "success"}
    return {
        name: f"from {step['cached_from']['run_id']}" if "cached_from" in step else step["cache"]["reason"]
        for name, step in steps.items()
    }


def in_bucket(project, server, log):
    """The content of the file that the first step put."""
    [put] = [entry for entry in log["steps"]["make"]["data_catalog"] if entry["name"] == "made.txt"]
    return ObjectPiece(objects(of_s3(server, project.stores.url)), layout.content(put["data_hash"]))


def check_debugging(project, run_id):
    """A step of the run, on this machine, with the inputs it had."""
    shown = json.loads(project.magnus("debug", run_id, "use", "-c", "here.yaml", "--print"))
    assert (shown["parameters"]["n"], shown["files"]) == (4, ["made.txt"])
    typed = "p model.size, open('made.txt').read()\nc\n"
    said = project.magnus("debug", run_id, "use", "-c", "here.yaml", typed=typed)
    assert "(4, 'made of 4')" in said
    runs = json.loads(project.magnus("runs", "-c", "here.yaml", "--json"))
    assert len([run for run in runs if run["run_id"] == run_id]) == 1


def test_cached_steps_in_containers(cached, client, moto_server):
    def run(run_id, **more):
        (cached.path / "made.txt").unlink(missing_ok=True)
        options = {"docker_image": IMAGE, "network": "host", "pull_policy": "never", **more}
        cached.configure("there.yaml", {"type": "local-container", "config": options})
        log = json.loads(cached.magnus("execute", "pipeline.yaml", "-c", "there.yaml", "--n", "4", "--run-id", run_id))
        assert (log["status"], log["parameters"]["y"]) == ("SUCCESS", 49), json.dumps(log["steps"], indent=1)
        assert (cached.path / "made.txt").read_text() == "made of 4"
        return log

    first = run("a")
    assert set(reasons(first).values()) == {"no earlier result"}
    assert set(reasons(run("b")).values()) == {"from a"}
    for run_id in ("a", "b"):
        check_debugging(cached, run_id)
    changed = BytesIO(f"FROM {IMAGE}\nENV CHANGED=1\n".encode())
    client.images.build(fileobj=changed, tag="changed:1", network_mode="none", rm=True)
    with_image = reasons(run("c", docker_image="changed:1"))
    assert with_image == {"make": "environment changed", "use": "from a", "say": "from a"}
    (cached.path / "work.py").write_text(CACHED_WORK.replace("* 10", "* 9 + 4"))
    assert reasons(run("d")) == {"make": "from a", "use": "code work.py: use changed", "say": "from a"}
    check_content(cached, run, in_bucket(cached, moto_server, first))


def check_content(project, run, content):
    """A result with content that is damaged, or gone, is computed again, and stored whole."""
    if project.stores.configured["run_log_store"]["type"] == "sql":
        content.write(b"made of 5")
        problem = "is damaged in the catalog"
    else:
        content.remove()
        problem = "is not in the catalog any more"
    assert reasons(run("e"))["make"].startswith(f"'made.txt', which it left, {problem} (run '")
    assert content.read() == b"made of 4"


def test_cached_steps_in_simulated_pods(cached, moto_server):
    keys = [
        {"environment_variable": name, "secret_name": "all", "secret_key": name}
        for name in (*cached.stores.credentials, "OUR_TOKEN")
    ]
    options = {"image": "any:1", "image_pull_policy": "Never", "secrets_from_k8s": keys}
    cached.configure("argo.yaml", {"type": "argo", "config": options})
    secrets = {"all": {**cached.stores.credentials, "OUR_TOKEN": TOKEN}}
    (cached.path / "secrets.yaml").write_text(yaml.safe_dump(secrets))

    def run(run_id):
        cached.magnus("execute", "pipeline.yaml", "-c", "argo.yaml", "--n", "4")
        log = json.loads(
            cached.magnus("simulate", "argo-pipeline.yaml", "-p", f"run_id={run_id}", "--secrets", "secrets.yaml")
        )
        assert (log["status"], log["parameters"]["y"]) == ("SUCCESS", 49), json.dumps(log["steps"], indent=1)
        assert not (cached.path / "made.txt").exists()
        return log

    first = run("a")
    assert set(reasons(first).values()) == {"no earlier result"}
    assert set(reasons(run("b")).values()) == {"from a"}
    for run_id in ("a", "b"):
        check_debugging(cached, run_id)
    (cached.path / "work.py").write_text(CACHED_WORK.replace("* 10", "* 9 + 4"))
    assert reasons(run("d")) == {"make": "from a", "use": "code work.py: use changed", "say": "from a"}
    check_content(cached, run, in_bucket(cached, moto_server, first))
