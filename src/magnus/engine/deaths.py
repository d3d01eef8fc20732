"""What is left of a step whose process died: its output up to then, and the attempt that ended so.

Used by the orchestrator, and by `app.step` where another engine starts the processes.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from magnus.engine.context import RunContext
from magnus.engine.masking import Masker
from magnus.engine.output_file import output_file_of
from magnus.errors import CatalogError, ProcessDied
from magnus.graph.path import StepPath
from magnus.interfaces.reporter import StepOutput, Warned
from magnus.run_log.records import AttemptRecord, Status, StepRecord

_CHUNK_BYTES: Final = 256 * 1024
_UNSEEN: Final = "the process died before it could say how the attempt ended"


def finish_output(context: RunContext, path: StepPath, died: ProcessDied) -> None:
    """Show what the step printed that was not shown yet, and keep it in the log; that it cannot be kept is a warning."""
    file = output_file_of(context.folder, died.pid)
    try:
        _keep(context, path, _after(died.shown, _masked(file, context.masker)))
        file.unlink(missing_ok=True)
    except (CatalogError, OSError) as error:
        message = f"the output of the step could not be kept to its end: {error}"
        context.reporter.report(Warned(context.masker.mask(message), path))


def with_attempt(context: RunContext, known: StepRecord, died: ProcessDied) -> StepRecord:
    """The record with the attempt that ended with the process."""
    end = context.clock.now()
    attempt = AttemptRecord(
        attempt_number=len(known.attempts),
        start_time=end - timedelta(seconds=died.seconds),
        end_time=end,
        duration=round(died.seconds, 6),
        status=Status.FAIL,
        message=died.problems[0].message,
    )
    return replace(known, attempts=(*known.attempts, attempt))


def noticed(known: StepRecord, at: datetime) -> StepRecord:
    """The record with the attempt during which its process died unseen, which is noticed `at` this time."""
    attempt = AttemptRecord(len(known.attempts), at, at, 0.0, Status.FAIL, _UNSEEN)
    return replace(known, attempts=(*known.attempts, attempt))


def failed(known: StepRecord, at: datetime) -> StepRecord:
    """The record of a step whose process died unseen, and that nobody goes on with."""
    if known.branching is None:
        return replace(noticed(known, at), status=Status.FAIL, message=_UNSEEN, parameters={}, scope=None)
    return replace(known, status=Status.FAIL, message=_UNSEEN, parameters={}, catalog=(), scope=None)


def without(attempts: Sequence[AttemptRecord]) -> int:
    """How many attempts there were but those whose process died unseen, which the engine counts itself."""
    return sum(attempt.message != _UNSEEN for attempt in attempts)


def _keep(context: RunContext, path: StepPath, output: Iterator[bytes]) -> None:
    first = next(output, None)
    if first is None:
        return
    with closing(context.services.catalog.open_log(context.run_id, path)) as log:
        for piece in (first, *output):
            log.write(piece)
            context.reporter.report(StepOutput(path, piece))


def _masked(file: Path, masker: Masker) -> Iterator[bytes]:
    stream = masker.stream()
    if not file.exists():
        return
    with file.open("rb") as output:
        while data := output.read(_CHUNK_BYTES):
            yield stream.feed(data)
    yield stream.finish()


def _after(count: int, output: Iterator[bytes]) -> Iterator[bytes]:
    """The output without its first `count` bytes."""
    for piece in output:
        rest = piece[count:]
        count = max(0, count - len(piece))
        if rest:
            yield rest
