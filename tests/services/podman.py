"""A podman service of the tests' own, which speaks as a Docker engine does; nothing of it is left afterwards."""

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import dockerd

CACHE = Path("/var/lib/containers")
"""What podman keeps there about images is found by no option."""
ENGINE = """\
[containers]
default_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
lock_type = "file"
"""


def missing():
    """Why there can be no service; "" when there can."""
    absent = [name for name in ("podman", "runc") if shutil.which(name) is None]
    if absent:
        return f"podman is not installed: apt-get install {' '.join(absent)}"
    return "" if os.geteuid() == 0 else "only root can start podman's service with limits of memory"


@contextmanager
def running():
    """The address of the service."""
    folder = Path(tempfile.mkdtemp(prefix="mg", dir=dockerd.quick_folder()))
    had_cache = CACHE.exists()
    try:
        (folder / "engine.conf").write_text(ENGINE)
        places = f'driver = "overlay"\nrunroot = "{folder}/run"\ngraphroot = "{folder}/root"\n'
        (folder / "storage.conf").write_text(f"[storage]\n{places}")
        with served(folder) as address:
            yield address
    finally:
        dockerd.unmount(folder)
        shutil.rmtree(folder)
        if not had_cache:
            shutil.rmtree(CACHE, ignore_errors=True)


@contextmanager
def served(folder):
    address = f"unix://{folder}/podman.sock"
    places = f"--root {folder}/root --runroot {folder}/run --tmpdir {folder}/tmp --storage-driver overlay"
    configured = {"CONTAINERS_CONF": f"{folder}/engine.conf", "CONTAINERS_STORAGE_CONF": f"{folder}/storage.conf"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["podman", *places.split(), "system", "service", "--time=0", address],
            env={**os.environ, **configured},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        dockerd.wait_for(address, process, folder / "log")
        yield address
    finally:
        dockerd.end(process)
