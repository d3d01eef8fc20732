"""What an engine says to a re-entry command through the environment, and how that tells the engine what happens.

Used by executors that run steps where nothing else of this process arrives, and by the command in there.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Final, get_args

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from magnus import __version__
from magnus.errors import InvalidInput
from magnus.interfaces.reporter import Event
from magnus.run_log.records import CodeIdentity

VARIABLE: Final = "MAGNUS_REENTRY"
JOB_VARIABLE: Final = "MAGNUS_JOB"
MACHINE_VARIABLE: Final = "MAGNUS_JOB_MACHINE"
EVENTS_VARIABLE: Final = "MAGNUS_JOB_EVENTS"
"""What a job alone knows of itself, beside the options that are the same for all jobs of a run."""

_KINDS: Final = {kind.__name__: kind for kind in get_args(Event)}


class Reentry(Struct, frozen=True):
    """The options of a re-entry command that magnus itself sets.

    Attributes:
        version: of the magnus that starts it, which has to be the same.
        code_identities: of the image or package that runs the step, beside the identities of the run.
        events: whether it writes events to its standard output, as `event_line` says, instead of progress.
        signal: the signal it gets with its first event, SIGKILL or SIGTERM, for simulated faults; 0 for none.
        events_file: the file to which it writes events in addition to its progress; "" for none.
        job: the id of the job of a batch system that runs it; "" for none.
        machine: the machine of that job.
    """

    version: str = __version__
    code_identities: tuple[CodeIdentity, ...] = ()
    events: bool = False
    signal: int = 0
    events_file: str = ""
    job: str = ""
    machine: str = ""

    def variables(self) -> dict[str, str]:
        """The environment that says it."""
        return {VARIABLE: msgspec.json.encode(self).decode()}


def reentry(environment: Mapping[str, str]) -> Reentry:
    """What the environment says; InvalidInput when it is that of another version of magnus."""
    text = environment.get(VARIABLE)
    if not text:
        return Reentry()
    try:
        version = msgspec.json.decode(text, type=_Version).version
        if version == __version__:
            return _with_job(msgspec.json.decode(text, type=Reentry), environment)
    except msgspec.DecodeError as error:
        message = f"{VARIABLE} cannot be read: {error}"
        raise InvalidInput(message, fix="leave that variable to magnus") from error
    message = f"the step was started by magnus {version}, and this is magnus {__version__}"
    raise InvalidInput(message, fix="install the same version in both places")


def _with_job(message: Reentry, environment: Mapping[str, str]) -> Reentry:
    return replace(
        message,
        events_file=environment.get(EVENTS_VARIABLE, message.events_file),
        job=environment.get(JOB_VARIABLE, message.job),
        machine=environment.get(MACHINE_VARIABLE, message.machine),
    )


def event_line(event: Event) -> bytes:
    """The event as one line of text."""
    return json.dumps([type(event).__name__, msgspec.to_builtins(event)]).encode("ascii") + b"\n"


class EventLines:
    """Takes events out of pieces of output; `heard` says that there was one, `rest` has the end of all that was none."""

    _LONGEST_REST_BYTES: Final = 4096

    def __init__(self) -> None:
        self._line = bytearray()
        self.heard = False
        self.rest = b""

    def feed(self, piece: bytes) -> Iterator[Event]:
        """The events that are whole now."""
        *lines, rest = (bytes(self._line) + piece).split(b"\n") if b"\n" in piece else (self._line + piece,)
        self._line = bytearray(rest)
        for line in lines:
            event = _event(line)
            if event is None:
                self.note(line + b"\n")
            else:
                self.heard = True
                yield event

    def note(self, piece: bytes) -> None:
        """Take output that holds no events."""
        self.rest = (self.rest + piece)[-self._LONGEST_REST_BYTES :]


class _Version(Struct, frozen=True):
    """The part of it that every version can read."""

    version: str = ""


def _event(line: bytes) -> Event | None:
    try:
        name, fields = json.loads(line)
        event: Event = msgspec.convert(fields, _KINDS[name])
    except (ValueError, TypeError, KeyError):
        return None
    return event
