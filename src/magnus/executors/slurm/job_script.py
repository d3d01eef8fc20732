"""Writes the script of jobs of Slurm, and the command that starts magnus in them, perhaps in a container."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from magnus.executors.slurm.options import Container

_INDEX: Final = '"${SLURM_ARRAY_TASK_ID:-0}"'
_ID: Final = '"${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}"'
_MACHINE: Final = '"${SLURMD_NODENAME:-$(hostname)}"'
_RESTARTS: Final = '"${SLURM_RESTART_COUNT:-0}"'


def job_script(script: Path) -> str:
    """The text of the script that `sbatch` gets: it starts `script` with what a job knows of itself."""
    return f"#!/bin/bash\nexec {shlex.quote(str(script))} {_INDEX} {_ID} {_MACHINE} {_RESTARTS}\n"


def program(container: Container | None, working_directory: Path, written: Sequence[Path] = ()) -> Sequence[str]:
    """The words that start magnus in a job. A container sees the folders `written`, which magnus writes, at their paths."""
    if container is None:
        return (sys.executable, "-m", "magnus")
    here = str(working_directory)
    mounts = (*_outermost([working_directory, *written]), *container.mounts)
    if container.kind == "apptainer":
        binds = (word for mount in mounts for word in ("--bind", mount))
        return ("apptainer", "exec", *binds, "--pwd", here, *container.flags, container.image, "magnus")
    return (
        "srun",
        "--nodes=1",
        "--ntasks=1",
        f"--container-image={container.image}",
        f"--container-mounts={','.join(_both(mount) for mount in mounts)}",
        f"--container-workdir={here}",
        *container.flags,
        "magnus",
    )


def _outermost(folders: Sequence[Path]) -> list[str]:
    """The folders that are in no other one of them, each once."""
    each = dict.fromkeys(folders)
    return [str(folder) for folder in each if not any(parent in each for parent in folder.parents)]


def _both(mount: str) -> str:
    """The mount as Pyxis has it: with the path in the container."""
    return mount if ":" in mount else f"{mount}:{mount}"
