"""The output of steps as `magnus logs` prints it, under lines with their paths."""

import shlex
from collections.abc import Iterable, Iterator

from magnus.app.inspect.read_logs import Output
from magnus.app.inspect.viewer import Viewer
from magnus.app.text.escapes import HarmlessPieces
from magnus.graph.path import print_names
from magnus.interfaces.catalog import Maintained
from magnus.run_log.records import RunRecord
from magnus.run_log.step_walk import SeenStep


def with_headings(output: Iterable[Output], only: tuple[str, ...] | None, *, harmless: bool) -> Iterator[bytes]:
    """The pieces, with a heading before the pieces of another step than `only`.

    With `harmless` no piece can move the cursor of a terminal or change its settings; of a line that was written over,
    such as a bar, the last state is shown.
    """
    filtered = HarmlessPieces() if harmless else None
    states = LastStates()
    last = only
    at_line_start, is_first = True, True
    for piece in output:
        if piece.names != last:
            yield from _rest(filtered)
            before = ("" if at_line_start else "\n") + ("" if is_first else "\n")
            heading = f"{before}==> {print_names(piece.names)} <==\n".encode()
            last, states = piece.names, LastStates()
        else:
            heading = b""
        yield heading + (piece.data if filtered is None else filtered.feed(states.feed(piece.data)))
        at_line_start, is_first = piece.data.endswith(b"\n"), False
    yield from _rest(filtered)


class LastStates:
    """Keeps in each piece of output the last state of a line that was written over; a later piece starts a new line."""

    def __init__(self) -> None:
        self._held = b""
        self._at_line_start = True

    def feed(self, piece: bytes) -> bytes:
        """The piece without the states before the last one."""
        data = self._held + piece
        self._held = b"\r" if data.endswith(b"\r") else b""
        data = data.removesuffix(b"\r").replace(b"\r\n", b"\n")
        if b"\r" in data:
            lines = data.split(b"\n")
            newline = b"\n" if b"\r" in lines[0] and not self._at_line_start else b""
            data = newline + b"\n".join(line.rpartition(b"\r")[2] for line in lines)
        if data:
            self._at_line_start = data.endswith(b"\n")
        return data


def _rest(filtered: HarmlessPieces | None) -> Iterator[bytes]:
    """The end of the output of a step, if it has one."""
    if filtered is not None and (rest := filtered.rest()):
        yield rest


def no_output(services: Viewer, run: RunRecord, step: SeenStep | None) -> str:
    """The reason why the run, or the step, has no output."""
    catalog = services.catalog
    if isinstance(catalog, Maintained) and catalog.was_removed(run.run_id):
        return f"the files of the run '{run.run_id}' were removed by magnus gc"
    if step is None:
        return "no step printed anything"
    name = print_names(step.names)
    if step.record.mock and step.record.attempts:
        return f"step '{name}' was mocked, so its task printed nothing"
    if step.record.mock:
        command = shlex.join(("magnus", "logs", run.original_run_id, name))
        return f"step '{name}' was reused from another run; its output: {command}"
    cache = step.record.cache
    if cache is not None and cache.run_id:
        command = shlex.join(("magnus", "logs", cache.run_id, cache.step))
        return f"step '{name}' reused a result of another run; its output: {command}"
    return f"step '{name}' printed nothing"
