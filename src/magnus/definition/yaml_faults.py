"""What is wrong with a text that is no YAML: where it most likely is, and what to write. Called by `yaml_text`."""

from typing import Final

import yaml

from magnus.errors import Location, Problem

_CONFLICT: Final = ("<<<<<<<", "=======", ">>>>>>>")
_BEFORE: Final = ("while scanning a simple key", "while scanning a quoted scalar")
"""What the parser sees only behind the place where it began."""

_KNOWN: Final = (
    ("while scanning an alias", "a value that begins with '*' stands for an alias", "put the value in quotes"),
    ("cannot start any token", "a value cannot begin with '{at}'", "put the value in quotes"),
    (
        "mapping values are not allowed",
        "",
        "indent this line as those around it, and see that the line before ends its value",
    ),
    (
        "while scanning a simple key",
        "there is no ': ' in this line",
        "write <name>: <value>, with a space behind the colon",
    ),
    ("while scanning a quoted scalar", "this quote is not closed", "write {at} at the end of the value too"),
    (
        "another document",
        "a second document begins here",
        "leave out '---' and what follows, or put it into a file of its own",
    ),
    ("while parsing a block", "", "indent this line as those around it"),
    ("while parsing a flow", "", "close every bracket, put commas between, and texts with brackets in quotes"),
)
"""Words of the parser, what they mean ("" for what they say), and what to do."""


def yaml_fault(wrong: yaml.MarkedYAMLError, text: str, file: str) -> Problem:
    """The fault with its place and what to do."""
    reason, context = wrong.problem or "it cannot be parsed", wrong.context or ""
    mark = wrong.context_mark if context in _BEFORE and wrong.context_mark is not None else wrong.problem_mark
    if mark is None:
        return Problem(f"this is not YAML: {reason}", "correct the YAML", Location(file))
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    message, fix = _said(reason, context, line, mark.column)
    return Problem(f"this is not YAML: {message}", fix, Location(file, mark.line + 1, mark.column + 1))


def _said(reason: str, context: str, line: str, column: int) -> tuple[str, str]:
    """What is wrong in the line, and what to do."""
    before, at = line[:column], line[column:]
    if line.startswith(_CONFLICT):
        return "this line is left of a merge of git", "resolve the conflict, and remove the lines that mark it"
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "there is a tab in the indentation", "indent by spaces"
    if "mapping values are not allowed" in reason and ": " in before:
        return "there is ': ' in a value without quotes", "put the value in quotes"
    if "while parsing a block" in context and before.strip():
        return f"{reason} {context}", "put the whole value in quotes"
    for words, message, fix in _KNOWN:
        if words in reason or words in context:
            return message.format(at=at[:1]) or f"{reason} {context}".strip(), fix.format(at=at[:1])
    return f"{reason} {context}".strip(), "correct the YAML here"
