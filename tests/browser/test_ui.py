"""The pages of `magnus ui`, opened in a browser while runs go on."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
import report_runs
from axe_playwright_python.sync_playwright import Axe
from safety_net import LONGEST_SECONDS

pytestmark = pytest.mark.xdist_group("browser")

STANDARD = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
LIVE = """
dag:
  start_at: before
  steps:
    before: {type: task, command_type: shell, command: "echo before", next: wait}
    wait:
      type: task
      command_type: shell
      command: "echo first line; until test -e $MAGNUS_RUN_ID.go; do sleep 0.05; done; echo second line; until test -e $MAGNUS_RUN_ID.end; do sleep 0.05; done; echo the last words >&2; exit 3"
      next: after
    after: {type: stub, next: success}
"""

TRAINING = """
dag:
  name: training
  start_at: fit
  steps:
    fit: {type: task, command_type: python-lambda, command: "lambda lr: {'model': lr * 2}", next: score}
    score: {type: task, command: work.score, next: success}
"""
WORK = """
import magnus

def score(lr):
    magnus.track_this(auc=1 - lr)
    print("scored")
    return {"rows": 3}
"""


class Server:
    """`magnus ui` in a folder, in a process of its own."""

    def __init__(self, project, *arguments):
        command = [sys.executable, "-m", "magnus", "ui", "--port", "0", *arguments]
        self.process = subprocess.Popen(
            command, cwd=project.folder, env=project.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.url = self.process.stdout.readline().strip()
        assert self.url, self.process.stderr.read()

    def stop(self):
        """The exit status and what was said, after Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        out, said = self.process.communicate(timeout=LONGEST_SECONDS)
        return self.process.returncode, out + said


@pytest.fixture(scope="module")
def trained(project):
    """Three finished runs, one of which failed."""
    (project.folder / "work.py").write_text(WORK)
    project.report("first", TRAINING, "--lr", "0.25", "--tag", "old", status=0, report=False)
    project.report("second", TRAINING, "--lr", "0.5", "--tag", "new", status=0, report=False)
    project.report("failed", report_runs.NESTED, status=1, report=False)
    project.report("hostile", report_runs.HOSTILE, "--value", report_runs.HOSTILE_VALUE, status=1, report=False)
    return project


@pytest.fixture(scope="module")
def server(trained):
    started = Server(trained)
    yield started
    assert started.stop()[0] == 0


@contextmanager
def visiting(browser, *complaints, may_come="nothing else", **options):
    """A window, about which the browser complains with each of these parts, and of nothing else but what may come.

    Complaints come at any time until the window is closed. Nothing is asked of another server.
    """
    context = browser.new_context(**{"viewport": {"width": 1400, "height": 900}, "reduced_motion": "reduce", **options})
    context.set_default_timeout(LONGEST_SECONDS * 1000)
    said, asked = [], []
    page = context.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: (asked.append(request), None))
    page.asked = asked
    yield page
    context.close()
    assert [text for text in said if not any(part in text for part in (*complaints, may_come))] == []
    assert [part for part in complaints if not any(part in text for text in said)] == []
    assert {request.method for request in asked} <= {"GET"}
    assert len({urlsplit(request.url).netloc for request in asked}) <= 1


@pytest.fixture
def page(browser):
    with visiting(browser) as opened:
        yield opened


def violations(page):
    found = Axe().run(page, options=STANDARD).response["violations"]
    return [(rule["id"], node["target"], node["failureSummary"]) for rule in found for node in rule["nodes"]]


def ids(page):
    return page.locator("td.run a").all_inner_texts()


def wait_for_runs(page, *expected):
    page.wait_for_function(
        "expected => JSON.stringify([...document.querySelectorAll('td.run a')].map((link) => link.textContent)) === expected",
        arg=str(list(expected)).replace("'", '"').replace(", ", ","),
    )


def open_from_list(page, server, run_id):
    page.goto(f"{server.url}?text={run_id}")
    page.get_by_role("link", name=run_id, exact=True).click()
    page.get_by_role("heading", name=run_id, exact=True).wait_for()


