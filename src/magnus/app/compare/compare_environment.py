"""Compares the pipelines and the environments of two runs: configuration, Python, packages, commit, interruption."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import UNSET

from magnus.app.compare.compare_steps import Pair
from magnus.app.compare.model import END, Cause, Change, changes
from magnus.app.compare.read_run import ReadRun
from magnus.app.composition.configuration import FAMILIES
from magnus.graph.path import StepPath, print_names
from magnus.run_log.records import ENDED, TERMINALS, CodeIdentity, StepRecord
from magnus.run_log.step_walk import SeenStep, walk
from magnus.values import Json

Written = Mapping[str, Mapping[str, Json]]


def pipeline_causes(first: ReadRun, second: ReadRun) -> Iterator[Cause]:
    """The steps whose definition differs or that one pipeline lacks, and the first step.

    A step that follows only because another one is new or gone is not a difference of its own.
    """
    if first.record.dag_hash == second.record.dag_hash:
        return
    before, after = first.written, second.written
    if before and after and not before.keys() & after.keys() - _ends(before):
        one, other = (str(run.config.get("pipeline_file", "")) for run in (first, second))
        yield Cause("pipeline", "", one, other)
        return
    causes = list(_changed_steps(before, after))
    start: tuple[Json, Json] = (first.dag.get("start_at"), second.dag.get("start_at"))
    one_sided = {cause.what for cause in causes if cause.before is UNSET or cause.after is UNSET}
    if start[0] != start[1] and not one_sided & set(start):
        yield Cause("pipeline", "start_at", *start)
    yield from causes


def _ends(written: Written) -> set[str]:
    return {name for name, step in written.items() if step.get("type") in TERMINALS}


def _changed_steps(before: Written, after: Written) -> Iterator[Cause]:
    one_sided = before.keys() ^ after.keys()
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old is None or new is None:
            if not any(around in one_sided for around in _around(name)):
                yield Cause("pipeline", name, _or_unset(old), _or_unset(new), (name,))
            continue
        fields = {change.what for change in changes("", old, new)}
        fields = {field for field in fields if not _named(field, name, old, new) & one_sided}
        if fields:
            was, is_ = ({field: step[field] for field in sorted(fields) if field in step} for step in (old, new))
            yield Cause("pipeline", name, was, is_, (name,))


def _or_unset(step: Mapping[str, Json] | None) -> Json:
    return UNSET if step is None else dict(step)


def _around(name: str) -> Iterator[str]:
    """The names of the steps, and of branches, around a step."""
    parts = name.split("/")
    return ("/".join(parts[:count]) for count in range(1, len(parts)))


def _named(field: str, name: str, old: Mapping[str, Json], new: Mapping[str, Json]) -> set[str]:
    """The steps that a differing field names."""
    scope = name.rpartition("/")[0]
    names: set[str] = set()
    for value in (old.get(field), new.get(field)):
        match field, value:
            case (("next" | "on_failure"), str(step)):
                names.add(f"{scope}/{step}" if scope else step)
            case "branches", dict(branches):
                names |= {f"{name}/{key}/{step}" for key, step in branches.items()}
            case _, {"start_at": str(step)}:
                names.add(f"{name}/{step}")
            case _:
                pass
    return names


_STOPPED: Final = frozenset({"interrupted", "lost"})
_FILES: Final = ("pipeline_file", "configuration_file", "parameters_file")


def environment_causes(first: ReadRun, second: ReadRun) -> Iterator[Cause]:
    """The differences that affect all steps; commits are apart, since no step uses most of a commit."""
    for family in FAMILIES:
        options = [dict(_options(run.config.get(family), family)) for run in (first, second)]
        for change in changes("configuration", *options):
            yield Cause("configuration", change.what, change.before, change.after)
    yield from _packages(first, second)
    machines = [_machine(run.config.get("environment") or {}) for run in (first, second)]
    for change in changes("environment", *machines):
        yield Cause("environment", change.what, change.before, change.after)


def _options(value: Json, name: str) -> Iterator[tuple[str, Json]]:
    """The options by their dotted names."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _options(inner, f"{name}.{key}")
    elif value is not None:
        yield name, value


