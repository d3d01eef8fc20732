"""PgBouncer of Debian's package before a PostgreSQL server; each transaction may have another connection of the server."""

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from safety_net import LONGEST_SECONDS

SETTINGS = """\
[databases]
* = host=127.0.0.1 port={server} user=magnus
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = 4
max_client_conn = 300
server_reset_query =
server_login_retry = 1
"""


def program():
    """The program; None where it is not installed."""
    return shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")


@contextmanager
def pgbouncer(folder: Path, server, mode):
    """A pooler of this mode; gives a function from the name of a database to its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = folder / "pgbouncer.ini"
    settings.write_text(SETTINGS.format(server=server.port, port=port, mode=mode))
    is_root = os.getuid() == 0
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program(), settings],
            user="postgres" if is_root else None,
            extra_groups=[] if is_root else None,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        url = f"postgresql://magnus@127.0.0.1:{port}"
        deadline = time.monotonic() + LONGEST_SECONDS
        while True:
            with suppress(psycopg.OperationalError):
                psycopg.connect(f"{url}/postgres").close()
                break
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.05)
        yield lambda database: f"{url}/{database}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=LONGEST_SECONDS)
