"""What the command line says: the run log on standard output, everything else on standard error.

On a terminal progress is set in colour by rich, which is loaded for it alone; elsewhere it is plain lines. No text of
a user is ever read as markup.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from typing import TYPE_CHECKING

from magnus.app.progress import Lines
from magnus.errors import MagnusError
from magnus.interfaces.reporter import (
    AttemptFailed,
    Event,
    Planned,
    Reporter,
    RunEnded,
    RunStarted,
    StepEnded,
    StepOutput,
    StepReused,
    StepStarted,
    Warned,
)
from magnus.run_log.records import Status

if TYPE_CHECKING:
    from rich.console import Console


def environment() -> Mapping[str, str]:
    """The environment magnus was started with, as the input it is."""
    return dict(os.environ)


def command_line() -> tuple[str, ...]:
    """The command line magnus was started with, likewise."""
    return tuple(sys.argv)


def write_utf8() -> None:
    """Write the run log as UTF-8, which JSON is, whatever the locale says."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")


def emit(text: str) -> None:
    """Write a piece of the run log to standard output; a reader that went away is no reason to stop."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        drop_output()


def show_error(error: MagnusError) -> None:
    """Say what is wrong, where, and what to do."""
    _say(str(error))


def show_bug(error: Exception) -> None:
    """Say that magnus itself is at fault, with what helps to mend it."""
    import traceback  # lazy: for bugs alone

    _say("".join(traceback.format_exception(error)).rstrip())
    _say("error: this is a fault of magnus itself, not of the pipeline\n  fix: report it with the lines above")


def drop_output() -> None:
    """Nobody reads standard output any more; let the interpreter end without a complaint about it."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


def set_up_logging(level: str | None) -> None:
    """Show the diagnosis of magnus from `level` on, on standard error."""
    if level is not None:
        import logging  # lazy: only who asks for it pays for it

        logging.basicConfig(level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")


@contextmanager
def reporter() -> Iterator[Reporter]:
    """Shows progress on what is standard error now, whatever becomes of descriptor 2 during a step."""
    descriptor = os.dup(2)
    try:
        yield _Coloured(descriptor) if os.isatty(descriptor) else Lines(_onto(descriptor))
    finally:
        os.close(descriptor)


@contextmanager
def reporter_of_step() -> Iterator[Reporter]:
    """Shows the progress of one step; where the engine that started it asks for events, it gets them on standard output."""
    from magnus.engine.reentry import reentry  # lazy: the re-entry command alone is told something

    if not reentry(environment()).events:
        with reporter() as shown:
            yield shown
        return
    descriptor = os.dup(1)
    try:
        yield _Events(_onto(descriptor))
    finally:
        os.close(descriptor)


class _Events:
    """Hands events to the engine, as lines."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write

    def report(self, event: Event) -> None:
        """Write the event; an engine that is gone is no reason to stop."""
        from magnus.engine.reentry import event_line  # lazy: as above

        with suppress(OSError):
            self._write(event_line(event))


class _Coloured(Lines):
    """Progress on a terminal."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(_onto(descriptor))
        self._console = _rich_console(descriptor)

    def line(self, text: str, event: Event) -> None:
        """Write one line of progress, as text and never as markup."""
        from rich.text import Text  # lazy: loaded with the console

        with suppress(OSError):
            self._console.print(Text(text, style=_style(event)), soft_wrap=True)


def _onto(descriptor: int) -> Callable[[bytes], None]:
    """Writes to the descriptor."""

    def write(data: bytes) -> None:
        while data:
            data = data[os.write(descriptor, data) :]

    return write


def _rich_console(descriptor: int) -> "Console":
    from rich.console import Console  # lazy: terminals alone

    return Console(
        file=os.fdopen(os.dup(descriptor), "w", encoding="utf-8", errors="backslashreplace"), highlight=False
    )


def _style(event: Event) -> str:
    match event:
        case StepEnded(status=status) | RunEnded(status=status):
            return "green" if status is Status.SUCCESS else "bold red"
        case AttemptFailed() | Warned():
            return "yellow"
        case RunStarted() | Planned() | StepStarted() | StepReused() | StepOutput():
            return "dim"


def _say(text: str) -> None:
    with suppress(OSError):
        os.write(2, (text + "\n").encode("utf-8", "backslashreplace"))
