"""Shows log messages of magnus on standard error, or through the reporter of a run, so that no tree is torn.

The logging of users is left alone: what their code logs is shown as they configure it.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from magnus.interfaces.reporter import Logged, Reporter

_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_REPORTERS: Final = "magnus.app.progress.live"
"""The loggers of reporters, whose messages no reporter can show."""


class Diagnosis(logging.Handler):
    """Writes lines with `say`, unless a reporter takes them."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter(_FORMAT))
        self.reporter: Reporter | None = None
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        """Show the record."""
        text = self.format(record)
        if self.reporter is None or record.name.startswith(_REPORTERS):
            self._say(text)
        else:
            self.reporter.report(Logged(text))


def set_up(level: str, say: Callable[[str], None]) -> None:
    """Show log messages of magnus from `level` on."""
    logger = logging.getLogger("magnus")
    logger.addHandler(Diagnosis(say))
    logger.setLevel(level)
    logger.propagate = False


@contextmanager
def reported(reporter: Reporter) -> Iterator[None]:
    """Have the reporter show it meanwhile."""
    handlers = [handler for handler in logging.getLogger("magnus").handlers if isinstance(handler, Diagnosis)]
    for handler in handlers:
        handler.reporter = reporter
    try:
        yield
    finally:
        for handler in handlers:
            handler.reporter = None
