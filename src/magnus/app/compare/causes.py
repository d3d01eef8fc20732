"""Finds the inputs that differ between two runs: code, initial parameters, variables, files.

Each cause has the place of the first step that used it, as far as the records show.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import UNSET
from msgspec.structs import replace

from magnus.app.compare.compare_steps import Pair, pairs
from magnus.app.compare.model import END, Cause, changes, same
from magnus.app.compare.read_run import ReadRun
from magnus.app.composition import services
from magnus.app.inspect.step_code import encoded_code, recorded_code
from magnus.engine.context import Services
from magnus.errors import InvalidConfiguration
from magnus.interfaces.task_kind import command_is_code
from magnus.run_log.parameters import shown
from magnus.run_log.records import CatalogRecord, RunRecord, StepRecord
from magnus.values import Json

_READ_BY_COMPOSITES: Final = ("iterate_on", "parameter", "break_on")


class Places:
    """The places of steps in the order of execution."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self._entered: dict[str, int] = {}
        self._left: dict[str, int] = {}
        for pair in pairs:
            self._entered.setdefault(pair.name, pair.entered)
            self._left[pair.name] = pair.left

    def of(self, name: str) -> float:
        """The place where a step was first reached, else the end of the step around it, else END."""
        if name in self._entered:
            return self._entered[name]
        while name and name not in self._left:
            name = name.rpartition("/")[0]
        return self._left.get(name, END)

    def placed(self, cause: Cause) -> Cause:
        """The cause at the place of its first step, with its steps in the order of execution."""
        steps = sorted(cause.steps, key=lambda name: (self.of(name), name))
        position = self.of(steps[0]) if steps else 0.0
        return Cause(cause.kind, cause.what, cause.before, cause.after, tuple(steps), position)


def code_causes(first: ReadRun, second: ReadRun, pairs: Sequence[Pair]) -> Iterator[Cause]:
    """The pieces of code that changed, together where the same steps are made of them.

    The code of a reused step is that of the run in which it ran. A step with another command is left out: its
    definition differs, which is a cause of its own.
    """
    before = code_that_ran(first, [(pair.name, pair.first) for pair in pairs])
    after = code_that_ran(second, [(pair.name, pair.second) for pair in pairs])
    changed: dict[tuple[str, ...], list[str]] = {}
    for name in sorted(before.keys() & after.keys()):
        if not same(first.written.get(name, {}).get("command"), second.written.get(name, {}).get("command")):
            continue
        pieces = tuple(change.what for change in changes("code", before[name], after[name]))
        if pieces:
            changed.setdefault(pieces, []).append(name)
    for pieces, steps in changed.items():
        was, is_ = ({piece: code[steps[0]].get(piece) for piece in pieces} for code in (before, after))
        yield Cause("code", ", ".join(pieces), was, is_, tuple(steps))


def code_that_ran(run: ReadRun, records: Iterable[tuple[str, StepRecord | None]]) -> Mapping[str, Mapping[str, str]]:
    """The code of each step in the run in which it ran; the records are by the names of steps."""
    reused: dict[str, bool] = {}
    for name, record in records:
        if record is not None:
            reused[name] = reused.get(name, True) and record.mock and not record.attempts
    code = dict(run.code)
    original, seen = run.original, {run.record.run_id}
    not_recorded = {name for name, is_reused in reused.items() if is_reused}
    while original is not None and not_recorded and original.record.run_id not in seen:
        seen.add(original.record.run_id)
        code.update({name: pieces for name, pieces in original.code.items() if name in not_recorded})
        original = original.original
    return code


def parameter_causes(first: ReadRun, second: ReadRun, pairs: Sequence[Pair]) -> Iterator[Cause]:
    """The initial parameters that differ, each with the steps that received it."""
    before, after = (
        {name: shown(parameter) for name, parameter in run.record.parameters.items()} for run in (first, second)
    )
    differing = changes("parameter", before, after)
    if not differing:
        return
    users = _users(pairs, {change.what for change in differing}, {**first.written, **second.written})
    for change in differing:
        yield Cause("parameter", change.what, change.before, change.after, tuple(users.get(change.what, ())))


def _users(
    pairs: Sequence[Pair], names: set[str], written: Mapping[str, Mapping[str, Json]]
) -> Mapping[str, Iterable[str]]:
    """For each parameter the steps that received it, or that branch by it."""
    users: dict[str, dict[str, None]] = {}
    for pair in pairs:
        step = written.get(pair.name, {})
        received = {name for record in (pair.first, pair.second) for name in _received(record) if _may_read(step, name)}
        received |= {str(step[field]) for field in _READ_BY_COMPOSITES if field in step}
        for name in received & names:
            users.setdefault(name, {})[pair.name] = None
    return users


def _may_read(step: Mapping[str, Json], name: str) -> bool:
    """Whether a step may read the parameter: code in the pipeline reads the parameters that it names."""
    kind = step.get("command_type")
    return not isinstance(kind, str) or not _command_is_code(kind) or name in str(step.get("command"))


def _command_is_code(kind: str) -> bool:
    try:
        return command_is_code(services.task_kind(kind))
    except InvalidConfiguration:  # its package is not installed here
        return False


def _received(record: StepRecord | None) -> Iterable[str]:
    return record.attempts[-1].parameters if record is not None and record.attempts else ()


def variable_causes(first: ReadRun, second: ReadRun) -> Iterator[Cause]:
    """The variables that have another value, each with the steps that use it."""
    before, after = (run.config.get("variable_hashes") or {} for run in (first, second))
    for change in changes("variable", before, after):
        if change.before is UNSET or change.after is UNSET:
            continue  # the step that uses it is new or gone
        text = f"${{{change.what}}}"
        steps = [name for name, step in first.written.items() if text in json.dumps(step, default=str)]
        yield Cause("variable", change.what, change.before, change.after, tuple(steps))


def data_causes(pairs: Sequence[Pair]) -> Iterator[Cause]:
    """The files whose content differs and that a step put without making them; results of steps are left out."""
    produced_names: set[str] = set()
    differing: dict[str, tuple[Json, Json, dict[str, None]]] = {}
    for pair in pairs:
        if pair.either.branching is not None:
            continue
        before, after = _put(pair.first), _put(pair.second)
        for name in sorted({*before, *after}):
            old, new = before.get(name), after.get(name)
            if not (old and old.preexisting) and not (new and new.preexisting):
                produced_names.add(name)
            elif name not in produced_names and pair.first is not None and pair.second is not None:
                hashes = UNSET if old is None else old.data_hash, UNSET if new is None else new.data_hash
                if hashes[0] != hashes[1]:
                    differing.setdefault(name, (*hashes, {}))[2][pair.name] = None
    for name, (old_hash, new_hash, steps) in differing.items():
        yield Cause("data", name, old_hash, new_hash, tuple(steps))


def _put(record: StepRecord | None) -> Mapping[str, CatalogRecord]:
    return {} if record is None else {entry.name: entry for entry in record.catalog if entry.stage == "put"}


def with_code_that_ran(services: Services, run: RunRecord) -> RunRecord:
    """The record of the run, with the code of each reused step from the run in which it ran."""
    if not run.original_run_id or recorded_code(run.run_config) is None:
        return run
    read = ReadRun(run, services.run_log_store, services.catalog)
    code = code_that_ran(read, [(pair.name, pair.first) for pair in pairs(read, read)])
    return replace(run, run_config={**run.run_config, "code": encoded_code(code)})
