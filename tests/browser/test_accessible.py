"""Reports as people read them who see little, or use no mouse: checked by axe-core in all states of the page."""

import pytest
import report_runs as runs
from axe_playwright_python.sync_playwright import Axe

pytestmark = pytest.mark.xdist_group("browser")
STANDARD = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture(scope="module")
def fits(project):
    (project.folder / "fits.py").write_text(runs.FITS_CODE)
    return project.report("fits", runs.FITS, status=0)


@pytest.fixture(scope="module")
def failed(project):
    return project.report("failed", runs.NESTED, "--tag", "nightly", status=1)


def violations(page):
    found = Axe().run(page, options=STANDARD).response["violations"]
    return [(rule["id"], node["target"], node["failureSummary"]) for rule in found for node in rule["nodes"]]


@pytest.mark.parametrize(("width", "scheme"), [(420, "light"), (1440, "dark")])
def test_a_run_that_succeeded(opened, fits, width, scheme):
    page = opened(fits, width=width, color_scheme=scheme)
    page.get_by_role("treeitem").first.click()
    page.locator(".sort").first.click()
    page.locator(".chart-of summary").first.click()
    page.locator(".chart-of tbody tr").last.wait_for()
    assert violations(page) == []


def test_a_large_picture(opened, fits):
    page = opened(fits)
    page.locator(".thumbnail").first.click()
    assert violations(page) == []


@pytest.mark.parametrize(("width", "scheme"), [(420, "dark"), (1440, "light")])
def test_a_run_that_failed_and_its_steps(opened, failed, width, scheme):
    page = opened(failed, width=width, color_scheme=scheme)
    assert violations(page) == []
    page.locator("#verdict").click()
    assert violations(page) == []


def test_a_search_and_the_data_on_edges(opened, failed):
    page = opened(failed)
    page.get_by_role("button", name="Show the data that flows").click()
    page.keyboard.press("/")
    page.keyboard.type("fit")
    assert violations(page) == []


def test_everything_can_be_reached_by_keys(opened, fits):
    page = opened(fits)
    reached = set()
    for _ in range(80):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("(({tagName, className, id}) => `${tagName} ${id || className}`)(document.activeElement)")
        )
    assert {
        "DIV steps",
        "INPUT search",
        "DIV stage",
        "BUTTON theme",
        "BUTTON sort",
        "BUTTON best-is",
        "BUTTON thumbnail",
        "SUMMARY ",
    } <= reached
