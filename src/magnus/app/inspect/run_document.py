"""The run log document of a run, as people read it. Called by the use cases that end runs or show them."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from magnus.errors import MagnusError, Problem, RunLogStoreError
from magnus.interfaces.reporter import Reporter, Warned
from magnus.interfaces.run_log_store import KeepsDocuments, RunLogStore
from magnus.run_log.records import ENDED, RunRecord
from magnus.run_log.view import document_lines
from magnus.system.atomic_files import joined
from magnus.values import Json


def document(store: RunLogStore, run: RunRecord, more: Mapping[str, Json] = MappingProxyType({})) -> Iterator[str]:
    """The run log document as pieces of text, with `more` at its end; a run of which nothing runs any more shows as lost."""
    return document_lines(run, lambda branch: store.list_steps(run.run_id, branch), lost=_lost(run), more=more)


def _lost(run: RunRecord) -> str:
    if run.status in ENDED:
        return ""
    from magnus.app.inspect.run_state import state_of  # lazy: most runs have finished

    return state_of(run).lost


def keep_document(store: RunLogStore, run_id: str, emit: Callable[[str], None], reporter: Reporter) -> None:
    """Keep the document of the run beside the records, where the store does that, and `emit` it. RunNotFound.

    The records are the run log: that their document cannot be kept is a warning, and makes no run fail.
    """
    emitted = _Emitted(joined(document(store, store.get_run(run_id))), emit)
    try:
        if isinstance(store, KeepsDocuments):
            store.write_document(run_id, emitted)
    except RunLogStoreError as error:
        if emitted.failed:
            raise
        [problem] = error.problems
        message = f"the document of the run is not kept, its records are: {problem.message}"
        reporter.report(Warned(str(Problem(message, problem.fix, severity="warning"))))
    for _ in emitted:
        pass


class _Emitted(Iterator[str]):
    """Pieces of text that are emitted as they are taken; `failed` says that they could not be read to their end."""

    def __init__(self, pieces: Iterator[str], emit: Callable[[str], None]) -> None:
        self._pieces = pieces
        self._emit = emit
        self.failed = False

    def __next__(self) -> str:
        try:
            piece = next(self._pieces)
        except MagnusError:
            self.failed = True
            raise
        self._emit(piece)
        return piece
