"""A Docker engine of the tests' own, on a folder of its own, of which nothing is left afterwards."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from safety_net import LONGEST_SECONDS

ROOM_BYTES = 4 * 2**30
NO_NETWORK = "--bridge=none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false"


def missing():
    """Why there can be no engine; "" when there can."""
    if shutil.which("dockerd") is None:
        return "no Docker engine is installed: apt-get install docker.io"
    return "" if os.geteuid() == 0 else "only root can start a Docker engine"


@contextmanager
def running():
    """The address of the engine."""
    folder = Path(tempfile.mkdtemp(prefix="mg", dir=quick_folder()))
    address = f"unix://{folder}/docker.sock"
    command = f"dockerd --data-root {folder}/data --exec-root {folder}/exec --pidfile {folder}/pid -H {address}"
    more = f"{NO_NETWORK} --host-gateway-ip=127.0.0.1 --storage-driver overlay2"
    try:
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [*command.split(), *more.split()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            wait_for(address, process, folder / "log")
            yield address
        finally:
            end(process)
    finally:
        unmount(folder)
        shutil.rmtree(folder)


def quick_folder():
    """In memory where there is room: a container takes a tenth of a second less. Short, since there are sockets in it."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > ROOM_BYTES else Path("/tmp")


def wait_for(address, process, log):
    deadline = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as reached:
            reached.connect(address.removeprefix("unix://"))
            with client(address) as engine:
                engine.ping()
            return
        time.sleep(0.1)
    pytest.fail(f"the engine did not start:\n{log.read_text()[-3000:]}")


@contextmanager
def client(address):
    import docker

    made = docker.DockerClient(address)
    try:
        yield made
    finally:
        made.close()


def end(process):
    """End the engine in good order, so that it ends what it started."""
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        process.wait(timeout=LONGEST_SECONDS)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=LONGEST_SECONDS)


def unmount(folder):
    mounted = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for place in sorted((place for place in mounted if place.startswith(f"{folder}/")), reverse=True):
        subprocess.run(["umount", "-l", place], check=True)
