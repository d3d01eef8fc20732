"""What each executor does is what the documentation says; `pytest tests/features --update-features` writes it anew.

A test runs a small pipeline by calls of the command (`magnus execute`, and for Argo a simulation of what it wrote) in
this process; containers are real. Where other processes than steps matter, pods are processes too.
"""

import sys
from tempfile import TemporaryDirectory

import engines
import page
import pytest
from cells import GROUPS, all_cells, text_of
from project import Project

ROWS = [(group, row) for group, rows in GROUPS.items() for row in rows]


def cells():
    for group, row in ROWS:
        for engine in engines.ENGINES:
            involved = [engine, *([engines.BY_NAME[row.failed_on]] if row.failed_on else [])]
            groups = [
                one.group for one in reversed(involved) if one.group
            ]  # first that of containers: they start slowest
            marks = [pytest.mark.xdist_group(group) for group in groups[:1]]
            servers = frozenset(one.server for one in involved if one.server)
            prepares = {one.prepares for one in involved if one.prepares}
            yield pytest.param(servers, group, row, engine, prepares, marks=marks, id=f"{engine.name}-{row.name}")


@pytest.fixture(scope="session")
def servers(request):
    """What executors of a test take, started before it begins, so that it need not end with it."""
    for name in request.param:
        request.getfixturevalue(name)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])  # programs are imported
    monkeypatch.setenv("GIT_DIR", "/nowhere")  # no repository: git would be asked anew for each step
    with TemporaryDirectory(prefix="mt-", dir="/tmp") as temporary:  # processes that crash leave something there
        monkeypatch.setenv("TMPDIR", temporary)
        yield tmp_path


@pytest.mark.parametrize(("servers", "group", "row", "column", "prepares"), list(cells()), indirect=["servers"])
@pytest.mark.usefixtures("servers")
def test_the_page_says_what_is_found(group, row, column, prepares, folder, request, record_property):
    for name in prepares:
        request.getfixturevalue(name)
    found = text_of(row.test(Project(folder, column)))
    record_property("cell", [group, row.name, column.name, found])
    if not request.config.getoption("--update-features"):
        assert page.read(page.PAGE.read_text())[group, row.name, column.name] == found


def test_the_page_has_these_cells_and_no_others(request):
    if request.config.getoption("--update-features"):
        pytest.skip("the page is written at the end")
    text = page.PAGE.read_text()
    assert list(page.read(text)) == all_cells(engines.ENGINES)
    assert page.written(page.read(text), engines.ENGINES) == text