@contextmanager
def running(project, run_id, pipeline, *options):
    """A run that goes on until its files are there."""
    (project.folder / f"{run_id}.yaml").write_text(pipeline)
    process = subprocess.Popen(
        [sys.executable, "-m", "magnus", "execute", f"{run_id}.yaml", "--run-id", run_id, *options], cwd=project.folder,
        env=project.environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        for name in ("go", "end"):
            (project.folder / f"{run_id}.{name}").touch()
        process.wait()


def test_a_run_is_watched_from_its_start_to_its_failure(browser, trained, server):
    with visiting(browser, "status of 404") as page:
        watch_to_its_failure(page, trained, server)


def watch_to_its_failure(page, trained, server):
    page.goto(f"{server.url}run?id=live")
    assert "there is no run 'live'" in page.locator("#problem").inner_text()
    with running(trained, "live", LIVE) as process:
        page.get_by_role("treeitem").filter(has_text="wait").first.wait_for()  # the page came by itself
        row = page.get_by_role("treeitem").filter(has_text="wait").first
        row.locator(".text").click()
        output = page.get_by_role("region", name="Output")
        page.wait_for_function("() => document.querySelector('.log').textContent === 'first line\\n'")
        assert page.locator(".top .badge").inner_text().endswith("running")
        (trained.folder / "live.go").touch()
        page.wait_for_function("() => document.querySelector('.log').textContent === 'first line\\nsecond line\\n'")
        page.evaluate("window.isTheSamePage = true")
        (trained.folder / "live.end").touch()
        page.locator("#verdict strong").wait_for()
        assert process.wait() == 1
    assert page.locator("#verdict").inner_text().startswith("Failed at wait")
    page.get_by_role("group", name="Why it failed").wait_for()
    page.wait_for_function("() => document.querySelector('.log').textContent.endsWith('the last words\\n')")
    assert output.inner_text().split("\n")[:2] == ["first line", "second line"]
    assert page.locator(".top .badge").inner_text().endswith("failed")
    assert page.evaluate("window.isTheSamePage")
    assert page.locator(".magnus-graph .failed").count() == 1


WAITS = "echo first line; until test -e $MAGNUS_RUN_ID.go; do sleep 0.05; done; echo second line; until test -e $MAGNUS_RUN_ID.end; do sleep 0.05; done"
WAIT = {"type": "task", "command_type": "shell", "command": WAITS, "next": "success"}
INSIDE = {"start_at": "wait", "steps": {"wait": WAIT, "success": {"type": "success"}}}
COMPOSITES = {
    "map": {"type": "map", "iterate_on": "cities", "iterate_as": "city", "branch": INSIDE},
    "parallel": {"type": "parallel", "branches": {"rome": INSIDE}},
    "loop": {"type": "loop", "branch": INSIDE, "max_iterations": 1, "break_on": "never"},
    "dag": {"type": "dag", "dag": INSIDE},
}


@pytest.mark.parametrize(("kind", "workers"), [(kind, False) for kind in COMPOSITES] + [("map", True)])
def test_the_output_of_a_step_in_a_composite_is_followed(page, trained, server, kind, workers):
    values = {
        "type": "task", "command_type": "python-lambda", "command": "lambda: (['rome', 'oslo'], False)",
        "returns": ["cities", "never"], "next": "around",
    }  # fmt: skip
    steps = {"values": values, "around": {**COMPOSITES[kind], "next": "success"}, "success": {"type": "success"}}
    run_id = f"in-{kind}-{workers}"
    pipeline = json.dumps({"dag": {"start_at": "values", "steps": steps}})
    (trained.folder / "workers.yaml").write_text("executor: {type: local, config: {enable_parallel: true}}")
    with running(trained, run_id, pipeline, *(["-c", "workers.yaml"] if workers else [])):
        open_from_list(page, server, run_id)
        page.get_by_role("treeitem").filter(has_text="wait").first.locator(".text").click()
        page.wait_for_function("() => document.querySelector('.log')?.textContent === 'first line\\n'")
        (trained.folder / f"{run_id}.go").touch()
        page.wait_for_function("() => document.querySelector('.log').textContent === 'first line\\nsecond line\\n'")
        (trained.folder / f"{run_id}.end").touch()
        page.wait_for_function("() => document.querySelector('.top .badge').textContent.endsWith('succeeded')")
    assert page.locator(".log").inner_text() == "first line\nsecond line\n"


def test_what_is_chosen_and_scrolled_stays_while_a_run_goes_on(page, trained, server):
    with running(trained, "stays", LIVE):
        open_from_list(page, server, "stays")
        before = page.get_by_role("treeitem").filter(has_text="before").first
        before.locator(".text").click()
        page.wait_for_function("() => document.querySelector('.log')?.textContent === 'before\\n'")
        page.get_by_role("button", name="Wrap").click()
        (trained.folder / "stays.go").touch()
        (trained.folder / "stays.end").touch()
        page.locator("#verdict strong").wait_for()
    assert page.locator("#details h2").first.inner_text() == "before"
    assert page.locator(".log").inner_text() == "before\n"
    assert page.locator(".log.wrap").count() == 1


def test_a_run_that_is_killed_is_shown_as_lost(page, trained, server):
    with running(trained, "killed", LIVE) as process:
        open_from_list(page, server, "killed")
        page.get_by_role("treeitem").filter(has_text="wait").first.wait_for()
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        page.wait_for_function("() => document.querySelector('.top .badge').textContent.endsWith('lost')")
    assert "Lost in wait" in page.locator("#verdict").inner_text()


def test_the_list_follows_runs(page, trained, server):
    page.goto(f"{server.url}?text=listed")
    assert ids(page) == []
    with running(trained, "listed", LIVE):
        wait_for_runs(page, "listed")
        assert "running" in page.locator("td.status").inner_text()
        before = page.locator("td.took").inner_text()
        page.wait_for_function(
            "before => document.querySelector('td.took').textContent !== before && document.querySelector('td.took').textContent",
            arg=before,
        )
    page.wait_for_function("() => document.querySelector('td.status').textContent.includes('failed')")


def test_filters_and_columns(page, trained, server):
    page.goto(f"{server.url}?pipeline=training")
    assert ids(page) == ["second", "first"]
    page.locator("#columns summary").click()
    page.get_by_label("auc").check()
    page.get_by_label("lr", exact=True).check()
    page.keyboard.press("Escape")
    page.wait_for_function("() => document.querySelectorAll('td.value').length === 4")
    assert page.locator("tr[data-place='0'] td.value").all_inner_texts() == ["0.5", "0.5"]
    page.get_by_role("button", name="auc").click()
    wait_for_runs(page, "first", "second")
    page.get_by_role("button", name="auc").click()
    wait_for_runs(page, "second", "first")
    page.locator("#tags").select_option("old")
    wait_for_runs(page, "first")
    page.reload()  # the address has it all
    assert ids(page) == ["first"]
    assert page.locator("th.value span").all_inner_texts() == ["auc", "lr"]
    assert page.locator("th[aria-sort='ascending']").inner_text().startswith("auc")
    page.keyboard.press("Escape")
    page.wait_for_function("() => document.querySelectorAll('td.run a').length > 2")
    page.get_by_role("button", name="Failed").click()
    page.wait_for_function(
        "() => [...document.querySelectorAll('td.status')].every((cell) => cell.textContent.includes('failed'))"
    )
    page.locator("#search").fill("host")
    wait_for_runs(page, "hostile")


def test_a_wrong_time_is_said(browser, trained, server):
    with visiting(browser, "status of 400") as page:
        page.goto(server.url)
        page.locator("#since").fill("then")
        page.locator("#since").press("Enter")
        page.locator(".banner:visible").wait_for()
        assert "'then' is neither an age nor a time" in page.locator(".banner").inner_text()
        page.locator("#since").fill("1d")
        page.locator("#since").press("Enter")
        page.locator(".banner").wait_for(state="hidden")


def test_all_of_it_by_the_keyboard(page, trained, server):
    page.goto(f"{server.url}?pipeline=training")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    assert page.locator("#compare").inner_text() == "Compare 2 runs"
    page.keyboard.press("c")
    page.get_by_role("heading", name="Compare 2 runs").wait_for()
    page.go_back()
    page.wait_for_function("() => document.querySelectorAll('td.run a').length === 2")
    page.locator("#runs").focus()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="first").wait_for()
    page.keyboard.press("Shift+Tab")
    page.locator("#to-runs").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelectorAll('td.run a').length > 2")
    page.keyboard.press("/")
    page.keyboard.type("training second")
    wait_for_runs(page, "second")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="second").wait_for()


