"""The use case *show*: a run, or one step of it, whatever became of the run; as a tree, or as the run log document."""

from collections.abc import Iterator

from magnus.app.documents import document
from magnus.app.finding import find_run
from magnus.app.tree import RunTree, StepNode, find_step, run_tree, step_node
from magnus.app.viewing import Viewer
from magnus.graph.path import StepPath
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.records import RunRecord
from magnus.run_log.view import labels, with_elements
from magnus.values import Json


def show_run(viewer: Viewer, text: str) -> RunTree:
    """The run that the text means, as a tree; RunNotFound when there is none."""
    return run_tree(viewer.store, find_run(viewer.store, text))


def show_step(viewer: Viewer, text: str, step: str) -> tuple[RunRecord, StepNode]:
    """One step of the run; InvalidInput when no such step began."""
    run = find_run(viewer.store, text)
    return run, step_node(viewer.store, run, find_step(viewer.store, run.run_id, step))


def show_document(viewer: Viewer, text: str) -> Iterator[str]:
    """The document of the run, as pieces of text."""
    return document(viewer.store, find_run(viewer.store, text))


def show_document_of_step(viewer: Viewer, text: str, step: str) -> Json:
    """What the document of the run says of the step."""
    import json  # lazy: seldom asked for

    run = find_run(viewer.store, text)
    path = find_step(viewer.store, run.run_id, step)
    found: Json = json.loads("".join(document(viewer.store, run)))
    for number, part in enumerate(path.parts):
        branch_of = StepPath(path.parts[:number]) if number % 2 else None
        found = (
            found["steps"][part] if branch_of is None else found["branches"][_label(viewer.store, run, branch_of, part)]
        )
    return found


def _label(store: RunLogStore, run: RunRecord, step: StepPath, key: str) -> str:
    record = store.get_step(run.run_id, step)
    if record is None or record.branching is None:
        return key
    return labels(with_elements(record.branching))[list(record.branching.keys).index(key)]
