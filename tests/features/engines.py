"""The executors that are compared. A further one is an entry here: what configures it, and how it runs a pipeline."""

import asyncio
import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import states_rules
from container_engines import IMAGE
from msgspec.structs import replace
from simulated import Calls, descriptor_1_in
from simulated import called as simulated_call
from states_interpreter import Interpreter

from magnus.app.run.simulate import run_to_end, spec_of, variables_of
from magnus.cli.program import magnus
from magnus.definition.yaml_text import read
from magnus.engine.files.project_copy import ProjectCopy
from magnus.errors import InvalidDefinition
from magnus.object_stores.address import ObjectLocation
from magnus.object_stores.client import ObstoreObjects
from magnus.simulation.argo.pod import SUCCEEDED
from magnus.simulation.argo.workflow import Simulation

MANIFEST = "argo-pipeline.yaml"
BUCKET = "tests"


@dataclass(frozen=True)
class Asked:
    """A run that is wanted, as its command line has it. `secrets` are those of the environment it is started with."""

    file: str
    configuration: str
    run_id: str
    original: str = ""
    more: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    in_processes: bool = False


def in_the_volume(folder: Path) -> dict:
    """Run logs in the volume, which all executors can share."""
    return {"type": "chunked-fs", "config": {"log_folder": str(folder / "volume" / "logs")}}


def files_in_the_volume(folder: Path) -> dict:
    """Files in the volume, likewise."""
    return {"type": "file-system", "config": {"catalog_location": str(folder / "volume" / "catalog")}}


def in_s3(folder: Path) -> dict:
    """Run logs or files in the server of S3, each project below a prefix of its own."""
    url = f"s3://tests/{sha256(str(folder).encode()).hexdigest()}"
    return {"type": "object-store", "config": {"url": url, "endpoint": "${S3_ENDPOINT}", "region": "us-east-1"}}


def in_a_database(_folder: Path) -> dict:
    """Run logs in a schema of the server of PostgreSQL, of its own for each project."""
    return {"type": "sql", "config": {"url": "${DATABASE_URL}"}}


@dataclass(frozen=True)
class Engine:
    """An executor: a column of the table.

    `configured` gives the executor of a configuration for a folder and the names of secrets in the environment, `run`
    runs what is asked for in the working directory, and returns the run log. `server` is a fixture of the session that
    starts what it takes, or skips the test and says why, and `prepares` one that a test uses it by; tests of one `group`
    share the server. `sends_functions` says that functions without a name reach its steps. `run_log_store` and `catalog`
    configure where a project has its run logs and its files.
    """

    name: str
    described: str
    configured: Callable[[Path, tuple[str, ...]], dict]
    run: Callable[[Asked], dict]
    server: str = ""
    prepares: str = ""
    group: str = ""
    leaves_this_process: bool = True
    sends_functions: bool = False
    run_log_store: Callable[[Path], dict] = in_the_volume
    catalog: Callable[[Path], dict] = files_in_the_volume


def executed(asked: Asked) -> dict:
    """By `magnus execute`, as a call in this process or in one of its own."""
    going_on = ["--use-cached", asked.original] if asked.original else []
    argv = ["execute", asked.file, "-c", asked.configuration, "--run-id", asked.run_id, *going_on, *asked.more]
    given = {**asked.environment, **asked.secrets}
    if asked.in_processes:
        command = [sys.executable, "-m", "magnus", *argv]
        subprocess.run(command, env={**os.environ, **given}, stdout=subprocess.DEVNULL, check=False)
        return shown(asked)
    return json.loads(called(argv, given))


def shown(asked: Asked) -> dict:
    """The run log of the run, whatever became of it."""
    return json.loads(called(["show", asked.run_id, "-c", asked.configuration, "--json"], {}))


