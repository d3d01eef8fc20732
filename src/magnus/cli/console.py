"""Writes the run log to standard output, and everything else to standard error.

How progress looks is chosen by `app.progress.choose_reporter`. No text of a user is ever read as markup.
"""

import fcntl
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from io import TextIOWrapper

TYPE_CHECKING = False  # the import of typing would cost a tenth of `magnus --help`
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Final

    from magnus.app.progress.line_reporter import ShowOutput
    from magnus.errors import MagnusError, ServiceError
    from magnus.interfaces.reporter import Event, Reporter

_SIGKILL: "Final" = 9
_KILLED: "Final" = 128 + _SIGKILL
"""The exit status after SIGKILL; the first process of a container cannot send itself that signal."""


def environment() -> Mapping[str, str]:
    """The environment of the start of magnus."""
    return dict(os.environ)


def command_line() -> tuple[str, ...]:
    """The command line of the start of magnus."""
    return tuple(sys.argv)


def write_utf8() -> None:
    """Write the run log as UTF-8, as JSON requires, in every locale; bytes of names that are no UTF-8 are escaped."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")


def open_closed_streams() -> None:
    """Point standard streams that were closed at the start of magnus to the null device."""
    if None not in {sys.stdin, sys.stdout, sys.stderr}:
        return
    from magnus.engine.output.standard_streams import occupy, text_stream  # lazy: seldom are they closed

    for descriptor in (0, 1, 2):
        occupy(descriptor)
    sys.stdout, sys.stderr = sys.stdout or text_stream(1), sys.stderr or text_stream(2)


def emit(text: str) -> None:
    """Write a piece of the run log to standard output; a reader that went away is no reason to stop.

    ServiceError when it cannot be written, as when the disk of a file is full.
    """
    with _writing():
        sys.stdout.write(text)
        sys.stdout.flush()


def has_emitted(text: str) -> bool:
    """Write the text to standard output; returns False when it cannot be written, for a caller that finds out why.

    Nothing waits in a buffer then, which the interpreter would write at its exit.
    """
    if sys.stdout is None:
        return False
    try:
        data = text.encode()
        while data:
            data = data[os.write(sys.stdout.fileno(), data) :]
    except OSError:
        return False
    return True


def write_file(file: "Path", text: str) -> None:
    """Write the file that the user names with `-o`; InvalidInput when it cannot be written."""
    from magnus.errors import InvalidInput  # lazy: few commands write a file
    from magnus.system.atomic_files import write_text

    try:
        write_text(file, text)
    except OSError as error:
        message = f"the file '{file}' cannot be written: {error.strerror}"
        raise InvalidInput(message, fix="choose another place with -o") from error


class Output:
    """Standard output of the start of magnus, on a private descriptor.

    Processes that user code forks do not inherit it: a reader of the run log would wait for them.
    """

    def __init__(self, descriptor: int) -> None:
        from magnus.engine.processes import forks  # lazy: --help runs nothing
        from magnus.system.descriptors import OwnDescriptor  # lazy: as above

        self._own = OwnDescriptor(descriptor)
        forks.drop_in_children(self._own.close)
        self.write = _onto(descriptor)
        self.is_terminal = os.isatty(descriptor)

    def emit(self, text: str) -> None:
        """Write the text, as `emit` does."""
        try:
            self.write(text.encode("utf-8"))
        except BrokenPipeError:
            pass
        except OSError as error:
            raise _unwritten(error) from error

    def give_back(self) -> None:
        """Restore standard output, when no more user code runs."""
        sys.stdout.flush()
        if self._own.status() is not None:
            os.dup2(self._own.number, 1)


def reserve_output() -> Output:
    """Keep standard output for magnus: all other output goes to standard error until the process exits.

    User code may print at any time: from threads that outlive their step, at exit, from processes it forked.
    """
    sys.stdout.flush()
    own = Output(fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, 3))
    os.dup2(2, 1)
    return own


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        drop_output()
    except OSError as error:
        drop_output()
        raise _unwritten(error) from error


def _unwritten(error: OSError) -> "ServiceError":
    from magnus.errors import ServiceError  # lazy: --help needs no errors

    return ServiceError(f"standard output cannot be written: {error.strerror}", fix="free space there")


def can_show(text: str) -> bool:
    """Whether the terminal, by its locale, has the characters; standard error has the encoding of the start of magnus."""
    try:
        text.encode(sys.stderr.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def emit_bytes(data: bytes) -> bool:
    """Write bytes to standard output as they are; returns whether it still has a reader."""
    with _writing():
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return True
    return False


def is_terminal() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout.isatty()


def note(text: str) -> None:
    """Write a note to standard error."""
    _say(text)


def show_error(error: "MagnusError") -> None:
    """Show the problem, its place and the fix; control characters are written as escapes."""
    from magnus.app.text.plain_text import plain_lines  # lazy: only mistakes need it

    _say(plain_lines(str(error)))


def show_bug(error: Exception) -> None:
    """Show a fault of magnus itself, with the traceback that helps to fix it."""
    import traceback  # lazy: for bugs alone

    _say("".join(traceback.format_exception(error)).rstrip())
    _say("error: this is a fault of magnus itself, not of the pipeline\n  fix: report it with the lines above")


def drop_output() -> None:
    """Drop standard output that has no reader any more, so that the interpreter exits without a complaint."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


