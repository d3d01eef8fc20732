"""Writes measured rows as Markdown: the table that `run.py` prints and the marked region of a page of the documentation."""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
RESULTS: Final = Path(__file__).with_name("results.json")
PAGE: Final = ROOT / "docs" / "explanation" / "cost-of-a-step.md"
PEERS: Final = ("plain", "limit", "doit", "doit, values", "luigi", "runnable")
_REGION: Final = re.compile(r"(<!-- measured by `make figures`: begin -->\n).*?(<!-- end -->)", re.DOTALL)


def markdown(results: Mapping[str, Any]) -> str:
    """The table of the results: a row's value, its goal, and its ratio to each peer."""
    machine = (
        f"{results['cores']} cores, {results['system']}, Python {results['python']}, magnus {results['magnus']}; "
        f"medians of {results['rounds']} interleaved measurements, {results['clock']}."
    )
    lines = [
        machine,
        "",
        "| work | magnus | goal | ratio | " + " | ".join(f"/ {peer}" for peer in PEERS) + " | / others |",
        "|---|--:|---|--:|" + "--:|" * len(PEERS) + "---|",
    ]
    return "\n".join([*lines, *map(row_line, results["rows"])]) + "\n"


def row_line(row: Mapping[str, Any]) -> str:
    """One line of the table."""
    values = row["values"]
    others = [f"{_ratio(values, peer)} {peer}" for peer in values if peer not in {"magnus", *PEERS}]
    cells = [row["work"], _amount(values["magnus"], row["unit"]), *_goal(row)]
    cells += [_ratio(values, peer) if peer in values else "" for peer in PEERS]
    return "| " + " | ".join([*cells, ", ".join(others)]) + " |"


def _goal(row: Mapping[str, Any]) -> tuple[str, str]:
    """The goal, and what was reached."""
    goal, values = row["goal"], row["values"]
    if goal is None:
        return "", ""
    if not goal["peer"]:
        return f"at most {_amount(goal['at_most'], row['unit'])}", f"{values['magnus'] / goal['at_most']:.2f}"
    if goal["peer"] not in values:
        return f"{goal['at_most']:g} x {goal['peer']}", "not measured"
    return f"{goal['at_most']:g} x {goal['peer']}", _ratio(values, goal["peer"])


def _ratio(values: Mapping[str, float], peer: str) -> str:
    return f"{values['magnus'] / values[peer]:.2f}" if values[peer] > 0 else "-"


def _amount(value: float, unit: str) -> str:
    return f"{value:,.0f} {unit}" if unit == "bytes" else f"{value:.3f} {unit}"


def page_with(results: Mapping[str, Any], page: str) -> str:
    """The page with the table of the results in its marked region."""
    new, count = _REGION.subn(lambda match: f"{match[1]}\n{markdown(results)}\n{match[2]}", page)
    if count != 1:
        sys.exit(f"the page has {count} regions for the table, not one")
    return new


def keep(results: Mapping[str, Any]) -> None:
    """Write the results into the repository, and the page that shows them."""
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(page_with(results, PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def kept() -> dict[str, Any]:
    """The results in the repository."""
    results: dict[str, Any] = json.loads(RESULTS.read_text(encoding="utf-8"))
    return results
