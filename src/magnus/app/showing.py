"""Chooses how a run is shown: as a tree on a terminal, as lines everywhere else. Used by the front doors."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from msgspec import Struct

from magnus.app.progress import ErrorsAlone, Lines, ShowOutput
from magnus.interfaces.reporter import Reporter


class Wishes(Struct, frozen=True):
    """What the user wants to see.

    Attributes:
        quiet: why a run failed, and nothing else.
        output: what of the output of steps.
        is_live: a tree, where that is possible.
        waits_to_stay: the final tree comes at the end, below what is written to the same terminal after the run.
    """

    quiet: bool = False
    output: ShowOutput = "all"
    is_live: bool = True
    waits_to_stay: bool = False


@contextmanager
def showing(
    write: Callable[[bytes], None], descriptor: int, environment: Mapping[str, str], wishes: Wishes, *, encoding: str
) -> Iterator[Reporter]:
    """A reporter that writes to `descriptor` with `write`; the descriptor is -1 where there is none.

    `encoding` is that of the stream it belongs to. NO_COLOR, FORCE_COLOR, TERM and CI are read from the environment.
    """
    can_move = descriptor >= 0 and os.isatty(descriptor) and environment.get("TERM", "") not in {"", "dumb", "unknown"}
    colour = has_colour(environment, can_move=can_move)
    if wishes.quiet:
        yield ErrorsAlone(Lines(write, _now, colour=colour, output="none"))
    elif can_move and wishes.is_live and not _is_said(environment.get("CI", "")):
        from magnus.app.live.terminal import live_on  # lazy: terminals alone

        unicode = encoding.lower().startswith("utf") and environment["TERM"] != "linux"
        with live_on(
            descriptor, colour=colour, unicode=unicode, output=wishes.output, waits_to_stay=wishes.waits_to_stay
        ) as live:
            yield live
    else:
        yield Lines(write, _now, colour=colour, output=wishes.output)


def has_colour(environment: Mapping[str, str], *, can_move: bool) -> bool:
    """Whether to use colours: as no-color.org says, then as FORCE_COLOR does, then where there is a terminal."""
    if environment.get("NO_COLOR"):
        return False
    forced = environment.get("FORCE_COLOR", "")
    return _is_said(forced) if forced else can_move


def _is_said(value: str) -> bool:
    return value.lower() not in {"", "0", "false"}


def _now() -> datetime:
    return datetime.now(UTC)
