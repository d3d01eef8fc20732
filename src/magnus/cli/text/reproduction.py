"""A Reproduction as text and as JSON: the verdict, the steps that differ with the reason, and the surroundings."""

from collections.abc import Iterator
from typing import Final

import click
from msgspec import UNSET

from magnus.app.compare.model import Change
from magnus.app.compare.sentences import shown, value_apart
from magnus.app.reproduce.verdict import DifferingStep, Reproduction
from magnus.app.text.plain_text import plain
from magnus.cli.text.styled_text import has_colour
from magnus.values import Json

_MOST_STEPS: Final = 20
_MOST_CHANGES: Final = 8
_LONGEST_NAME: Final = 60
_LONGEST_VALUE: Final = 30
_HASH_DIGITS: Final = 12
_HEX_DIGITS: Final = 64
_WORDS: Final = {"given": "input"}
_JUDGEMENTS: Final = {
    "inputs": "its inputs differ: the cause comes before it",
    "not deterministic": "not deterministic: a further run with the same code and inputs had another result",
    "same again": "a further run with the same inputs had the same result: the cause is in the code or the surroundings",
    "not judged": "it did not run a further time",
}
FORMAT: Final = 1


def lines(result: Reproduction) -> Iterator[str]:
    """The text, in lines that end as lines do."""
    yield f"{_style(result.verdict, bold=True, fg='green' if result.reproduced else 'yellow')}\n"
    yield f"the new run is '{result.run_id}' ({result.status})\n"
    if result.folder:
        yield f"the project is in {plain(result.folder)}\n"
    sections = (
        ("steps that differ", [line for step in result.steps[:_MOST_STEPS] for line in _step(step)]
            + _left(len(result.steps) - _MOST_STEPS, "steps")),
        ("the run", [_change(change) for change in result.run]),
        ("files of the project that differ", [*map(plain, result.data)]),
        ("not compared", [*map(plain, result.not_compared)]),
        ("not the same, or not recorded", [*map(plain, result.surroundings)]),
    )  # fmt: skip
    for heading, content in sections:
        if content:
            yield f"\n{_style(heading, bold=True)}\n"
            yield from (f"  {line}\n" for line in content)


def _step(step: DifferingStep) -> Iterator[str]:
    yield _style(step.path, fg="cyan")
    only = next((change for change in step.changes if change.kind == "ran"), None)
    if only is not None:
        run, status = ("new", only.after) if only.before is UNSET else ("first", only.before)
        yield f"  only in the {run} run ({status})"
        return
    results = [change for change in step.changes if change.kind not in {"given", "got"}]
    yield from (f"  {_change(change)}" for change in results[:_MOST_CHANGES])
    yield from (f"  {line}" for line in _left(len(results) - _MOST_CHANGES, "differences"))
    if step.judgement:
        reason = f" ({step.reason})" if step.reason else ""
        yield f"  {_style(_JUDGEMENTS[step.judgement] + reason, fg='yellow')}"


def _change(change: Change) -> str:
    if change.kind == "branches":
        run = "new" if change.before is UNSET else "first"
        return f"branch of {shown(change.what.rpartition(' ')[0] or change.what)}: only in the {run} run"
    name = shown(change.what, _LONGEST_NAME) if change.what else ""
    old, new = value_apart(_short(change.before), _short(change.after), _LONGEST_VALUE)
    word = f"{_WORDS.get(change.kind, change.kind)} {name}".rstrip()
    return f"{plain(word)}  {_style(old, fg='red')} -> {_style(new, fg='green')}"


def _short(value: Json) -> Json:
    """The start of a content hash; other values as they are."""
    return value[:_HASH_DIGITS] if isinstance(value, str) and _is_hash(value) else value


def _is_hash(text: str) -> bool:
    return len(text) == _HEX_DIGITS and not text.strip("0123456789abcdef")


def _left(count: int, what: str) -> list[str]:
    return [f"and {count} more {what}; --json has all"] if count > 0 else []


def _style(text: str, *, fg: str | None = None, bold: bool | None = None) -> str:
    text = plain(text)
    return click.style(text, fg=fg, bold=bold) if has_colour() else text


def document(result: Reproduction) -> dict[str, Json]:
    """The whole result; `before` or `after` is missing if the run has no such value."""
    return {
        "format": FORMAT,
        "reproduced": result.reproduced,
        "verdict": result.verdict,
        "original_run_id": result.original,
        "run_id": result.run_id,
        "status": result.status,
        "compared_steps": result.compared,
        "steps": [
            {
                "step": step.name,
                "path": step.path,
                "judgement": step.judgement or None,
                "reason": step.reason or None,
                "changes": [_change_document(change) for change in step.changes],
            }
            for step in result.steps
        ],
        "not_deterministic": list(result.not_deterministic),
        "run": [_change_document(change) for change in result.run],
        "files": list(result.data),
        "not_compared": list(result.not_compared),
        "surroundings": list(result.surroundings),
        "folder": result.folder or None,
    }


def _change_document(change: Change) -> dict[str, Json]:
    sides = {"before": change.before, "after": change.after}
    return {"kind": change.kind, "what": change.what, **{side: v for side, v in sides.items() if v is not UNSET}}
