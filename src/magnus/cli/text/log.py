"""What `magnus logs` prints: the output of steps as it was, under lines with their paths. Used by it."""

import shlex
from collections.abc import Iterable

from magnus.app.inspect.find_run import find_run
from magnus.app.inspect.find_step import find_step
from magnus.app.inspect.read_logs import Output, RunOutput
from magnus.app.inspect.viewer import Viewer, viewer
from magnus.app.text.escapes import HarmlessPieces
from magnus.cli import console
from magnus.graph.path import print_names
from magnus.interfaces.catalog import Maintained
from magnus.run_log.records import RunRecord, Status
from magnus.run_log.step_walk import SeenStep


def show(text: str, step: str, configuration_file: str, *, follow: bool) -> int:
    """Print it; the exit status."""
    with viewer(configuration_file, console.environment()) as services:
        run = find_run(services.store, text)
        found = find_step(services.store, run.run_id, step) if step else None
        output = RunOutput(services.store, services.logs, run.run_id, found)
        try:
            printed = _print(output.until_the_end() if follow else output.now(), None if found is None else found.names)
        except _NobodyReads:
            return 0
        if not printed:
            console.note(_why_nothing(services, run, found))
        if not follow:
            return 0
        status = output.outcome
        what = f"run {run.run_id}" if found is None else f"step '{print_names(found.names)}'"
        console.note(f"{what}: {status.value}")
        return 0 if status is Status.SUCCESS else 1


class _NobodyReads(Exception):
    """What is printed goes nowhere."""


def _print(output: Iterable[Output], only: tuple[str, ...] | None) -> bool:
    """Print the pieces, with a heading before the pieces of another step; returns whether there was a piece."""
    shown = HarmlessPieces() if console.is_terminal() else None
    last = only
    at_line_start, is_first = True, True
    for piece in output:
        if piece.names != last:
            _finish(shown)
            before = ("" if at_line_start else "\n") + ("" if is_first else "\n")
            heading = f"{before}==> {print_names(piece.names)} <==\n".encode()
            last = piece.names
        else:
            heading = b""
        if not console.emit_bytes(heading + (piece.data if shown is None else shown.feed(piece.data))):
            raise _NobodyReads
        at_line_start, is_first = piece.data.endswith(b"\n"), False
    _finish(shown)
    return not is_first


def _finish(shown: HarmlessPieces | None) -> None:
    """The output of a step ends here for now."""
    if shown is not None:
        console.emit_bytes(shown.rest())


def _why_nothing(services: Viewer, run: RunRecord, found: SeenStep | None) -> str:
    catalog = services.catalog
    if isinstance(catalog, Maintained) and catalog.was_removed(run.run_id):
        return f"the files of the run '{run.run_id}' were removed by magnus gc"
    if found is None:
        return "no step printed anything"
    name = print_names(found.names)
    if found.record.mock and found.record.attempts:
        return f"step '{name}' was mocked, so its task printed nothing"
    if found.record.mock:
        command = shlex.join(("magnus", "logs", run.original_run_id, name))
        return f"step '{name}' was reused from another run; its output: {command}"
    return f"step '{name}' printed nothing"
