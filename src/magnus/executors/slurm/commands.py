"""Runs the commands of Slurm as child processes, with a time limit and a clean environment, and sorts their failures.

The environment has none of the variables that a job has, since magnus itself may run in a job, and none that change the
output of the commands.
"""

import errno
import os
import subprocess
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from magnus.executors.jobs.batch_system import Full, NoAnswer, Refused

LONGEST_SECONDS: Final = 60.0
"""The time in which a command has to answer; its own time limit for one message to the controller is ten seconds."""

_OWN: Final = ("SLURM", "SBATCH_", "SALLOC_", "SRUN_", "SQUEUE_", "SCANCEL_", "SCONTROL_", "SINFO_", "SPANK_", "PMI")
_KEPT: Final = frozenset({"SLURM_CONF", "SLURM_CONF_SERVER", "SBATCH_ACCOUNT", "SBATCH_PARTITION", "SBATCH_QOS"})
"""Where Slurm is, and what users set once for all their jobs. Slurm itself sets none of these in jobs."""

_LOCALE: Final = MappingProxyType({"LC_ALL": "C"})

_SILENT: Final = (
    "unable to contact slurm",
    "unable to establish control",
    "communication connection failure",
    "communication send failure",
    "communication receive failure",
    "communication shutdown failure",
    "message connection failure",
    "message send failure",
    "message receive failure",
    "socket timed out",
    "timed out",
    "zero bytes were transmitted",
    "connection refused",
    "connection reset",
    "connection timed out",
    "no route to host",
    "unexpected message received",
    "backup controller",
    "standby",
    "munge",
    "protocol authentication error",
    "insane message length",
    "transport endpoint",
    "could not resolve",
    "unable to resolve",
)
"""Words of messages after which it is not known what the controller did; all in lower case."""

_CROWDED: Final = (
    "submitjoblimit",
    "submitjobperuser",
    "submitjobperaccount",
    "submitjobs",
    "job submit limit",
    "invalid job array",
    "temporarily unable to accept job",
    "resource temporarily unavailable",
    "too many jobs",
    "job count limit",
    "max_rpc",
    "rate limit",
)
"""Words of messages after which fewer jobs, or the same jobs later, may be accepted."""


_PASSING: Final = frozenset(
    {errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EINTR, errno.EIO, errno.ESTALE, errno.ETIMEDOUT}
)
"""Errors of a start that a busy login node, or its network file system, may have for a moment."""


def clean(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without the variables of Slurm that are not meant for a new command."""
    return {name: value for name, value in environment.items() if name in _KEPT or not name.startswith(_OWN)}


def run(argv: Sequence[str], variables: Mapping[str, str] = _LOCALE, *, seconds: float = LONGEST_SECONDS) -> str:
    """The standard output of a command that succeeded; `variables` are added to its environment, which jobs
    inherit from `sbatch`.

    Raises:
        NoAnswer: when it did not end in time, could not reach the controller, or could not start for the moment.
        Full: when the controller takes fewer jobs than these.
        Refused: when it failed for another reason, and when there is no such command.
    """
    environment = {**clean(os.environ), **variables}
    try:
        done = subprocess.run(
            argv,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired as error:
        raise NoAnswer(f"{argv[0]} did not answer in {seconds:g} s") from error
    except OSError as error:
        if error.errno in _PASSING:
            raise NoAnswer(f"the command '{argv[0]}' could not start: {error.strerror}") from error
        fix = (
            "run magnus where jobs are submitted, such as on a login node, and see that PATH has the commands of Slurm"
        )
        raise Refused(f"the command '{argv[0]}' cannot be run: {error.strerror}", fix=fix) from error
    output, errors = (stream.decode("utf-8", "replace") for stream in (done.stdout, done.stderr))
    if done.returncode == 0:
        return output
    raise failure(argv[0], errors or output, done.returncode)


def failure(command: str, errors: str, status: int) -> NoAnswer | Full | Refused:
    """The error for a command that failed with these messages."""
    reason = "; ".join(dict.fromkeys(_reasons(errors))) or f"exit status {status}"
    text = reason.lower()
    if status < 0 or any(words in text for words in _SILENT):
        return NoAnswer(f"{command} got no answer: {reason}")
    if any(words in text for words in _CROWDED):
        return Full(f"{command}: {reason}")
    return Refused(f"{command}: {reason}")


def _reasons(errors: str) -> list[str]:
    """The messages of a command of Slurm, without its name; all lines where none is of that form."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    marked = [line.partition("error: ")[2] for line in lines if "error: " in line]
    return marked or lines