def set_up_logging(level: str | None) -> None:
    """Show the diagnosis of magnus from `level` on, on standard error, or by the reporter there is."""
    if level is not None:
        from magnus.cli.diagnosis import set_up  # lazy: only --log-level needs it

        set_up(level.upper(), _say)


@contextmanager
def reporter(
    *, is_live: bool = False, quiet: bool = False, output: "ShowOutput" = "all", to_terminal: bool = False
) -> "Iterator[Reporter]":
    """Shows progress on the present standard error, also while a step redirects descriptor 2.

    `to_terminal` says that standard output is a terminal too.
    """
    from magnus.app.progress.choose_reporter import DisplayOptions, open_reporter  # lazy: --help shows no progress
    from magnus.engine.processes import forks

    options = DisplayOptions(quiet=quiet, output=output, is_live=is_live, waits_to_stay=to_terminal)
    encoding = sys.stderr.encoding if sys.stderr else ""
    with (
        forks.owned(os.dup(2)) as descriptor,
        open_reporter(_onto(descriptor), descriptor, environment(), options, encoding=encoding) as shown,
    ):
        yield shown


@contextmanager
def reporter_of_step(own: Output) -> "Iterator[Reporter]":
    """Shows the progress of one step; an engine that requests events gets them on `own`, or in a file in addition."""
    from magnus.engine.reentry.protocol import reentry  # lazy: only the re-entry command needs it

    settings = reentry(environment())
    if settings.events:
        yield _Events(own.write, settings.signal)
        return
    with reporter() as shown:
        if not settings.events_file:
            yield shown
            return
        with _appended(settings.events_file) as write:
            yield _Both(shown, _Events(write, settings.signal))


class _Events:
    """Sends events to the engine, as lines; after the first one the engine may signal this process."""

    def __init__(self, write: Callable[[bytes], None], signal: int) -> None:
        self._write = write
        self._signal = signal

    def report(self, event: "Event") -> None:
        """Write the event; an engine that is gone is no reason to stop."""
        from magnus.engine.reentry.protocol import event_line  # lazy: as above

        with suppress(OSError):
            self._write(event_line(event))
        if self._signal:
            number, self._signal = self._signal, 0
            os.kill(os.getpid(), number)
            if number == _SIGKILL:  # it still runs, so it is the first process of a container
                os._exit(_KILLED)


class _Both:
    """Passes events to two reporters."""

    def __init__(self, first: "Reporter", second: "Reporter") -> None:
        self._first = first
        self._second = second

    def report(self, event: "Event") -> None:
        """Show the event twice."""
        self._first.report(event)
        self._second.report(event)


@contextmanager
def _appended(file: str) -> "Iterator[Callable[[bytes], None]]":
    """Writes to the end of the file, or nowhere where it cannot be opened; an earlier process may have left half a line."""
    from magnus.engine.processes import forks  # lazy: as above

    try:
        opened = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        opened = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    with forks.owned(opened) as descriptor:
        write = _onto(descriptor)
        with suppress(OSError):
            write(b"\n")
        yield write


def _onto(descriptor: int) -> Callable[[bytes], None]:
    """Writes all of the bytes to the descriptor; nothing if user code closed it. OSError when that cannot be done."""
    from magnus.system.descriptors import OwnDescriptor  # lazy: --help runs nothing

    own = OwnDescriptor(descriptor)

    def write(data: bytes) -> None:
        while data and own.status() is not None:
            data = data[os.write(descriptor, data) :]

    return write


def _say(text: str) -> None:
    with suppress(OSError):
        os.write(2, (text + "\n").encode("utf-8", "backslashreplace"))
