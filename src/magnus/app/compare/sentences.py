"""Puts the differences of two runs into words."""

import json
from typing import Final

from msgspec import UNSET

from magnus.app.compare.model import Cause, Change, StepDifference, leaf_changes
from magnus.app.text.object_references import readable
from magnus.app.text.plain_text import short
from magnus.values import Json

_LONGEST_VALUE: Final = 40
_MOST_PIECES: Final = 3
_HASH_DIGITS: Final = 12


def shown(value: Json, longest: int = _LONGEST_VALUE) -> str:
    """A value on one line, shortened where it is long, except an object; "none" where there is none."""
    text = _text(value)
    is_object = isinstance(value, dict) and text.startswith("<")
    return text if is_object else short(text, longest)


def _text(value: Json) -> str:
    if value is UNSET:
        return "none"
    value = readable(value)
    if isinstance(value, str) and value and value.isprintable():
        return value
    text = json.dumps(value, ensure_ascii=False)
    return text if text.isprintable() else json.dumps(value)


def was_is(before: Json, after: Json, longest: int = _LONGEST_VALUE) -> str:
    """The change of a value, to follow its name."""
    if before is UNSET:
        return f"is new, {shown(after, longest)}"
    if after is UNSET:
        return f"is gone, was {shown(before, longest)}"
    old, new = value_apart(before, after, longest)
    return f"was {old}, is {new}"


def value_apart(before: Json, after: Json, longest: int) -> tuple[str, str]:
    """Two values on one line each, shortened to where they differ first."""
    old, new = _text(before), _text(after)
    if old == new or (old.startswith('"') != new.startswith('"')):
        old, new = (json.dumps(value) if isinstance(value, str) else _text(value) for value in (before, after))
    pairs = zip(old, new, strict=False)
    at = next((number for number, (one, other) in enumerate(pairs) if one != other), min(len(old), len(new)))
    start = 0 if at < longest - 5 else at - longest // 4
    lead = "…" if start else ""
    return lead + short(old[start:], longest), lead + short(new[start:], longest)


def shown_values(change: Change) -> tuple[Json, Json]:
    """The two values of the change for people; of the hash of content its first digits."""
    if change.kind in {"put", "got"}:
        return _short_hash(change.before), _short_hash(change.after)
    return change.before, change.after


def _short_hash(value: Json) -> Json:
    return value if value is UNSET else str(value)[:_HASH_DIGITS]


def sentence(cause: Cause, *, first: bool = False) -> str:
    """The cause in words; `first` says that nothing that differs came before it."""
    match cause.kind:
        case "code":
            return _of_code(cause, first=first)
        case "parameter":
            return _of_parameter(cause)
        case "data":
            return _of_data(cause)
        case "variable":
            return f"variable '{cause.what}' has another value" + (f" (of step {_steps(cause)})" if cause.steps else "")
        case "pipeline":
            return _of_pipeline(cause)
        case "configuration" | "environment" | "packages":
            return _of_surroundings(cause)
        case "commit":
            return _of_commit(cause, first=first)
        case "interruption":
            return _of_interruption(cause)


def _of_parameter(cause: Cause) -> str:
    """The first value that differs; in mappings and lists with its place: `parameter 'model.lr' was 0.1, is 0.2`."""
    whole = Change(cause.kind, cause.what, cause.before, cause.after)
    first, *others = list(leaf_changes(whole)) or [whole]
    return f"parameter '{first.what}' {was_is(first.before, first.after)}{_more(len(others))} (initial)"


def _steps(cause: Cause) -> str:
    return f"'{cause.steps[0]}'{_more(len(cause.steps) - 1)}"


def _of_code(cause: Cause, *, first: bool) -> str:
    """`step 'train' differs first: its code changed (work.py: train)`."""
    pieces = [piece.replace(":", ": ", 1) for piece in {**cause.before, **cause.after}]
    named = ", ".join(pieces[:_MOST_PIECES]) + _more(len(pieces) - _MOST_PIECES)
    others = f", as in {len(cause.steps) - 1} more" if len(cause.steps) > 1 else ""
    step = f"step '{cause.steps[0]}'"
    return f"{step} differs first: its code changed ({named}){others}" if first else f"code of {step}: {named}{others}"


def sentence_without_effect(cause: Cause) -> str:
    """The cause in words, if the results of its steps are the same."""
    if cause.kind == "code":
        return f"the code of step {_steps(cause)} changed (its results did not)"
    return sentence(cause)


def _of_data(cause: Cause) -> str:
    if cause.before is UNSET or cause.after is UNSET:
        there = "new" if cause.before is UNSET else "gone"
        return f"'{cause.what}' is {there} among the files that '{cause.steps[0]}' found"
    return f"'{cause.what}' has other content (read by {_steps(cause)})"


def _of_surroundings(cause: Cause) -> str:
    if cause.kind == "packages" and not cause.what:
        return "installed packages differ; the list that tells which ones was not stored"
    words = {"configuration": "configuration: ", "packages": "package "}
    return f"{words.get(cause.kind, '')}{cause.what} {was_is(cause.before, cause.after)}"


def _of_commit(cause: Cause, *, first: bool) -> str:
    before, after = (_short_hash(value) for value in (cause.before, cause.after))
    rest = "; the code that steps are known to use did not change" if first else ""
    return f"the commit {was_is(before, after)}{rest}"


def _of_interruption(cause: Cause) -> str:
    run, why = ("second", cause.after) if cause.before is UNSET else ("first", cause.before)
    at = f" at step '{cause.what}'" if cause.what else ""
    return f"the {run} run {'was ' if str(why).startswith('lost') else ''}{_reason_at(str(why), at)}"


def _reason_at(why: str, at: str) -> str:
    what, colon, reason = why.partition(":")
    return f"{what}{at}{colon}{reason}"


def _more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""


def _of_pipeline(cause: Cause) -> str:
    match cause:
        case Cause(what="", before=before, after=after):
            return f"these are runs of different pipelines, '{before}' and '{after}', which have no step in common"
        case Cause(what="start_at", steps=(), before=before, after=after):
            return f"the pipeline started at step '{before}', starts at '{after}'"
        case Cause(what=name, before=before) if before is UNSET:
            return f"step '{name}' is new in the pipeline"
        case Cause(what=name, after=after) if after is UNSET:
            return f"step '{name}' is gone from the pipeline"
        case Cause(what=name, before=before, after=after):
            fields = sorted({*before, *after})
            text = f"step '{name}' is defined in another way: {', '.join(fields)}"
            if len(fields) == 1:
                text += f" {was_is(before.get(fields[0], UNSET), after.get(fields[0], UNSET), 30)}"
            return text


def no_cause(step: StepDifference) -> str:
    """A sentence for a step with other results from the same recorded inputs."""
    changes = {change.kind: change for change in step.own}
    if "ran" in changes:
        run = "second" if changes["ran"].before is UNSET else "first"
        effect = f"only the {run} run came to step '{step.name}'"
    elif "status" in changes:
        status = changes["status"]
        effect = f"step '{step.name}' {_status(status.before)} in the first run, {_status(status.after)} in the second"
    elif set(changes) == {"attempts"}:
        attempts = changes["attempts"]
        effect = f"step '{step.name}' took {attempts.before} attempts in the first run, {attempts.after} in the second"
    else:
        effect = f"step '{step.name}' gave other results from the same inputs (not deterministic?)"
    return f"no cause was recorded: {effect}"


def _status(status: str) -> str:
    return {"SUCCESS": "succeeded", "FAIL": "failed"}.get(status, "was unfinished")
