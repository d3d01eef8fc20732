"""The outcome of a step by the end of its container: killed, failed, or recorded by the step itself. Pure."""

import signal
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from magnus.errors import ProcessDied, TaskFailed
from magnus.executors.container.options import Memory
from magnus.executors.reentry import ReentryOutput

HELP: Final = "see 'How to run steps in containers' in the documentation (docs/how-to/run-in-containers.md)"
_KILLED: Final = 128 + signal.SIGKILL
_CANNOT_BE_RUN: Final = (126, 127)
_BY_ITSELF: Final = (0, 1)
_LONGEST_SHOWN: Final = 1000


class ContainerExit(Struct, frozen=True):
    """The end of a container: its exit status, whether the system says that it had no memory left, and files of it."""

    code: int
    is_out_of_memory: bool = False
    files: Mapping[str, bytes] = {}


def killed(ended: ContainerExit, output: ReentryOutput, memory: Memory | None) -> ProcessDied | None:
    """The error of a container that was killed, which fails one attempt of the step; None if it was not killed.

    If it exited by itself it was not killed, also when the system killed a process that a step in it started.
    """
    if ended.is_out_of_memory and ended.code not in _BY_ITSELF:
        limit = f"its limit of {memory}" if memory is not None else "the limit of the machine"
        return _died(f"out of memory: the container was killed at {limit}", output)
    if ended.code == _KILLED:
        limit = f", of which it may have {memory}" if memory is not None else ""  # podman does not say why
        message = "the container was killed (exit status 137, SIGKILL): by somebody, or for lack of memory"
        return _died(message + limit, output)
    if ended.code > 128:
        return _died(f"the container exited with status {ended.code}{_signal(ended.code - 128)}", output)
    return None


def needs_a_look(ended: ContainerExit, output: ReentryOutput) -> bool:
    """Whether the image itself may be the reason: no magnus of this version wrote an event in it."""
    return not output.has_events and ended.code not in _CANNOT_BE_RUN


def failure(
    ended: ContainerExit, output: ReentryOutput, image: str, *, version: str, image_version: str | None
) -> TaskFailed | None:
    """Why no step was run; None if the step has a record of its result.

    `image_version` is the version of magnus in the image, "" for none, None if it was not read.
    """
    if image_version == "" or (ended.code in _CANNOT_BE_RUN and not output.has_events):
        return without_magnus(image, output.rest)
    if image_version is not None and image_version != version:
        return TaskFailed(
            f"the image '{image}' has magnus {image_version}, and this is magnus {version}: "
            f"build it with the same version, {HELP}"
        )
    if ended.code in _BY_ITSELF and (output.has_events or not output.rest.strip()):
        return None
    return TaskFailed(f"magnus in the image '{image}' exited with status {ended.code}:\n{_end_of(output.rest)}")


def without_magnus(image: str, output: str) -> TaskFailed:
    """The error that the image has no magnus which can be run."""
    return TaskFailed(
        f"the image '{image}' has no command 'magnus' that can be run: install magnus in it, {HELP}\n{_end_of(output)}"
    )


def version_in(text: str) -> str:
    """The version in the output of `magnus --version`; "" when it has none."""
    words = text.split()
    return words[-1] if len(words) == 3 and words[:2] == ["magnus,", "version"] else ""


def _died(message: str, output: ReentryOutput) -> ProcessDied:
    return ProcessDied(message, pid=0, shown=output.shown_bytes, seconds=output.seconds)


def _signal(number: int) -> str:
    try:
        return f" ({signal.Signals(number).name})"
    except ValueError:
        return ""


def _end_of(text: str) -> str:
    return text.strip()[-_LONGEST_SHOWN:]
