"""The re-entry command of a step, for engines and executors that start it, and what its exit statuses mean.

0: the step succeeded. 1: it failed. 2 and 3: it could not be run. 130: the user stopped it. `TRY_AGAIN` and `EVICTED`
say that the step has attempts left.
"""

import signal
from collections.abc import Sequence
from typing import Final

from magnus.interfaces.executor import StepRequest
from magnus.run_log.records import Status

__all__ = ["EVICTED", "TRY_AGAIN", "composite_command", "step_command"]

TRY_AGAIN: Final = 75
"""With `--one-attempt`: the attempt failed and there are more (EX_TEMPFAIL of sysexits.h)."""

EVICTED: Final = 128 + signal.SIGTERM
"""The place where the step ran went away: its attempt is lost, and the step stays open for the next one."""


def exit_status(status: Status, *, tries_again: bool = False) -> int:
    """How a re-entry command exits whose last act left a step so."""
    if tries_again:
        return TRY_AGAIN
    return 1 if status is Status.FAIL else 0


def step_command(request: StepRequest, *, program: Sequence[str] = ("magnus",), log_level: str = "") -> list[str]:
    """The argv that runs the step of `request` in a fresh process; a list, so that no text needs quoting."""
    return _command(request, "execute_single_node", program, log_level)


def composite_command(request: StepRequest, *, program: Sequence[str] = ("magnus",), log_level: str = "") -> list[str]:
    """The argv that runs the step of `request`, which has branches, with all of them in one fresh process."""
    return _command(request, "run_composite", program, log_level)


def _command(request: StepRequest, verb: str, program: Sequence[str], log_level: str) -> list[str]:
    command = [*program, verb, request.run_id, str(request.path)]
    for option, value in (
        ("--log-level", log_level),
        ("--file", request.definition_file),
        ("--config-file", request.configuration_file),
        ("--tag", request.tag),
    ):
        command += [option, value] if value else []
    return command
