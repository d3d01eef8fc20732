"""Runs a pipeline whose steps are jobs of the batch system for tests, by the command itself."""

import json
import os
import subprocess
import sys

import drivers

from magnus.app.run.prepare import prepare
from magnus.testing.batch_system.client import FakeBatchSystem
from magnus.testing.batch_system.executor import install


def in_jobs(folder, _dag, arguments):
    """Each step in a job of its own."""
    beside = folder.with_name(f"{folder.name}-batch")
    file = folder / "magnus-config.yaml"
    services = json.loads(file.read_text())["defaults"]
    executor = {"type": "fake-batch", "config": {"state": str(beside / "state")}}
    file.write_text(json.dumps({"defaults": {**services, "executor": executor}}))
    command = [sys.executable, "-m", "magnus", "execute", "p.yaml", "--run-id", "jobs"]
    options = [f"--{name}={value}" for name, value in (arguments or {}).items()]
    try:
        subprocess.run(
            [*command, *options],
            cwd=folder,
            env={**os.environ, **install(beside)},
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=1000,
        )
    finally:
        FakeBatchSystem(beside / "state").close()
    file.write_text(json.dumps({"defaults": services}))
    return drivers.log_of(prepare(drivers.asked(folder, "jobs"), drivers.Silent()), "jobs")
