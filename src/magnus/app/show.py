"""The use case *show*: a run, or one step of it, whatever became of the run; as a tree, or as the run log document."""

from collections.abc import Iterator

from magnus.app.documents import document
from magnus.app.finding import find_run
from magnus.app.step_names import find_step
from magnus.app.tree import RunTree, StepNode, run_tree, step_node
from magnus.app.viewing import Viewer
from magnus.run_log.records import RunRecord
from magnus.values import Json


def show_run(viewer: Viewer, text: str) -> RunTree:
    """The run that the text means, as a tree; RunNotFound when there is none."""
    return run_tree(viewer.store, find_run(viewer.store, text))


def show_step(viewer: Viewer, text: str, step: str) -> tuple[RunRecord, StepNode, tuple[str, ...]]:
    """One step of the run, and its names with those of what it is in; InvalidInput when no such step began."""
    run = find_run(viewer.store, text)
    found = find_step(viewer.store, run.run_id, step)
    return run, step_node(viewer.store, run, found.record), found.names


def show_document(viewer: Viewer, text: str) -> Iterator[str]:
    """The document of the run, as pieces of text."""
    return document(viewer.store, find_run(viewer.store, text))


def show_document_of_step(viewer: Viewer, text: str, step: str) -> Json:
    """What the document of the run says of the step."""
    import json  # lazy: seldom asked for

    run = find_run(viewer.store, text)
    names = find_step(viewer.store, run.run_id, step).names
    found: Json = json.loads("".join(document(viewer.store, run)))
    for number, name in enumerate(names):
        found = found["branches" if number % 2 else "steps"][name]
    return found
