"""The table as a page of the documentation, written and read. A cell is `yes`, or `no` with a note below its part."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/reference/features.md"
UPDATE = "pytest tests/features --update-features"
HEAD = """# Features by executor

This page shows the features of a pipeline, and whether each executor has them. Tests write it: every cell is the result of a
pipeline that ran on the executor, with a look at its run log, values and files
([tests/features](../../tests/features/test_features.py)).

{columns}
"""

Cells = dict[tuple[str, str, str], str]
"""By heading, feature and executor: `yes`, or `no: <reason>`."""


def written(cells: Cells, engines) -> str:
    """The page; `cells` are in the order in which they are to stand."""
    columns = "\n".join(f"- `{engine.name}`: {engine.described}" for engine in engines)
    parts = [HEAD.format(columns=columns)]
    notes: dict[str, int] = {}
    for group in dict.fromkeys(group for group, _, _ in cells):
        parts.append(_table(group, cells, [engine.name for engine in engines], notes))
    text = "\n".join(parts)
    below = "\n".join(f"{number}. {reason}" for reason, number in notes.items())
    return f"{text}\n## Why not\n\n{below}\n" if notes else text


def _table(group: str, cells: Cells, engines, notes: dict[str, int]) -> str:
    lines = [f"## {group}", "", f"| | {' | '.join(engines)} |", "|---" * (len(engines) + 1) + "|"]
    for name in dict.fromkeys(name for there, name, _ in cells if there == group):
        shown = [_shown(cells[group, name, engine], notes) for engine in engines]
        lines.append(f"| {name} | {' | '.join(shown)} |")
    return "\n".join([*lines, ""])


def _shown(cell: str, notes: dict[str, int]) -> str:
    if cell == "yes":
        return cell
    number = notes.setdefault(cell.removeprefix("no: "), len(notes) + 1)
    return f"no ({number})"


def read(text: str) -> Cells:
    """What the page says; the cells of one that was never written are none."""
    notes = {number: f"no: {reason}" for number, reason in re.findall(r"^(\d+)\. (.*)$", text, re.MULTILINE)}
    cells: Cells = {}
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        group, *lines = part.splitlines()
        rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("|")]
        for name, *row in rows[2:]:
            for engine, cell in zip(rows[0][1:], row, strict=True):
                cells[group, name, engine] = notes[cell[4:-1]] if cell.startswith("no (") else cell
    return cells
