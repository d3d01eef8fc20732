"""Real servers, started once for all tests that talk to them. Where one is not installed these are skipped; not in CI."""

import os
import signal
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import object_servers
import pgbouncer
import postgresql
import pytest
import slurm_cluster
from safety_net import LONGEST_SECONDS

ROOT = Path(__file__).parents[2]
MLFLOW = ROOT / ".venvs/mlflow-server/bin/mlflow"


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory):
    """The address of an MLflow tracking server, which takes 10 to 20 seconds to start."""
    if not MLFLOW.exists():
        reason = "no MLflow server is installed: make services"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    with started(tmp_path_factory.mktemp("mlflow")) as address:
        yield address


@pytest.fixture(scope="session")
def moto_server(tmp_path_factory):
    """The address of a server of S3 in memory, with the bucket `tests`."""
    with object_servers.moto(tmp_path_factory.mktemp("moto")) as address:
        object_servers.make_bucket(address, "tests")
        yield address


@pytest.fixture(scope="session")
def azurite_server(tmp_path_factory):
    """The address of a server of Azure Blob Storage."""
    with object_servers.azurite(tmp_path_factory.mktemp("azurite")) as address:
        yield address


@pytest.fixture(scope="session")
def postgresql_server():
    """A PostgreSQL server, which takes a second or two to start."""
    with postgresql.running() as server:
        yield server


@pytest.fixture(scope="session")
def slurm():
    """A cluster of Slurm with one node, which takes a second to start."""
    with slurm_cluster.running() as cluster:
        yield cluster


@pytest.fixture
def mortal_server():
    """A server of the test's own, which it may kill."""
    with postgresql.running() as server:
        yield server


@contextmanager
def running_pgbouncer(server, mode):
    if pgbouncer.program() is None:
        reason = "no PgBouncer is installed: apt-get install pgbouncer"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    with TemporaryDirectory(prefix="pgb-") as folder:
        Path(folder).chmod(0o755)
        with pgbouncer.pgbouncer(Path(folder), server, mode) as url:
            yield url


@pytest.fixture(scope="session", params=["transaction", "statement"])
def pooler(request, postgresql_server):
    """The URL of a database by its name, behind PgBouncer."""
    with running_pgbouncer(postgresql_server, request.param) as url:
        yield url


@pytest.fixture(params=["server", "pooler"])
def mortal_url(request, mortal_server):
    """The URL of a database of the server of this test, itself or behind PgBouncer."""
    if request.param == "server":
        yield mortal_server.url()
        return
    with running_pgbouncer(mortal_server, "transaction") as url:
        yield url("postgres")


@pytest.fixture
def database(postgresql_server):
    """The name of a new database of the server."""
    with postgresql.new_database(postgresql_server) as name:
        yield name


@contextmanager
def started(folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = f"server --workers 1 --host 127.0.0.1 --port {port} --backend-store-uri sqlite:///{folder}/mlflow.db"
    without = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment = {**without, "MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [MLFLOW, *command.split(), "--default-artifact-root", folder / "artifacts"],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        wait_for(f"{address}/health", process, folder / "log")
        yield address
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=LONGEST_SECONDS)


def wait_for(address, process, log):
    deadline = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), urllib.request.urlopen(address, timeout=5):
            return
        time.sleep(0.1)
    pytest.fail(f"the server did not start:\n{log.read_text()[-3000:]}")
