"""A PostgreSQL server of Debian's package in a folder of its own, as an unprivileged user; started, killed and ended by its pid."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest
from safety_net import LONGEST_SECONDS

WITH_PASSWORD = "scientist"
"""The user who needs a password; a test makes it."""


def programs():
    """The folder with the programs of the newest version; None where the server is not installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    return next((folder for folder in reversed(folders) if (folder / "postgres").exists()), None)


class Server:
    """A server on a free port of this machine and on a socket in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self._bin = programs()
        self._user = "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._process = None
        if os.getuid() == 0:
            shutil.chown(folder, self._user)
        options = "-U magnus --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync".split()
        self._run("initdb", "-D", self.data, *options)
        rules = self.data / "pg_hba.conf"
        rules.write_text(f"host all {WITH_PASSWORD} 127.0.0.1/32 scram-sha-256\n{rules.read_text()}")

    def url(self, database="postgres", user="magnus", password="", **parameters):
        """The URL of a database."""
        secret = f":{password}" if password else ""
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        return f"postgresql://{user}{secret}@127.0.0.1:{self.port}/{database}{'?' if query else ''}{query}"

    def connect(self, database="postgres"):
        return psycopg.connect(self.url(database), autocommit=True)

    def start(self):
        """Start the server, once the processes of one that was killed have noticed and ended."""
        deadline = time.monotonic() + LONGEST_SECONDS
        self._process = self._started()
        while True:
            with suppress(psycopg.OperationalError):
                self.connect().close()
                return
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            if self._process.poll() is not None:
                log = (self.folder / "log").read_text()
                assert "in use" in log[-1000:], log
                self._process = self._started()
            time.sleep(0.05)

    def _started(self):
        settings = (
            f"port={self.port} listen_addresses=127.0.0.1 unix_socket_directories={self.folder} max_connections=60"
        )
        arguments = [part for setting in settings.split() for part in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [self._bin / "postgres", "-D", self.data, *arguments],
                user=self._user if os.getuid() == 0 else None,
                group=self._user if os.getuid() == 0 else None,
                extra_groups=[] if os.getuid() == 0 else None,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def kill(self):
        """Kill the server as a crash does: its backends see that it is gone, and end."""
        self._end(signal.SIGKILL)

    def stop(self):
        """Stop the server at once and cleanly; connections break."""
        self._end(signal.SIGINT)

    def _end(self, number):
        self._process.send_signal(number)
        self._process.wait(timeout=LONGEST_SECONDS)

    def _run(self, program, *arguments):
        done = subprocess.run(
            [self._bin / program, *arguments],
            user=self._user if os.getuid() == 0 else None,
            group=self._user if os.getuid() == 0 else None,
            extra_groups=[] if os.getuid() == 0 else None,
            cwd="/",
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr


@contextmanager
def running():
    """A server of its own; where none is installed the test is skipped, but not in CI."""
    if programs() is None:
        reason = "no PostgreSQL server is installed: apt-get install postgresql"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    with TemporaryDirectory(prefix="pg-") as folder:
        Path(folder).chmod(0o755)
        server = Server(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def new_database(server):
    """The name of a new database of the server."""
    name = f"d{os.urandom(6).hex()}"
    with server.connect() as connection:
        connection.execute(f"CREATE DATABASE {name}")
    try:
        yield name
    finally:
        with server.connect() as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def new_schema(server):
    """The URL of a new schema of the server, which takes far less than a new database."""
    name = f"s{os.urandom(6).hex()}"
    with server.connect() as connection:
        connection.execute(f"CREATE SCHEMA {name}")
    try:
        yield server.url(options=f"-csearch_path%3D{name}")
    finally:
        with server.connect() as connection:
            connection.execute(f"DROP SCHEMA {name} CASCADE")
