"""A Difference as JSON, in the shape that `docs/how-to/compare-runs.md` promises; values are complete."""

from typing import Final

from msgspec import UNSET

from magnus.app.compare.model import Cause, Change, Difference, RunFacts, StepDifference, Timing
from magnus.app.compare.sentences import sentence
from magnus.values import Json

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