def simulated(asked: Asked) -> dict:
    """By `magnus execute`, which writes a manifest, and its simulation, whose pods are calls in this process as well.

    Each works in a fresh copy of the project, as pods do.
    """
    assert called(["execute", asked.file, "-c", asked.configuration, *asked.more], asked.environment) == ""
    given = {"run_id": asked.run_id, "original_run_id": asked.original}
    secrets = {"magnus": dict(asked.secrets)}
    if asked.in_processes:
        Path("secrets.json").write_text(json.dumps(secrets))
        arguments = [part for name, value in given.items() for part in ("-p", f"{name}={value}")]
        return json.loads(called(["simulate", "--secrets", "secrets.json", "--max-pods", "2", *arguments], {}))
    spec = spec_of(read(MANIFEST, InvalidDefinition, "the manifest"))
    pods = CallsWithSecrets(Path.cwd(), secrets)
    end = asyncio.run(run_to_end(Simulation(spec, variables_of(spec, given), pods, lambda *_: None)))
    log = shown(asked)
    assert (end.phase == SUCCEEDED) == (log["status"] == "SUCCESS"), end
    return log


def interpreted(asked: Asked) -> dict:
    """By `magnus execute`, which writes a state machine, and an interpreter of it, whose jobs are calls in this process.

    Each works in a fresh copy of the project, as containers do.
    """
    assert called(["execute", asked.file, "-c", asked.configuration, *asked.more], asked.environment) == ""
    project = Path.cwd()
    folder = project / "step-functions"
    definitions = {
        file.stem: json.loads(file.read_text())["containerProperties"] for file in (folder / "containers").iterdir()
    }
    machine = json.loads((folder / "state-machine.json").read_text())
    assert list(states_rules.broken(machine)) == []
    objects = ObstoreObjects(ObjectLocation(f"s3://{BUCKET}", os.environ["MAGNUS_VAR_S3_ENDPOINT"], "us-east-1"))

    def job(definition, command, variables):
        container = definitions[definition]
        secrets = {one["name"]: asked.secrets[one["name"]] for one in container.get("secrets", ())}
        environment = {one["name"]: one["value"] for one in container["environment"]}
        given = {**os.environ, **_stores_of_aws(), **environment, **secrets, **variables}
        if not asked.in_processes:
            with fresh_copy(project):
                return simulated_call(command[1:], given)
        with TemporaryDirectory(prefix="job-") as copy:
            ProjectCopy(project, [project / "volume"]).make(Path(copy) / "project")
            argv = [sys.executable, "-m", "magnus", *command[1:]]
            of_copy = {"cwd": Path(copy) / "project", "env": given, "stdout": subprocess.DEVNULL}
            return subprocess.run(argv, check=False, **of_copy).returncode

    def text_at(key):
        content = objects.get(key)
        return None if content is None else content.decode()

    original = {"original_run_id": asked.original} if asked.original else {}
    succeeded = Interpreter(job, text_at, at_once=asked.in_processes).execute(machine, asked.run_id, **original)
    log = shown(asked)
    assert succeeded == (log["status"] == "SUCCESS"), log
    return log


def _stores_of_aws():
    """How a process reaches the server that stands for S3."""
    return {"AWS_ENDPOINT_URL": os.environ["MAGNUS_VAR_S3_ENDPOINT"], "AWS_ALLOW_HTTP": "true"}


@contextlib.contextmanager
def fresh_copy(project):
    """Work in a copy of the project; modules that were loaded from it are gone afterwards, as with a process."""
    with TemporaryDirectory(prefix="pod-") as folder:
        copy = Path(folder) / "project"
        ProjectCopy(project, [project / "volume"]).make(copy)
        with contextlib.chdir(copy):
            yield
        for name, module in list(sys.modules.items()):
            if (getattr(module, "__file__", None) or "").startswith(folder):
                del sys.modules[name]


class CallsWithSecrets(Calls):
    """The same with variables from secrets of Kubernetes."""

    def __init__(self, folder, secrets):
        super().__init__(folder)
        self.secrets = secrets

    async def run(self, template, variables, number):
        container = template.container
        env = tuple(replace(one, value=self.value(one), value_from=None) for one in container.env)
        with fresh_copy(self.folder):
            return await super().run(replace(template, container=replace(container, env=env)), variables, number)

    def value(self, variable):
        if variable.value_from is None:
            return variable.value
        key = variable.value_from.secret_key_ref
        return self.secrets[key.name][key.key]