def test_two_runs_are_compared(page, trained, server):
    page.goto(f"{server.url}?pipeline=training")
    page.get_by_label("Compare second").check()
    page.get_by_label("Compare first").check()  # the earlier run is the one to compare with
    page.locator("#compare").click()
    page.get_by_role("heading", name="Compare 2 runs").wait_for()
    metrics = page.get_by_role("region", name="Metrics")
    assert metrics.locator("tbody tr").all_inner_texts() == ["auc\t0.75\t0.5\N{MINUS SIGN}0.25, \N{MINUS SIGN}33.3 %"]
    parameters = page.get_by_role("region", name="Parameters")
    names = parameters.locator("tbody th")
    assert names.all_inner_texts() == ["lr", "model"]
    parameters.get_by_role("button", name="Only differences").click()
    assert names.all_inner_texts() == ["lr", "model", "rows"]
    assert page.locator(".verdict-line").inner_text() == "parameter 'lr' was 0.25, is 0.5 (initial)"
    page.get_by_role("link", name="second").click()
    page.get_by_role("heading", name="second").wait_for()


def test_hostile_names_values_and_output_are_text(browser, trained, server):
    with visiting(browser, "status of 4") as page:
        look_at_hostile_names(page, server)


def look_at_hostile_names(page, server):
    page.goto(f"{server.url}?text=hostile")
    assert "hostile" in ids(page)
    assert "<svg onload=alert(3)>" in page.locator("td.pipeline").inner_text()
    page.goto(f"{server.url}run?id=hostile")
    assert page.locator("#details h2").first.inner_text() == report_runs.HOSTILE_NAME
    page.wait_for_function("() => document.querySelector('.log').textContent.includes('window.hacked')")
    page.goto(f"{server.url}compare?id=hostile&id=failed")
    page.get_by_role("heading", name="Compare 2 runs").wait_for()
    page.goto(f"{server.url}run?id={quote('<img src=x onerror=alert(1)>')}")
    assert "<img src=x" in page.locator("#problem").inner_text()
    assert page.evaluate("window.hacked") is None


