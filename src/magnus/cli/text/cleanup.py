"""The results of `magnus gc` and `magnus catalog verify` as text and as JSON."""

import json
from datetime import datetime
from pathlib import Path

from magnus.app.cleanup.collect_garbage import CleanUpResult
from magnus.app.cleanup.output_folders import OutputFolder
from magnus.app.cleanup.verify_content import VerifyResult
from magnus.app.text.plain_text import plain
from magnus.app.text.units import size
from magnus.cli.text.styled_text import table
from magnus.interfaces.catalog import Usage
from magnus.values import Json

_DAY_SECONDS = 24 * 3600


def cleaned_up(result: CleanUpResult, now: datetime, *, really: bool) -> str:
    """The removed runs as a table, the folders of their executors, and the space that it frees."""
    rows = [
        (
            removed.run.run_id,
            removed.run.status.value,
            f"{removed.run.start_time:%Y-%m-%d %H:%M}",
            _age(removed.run.start_time, now),
            removed.run.tag,
            str(removed.usage.files),
            size(removed.usage.size),
        )
        for removed in result.runs
    ]
    runs = table(("run", "status", "started", "age", "tag", "files", "size"), rows) if rows else ""
    verb = "removed" if really else "would remove"
    what = "files and run logs" if result.run_logs else "files"
    young = f"; put recently, and left: {_usage(result.content.young)}" if result.content.young.files else ""
    folders = "".join(f"{_folder(each, verb)}\n" for removed in result.runs for each in removed.folders)
    return (
        f"{runs}{folders}{verb}: {what} of {_count(len(result.runs), 'run')}; {len(result.keep_reasons)} kept\n"
        f"{verb}: {_usage(result.content.removed)} of content that no run needs{young}\n"
        + ("" if really else "nothing was changed; --yes does it\n")
    )


def cleaned_up_json(result: CleanUpResult, now: datetime, *, really: bool) -> str:
    """The same as JSON."""
    runs = [
        {
            "run_id": removed.run.run_id,
            "status": removed.run.status.value,
            "start_time": str(removed.run.start_time),
            "age_days": round((now - removed.run.start_time).total_seconds() / _DAY_SECONDS, 3),
            "tag": removed.run.tag,
            "files": removed.usage.files,
            "size": removed.usage.size,
            "folders": [
                {"path": str(each.path), **_usage_json(each.usage), "problem": each.problem} for each in removed.folders
            ],
        }
        for removed in result.runs
    ]
    content = {"removed": _usage_json(result.content.removed), "young": _usage_json(result.content.young)}
    return _json(
        {
            "removed": really,
            "run_logs": result.run_logs,
            "runs": runs,
            "kept": dict(result.keep_reasons),
            "content": content,
        }
    )


def verified(result: VerifyResult) -> str:
    """The problems as a table, and how much was read."""
    rows = [(each.run_id, each.step, each.name, each.problem) for each in result.problems]
    problems = table(("run", "step", "file", "problem"), rows) if rows else ""
    removed = f"; the files of {_count(len(result.removed), 'run')} were removed by gc" if result.removed else ""
    outcome = f"{len(rows)} wrong" if rows else "nothing is wrong"
    return f"{problems}read {_usage(result.content)} of {_count(result.runs, 'run')}: {outcome}{removed}\n"


def verified_json(result: VerifyResult) -> str:
    """The same as JSON."""
    wrong = [
        {
            "run_id": wrong.run_id,
            "step": wrong.step,
            "name": wrong.name,
            "data_hash": wrong.data_hash,
            "problem": wrong.problem,
        }
        for wrong in result.problems
    ]
    return _json(
        {"runs": result.runs, "content": _usage_json(result.content), "wrong": wrong, "removed": list(result.removed)}
    )


def _json(value: Json) -> str:
    return json.dumps(value, indent=2) + "\n"


def _folder(folder: OutputFolder, verb: str) -> str:
    """The folder, below the working directory if it is there."""
    path = folder.path.relative_to(Path.cwd()) if folder.path.is_relative_to(Path.cwd()) else folder.path
    name = f"the folder '{plain(str(path))}'"
    return f"left: {name}: {plain(folder.problem)}" if folder.problem else f"{verb}: {name}, {_usage(folder.usage)}"


def _usage_json(usage: Usage) -> dict[str, Json]:
    return {"files": usage.files, "size": usage.size}


def _usage(usage: Usage) -> str:
    return f"{_count(usage.files, 'file')}, {size(usage.size)}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _age(start: datetime, now: datetime) -> str:
    hours, days = (now - start).total_seconds() / 3600, (now - start).days
    return f"{days} d" if days else f"{hours:.1f} h"