def _machine(environment: Mapping[str, Json]) -> Mapping[str, Json]:
    return {name: value for name, value in environment.items() if name != "packages_hash"}


def _packages(first: ReadRun, second: ReadRun) -> Iterator[Cause]:
    old, new = ((run.config.get("environment") or {}).get("packages_hash") for run in (first, second))
    if old == new:
        return
    before, after = first.packages, second.packages
    if before is None or after is None:
        yield Cause("packages", "", old, new)
        return
    for change in changes("packages", before, after):
        yield Cause("packages", change.what, change.before, change.after)


def commit_causes(first: ReadRun, second: ReadRun) -> Iterator[Cause]:
    """The commits, or other identities of all the code, that differ."""
    before, after = (_identifiers(run.record.code_identities) for run in (first, second))
    for change in changes("commit", before, after):
        yield Cause("commit", change.what, change.before, change.after)


def _identifiers(identities: Sequence[CodeIdentity]) -> Mapping[str, Json]:
    return {identity.code_identifier_type: identity.code_identifier for identity in identities}


def interruptions(first: ReadRun, second: ReadRun, pairs: Sequence[Pair]) -> Iterator[Cause]:
    """The interruption of one of the runs, with the step at which it stopped."""
    if first.stopped == second.stopped:
        return
    for run, other, is_first in ((first, second, True), (second, first, False)):
        if run.stopped and not other.stopped:
            at, path = _stopped_at(run, pairs, is_first=is_first)
            before, after = (run.stopped, UNSET) if is_first else (UNSET, run.stopped)
            steps = () if at is None else (at.name,)
            yield Cause("interruption", path, before, after, steps, END if at is None else at.entered)


def _stopped_at(run: ReadRun, pairs: Sequence[Pair], *, is_first: bool) -> tuple[Pair | None, str]:
    """The step at which a run stopped, and its path: the unfinished step, else the next one.

    If the other run has no such step, the pair is that of a step around it.
    """
    records = [(pair, pair.first if is_first else pair.second) for pair in pairs]
    by_path = {record.path: pair for pair, record in records if record is not None}
    for seen in walk(run.steps):
        if isinstance(seen, SeenStep) and seen.record.branching is None and _is_stopped(seen.record):
            place: StepPath | None = seen.record.path
            while place is not None and place not in by_path:
                place = place.branch.composite
            return (None if place is None else by_path[place]), print_names(seen.names)
    last = max((number for number, (_, record) in enumerate(records) if record is not None), default=-1)
    following = next((pair for pair, record in records[last + 1 :] if record is None), None)
    return following, "" if following is None else following.name


def _is_stopped(record: StepRecord) -> bool:
    return record.status not in ENDED or record.message in _STOPPED


def run_changes(first: ReadRun, second: ReadRun) -> tuple[Change, ...]:
    """The differences of status and message of the runs."""
    status = changes("status", {"": first.facts().status}, {"": second.facts().status})
    return (*status, *changes("message", {"": first.record.message}, {"": second.record.message}))


def notes(first: ReadRun, second: ReadRun) -> tuple[Change, ...]:
    """Differences without a meaning of their own: uncommitted files, names of files, tags."""
    before, after = ({name: run.config.get(name, "") for name in _FILES} for run in (first, second))
    changed = [{"": _uncommitted(run.record.code_identities)} for run in (first, second)]
    diffs = [{"": (run.config.get("changes") or {}).get("data_hash", "")} for run in (first, second)]
    return (
        *changes("uncommitted files", *changed),
        *changes("uncommitted changes", *diffs),
        *changes("file", before, after),
        *changes("tag", {"": first.record.tag}, {"": second.record.tag}),
    )


def _uncommitted(identities: Sequence[CodeIdentity]) -> str:
    return "; ".join(filter(None, (identity.code_identifier_message for identity in identities)))
