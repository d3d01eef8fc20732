"""One headless browser for the tests of a file, and the runs whose reports it opens. Skipped without one; not in CI.

Playwright runs an event loop in the thread of the tests as long as it is open, so it is closed with the file.
"""

import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from safety_net import LONGEST_SECONDS

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def missing(reason):
    pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


@pytest.fixture(scope="module")
def browser():
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright is not installed: it is in the dependency group `dev`")
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        missing("no Chromium is installed, Debian has it as the package chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=OPTIONS)
        yield started
        started.close()


@pytest.fixture
def opened(browser):
    """Opens a report; nothing may be complained about or asked for while it is open, but the file itself."""
    with pages(browser) as open_page:
        yield open_page


@contextmanager
def pages(browser):
    contexts, said, asked = [], [], []

    def open_page(file, *, width=1400, height=900, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, reduced_motion="reduce", **options)
        context.set_default_timeout(LONGEST_SECONDS * 1000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(file.as_uri())
        assert said == []
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []
    assert {url.partition(":")[0] for url in asked} <= {"file"}
    assert len(set(asked)) <= len(contexts)


class Project:
    """A folder of a user with runs in it."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("MAGNUS_", "PYTEST_"))
        }

    def magnus(self, *arguments, status=0):
        done = subprocess.run(
            [sys.executable, "-m", "magnus", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
        assert done.returncode == status, done.stderr
        return done

    def report(self, run_id, pipeline, *arguments, status, report=True):
        """The file of the report of a run of the pipeline, which ends with this exit status."""
        (self.folder / f"{run_id}.yaml").write_text(pipeline)
        self.magnus("execute", f"{run_id}.yaml", "--run-id", run_id, *arguments, status=status)
        if report:
            self.magnus("report", run_id)
        return self.folder / f"{run_id}.html"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return Project(tmp_path_factory.mktemp("project"))
