"""Chooses the reporter of a run: a tree on a terminal, lines everywhere else."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from msgspec import Struct

from magnus.app.progress.line_reporter import FailureReporter, LineReporter, ShowOutput
from magnus.interfaces.reporter import Reporter


class DisplayOptions(Struct, frozen=True):
    """The options of the user for the display of a run.

    Attributes:
        quiet: show only the reason of a failure.
        output: the part of the output of steps to show.
        is_live: show a tree, where that is possible.
        waits_to_stay: show the final tree at the end, below text that is written to the same terminal after the run.
    """

    quiet: bool = False
    output: ShowOutput = "all"
    is_live: bool = True
    waits_to_stay: bool = False


@contextmanager
def open_reporter(
    write: Callable[[bytes], None],
    descriptor: int,
    environment: Mapping[str, str],
    options: DisplayOptions,
    *,
    encoding: str,
) -> Iterator[Reporter]:
    """A reporter that writes to `descriptor` with `write`; the descriptor is -1 where there is none.

    `encoding` is the encoding of its stream. NO_COLOR, FORCE_COLOR, TERM and CI are read from the environment.
    """
    can_move = descriptor >= 0 and os.isatty(descriptor) and environment.get("TERM", "") not in {"", "dumb", "unknown"}
    colour = has_colour(environment, can_move=can_move)
    if options.quiet:
        yield FailureReporter(LineReporter(write, _now, colour=colour, output="none"))
    elif can_move and options.is_live and not _is_set(environment.get("CI", "")):
        from magnus.app.progress.live.reporter import live_reporter  # lazy: terminals alone

        unicode = encoding.lower().startswith("utf") and environment["TERM"] != "linux"
        with live_reporter(
            descriptor, colour=colour, unicode=unicode, output=options.output, waits_to_stay=options.waits_to_stay
        ) as live:
            yield live
    else:
        yield LineReporter(write, _now, colour=colour, output=options.output)


def has_colour(environment: Mapping[str, str], *, can_move: bool) -> bool:
    """Whether to use colours: NO_COLOR (no-color.org) decides, then FORCE_COLOR, then the terminal."""
    if environment.get("NO_COLOR"):
        return False
    forced = environment.get("FORCE_COLOR", "")
    return _is_set(forced) if forced else can_move


def _is_set(value: str) -> bool:
    return value.lower() not in {"", "0", "false"}


def _now() -> datetime:
    return datetime.now(UTC)
