"""A cell of the table: what a feature does on an executor, and why not where it does not."""

from collections.abc import Callable
from typing import NamedTuple

GROUPS: dict[str, list["Feature"]] = {}
"""The features in the order of the table, by the heading above them."""


class No(NamedTuple):
    """What a test returns that saw that something is not to be had, and how it is refused."""

    reason: str


class Feature(NamedTuple):
    """A row of the table. `test` takes a project, and returns No or, when all of it holds, nothing.

    `failed_on` is the executor of the run that is gone on with.
    """

    name: str
    test: Callable
    failed_on: str = ""


def feature(group: str, name: str):
    """Makes a row of a function."""

    def add(test):
        add_row(group, Feature(name, test))
        return test

    return add


def add_row(group: str, row: Feature):
    rows = GROUPS.setdefault(group, [])
    assert row.name not in {other.name for others in GROUPS.values() for other in others}, row.name
    rows.append(row)


def text_of(found: No | None) -> str:
    """What stands in the table, with the reason in place of the number of its note."""
    return "yes" if found is None else f"no: {found.reason}"


def all_cells(engines):
    """The heading, the row and the column of each cell, in the order of the table."""
    return [(group, row.name, engine.name) for group, rows in GROUPS.items() for row in rows for engine in engines]
