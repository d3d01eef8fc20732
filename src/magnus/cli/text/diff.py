"""A Difference as text and as JSON: the verdict, the two runs, causes, cached steps that ran again, outcome, timing.

Text is coloured on a terminal. Long values and long lists are shortened in it; JSON has all of them, in the shape that
`docs/how-to/compare-runs.md` promises.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import click
from msgspec import UNSET

from magnus.app.compare.model import Cause, Change, Difference, RunFacts, StepDifference, Timing
from magnus.app.compare.sentences import sentence, shown, value_apart
from magnus.app.inspect.explain import Explanation
from magnus.app.text.plain_text import plain
from magnus.app.text.units import elapsed
from magnus.cli.text.styled_text import has_colour, table_plain
from magnus.values import Json

_MOST_CAUSES: Final = 20
_MOST_STEPS: Final = 20
_MOST_BRANCHES: Final = 2
_MOST_CHANGES: Final = 8
_MOST_TIMINGS: Final = 5
_NOTABLE_SECONDS: Final = 0.1
_NOTABLE_FACTOR: Final = 1.25
_LONGEST_NAME: Final = 30
_HASH_DIGITS: Final = 12
_WORDS: Final = {
    "given": "input",
    "got": "got",
    "set": "set",
    "metric": "metric",
    "put": "put",
    "type": "type",
    "status": "status",
    "message": "message",
    "attempts": "attempts",
}


def lines(difference: Difference) -> Iterator[str]:
    """The text, in lines that end as lines do."""
    yield _style(difference.verdict.text, bold=True, fg="yellow" if difference.verdict.differs else "green")
    yield "\n\n"
    yield from _runs(difference)
    sections = (
        ("causes", [line for cause in difference.causes[:_MOST_CAUSES] for line in _cause(cause)]
            + _left(len(difference.causes) - _MOST_CAUSES)),
        ("cached steps that ran again in B", list(_reruns(difference.reruns))),
        ("outcome", [*map(_run_change, difference.run), *_steps(difference.steps)]),
        ("timing", list(_timings(difference.timings))),
        ("notes, which are no causes", [line for note in difference.notes for line in _note(note)]),
    )  # fmt: skip
    for heading, content in sections:
        if content:
            yield f"\n{_style(heading, bold=True)}\n"
            yield from (f"  {line}\n" for line in content)


def _runs(difference: Difference) -> Iterator[str]:
    pair = (difference.first, difference.second)
    rows = [
        ("run", *(facts.run_id for facts in pair)),
        ("status", *(facts.status for facts in pair)),
        ("started", *(facts.started for facts in pair)),
        ("took", *(_seconds(facts.seconds) for facts in pair)),
        ("resumes", *(facts.original_run_id for facts in pair)),
    ]
    yield table_plain(("", "A", "B"), [row for row in rows if any(row[1:])])


def _cause(cause: Cause) -> Iterator[str]:
    yield plain(sentence(cause))
    if cause.kind == "pipeline" and isinstance(cause.before, dict) and isinstance(cause.after, dict):
        fields = sorted({*cause.before, *cause.after})
        for field in fields if len(fields) > 1 else ():
            yield f"  {field}  {_values(cause.before.get(field, UNSET), cause.after.get(field, UNSET))}"


def _reruns(reruns: Sequence[Explanation]) -> Iterator[str]:
    for each in reruns[:_MOST_STEPS]:
        yield f"{_style(each.step, fg='cyan')}: {plain(each.reason)}"
    yield from _left(len(reruns) - _MOST_STEPS, "step")


def _run_change(change: Change) -> str:
    return f"the run: {_WORDS.get(change.kind, change.kind)} {_values(change.before, change.after)}"


def _steps(steps: Sequence[StepDifference]) -> Iterator[str]:
    """The first steps; of one step in several branches the first two."""
    counts: Counter[str] = Counter()
    first: list[StepDifference] = []
    for step in steps:
        counts[step.name] += 1
        if counts[step.name] <= _MOST_BRANCHES:
            first.append(step)
    for step in first[:_MOST_STEPS]:
        yield from _step(step)
    yield from _left(len(first) - _MOST_STEPS, "step")
    for name, count in counts.items():
        if count > _MOST_BRANCHES and any(step.name == name for step in first[:_MOST_STEPS]):
            yield _style(f"'{name}' differs in more branches ({count - _MOST_BRANCHES}); --json has all", dim=True)


def _step(step: StepDifference) -> Iterator[str]:
    path = step.second or step.first
    paths = path if step.first in {"", step.second} or not step.second else f"{step.first} and {step.second}"
    only = next((change for change in step.changes if change.kind == "ran"), None)
    if only is not None:
        run, status = ("B", only.after) if only.before is UNSET else ("A", only.before)
        yield f"{_style(paths, fg='cyan')}: only in {run} ({status})"
        return
    yield _style(paths, fg="cyan")
    for change in step.changes[:_MOST_CHANGES]:
        yield f"  {_change(change)}"
    yield from (f"  {line}" for line in _left(len(step.changes) - _MOST_CHANGES))


def _change(change: Change) -> str:
    if change.kind == "branches":
        return f"branch of {shown(change.what.rpartition(' ')[0] or change.what)}: only in {'B' if change.before is UNSET else 'A'}"
    name = shown(change.what, _LONGEST_NAME) if change.what else ""
    word = f"{_WORDS[change.kind]} {name}".rstrip()
    before, after = change.before, change.after
    if change.kind in {"put", "got"}:
        before, after = (value if value is UNSET else str(value)[:_HASH_DIGITS] for value in (before, after))
    return f"{word}  {_values(before, after)}"


def _values(before: Json, after: Json, longest: int = 30) -> str:
    old, new = value_apart(before, after, longest)
    return f"{_style(old, fg='red')} -> {_style(new, fg='green')}"


def _timings(timings: Sequence[Timing]) -> Iterator[str]:
    """The run, and the steps whose duration changed most."""
    notable = [timing for timing in timings if _is_notable(timing)]
    notable.sort(key=lambda timing: abs((timing.second or 0.0) - (timing.first or 0.0)), reverse=True)
    for timing in notable[:_MOST_TIMINGS]:
        yield f"{timing.second_path or 'the run'}  {_seconds(timing.first)} -> {_seconds(timing.second)}"


def _is_notable(timing: Timing) -> bool:
    if timing.first is None or timing.second is None:
        return False
    less, more = sorted((timing.first, timing.second))
    return more - less >= _NOTABLE_SECONDS and more >= less * _NOTABLE_FACTOR


def _note(note: Change) -> Iterator[str]:
    if note.kind.startswith("uncommitted"):
        yield f"{note.kind} differ"
        if note.kind == "uncommitted files":
            yield f"  A {shown(note.before or 'none', 70)}"
            yield f"  B {shown(note.after or 'none', 70)}"
    else:
        yield f"{note.what or note.kind} {_values(note.before or 'none', note.after or 'none')}"


def _left(count: int, what: str = "") -> list[str]:
    words = f" {what}{'' if count == 1 else 's'}" if what else ""
    return [_style(f"and {count} more{words}; --json has all", dim=True)] if count > 0 else []


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else elapsed(seconds)


def _style(text: str, *, fg: str | None = None, bold: bool | None = None, dim: bool | None = None) -> str:
    text = plain(text)
    if not has_colour():
        return text
    return click.style(text, fg=fg, bold=bold, dim=dim)


FORMAT: Final = 1


def document(difference: Difference) -> dict[str, Json]:
    """The whole difference; `before` or `after` is missing if the run has no such value."""
    verdict = difference.verdict
    return {
        "format": FORMAT,
        "verdict": {
            "text": verdict.text,
            "differs": verdict.differs,
            "step": verdict.step or None,
            "cause": None if verdict.cause is None else _cause_document(verdict.cause),
        },
        "first": _facts_document(difference.first),
        "second": _facts_document(difference.second),
        "causes": [_cause_document(cause) for cause in difference.causes],
        "reruns": [each.as_json() for each in difference.reruns],
        "run": [_change_document(change) for change in difference.run],
        "steps": [_step_document(step) for step in difference.steps],
        "timings": [_timing_document(timing) for timing in difference.timings],
        "notes": [_change_document(change) for change in difference.notes],
    }


def _facts_document(facts: RunFacts) -> Json:
    return {
        "run_id": facts.run_id,
        "status": facts.status,
        "tag": facts.tag,
        "started": facts.started,
        "seconds": facts.seconds,
        "pipeline_file": facts.pipeline_file,
        "commit": facts.commit,
        "original_run_id": facts.original_run_id,
        "damage": list(facts.damage),
    }


def _cause_document(cause: Cause) -> Json:
    values = _values_document(cause.before, cause.after)
    return {"kind": cause.kind, "what": cause.what, "text": sentence(cause), "steps": list(cause.steps), **values}


def _change_document(change: Change) -> Json:
    return {"kind": change.kind, "what": change.what, **_values_document(change.before, change.after)}


def _step_document(step: StepDifference) -> Json:
    changes = [_change_document(change) for change in step.changes]
    return {"step": step.name, "first": step.first or None, "second": step.second or None, "changes": changes}


def _timing_document(timing: Timing) -> Json:
    paths = {"first_path": timing.first_path or None, "second_path": timing.second_path or None}
    return {"step": timing.name or None, **paths, "before": timing.first, "after": timing.second}


def _values_document(before: Json, after: Json) -> dict[str, Json]:
    named = {"before": before, "after": after}
    return {name: value for name, value in named.items() if value is not UNSET}
