"""What it takes to run a run again: the original, what differs since, and the plan. Called by `app.execute`.

Everything here is known before anything runs, and nothing of the original is changed.
"""

import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from magnus.app.written import written_steps
from magnus.definition.built import BuiltPipeline
from magnus.definition.loader import LoadedPipeline
from magnus.definition.yaml_text import Document
from magnus.engine import liveness
from magnus.engine.context import Services
from magnus.engine.resume import can_be_taken, missing
from magnus.errors import InvalidInput, RunNotFound
from magnus.graph.graph import Graph, branch_of
from magnus.graph.nodes import CompositeNode, TaskNode, TerminalNode
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.catalog import Catalog
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.parameters import Scope, plain
from magnus.run_log.records import RunRecord, Status, StepRecord
from magnus.values import Json

_MOST_SHOWN = 10


class Plan(Struct, frozen=True):
    """What a run that goes on with another one will do.

    Attributes:
        original_run_id: the run that it goes on with.
        reused: how many steps are taken over.
        goes_on: the steps that run first, each with the reason; what follows them runs too.
        changes: what differs from the original, a line each.
    """

    original_run_id: str
    reused: int
    goes_on: tuple[tuple[StepPath, str], ...]
    changes: tuple[str, ...]

    def lines(self) -> list[str]:
        """The plan as people read it."""
        steps = "step is" if self.reused == 1 else "steps are"
        shown = [f"goes on with {self.original_run_id}: {self.reused} {steps} reused"]
        shown += [f"  runs '{path}' and what follows: {why}" for path, why in self.goes_on[:_MOST_SHOWN]]
        if len(self.goes_on) > _MOST_SHOWN:
            shown.append(f"  and {len(self.goes_on) - _MOST_SHOWN} more like these")
        if not self.goes_on:
            shown.append("  every step succeeded: nothing is left to run")
        return shown + [f"  changed since: {change}" for change in self.changes]


def original_run(store: RunLogStore, run_id: str) -> RunRecord:
    """The run to go on with; InvalidInput when there is none, or its process is still there."""
    if not store.capabilities.persistent:
        fix = "configure a run log store of type file-system"
        raise InvalidInput("runs whose run log was kept in memory cannot be run again", fix=fix)
    try:
        record = store.get_run(run_id)
    except RunNotFound as error:
        fix = "see that the id is right, and name the configuration it ran with: -c FILE"
        raise RunNotFound(f"there is no run '{run_id}' to go on with", fix=fix) from error
    if record.status not in {Status.SUCCESS, Status.FAIL} and liveness.runs_here(record.owner):
        raise InvalidInput(f"the run '{run_id}' is still running", fix="wait for its end, or end it")
    return record


def pipeline_of(original: RunRecord) -> tuple[str, BuiltPipeline | None]:
    """The pipeline file of a run; for one that a program built, what it built."""
    config = original.run_config
    file = str(config.get("pipeline_file", ""))
    if not file.endswith((".yaml", ".yml", ".json")):
        folder = str(Path(file).absolute().parent)
        if file.endswith(".py") and folder not in sys.path:  # as for a script that is run
            sys.path.insert(0, folder)
        return file, BuiltPipeline(Document(file, {"dag": config.get("dag")}, {}, {}), {})
    return file, None


def plan(
    services: Services,
    original: RunRecord,
    pipeline: LoadedPipeline,
    parameters: Scope,
    sources: Mapping[str, Json],
    configured: Mapping[str, Json],
) -> Plan:
    """What will be taken over and what will run, as far as it can be told before."""
    walk = _Walk(services.run_log_store, services.catalog, original.run_id)
    walk.branch(pipeline.graph, BranchPath())
    changes = (
        *_changed_steps(original, pipeline.dag, sources),
        *_changed_parameters(original, parameters),
        *(f"{family} is configured in another way" for family in configured if _differs(original, family, configured)),
    )
    return Plan(original.run_id, walk.reused, tuple(walk.goes_on), changes)


def _differs(original: RunRecord, family: str, configured: Mapping[str, Json]) -> bool:
    return family in original.run_config and original.run_config[family] != configured[family]


class _Walk:
    """Follows the original for as long as its steps succeeded."""

    def __init__(self, store: RunLogStore, catalog: Catalog, run_id: str) -> None:
        self._store = store
        self._catalog = catalog
        self._run_id = run_id
        self.reused = 0
        self.goes_on: list[tuple[StepPath, str]] = []

    def branch(self, graph: Graph, branch: BranchPath) -> None:
        """A (sub)pipeline, up to the first step that is not taken over."""
        known = {record.path.name: record for record in self._store.list_steps(self._run_id, branch)}
        node = graph.nodes[graph.start_at]
        while not isinstance(node, TerminalNode):
            record = known.get(node.name)
            if record is None or not can_be_taken(record, node):
                self._stops(node, branch.step(node.name), record)
                return
            if gone := missing(self._catalog, record):
                self.goes_on.append(
                    (branch.step(node.name), f"'{gone}', which it left, is not in the catalog any more")
                )
                return
            self.reused += 1
            node = graph.nodes[node.next]

    def _stops(self, node: TaskNode | CompositeNode, path: StepPath, record: StepRecord | None) -> None:
        before = len(self.goes_on)
        if isinstance(node, CompositeNode) and record is not None and record.branching is not None:
            for key in record.branching.keys:
                with suppress(KeyError):  # a branch that is gone
                    self.branch(branch_of(node, key), path.into(key))
        if len(self.goes_on) == before:
            self.goes_on.append((path, _why(record)))


def _why(record: StepRecord | None) -> str:
    match record:
        case None:
            return "it had not begun"
        case StepRecord(status=Status.FAIL, message=message):
            first = message.partition("\n")[0]
            return f"it failed: {first}" if first else "it failed"
        case StepRecord(status=Status.SUCCESS):
            return "it is another kind of step now"
        case _:
            return "it had not ended"


def _changed_steps(original: RunRecord, dag: Json, sources: Mapping[str, Json]) -> Iterator[str]:
    before, after = dict(written_steps(original.run_config.get("dag"))), dict(written_steps(dag))
    known: Json = original.run_config.get("sources") or {}
    for name, source in sources.items():
        if name in known and known[name] != source:
            yield f"step '{name}' has other code ({source['file']})"
    for name, step in after.items():
        old = before.get(name)
        if old is None:
            yield f"step '{name}' is new"
        elif old != step:
            fields = sorted(key for key in {*old, *step} if old.get(key) != step.get(key))
            yield f"step '{name}' is defined in another way ({', '.join(fields)})"
    yield from (f"step '{name}' is gone" for name in before if name not in after)


def _changed_parameters(original: RunRecord, parameters: Scope) -> Iterator[str]:
    before = {name: plain(value) for name, value in original.parameters.items()}
    for name, value in parameters.items():
        if name not in before:
            yield f"parameter '{name}' is new"
        elif before[name] != plain(value):
            yield f"parameter '{name}' has another value"
