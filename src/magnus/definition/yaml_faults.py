"""Finds the mistake in a text that is no YAML: its most likely place and the fix. Called by `yaml_text`."""

from typing import Final

from magnus.definition.yaml_package import yaml
from magnus.errors import Location, Problem

_CONFLICT: Final = ("<<<<<<<", "=======", ">>>>>>>")
_BEFORE: Final = ("while scanning a simple key", "while scanning a quoted scalar")
"""Mistakes that the parser reports behind their start."""

_MISTAKES: Final = (
    ("while scanning an alias", "a value that starts with '*' stands for an alias", "put the value in quotes"),
    ("cannot start any token", "a value cannot start with '{at}'", "put the value in quotes"),
    (
        "mapping values are not allowed",
        "",
        "indent this line like the lines around it, and complete the value in the line before",
    ),
    (
        "while scanning a simple key",
        "there is no ': ' in this line",
        "write <name>: <value>, with a space behind the colon",
    ),
    ("while scanning a quoted scalar", "this quote is not closed", "write {at} at the end of the value too"),
    (
        "another document",
        "a second document starts here",
        "remove '---' and the lines below it, or put them into a file of their own",
    ),
    ("while parsing a block", "", "indent this line like the lines around it"),
    ("while parsing a flow", "", "close every bracket, put commas between, and texts with brackets in quotes"),
)
"""Words of the parser, their meaning ("" for the words themselves), and the fix."""


def yaml_fault(wrong: yaml.MarkedYAMLError, text: str, file: str) -> Problem:
    """The mistake with its place and the fix."""
    reason, context = wrong.problem or "it cannot be parsed", wrong.context or ""
    mark = wrong.context_mark if context in _BEFORE and wrong.context_mark is not None else wrong.problem_mark
    if mark is None:
        return Problem(f"this is not YAML: {reason}", "correct the YAML", Location(file))
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    message, fix = _describe(reason, context, line, mark.column)
    return Problem(f"this is not YAML: {message}", fix, Location(file, mark.line + 1, mark.column + 1))


def _describe(reason: str, context: str, line: str, column: int) -> tuple[str, str]:
    """The mistake in the line, and the fix."""
    before, at = line[:column], line[column:]
    if line.startswith(_CONFLICT):
        return "this line is left of a merge of git", "resolve the conflict, and remove the lines that mark it"
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "there is a tab in the indentation", "indent by spaces"
    if "mapping values are not allowed" in reason and ": " in before:
        return "there is ': ' in a value without quotes", "put the value in quotes"
    if "while parsing a block" in context and before.strip():
        return f"{reason} {context}", "put the whole value in quotes"
    for words, message, fix in _MISTAKES:
        if words in reason or words in context:
            return message.format(at=at[:1]) or f"{reason} {context}".strip(), fix.format(at=at[:1])
    return f"{reason} {context}".strip(), "correct the YAML here"
