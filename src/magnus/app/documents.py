"""The run log document of a run, as people read it. Called by the use cases that end runs or show them."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from magnus.engine import liveness
from magnus.interfaces.run_log_store import KeepsDocuments, RunLogStore
from magnus.run_log.records import RunRecord
from magnus.run_log.view import document_lines
from magnus.values import Json


def document(store: RunLogStore, run: RunRecord, more: Mapping[str, Json] = MappingProxyType({})) -> Iterator[str]:
    """The run log document as pieces of text, with `more` at its end; a run whose process is gone shows as lost."""
    lost = liveness.lost(run.owner)
    return document_lines(run, lambda branch: store.list_steps(run.run_id, branch), lost=lost, more=more)


def keep_document(store: RunLogStore, run_id: str, emit: Callable[[str], None]) -> None:
    """Keep the document of the run beside the records, where the store does that, and `emit` it. RunNotFound."""
    lines = document(store, store.get_run(run_id))
    if isinstance(store, KeepsDocuments):
        store.write_document(run_id, _emitted(lines, emit))
    else:
        for line in lines:
            emit(line)


def _emitted(lines: Iterator[str], emit: Callable[[str], None]) -> Iterator[str]:
    for line in lines:
        emit(line)
        yield line
