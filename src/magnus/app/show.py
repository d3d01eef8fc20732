"""The use case *show*: a run, or one step of it, whatever became of the run; as a tree, or as the run log document."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from magnus.app.damage import damage
from magnus.app.documents import document
from magnus.app.finding import find_run
from magnus.app.step_names import find_step
from magnus.app.tree import RunTree, StepNode, run_tree, step_node
from magnus.app.viewing import Viewer
from magnus.errors import CatalogError
from magnus.run_log.json_bytes import from_bytes
from magnus.run_log.parameters import handed_reference
from magnus.run_log.records import RunRecord
from magnus.values import Json


class ShownStep(Struct, frozen=True):
    """One step of a run with its names and those of what it is in; `given` is what the last attempt was handed, whole.

    `damage` are lines on the records of the run.
    """

    run: RunRecord
    node: StepNode
    names: tuple[str, ...]
    given: Mapping[str, Json]
    damage: Sequence[str] = ()


def show_run(viewer: Viewer, text: str) -> RunTree:
    """The run that the text means, as a tree; RunNotFound when there is none."""
    return run_tree(viewer.store, find_run(viewer.store, text))


def show_step(viewer: Viewer, text: str, step: str) -> ShownStep:
    """One step of the run; InvalidInput when no such step began."""
    run = find_run(viewer.store, text)
    found = find_step(viewer.store, run.run_id, step)
    attempts = found.record.attempts
    given = {name: _whole(value, viewer) for name, value in attempts[-1].parameters.items()} if attempts else {}
    return ShownStep(
        run, step_node(viewer.store, run, found.record), found.names, given, damage(viewer.store, run).lines()
    )


def _whole(value: Json, viewer: Viewer) -> Json:
    """What a task was handed; a large value is read, unless it is not there any more."""
    large = handed_reference(value)
    if large is None:
        return value
    try:
        with viewer.catalog.open(large.catalog_name, large.data_hash, large.size) as file:
            return from_bytes(file.read())
    except CatalogError:
        return value


def show_document(viewer: Viewer, text: str) -> Iterator[str]:
    """The document of the run, as pieces of text; with what is wrong with its records, when something is."""
    run = find_run(viewer.store, text)
    wrong = damage(viewer.store, run)
    return document(viewer.store, run, wrong.as_json() if wrong.lines() else {})


def show_document_of_step(viewer: Viewer, text: str, step: str) -> Json:
    """What the document of the run says of the step."""
    import json  # lazy: seldom asked for

    run = find_run(viewer.store, text)
    names = find_step(viewer.store, run.run_id, step).names
    found: Json = json.loads("".join(document(viewer.store, run)))
    for number, name in enumerate(names):
        found = found["branches" if number % 2 else "steps"][name]
    return found
