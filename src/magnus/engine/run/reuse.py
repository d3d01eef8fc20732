"""Resuming: steps that succeeded in an original run are reused in a new one. Used by the orchestrator and by re-entry.

Within a (sub)pipeline steps are reused up to the first one that has to run. A composite that did not succeed starts its
branches again, and each branch continues where its counterpart in the original stopped. Branches of a map have the
counterpart with the same value and occurrence, iterations of a loop the one with the same number, others that of their name.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Final

from msgspec.structs import replace

from magnus.engine.context import RunContext
from magnus.engine.rules import scope as scopes
from magnus.errors import CatalogError, DamagedContent
from magnus.graph.nodes import Node, TaskNode
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.catalog import Catalog
from magnus.interfaces.reporter import StepReused
from magnus.interfaces.run_log_store import RunLogStore
from magnus.run_log.parameters import LargeParameter, ListParameter, ObjectParameter, Parameter
from magnus.run_log.records import Branching, BranchScope, CatalogRecord, RunRecord, Status, StepRecord
from magnus.values import Json

NOT_STARTED: Final = "it had not started"
"""Why a step runs of which the original has no record."""
_FROM_HERE: Final = "it is named with --from"
_MOST_NAMED: Final = 5


class Reuse:
    """What the run of `context` reuses of `original`; records of the original are only read.

    With `reads_branches` all steps of a branch are read at once, for callers that ask for one after the other.
    """

    def __init__(
        self, context: RunContext, original: RunRecord, new: RunRecord, *, reads_branches: bool = False
    ) -> None:
        self._context = context
        self._store = context.services.run_log_store
        self._catalog = context.services.catalog
        self._original = original
        self._run_id = new.run_id
        differ = original.code_identities != new.code_identities
        self._identities = original.code_identities if differ else None
        self._moved: dict[str, CatalogRecord] = {}
        self._branches: dict[BranchPath, Mapping[str, StepRecord]] | None = {} if reads_branches else None
        self.run_message = outdated_run_message(new)
        self._from = str(new.run_config.get("from_step") or "")
        self._outdated: Mapping[str, Json] = new.run_config.get("outdated") or {}

    def known(self, path: StepPath) -> StepRecord | None:
        """What the original has of a step."""
        if self._branches is None:
            return self._store.get_step(self._original.run_id, path)
        steps = self._branches.get(path.branch)
        if steps is None:
            records = self._store.list_steps(self._original.run_id, path.branch)
            steps = self._branches[path.branch] = {record.path.name: record for record in records}
        return steps.get(path.name)

    def step(self, of_original: StepPath, path: StepPath, position: int, scope: BranchScope) -> StepRecord | None:
        """Reuse a step of the original at `path`: its record, put there with all that is in its branches.

        None when the step has to run.
        """
        known = self.known(of_original)
        node = self._context.graph.step(path)
        if known is None or reason_to_run(known, node, self._catalog, self._from):
            return None
        record = self._taken(known, path, position, None)
        record = replace(record, scope=scopes.carried(position, scope, record))
        self._put(record)
        self._context.tracking.end_step(self._context.tracked_run, record)
        self._context.reporter.report(StepReused(path, record.step_type))
        return record

    def _taken(self, known: StepRecord, path: StepPath, position: int, scope: BranchScope | None) -> StepRecord:
        self._take_branches(known, path)
        identities = known.code_identities if known.code_identities is not None else self._identities
        return replace(
            known,
            path=path,
            position=position,
            message=self._message(path),
            mock=not known.is_terminal,
            attempts=(),
            catalog=self._moved_entries(known.catalog, path.branch),
            scope=scope,
            code_identities=identities,
        )

    def _message(self, path: StepPath) -> str:
        outdated = self._outdated.get(str(path)) if self._outdated else None
        return outdated_message(outdated["read"]) if outdated else ""

    def _take_branches(self, known: StepRecord, path: StepPath) -> None:
        for key in known.branching.keys if known.branching else ():
            for inner in self._store.list_steps(self._original.run_id, known.path.into(key)):
                self._put(self._taken(inner, path.into(key).step(inner.path.name), inner.position, inner.scope))

    def _moved_entries(self, entries: tuple[CatalogRecord, ...], branch: BranchPath) -> tuple[CatalogRecord, ...]:
        """The entries as the new run has them; entries that came up from branches stay at the paths of these branches."""
        if not entries:
            return ()
        fresh = tuple(
            entry for entry in entries if entry.stage == "put" and entry.catalog_relative_path not in self._moved
        )
        for old, new in zip(fresh, self._catalog.adopt(self._run_id, branch, fresh), strict=True):
            self._moved[old.catalog_relative_path] = replace(new, preexisting=old.preexisting)
        return tuple(
            self._moved.get(entry.catalog_relative_path, entry) if entry.stage == "put" else entry for entry in entries
        )

    def _put(self, record: StepRecord) -> None:
        self._store.put_step(self._run_id, record)


def lost_content(catalog: Catalog, record: StepRecord) -> str:
    """The first file, object or large value of a step whose content the catalog cannot give back whole, and why.

    "" when it has all of them.
    """
    kept = [entry for entry in record.catalog if entry.stage == "put" and entry.catalog_relative_path]
    wanted = [(entry.name, entry.data_hash, entry.size) for entry in kept]
    wanted += [found for parameter in record.parameters.values() for found in _kept(parameter)]
    for name, data_hash, size in wanted:
        try:
            catalog.open(name, data_hash, size).close()
        except DamagedContent:
            return f"'{name}', which it left, is damaged in the catalog"
        except CatalogError:
            return f"'{name}', which it left, is not in the catalog any more"
    return ""


def _kept(parameter: Parameter) -> Iterator[tuple[str, str, int]]:
    match parameter:
        case (
            ObjectParameter(catalog_name=name, data_hash=data_hash, size=size)
            | LargeParameter(catalog_name=name, data_hash=data_hash, size=size)
        ):
            yield name, data_hash, size
        case ListParameter(items=items):
            for item in items:
                yield from _kept(item)
        case _:
            pass


def runs_anew(path: StepPath, from_step: str) -> bool:
    """Whether a step of the original is the one to run from, is inside it, or has it inside; `from_step` may be ""."""
    if not from_step:
        return False
    first = StepPath.parse(from_step).parts
    return all(part == other for part, other in zip(path.parts, first, strict=False))


def reason_to_run(known: StepRecord | None, node: Node, catalog: Catalog, from_step: str) -> str:
    """Why a step runs again of which the original has the record `known`; "" if it is reused.

    It is reused if it succeeded without being mocked, has the same type now, and the catalog has its content undamaged.
    """
    if known is None:
        return NOT_STARTED
    if runs_anew(known.path, from_step):
        return _FROM_HERE
    if known.status is not Status.SUCCESS:
        return _why_not_succeeded(known)
    was_mocked = known.mock and bool(known.attempts)  # one that was reused has no attempts
    is_mocked = isinstance(node, TaskNode) and node.mock
    if not _is_alike(known, node) or was_mocked > is_mocked:
        return "it is another kind of step now"
    return lost_content(catalog, known)


def _why_not_succeeded(known: StepRecord) -> str:
    if known.status is not Status.FAIL:
        return "it had not finished"
    first = known.message.partition("\n")[0]
    return f"it failed: {first}" if first else "it failed"


def _is_alike(known: StepRecord, node: Node) -> bool:
    """Whether the step is of the same type now; a task may have become a stub, and a stub a task."""
    if isinstance(node, TaskNode):
        return known.branching is None and not known.is_terminal
    return known.step_type == node.written_as


def outdated_message(names: Sequence[str]) -> str:
    """The message of a reused step that read these initial parameters, which have other values now; "" without any."""
    read = " and ".join(f"'{name}'" for name in names)
    return f"reused although it read {read}, which changed since" if read else ""


def outdated_run_message(run: RunRecord) -> str:
    """The message of a run that succeeded with such steps in it; "" without any."""
    outdated: Sequence[Json] = [*(run.run_config.get("outdated") or {}).values()]
    if not outdated:
        return ""
    steps = [found["step"] for found in outdated]
    shown = ", ".join(f"'{step}'" for step in steps[:_MOST_NAMED])
    more = f" and {len(steps) - _MOST_NAMED} more" if len(steps) > _MOST_NAMED else ""
    names = ", ".join(f"'{name}'" for name in sorted({name for found in outdated for name in found["read"]}))
    return f"contradicts itself: reused steps ({shown}{more}) read parameters that changed since ({names})"


def was_taken(record: StepRecord) -> bool:
    """Whether a step of a run was reused from its original."""
    return record.mock and not record.attempts


def followed(store: RunLogStore, run: RunRecord, branch: BranchPath, before: int | None = None) -> BranchPath | None:
    """The branch of the original that a branch of the run resumes, by the records of both; None if it resumes none.

    It resumes one as long as all its steps up to the position `before` were reused. For steps in fresh processes.
    """
    if any(
        not was_taken(step) for step in store.list_steps(run.run_id, branch) if before is None or step.position < before
    ):
        return None
    composite = branch.composite
    if composite is None:
        return branch
    now = store.get_step(run.run_id, composite)
    outer = None if now is None else followed(store, run, composite.branch, now.position)
    if now is None or outer is None:
        return None
    known = store.get_step(run.original_run_id, outer.step(composite.name))
    key = None if known is None else counterparts(now.branching, known.branching).get(branch.parts[-1])
    return None if key is None else outer.step(composite.name).into(key)


def counterparts(now: Branching | None, before: Branching | None) -> Mapping[str, str]:
    """The keys of the branches in the original, by the keys of the branches of this composite that resume them."""
    if now is None or before is None:
        return {}
    if now.values is None or before.values is None:
        known = set(before.keys)
        return {key: key for key in now.keys if key in known}
    numbers: dict[str, list[int]] = {}
    for number, value in enumerate(before.elements or ()):
        numbers.setdefault(_text(value), []).append(number)
    left = {text: iter(found) for text, found in numbers.items()}
    found = (
        (str(number), next(left.get(_text(value), iter(())), None))
        for number, value in zip(count(), now.elements or ())
    )
    return {key: str(number) for key, number in found if number is not None}


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True)