def test_a_server_that_stops_is_said_and_comes_back(browser, trained):
    first = Server(trained)
    port = str(urlsplit(first.url).port)
    with visiting(browser, may_come="net::ERR_") as page:
        page.goto(first.url)
        assert first.stop()[0] == 0
        page.locator(".banner:visible").wait_for()
        assert "does not answer" in page.locator(".banner").inner_text()
        second = Server(trained, "--port", port)
        page.locator(".banner").wait_for(state="hidden")
        second.stop()


def test_a_token_opens_the_pages(browser, trained):
    server = Server(trained, "--host", "0.0.0.0")
    try:
        port = urlsplit(server.url).port
        with visiting(browser) as page:
            page.goto(f"http://127.0.0.1:{port}/?{urlsplit(server.url).query}")
            page.locator("#runs").wait_for()
            assert page.url == f"http://127.0.0.1:{port}/"
            assert page.evaluate("document.cookie") == ""
        with visiting(browser, "status of 403") as page:
            assert page.goto(f"http://127.0.0.1:{port}/").status == 403
            assert "open the URL that magnus ui printed" in page.locator("body").inner_text()
    finally:
        server.stop()


@pytest.mark.parametrize("width", [420, 800, 1440, 1920])
@pytest.mark.parametrize("path", ["", "run?id=failed", "compare?id=first&id=second"])
def test_nothing_hangs_over_the_edge(browser, trained, server, width, path):
    with visiting(browser, viewport={"width": width, "height": 900}) as page:
        page.goto(server.url + path)
        page.locator("main").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [420, 1440])
def test_the_pages_can_be_read_and_used_by_everybody(browser, trained, server, width, scheme):
    with visiting(browser, "status of 404", viewport={"width": width, "height": 900}, color_scheme=scheme) as page:
        page.goto(f"{server.url}?column=metrics.auc&sort=metrics.auc")
        assert violations(page) == []
        page.locator("#columns summary").click()
        page.get_by_label("auc").wait_for()
        assert violations(page) == []
        for path in ("run?id=failed", "run?id=first", "compare?id=first&id=second", "run?id=none"):
            page.goto(server.url + path)
            page.locator("main").wait_for()
            assert violations(page) == [], path


def test_rows_that_cannot_be_seen_are_not_in_the_document(browser, trained):
    folder = Path(trained.folder / "many")
    folder.mkdir()
    benchmarks = Path(__file__).parents[2] / "benchmarks"
    subprocess.run([sys.executable, str(benchmarks / "ui.py"), "--prepare", str(folder), "--runs", "1000"], check=True)
    trained_there = type(trained)(folder)
    server = Server(trained_there)
    try:
        with visiting(browser) as page:
            page.goto(server.url)
            assert page.locator("tr").count() < 100
            assert "1,000 runs" in page.locator("#count").inner_text()
            page.keyboard.press("End")
            page.get_by_role("link", name="calm-abel-000999").wait_for()
            assert page.locator("tr").count() < 100
    finally:
        server.stop()