def called(argv, environment) -> str:
    """What a command prints; a MagnusError when it refuses what it is given."""
    before = dict(os.environ)
    os.environ.update(environment)
    printed = io.BytesIO()
    try:
        with descriptor_1_in(printed):
            magnus.main(argv, prog_name="magnus", standalone_mode=False)
    finally:
        os.environ.clear()
        os.environ.update(before)
    return printed.getvalue().decode()


def _local(**options):
    return lambda _folder, _secrets: {"type": "local", "config": options}


def _container(_folder, _secrets):
    options = {"docker_image": IMAGE, "network": "host", "pull_policy": "never"}
    more = {"enable_parallel": True, "max_workers": 4, "environment": {"PYTHONPATH": None}}
    return {"type": "local-container", "config": {**options, **more}}


def _slurm(_folder, _secrets):
    return {"type": "slurm", "config": {"poll_seconds": 0.2}}


def _argo(folder, secrets):
    volume = {"name": "data", "mount_path": str(folder / "volume")}
    keys = [{"environment_variable": name, "secret_name": "magnus", "secret_key": name} for name in secrets]
    return {"type": "argo", "config": {"image": "magnus", "persistent_volumes": [volume], "secrets_from_k8s": keys}}


def _step_functions(folder, secrets):
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:magnus-AbCdEf"
    options = {"image": "magnus", "region": "us-east-1", "queue": "jobs", "account": "123456789012"}
    place = f"s3://{BUCKET}/handover/{sha256(str(folder).encode()).hexdigest()}"
    volume = {"file_system": "fs-0123456789abcdef0", "mount_path": str(folder / "volume")}
    values = [{"environment_variable": name, "value_from": f"{arn}:{name}::"} for name in secrets]
    return {
        "type": "aws-step-functions",
        "config": {**options, "handover": place, "secrets": values, "volumes": [volume]},
    }


ENGINES = [
    Engine(
        "local",
        "steps run in the process of magnus, one after the other",
        _local(),
        executed,
        leaves_this_process=False,
        sends_functions=True,
    ),
    Engine(
        "local, parallel",
        "the same with `enable_parallel: true`: steps run in worker processes",
        _local(enable_parallel=True, max_workers=2),
        executed,
        sends_functions=True,
    ),
    Engine(
        "local, parallel, S3",
        "the same with run logs and files in a server of S3 (`object-store`)",
        _local(enable_parallel=True, max_workers=2),
        executed,
        sends_functions=True,
        server="moto_server",
        prepares="s3_endpoint",
        group="moto",
        run_log_store=in_s3,
        catalog=in_s3,
    ),
    Engine(
        "local, parallel, PostgreSQL",
        "as `local, parallel`, with run logs in a database of PostgreSQL (`sql`)",
        _local(enable_parallel=True, max_workers=2),
        executed,
        sends_functions=True,
        server="postgresql_server",
        prepares="database_url",
        group="postgresql",
        run_log_store=in_a_database,
    ),
    Engine(
        "local-container",
        "each step in a container of a real Docker engine",
        _container,
        executed,
        server="engine",
        prepares="client",
        group="docker",
    ),
    Engine(
        "slurm",
        "each step a job of a real Slurm with one node",
        _slurm,
        executed,
        server="slurm",
        prepares="slurm_commands",
        group="slurm features",
    ),
    Engine(
        "argo",
        "the manifest that is written for Argo Workflows, by simulation",
        _argo,
        simulated,
    ),
    Engine(
        "aws-step-functions",
        "the machine that is written for Step Functions, interpreted by the tests, with run logs and files in a server of S3",
        _step_functions,
        interpreted,
        server="moto_server",
        prepares="s3_endpoint",
        group="moto",
        run_log_store=in_s3,
        catalog=in_s3,
    ),
]
IN_THE_VOLUME = [engine for engine in ENGINES if engine.run_log_store is in_the_volume]
BY_NAME = {engine.name: engine for engine in ENGINES}
