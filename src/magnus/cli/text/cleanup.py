"""What `magnus gc` and `magnus catalog verify` say, as text and as JSON. Used by them."""

import json
from datetime import datetime

from magnus.app.text.units import size
from magnus.app.upkeep import CleanUp, Verified
from magnus.cli.text.tables import table
from magnus.interfaces.catalog import Usage
from magnus.values import Json

_DAY_SECONDS = 24 * 3600


def cleaned_up(done: CleanUp, now: datetime, *, really: bool) -> str:
    """The runs that go, as a table, and what that frees."""
    rows = [
        (
            gone.run.run_id,
            gone.run.status.value,
            f"{gone.run.start_time:%Y-%m-%d %H:%M}",
            _age(gone.run.start_time, now),
            gone.run.tag,
            str(gone.usage.files),
            size(gone.usage.size),
        )
        for gone in done.going
    ]
    runs = table(("run", "status", "started", "age", "tag", "files", "size"), rows) if rows else ""
    verb = "removed" if really else "would remove"
    what = "files and run logs" if done.records else "files"
    young = f"; put recently, and left: {_usage(done.content.young)}" if done.content.young.files else ""
    return (
        f"{runs}{verb}: {what} of {_count(len(done.going), 'run')}; {len(done.kept)} kept\n"
        f"{verb}: {_usage(done.content.removed)} of content that no run needs{young}\n"
        + ("" if really else "nothing was changed; --yes does it\n")
    )


def cleaned_up_json(done: CleanUp, now: datetime, *, really: bool) -> str:
    """The same as JSON."""
    runs = [
        {
            "run_id": gone.run.run_id,
            "status": gone.run.status.value,
            "start_time": str(gone.run.start_time),
            "age_days": round((now - gone.run.start_time).total_seconds() / _DAY_SECONDS, 3),
            "tag": gone.run.tag,
            "files": gone.usage.files,
            "size": gone.usage.size,
        }
        for gone in done.going
    ]
    content = {"removed": _usage_json(done.content.removed), "young": _usage_json(done.content.young)}
    return _json(
        {"removed": really, "run_logs": done.records, "runs": runs, "kept": dict(done.kept), "content": content}
    )


def verified(found: Verified) -> str:
    """What is wrong, as a table, and how much was read."""
    rows = [(wrong.run_id, wrong.step, wrong.name, wrong.problem) for wrong in found.wrong]
    wrong = table(("run", "step", "file", "problem"), rows) if rows else ""
    removed = f"; the files of {_count(len(found.removed), 'run')} were removed by gc" if found.removed else ""
    outcome = f"{len(rows)} wrong" if rows else "nothing is wrong"
    return f"{wrong}read {_usage(found.content)} of {_count(found.runs, 'run')}: {outcome}{removed}\n"


def verified_json(found: Verified) -> str:
    """The same as JSON."""
    wrong = [
        {
            "run_id": wrong.run_id,
            "step": wrong.step,
            "name": wrong.name,
            "data_hash": wrong.data_hash,
            "problem": wrong.problem,
        }
        for wrong in found.wrong
    ]
    return _json(
        {"runs": found.runs, "content": _usage_json(found.content), "wrong": wrong, "removed": list(found.removed)}
    )


def _json(value: Json) -> str:
    return json.dumps(value, indent=2) + "\n"


def _usage_json(usage: Usage) -> Json:
    return {"files": usage.files, "size": usage.size}


def _usage(usage: Usage) -> str:
    return f"{_count(usage.files, 'file')}, {size(usage.size)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _age(start: datetime, now: datetime) -> str:
    hours, days = (now - start).total_seconds() / 3600, (now - start).days
    return f"{days} d" if days else f"{hours:.1f} h"
