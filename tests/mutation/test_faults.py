"""What `magnus check` finds of faults that are made one at a time, by programs, in pipelines that are right.

`pytest tests/mutation --update-expected` writes the table of the documentation.
"""

import os
import re
from collections import Counter
from pathlib import Path

import pytest
from mutations import HERE, ORDERS, PROGRAM, STATIONS, YAML, all_faults, base

from magnus.app.check.check_pipeline import check
from magnus.app.run.request import RunRequest

pytestmark = pytest.mark.xdist_group("mutation")

PAGE = HERE.parents[1] / "docs/explanation/what-check-finds.md"
MISSES = {
    "renamed return: amount of add a bit": "the parameter is there from before the loop, so every step has what it needs",
    "changed type of result: sum_up -> dict": "what a reducer takes of each element is not compared with what branches set",
    "wrong code: sum(orders[regions])": "code inside functions is not run and not checked; linters do that",
    "wrong code: amount / 0 > limit": "code inside functions is not run and not checked",
    "python: changed type: def say(highest: dict": "the function that sets `highest` has no annotation",
}
MISSED_WITHOUT_IMPORTING = {
    "broken module: import of what is not installed",
    "broken module: error while it is imported",
    "broken module: name that is not there",
    "broken module: annotation with a missing name",
}
"""What can be known only by importing."""
LEAST_FOUND = 0.95
LONGEST = 150


def checked(folder: Path, files, name, arguments, *, imports=True):
    folder.mkdir()
    for file, text in files.items():
        (folder / file).write_text(text)
    options = dict(zip(arguments[::2], arguments[1::2], strict=True))
    before = Path.cwd()
    os.chdir(folder)
    try:
        return check(
            RunRequest(
                YAML if name == "orders" else PROGRAM,
                configuration_file=options.pop("-c", ""),
                parameters_file=options.pop("-p", ""),
                arguments={option[2:]: value for option, value in options.items()},
                environment={},
                working_directory=folder,
            ),
            imports=imports,
        )
    finally:
        os.chdir(before)


def place(problem):
    location = problem.location
    return ("", 0) if location is None else (location.file.rpartition("/")[2], location.line)


def found_in(fault, folder, *, imports=True):
    """The first complaint about the fault, with its place; "" when there is none in a line that is right."""
    problems = checked(folder, fault.files, fault.base, fault.arguments, imports=imports).problems
    right = [problem for problem in problems if place(problem) in fault.right]
    if not right:
        return ""
    file, line = place(right[0])
    message = right[0].message.replace(str(folder), ".").partition("\n")[0]
    message = re.sub(r" \(/[^)]*\)?", "", message)  # a path of this machine
    where = f"{file}:{line}" if line else file
    return f"{where}: {right[0].severity}: {message}" if where else f"{right[0].severity}: {message}"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults")
    return {fault.name: found_in(fault, folder / str(number)) for number, fault in enumerate(all_faults())}


@pytest.mark.parametrize("imports", [True, False])
def test_nothing_is_wrong_with_the_pipelines_before(tmp_path, imports):
    assert checked(tmp_path / "orders", base("orders"), "orders", ORDERS, imports=imports).problems == ()
    if imports:
        assert checked(tmp_path / "stations", base("stations"), "stations", STATIONS).problems == ()


def test_every_fault_has_a_name_of_its_own():
    assert [name for name, count in Counter(fault.name for fault in all_faults()).items() if count > 1] == []


def test_faults_are_found_in_the_line_that_is_right(results):
    found = sum(map(bool, results.values()))
    assert found / len(results) >= LEAST_FOUND, [name for name, message in results.items() if not message]


def test_what_is_missed_is_known_and_why(results):
    assert {name for name, message in results.items() if not message} == set(MISSES)


def test_the_source_alone_tells_nearly_as_much(tmp_path):
    faults = [fault for fault in all_faults() if fault.base == "orders"]
    missed = {
        fault.name for number, fault in enumerate(faults) if not found_in(fault, tmp_path / str(number), imports=False)
    }
    assert missed == (set(MISSES) | MISSED_WITHOUT_IMPORTING) & {fault.name for fault in faults}


def test_the_documentation_has_the_table(results, pytestconfig):
    text = page(results)
    if pytestconfig.getoption("--update-expected"):
        PAGE.write_text(text)
    assert PAGE.read_text() == text


def page(results):
    found = sum(map(bool, results.values()))
    rows = [
        f"| {cell(name)} | {'yes' if message else 'no'} | {cell(message or MISSES.get(name, ''))} |"
        for name, message in results.items()
    ]
    return "\n".join(
        [
            "# What `magnus check` finds",
            "",
            "This page lists faults in a pipeline, and whether `magnus check` finds each of them before anything runs. A program",
            "takes a correct pipeline and makes one fault at a time, at every place where it can:",
            "[tests/mutation](../../tests/mutation/mutations.py) has the faults. A fault counts as found if a message names a line",
            "where it can be fixed, such as the line of the step that lacks a parameter. Tests write this table.",
            "",
            f"{found} of {len(results)} faults are found, {found / len(results):.1%}. A fault that is missed has the reason beside it.",
            "",
            "| fault | found | message, or why not |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def cell(text):
    short = text if len(text) <= LONGEST else text[:LONGEST] + "..."
    return short.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
