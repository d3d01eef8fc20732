"""Reports what a step has been loading for a while, such as a heavy library. Used by `engine.step.attempts`.

Most of what is loaded takes milliseconds, so nothing is reported when it begins: the thread that follows the output of
the step looks every now and then.
"""

import time
from typing import Final

from magnus.engine.interaction.current_step import CurrentStep
from magnus.interfaces.reporter import Reporter, StepLoading

_SECONDS: Final = 0.5


class Loading:
    """What the step loads, as far as it is worth a word."""

    def __init__(self, step: CurrentStep, reporter: Reporter) -> None:
        self._step = step
        self._reporter = reporter
        self._reported = ""

    def look(self) -> None:
        """Report what has been loading for long, and once that it is loaded."""
        what = self._step.loading
        if what and time.monotonic() - self._step.loading_since < _SECONDS:
            what = ""
        if what != self._reported:
            self._reported = what
            self._reporter.report(StepLoading(self._step.path, what))
