"""What went into the steps of two runs: code, initial parameters, variables, files. Pure.

Each cause has the place of the first step it took part in, as far as the records tell.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import UNSET

from magnus.app.diff.differences import END, Cause, changes, same
from magnus.app.diff.runs import ReadRun
from magnus.app.diff.walk import Pair
from magnus.run_log.parameters import shown
from magnus.run_log.records import CatalogRecord, StepRecord
from magnus.values import Json

_READ_BY_COMPOSITES = ("iterate_on", "parameter", "break_on")


class Places:
    """Where steps are in the order of execution."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self._entered: dict[str, int] = {}
        self._left: dict[str, int] = {}
        for pair in pairs:
            self._entered.setdefault(pair.name, pair.entered)
            self._left[pair.name] = pair.left

    def of(self, name: str) -> float:
        """The first time a step was reached; else the end of what is around it, and END when that was not reached."""
        if name in self._entered:
            return self._entered[name]
        while name and name not in self._left:
            name = name.rpartition("/")[0]
        return self._left.get(name, END)

    def placed(self, cause: Cause) -> Cause:
        """The cause at the first of its steps, which are in the order of execution then."""
        steps = sorted(cause.steps, key=lambda name: (self.of(name), name))
        position = self.of(steps[0]) if steps else 0.0
        return Cause(cause.kind, cause.what, cause.before, cause.after, tuple(steps), position)


def code_causes(first: ReadRun, second: ReadRun, pairs: Sequence[Pair]) -> Iterator[Cause]:
    """The pieces of code that changed, together where the same steps are made of them.

    The code of a step that was taken over is that of the run in which it ran. A step that calls something else is
    defined in another way, and that says it.
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
    left = {name for name, is_reused in reused.items() if is_reused}
    while original is not None and left and original.record.run_id not in seen:
        seen.add(original.record.run_id)
        code.update({name: pieces for name, pieces in original.code.items() if name in left})
        original = original.original
    return code


def parameter_causes(first: ReadRun, second: ReadRun, pairs: Sequence[Pair]) -> Iterator[Cause]:
    """The initial parameters that differ, each with the steps that were handed it."""
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
    """For each of the parameters the steps that were handed it, or that it tells how to branch."""
    found: dict[str, dict[str, None]] = {}
    for pair in pairs:
        step = written.get(pair.name, {})
        handed = {name for record in (pair.first, pair.second) for name in _handed(record) if _may_read(step, name)}
        handed |= {str(step[field]) for field in _READ_BY_COMPOSITES if field in step}
        for name in handed & names:
            found.setdefault(name, {})[pair.name] = None
    return found


def _may_read(step: Mapping[str, Json], name: str) -> bool:
    """Whether a step may look at what it was handed; a shell is handed everything."""
    return step.get("command_type") != "shell" or name in str(step.get("command"))


def _handed(record: StepRecord | None) -> Iterable[str]:
    return record.attempts[-1].parameters if record is not None and record.attempts else ()


def variable_causes(first: ReadRun, second: ReadRun) -> Iterator[Cause]:
    """The variables that have another value, each with the steps that it stands in."""
    before, after = (run.config.get("variable_hashes") or {} for run in (first, second))
    for change in changes("variable", before, after):
        if change.before is UNSET or change.after is UNSET:
            continue  # what uses it is new or gone
        text = f"${{{change.what}}}"
        steps = [name for name, step in first.written.items() if text in json.dumps(step, default=str)]
        yield Cause("variable", change.what, change.before, change.after, tuple(steps))


def data_causes(pairs: Sequence[Pair]) -> Iterator[Cause]:
    """The files that steps found and put into the catalog, and whose content differs; results of steps are not."""
    made: set[str] = set()
    found: dict[str, tuple[Json, Json, dict[str, None]]] = {}
    for pair in pairs:
        if pair.either.branching is not None:
            continue
        before, after = _put(pair.first), _put(pair.second)
        for name in sorted({*before, *after}):
            old, new = before.get(name), after.get(name)
            if not (old and old.found) and not (new and new.found):
                made.add(name)
            elif name not in made and pair.first is not None and pair.second is not None:
                hashes = UNSET if old is None else old.data_hash, UNSET if new is None else new.data_hash
                if hashes[0] != hashes[1]:
                    found.setdefault(name, (*hashes, {}))[2][pair.name] = None
    for name, (old_hash, new_hash, steps) in found.items():
        yield Cause("data", name, old_hash, new_hash, tuple(steps))


def _put(record: StepRecord | None) -> Mapping[str, CatalogRecord]:
    return {} if record is None else {entry.name: entry for entry in record.catalog if entry.stage == "put"}
