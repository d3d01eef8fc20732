"""Compares two pipelines as they are written."""

from collections.abc import Iterator, Mapping

from msgspec import UNSET

from magnus.app.compare.model import Cause, changes
from magnus.app.compare.read_run import ReadRun
from magnus.run_log.records import TERMINALS
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
