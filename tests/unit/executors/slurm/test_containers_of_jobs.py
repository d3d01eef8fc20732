"""Containers that cannot have the folders of a run are refused before anything is submitted."""

import json
import os
import subprocess
import sys

import pytest
from safety_net import LONGEST_SECONDS

PIPELINE = {
    "start_at": "a",
    "steps": {"a": {"type": "task", "command_type": "shell", "command": "true", "next": "success"}},
}


@pytest.mark.parametrize("by_override", [False, True])
def test_a_folder_that_pyxis_cannot_mount_is_refused_before_anything_is_submitted(tmp_path, by_override):
    folder = tmp_path / "a,b"
    folder.mkdir()
    sbatch = tmp_path / "sbatch"
    sbatch.write_text(f"#!/bin/sh\ntouch {tmp_path}/called\n")
    sbatch.chmod(0o700)
    container = {"container": {"kind": "pyxis", "image": "x"}}
    config = {"overrides": {"big": container}} if by_override else container
    services = {"executor": {"type": "slurm", "config": config}, "run_log_store": {"type": "chunked-fs"}}
    (folder / "magnus-config.yaml").write_text(json.dumps({"defaults": services}))
    (folder / "p.yaml").write_text(json.dumps({"dag": PIPELINE}))
    done = subprocess.run(
        [sys.executable, "-m", "magnus", "execute", "p.yaml"],
        cwd=folder,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
    )
    assert done.returncode == 2, done.stderr
    assert f"pyxis cannot mount the folder '{folder}', since its path has a comma or colon" in done.stderr
    assert "a container of kind apptainer" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "called").exists()
