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
_SPLITS_OF_BIND: Final = frozenset(',:^\\"\n\r')
"""The characters of paths that mean something else in `apptainer exec --bind`."""
_SPLITS_OF_PYXIS: Final = frozenset(",:")


def job_script(script: Path) -> str:
    """The text of the script that `sbatch` gets: it starts `script` with what a job knows of itself."""
    return f"#!/bin/bash\nexec {shlex.quote(str(script))} {_INDEX} {_ID} {_MACHINE} {_RESTARTS}\n"


def program(container: Container | None, working_directory: Path, written: Sequence[Path] = ()) -> Sequence[str]:
    """The words that start magnus in a job. A container sees the folders `written`, which magnus writes, at their paths."""
    if container is None:
        return (sys.executable, "-m", "magnus")
    here, own = str(working_directory), _outermost([working_directory, *written])
    if container.kind == "apptainer":
        binds = [word for folder in own for word in _bind(folder, folder)]
        binds += [word for mount in container.mounts for word in _bind_as_written(mount)]
        return ("apptainer", "exec", *binds, "--pwd", here, *container.flags, container.image, "magnus")
    return (
        "srun",
        "--nodes=1",
        "--ntasks=1",
        f"--container-image={container.image}",
        f"--container-mounts={','.join(_both(mount) for mount in (*own, *container.mounts))}",
        f"--container-workdir={here}",
        *container.flags,
        "magnus",
    )


def unmountable(container: Container, folders: Sequence[Path]) -> Sequence[str]:
    """The folders that magnus needs in the container, and that its program cannot mount: Pyxis has no quotes for commas."""
    if container.kind == "apptainer":
        return []
    return [folder for folder in _outermost(folders) if not _SPLITS_OF_PYXIS.isdisjoint(folder)]


def _bind(source: str, destination: str) -> Sequence[str]:
    """The words that mount a folder; `--mount` is quoted as a row of CSV, and `--bind` has no quotes."""
    if _SPLITS_OF_BIND.isdisjoint(source + destination):
        return ("--bind", source if source == destination else f"{source}:{destination}")
    fields = ("type=bind", f"source={source}", f"destination={destination}")
    return ("--mount", ",".join(map(_quoted, fields)))


def _bind_as_written(mount: str) -> Sequence[str]:
    """The words for `/source`, `/source:/destination`, or these with options of Apptainer, as in `/data:/data:ro`."""
    source, _, rest = mount.partition(":")
    destination, _, options = rest.partition(":")
    return ("--bind", mount) if options else _bind(source, destination or source)


def _quoted(text: str) -> str:
    """The text as a field of CSV."""
    return text if _SPLITS_OF_BIND.isdisjoint(text) else '"' + text.replace('"', '""') + '"'


def _outermost(folders: Sequence[Path]) -> list[str]:
    """The folders that are in no other one of them, each once."""
    each = dict.fromkeys(folders)
    return [str(folder) for folder in each if not any(parent in each for parent in folder.parents)]


def _both(mount: str) -> str:
    """The mount as Pyxis has it: with the path in the container."""
    return mount if ":" in mount else f"{mount}:{mount}"
