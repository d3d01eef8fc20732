"""A Difference as lines of text: the verdict, the two runs, metrics, causes, cached steps that ran again, outcome, timing.

Each line is made of pieces with a style, for terminals and for notebooks. Long values and long lists are shortened.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from msgspec import UNSET

from magnus.app.compare.metric_table import MetricRow, is_numeric, metric_rows
from magnus.app.compare.model import Cause, Change, Difference, StepDifference, Timing, leaf_changes
from magnus.app.compare.sentences import sentence, shown, shown_values, value_apart
from magnus.app.inspect.explain import Explanation
from magnus.app.text.palette import Style
from magnus.app.text.plain_text import plain
from magnus.app.text.units import elapsed
from magnus.values import Json

Pieces: TypeAlias = tuple[tuple[str, Style], ...]
"""The pieces of one line."""

_MOST_METRICS: Final = 20
_MOST_CAUSES: Final = 20
_MOST_STEPS: Final = 20
_MOST_BRANCHES: Final = 2
_MOST_CHANGES: Final = 8
_MOST_LEAVES: Final = 8
_MOST_NAMED: Final = 3
_MOST_TIMINGS: Final = 5
_LONGEST_NAME: Final = 40
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


def lines(difference: Difference) -> Iterator[Pieces]:
    """The lines of the text, without their ends."""
    yield ((plain(difference.verdict.text), Style.CAREFUL if difference.verdict.differs else Style.GOOD),)
    yield ()
    yield from _runs(difference)
    sections = (
        ("metrics", list(_metrics(metric_rows(difference.steps)))),
        ("causes", [line for cause in difference.causes[:_MOST_CAUSES] for line in _cause(cause)]
            + _left(len(difference.causes) - _MOST_CAUSES)),
        ("cached steps that ran again in B", list(_reruns(difference.reruns))),
        ("outcome", [*map(_run_change, difference.run), *_steps(difference.steps)]),
        ("timing", list(_timings(difference.timings))),
        ("notes, which are no causes", [line for note in difference.notes for line in _note(note)]),
    )  # fmt: skip
    for heading, content in sections:
        if content:
            yield ()
            yield ((heading, Style.STRONG),)
            yield from (_indented(line) for line in content)


def _text(text: str) -> Pieces:
    return ((plain(text), Style.PLAIN),)


def _indented(line: Pieces) -> Pieces:
    return (("  ", Style.PLAIN), *line)


def _runs(difference: Difference) -> Iterator[Pieces]:
    pair = (difference.first, difference.second)
    rows = [
        ("run", *(facts.run_id for facts in pair)),
        ("status", *(facts.status for facts in pair)),
        ("started", *(facts.started for facts in pair)),
        ("took", *(_seconds(facts.seconds) for facts in pair)),
        ("resumes", *(facts.original_run_id for facts in pair)),
    ]
    yield from _table(("", "A", "B"), [row for row in rows if any(row[1:])])


def _metrics(rows: Sequence[MetricRow]) -> Iterator[Pieces]:
    """The metrics of all steps; of one metric of a step in several branches the first two."""
    if not rows:
        return
    counts: Counter[tuple[str, str]] = Counter()
    first = []
    for row in rows:
        key = (row.step.rpartition("/")[2], row.name)
        counts[key] += 1
        if counts[key] <= _MOST_BRANCHES:
            first.append(row)
    texts = [_metric(row) for row in first[:_MOST_METRICS]]
    yield from _table(("", "A", "B", "B - A"), texts)
    yield from _left(len(rows) - len(texts), "metric")


def _metric(row: MetricRow) -> tuple[str, ...]:
    more = f" (and {row.more} more)" if row.more else ""
    name = f"{row.step}  {shown(row.name, _LONGEST_NAME)}{more}"
    return (name, *("" if value is None else f"{value:.6g}" for value in (row.before, row.after)), row.delta)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[Pieces]:
    cells = [headings, *([plain(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        yield _text("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())


def _cause(cause: Cause) -> Iterator[Pieces]:
    yield _text(sentence(cause))
    if cause.kind == "pipeline" and isinstance(cause.before, dict) and isinstance(cause.after, dict):
        fields = sorted({*cause.before, *cause.after})
        for field in fields if len(fields) > 1 else ():
            before, after = cause.before.get(field, UNSET), cause.after.get(field, UNSET)
            yield ((f"  {plain(field)}  ", Style.PLAIN), *_values(before, after))
    elif cause.kind == "parameter":
        leaves = list(_leaves(Change("", cause.what, cause.before, cause.after)))
        yield from map(_indented, leaves if len(leaves) > 1 else [])  # the sentence has the first leaf


def _reruns(reruns: Sequence[Explanation]) -> Iterator[Pieces]:
    for each in reruns[:_MOST_STEPS]:
        yield (plain(each.step), Style.BUSY), (f": {plain(each.reason)}", Style.PLAIN)
    yield from _left(len(reruns) - _MOST_STEPS, "step")


def _run_change(change: Change) -> Pieces:
    word = _WORDS.get(change.kind, change.kind)
    return ((f"the run: {word} ", Style.PLAIN), *_values(change.before, change.after))


def _steps(steps: Sequence[StepDifference]) -> Iterator[Pieces]:
    """The first steps; of one step in several branches the first two. Steps with equal lines share these."""
    shown_steps, hidden = _first_branches(_with_other_changes(steps))
    groups: dict[tuple[Pieces, ...], list[str]] = {}
    for step in shown_steps:
        groups.setdefault(tuple(_changes(step)), []).append(step.paths)
    for content, paths in list(groups.items())[:_MOST_STEPS]:
        yield from _group(paths, content)
    yield from _left(len(groups) - _MOST_STEPS, "step")
    named = {step.name for step in shown_steps}
    for name, count in hidden.items():
        if name in named:
            yield ((f"'{plain(name)}' differs in more branches ({count}); --json has all", Style.QUIET),)


def _with_other_changes(steps: Sequence[StepDifference]) -> Iterator[StepDifference]:
    """The steps that differ in more than the numbers of the table of metrics, which may be parameters too."""
    for step in steps:
        in_table = {change.what for change in step.changes if is_numeric(change)}
        others = tuple(
            change
            for change in step.changes
            if not is_numeric(change) and not (change.kind == "set" and change.what in in_table)
        )
        if others:
            yield StepDifference(step.name, step.first, step.second, step.position, others)


def _first_branches(steps: Iterator[StepDifference]) -> tuple[list[StepDifference], Counter[str]]:
    """The first branches of each step, and the number of the others by the name of the step."""
    counts: Counter[str] = Counter()
    first: list[StepDifference] = []
    for step in steps:
        counts[step.name] += 1
        if counts[step.name] <= _MOST_BRANCHES:
            first.append(step)
    hidden = {name: count - _MOST_BRANCHES for name, count in counts.items() if count > _MOST_BRANCHES}
    return first, Counter(hidden)


def _group(paths: Sequence[str], content: Sequence[Pieces]) -> Iterator[Pieces]:
    named = ", ".join(plain(path) for path in paths[:_MOST_NAMED])
    more = f" and {len(paths) - _MOST_NAMED} more" if len(paths) > _MOST_NAMED else ""
    heading = (named, Style.BUSY), (more, Style.PLAIN)
    only = content[0] if len(content) == 1 and content[0][0][0].startswith("only in ") else None
    if only is not None:
        yield (*heading, (": ", Style.PLAIN), *only)
        return
    yield heading
    yield from (_indented(line) for line in content)


def _changes(step: StepDifference) -> Iterator[Pieces]:
    only = next((change for change in step.changes if change.kind == "ran"), None)
    if only is not None:
        run, status = ("B", only.after) if only.before is UNSET else ("A", only.before)
        yield _text(f"only in {run} ({status})")
        return
    for change in step.changes[:_MOST_CHANGES]:
        yield from _change(change)
    yield from _left(len(step.changes) - _MOST_CHANGES)


def _change(change: Change) -> Iterator[Pieces]:
    if change.kind == "branches":
        element = shown(change.what.rpartition(" ")[0] or change.what)
        yield _text(f"branch of {element}: only in {'B' if change.before is UNSET else 'A'}")
        return
    word = _WORDS[change.kind]
    before, after = shown_values(change)
    leaves = list(_leaves(Change(word, change.what, before, after)))
    yield from leaves or [_named(word, change.what, before, after)]


def _leaves(change: Change) -> Iterator[Pieces]:
    """A line for each leaf that differs, if the value is nested; nothing if it is not."""
    leaves = [] if change.before is UNSET or change.after is UNSET else list(leaf_changes(change))
    if [leaf.what for leaf in leaves] == [change.what]:
        return
    yield from (_named(leaf.kind, leaf.what, leaf.before, leaf.after) for leaf in leaves[:_MOST_LEAVES])
    yield from _left(len(leaves) - _MOST_LEAVES, "value")


def _named(word: str, what: str, before: Json, after: Json) -> Pieces:
    name = shown(what, _LONGEST_NAME) if what else ""
    return ((f"{word} {plain(name)}".strip() + "  ", Style.PLAIN), *_values(before, after))


def _values(before: Json, after: Json, longest: int = 30) -> Pieces:
    old, new = value_apart(before, after, longest)
    return ((plain(old), Style.BAD), (" -> ", Style.PLAIN), (plain(new), Style.GOOD))


def _timings(timings: Sequence[Timing]) -> Iterator[Pieces]:
    """The run, and the steps whose duration changed most."""
    notable = [timing for timing in timings if timing.is_notable]
    notable.sort(key=lambda timing: timing.seconds_apart, reverse=True)
    for timing in notable[:_MOST_TIMINGS]:
        yield _text(f"{timing.second_path or 'the run'}  {_seconds(timing.first)} -> {_seconds(timing.second)}")


def _note(note: Change) -> Iterator[Pieces]:
    if note.kind.startswith("uncommitted"):
        yield _text(f"{note.kind} differ")
        if note.kind == "uncommitted files":
            yield _text(f"  A {shown(note.before or 'none', 70)}")
            yield _text(f"  B {shown(note.after or 'none', 70)}")
    else:
        before, after = note.before or "none", note.after or "none"
        yield ((f"{plain(note.what or note.kind)} ", Style.PLAIN), *_values(before, after))


def _left(count: int, what: str = "") -> list[Pieces]:
    words = f" {what}{'' if count == 1 else 's'}" if what else ""
    return [((f"and {count} more{words}; --json has all", Style.QUIET),)] if count > 0 else []


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else elapsed(seconds)
