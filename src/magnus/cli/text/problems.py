"""The problems of `magnus check`, as text with the lines of files, and as JSON."""

import json
import re
from collections.abc import Callable, Iterator
from unicodedata import east_asian_width

from magnus.app.check.check_pipeline import CheckResult
from magnus.errors import Location, Problem
from magnus.values import Json

_LONGEST_LINE = 160
_WORD = re.compile(r"[^\s:,\]}]+:?")

ReadLines = Callable[[str], list[str]]
"""The lines of a file; none when it cannot be read."""


def checked(result: CheckResult, lines: ReadLines) -> str:
    """Every problem with the line it is in, a caret below it and the fix; then how many there are."""
    texts = [f"{problem_text(problem, lines)}\n" for problem in result.problems]
    return "".join([*texts, _summary(result)])


def problem_text(problem: Problem, lines: ReadLines) -> str:
    """A problem as other commands show it, with its line of the file."""
    head, *fix = str(problem).split("\n  fix: ")
    shown = [
        head,
        *(_excerpt(problem.location, lines) if problem.location else ()),
        *(f"  fix: {text}" for text in fix),
    ]
    return "\n".join(shown)


def _excerpt(place: Location, lines: ReadLines) -> Iterator[str]:
    """The line, and a mark below the word at the column, or below the whole line."""
    there = lines(place.file) if place.line else []
    if not 0 < place.line <= len(there):
        return
    line = there[place.line - 1].rstrip()
    if not line.strip():
        return
    start = place.column - 1 if place.column else len(line) - len(line.lstrip())
    word = _WORD.match(line, start) if place.column else None
    end = len(line) if not place.column else word.end() if word else start + 1
    if line[end - 1 : end] == ":" and end - start > 1:
        end -= 1
    cut = max(0, start - _LONGEST_LINE // 2)
    line, start, end = line[cut : cut + _LONGEST_LINE], start - cut, min(end - cut, _LONGEST_LINE)
    number = str(place.line)
    before = "".join("\t" if character == "\t" else " " * _width(character) for character in line[:start])
    mark = "^" + "~" * (sum(map(_width, line[start:end])) - 1)
    yield f"  {number} | {line}"
    yield f"  {' ' * len(number)} | {before}{mark}"


def _width(character: str) -> int:
    return 2 if east_asian_width(character) in {"W", "F"} else 1


def _summary(result: CheckResult) -> str:
    steps = _count(result.steps, "step")
    if not result.problems:
        return f"{result.file}: nothing is wrong ({steps})\n"
    kinds = [
        _count(number, word) for number, word in ((result.errors, "error"), (result.warnings, "warning")) if number
    ]
    return f"{result.file}: {', '.join(kinds)} ({steps})\n"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def checked_json(result: CheckResult) -> str:
    """The same as JSON."""
    document = {
        "pipeline": result.file,
        "steps": result.steps,
        "errors": result.errors,
        "warnings": result.warnings,
        "problems": [_as_json(problem) for problem in result.problems],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _as_json(problem: Problem) -> Json:
    place = problem.location
    return {
        "severity": problem.severity,
        "message": problem.message,
        "fix": problem.fix,
        "step": problem.step,
        "file": place.file if place else "",
        "line": place.line if place else 0,
        "column": place.column if place else 0,
    }
