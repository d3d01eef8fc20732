"""What `magnus logs` prints: the output of steps as it was, under lines with their paths. Used by it."""

from collections.abc import Iterable

from magnus.app.finding import find_run
from magnus.app.live.screen import harmless
from magnus.app.logs import Output, RunOutput
from magnus.app.tree import find_step
from magnus.app.viewing import Viewer, viewer
from magnus.cli import console
from magnus.graph.path import StepPath
from magnus.interfaces.catalog import Maintained
from magnus.run_log.records import RunRecord, Status


def show(text: str, step: str, configuration_file: str, *, follow: bool) -> int:
    """Print it; the exit status."""
    with viewer(configuration_file, console.environment()) as services:
        run = find_run(services.store, text)
        path = find_step(services.store, run.run_id, step) if step else None
        output = RunOutput(services.store, services.logs, run.run_id, path)
        printed = _print(output.until_the_end() if follow else output.now(), path)
        if not printed:
            console.note(_why_nothing(services, run, path))
        if not follow:
            return 0
        status = output.outcome
        console.note(f"run {run.run_id}: {status.value}" if path is None else f"step '{path}': {status.value}")
        return 0 if status is Status.SUCCESS else 1


def _print(output: Iterable[Output], only: StepPath | None) -> bool:
    """Print the pieces, with a line before those of another step; whether there was one."""
    shown = harmless if console.is_terminal() else bytes
    last: StepPath | None = only
    at_line_start, is_first = True, True
    for piece in output:
        if piece.path != last:
            before = ("" if at_line_start else "\n") + ("" if is_first else "\n")
            console.emit(f"{before}==> {piece.path} <==\n")
            last = piece.path
        console.emit_bytes(shown(piece.data))
        at_line_start, is_first = piece.data.endswith(b"\n"), False
    return not is_first


def _why_nothing(services: Viewer, run: RunRecord, path: StepPath | None) -> str:
    catalog = services.catalog
    if isinstance(catalog, Maintained) and catalog.was_removed(run.run_id):
        return f"the files of the run '{run.run_id}' were removed by magnus gc"
    step = None if path is None else services.store.get_step(run.run_id, path)
    if step is not None and step.mock:
        original = run.original_run_id
        return f"step '{path}' was taken over from another run; magnus logs {original} {path} has its output"
    return "no step printed anything" if path is None else f"step '{path}' printed nothing"
