"""Makes the pictures of the documentation from real runs: the live tree in a terminal, the report and the ui in a browser.

`make pictures` runs examples/prices with pauses in tmux, keeps the screen in the middle of the run as an SVG, then opens
the report of the run, that of examples/search, and the list of some runs, in a headless Chromium. It needs tmux and Chromium.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page, ViewportSize, sync_playwright

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "docs/pictures"
MAGNUS = Path(sys.executable).with_name("magnus")
COMMAND = "magnus execute pipeline.yaml -c parallel.yaml"
RUNS = (
    ("first try", "--epochs", "20"),
    ("nightly", "--epochs", "80"),
    ("nightly", "--epochs", "80", "--pause", "soon"),
    ("nightly", "--epochs", "200"),
    ("wide", "--epochs", "400"),
)
"""The tag and the options of the runs in the list."""
LONGEST_SECONDS = 300
COLUMNS, ROWS = 80, 24
NO_BREAK_SPACE = "\u00a0"  # a browser drops plain spaces at the start of a text
PALETTE = {31: "#ff7b72", 32: "#7ee787", 33: "#e3b341", 34: "#79c0ff", 35: "#d2a8ff", 36: "#56d4dd", 90: "#8b949e"}
TEXT, BACKGROUND, DIM = "#e6edf3", "#0d1117", "#8b949e"


def main() -> None:
    """Run the examples and write all pictures."""
    PICTURES.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder:
        project = Path(folder, "prices")
        shutil.copytree(ROOT / "examples/prices", project, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        (PICTURES / "tree.svg").write_text(terminal_svg(screen_of_run(project)), encoding="utf-8")
        subprocess.run([MAGNUS, "report", "latest", "-o", "report.html"], cwd=project, check=True, capture_output=True)
        photograph_report(project / "report.html", PICTURES / "report.png")
        photograph_runs(project, PICTURES / "ui.png")
        search = Path(folder, "search")
        shutil.copytree(ROOT / "examples/search", search, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        run = [MAGNUS, "execute", "pipeline.yaml", "--run-id", "keen-noether-1004-7c21fe"]
        subprocess.run(run, cwd=search, check=True, capture_output=True)
        subprocess.run([MAGNUS, "report", "latest", "-o", "report.html"], cwd=search, check=True, capture_output=True)
        photograph_report(search / "report.html", PICTURES / "search.png", wide=True)


def screen_of_run(project: Path) -> str:
    """The screen while two branches run, with escape sequences; returns after the run."""
    socket = str(project.parent / "tmux")

    def tmux(*arguments: str) -> str:
        return subprocess.run(["tmux", "-S", socket, *arguments], capture_output=True, text=True, check=True).stdout

    def wait_for(pattern: str) -> str:
        deadline = time.monotonic() + LONGEST_SECONDS
        while not re.search(pattern, tmux("capture-pane", "-p")):
            if time.monotonic() > deadline:
                sys.exit(f"the screen never had {pattern!r}:\n{tmux('capture-pane', '-p')}")
            time.sleep(0.05)
        return tmux("capture-pane", "-p", "-e")

    variables = {
        "PATH": f"{MAGNUS.parent}:{os.environ['PATH']}",
        "TERM": "screen-256color",
        "LANG": "C.UTF-8",
        "PS1": "$ ",
    }
    shell = shlex.join(["env", "-i", *(f"{name}={value}" for name, value in variables.items()), "/bin/sh"])
    size = ["-x", str(COLUMNS), "-y", str(ROWS)]
    tmux("-f", "/dev/null", "new-session", "-d", *size, "-c", str(project), shell)
    try:
        typed = f"clear; {COMMAND} --pause 0.08 --json never --run-id calm-abel-0912-51e3ab; echo over"
        tmux("send-keys", typed, "Enter")
        screen = wait_for(r"2/4[\s\S]*fit.*epoch 10/40[\s\S]*fit.*epoch 10/40[^|]*\Z")
        wait_for(r"(?m)^over$")
        return screen
    finally:
        tmux("kill-server")


def terminal_svg(screen: str) -> str:
    """The screen as an SVG picture with the command above it; empty lines at its end are left out."""
    lines = [f"\x1b[90m$\x1b[0m {COMMAND}", *screen.rstrip().split("\n")]
    width, height = COLUMNS * 8.4 + 32, len(lines) * 20 + 32
    rows = "\n".join(
        f'<text x="16" y="{34 + 20 * number}">{spans(line)}</text>' for number, line in enumerate(lines) if line.strip()
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height}" viewBox="0 0 {width:g} {height}">
<title>The live tree of a run in a terminal</title>
<rect width="100%" height="100%" rx="8" fill="{BACKGROUND}"/>
<g font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="14" fill="{TEXT}">
{rows}
</g>
</svg>
"""


def spans(line: str) -> str:
    """The line as tspans, each at its column, so that no font moves the text behind it."""
    colour, bold, column, parts = TEXT, False, 0, []
    for sequence, text in re.findall(r"\x1b\[([\d;]*)m|([^\x1b]+)", line):
        if text:
            weight = ' font-weight="bold"' if bold else ""
            parts.append(
                f'<tspan x="{16 + column * 8.4:g}" fill="{colour}"{weight}>{escape(text).replace(" ", NO_BREAK_SPACE)}</tspan>'
            )
            column += len(text)
            continue
        for code in (int(code or 0) for code in sequence.split(";")):
            match code:
                case 0:
                    colour, bold = TEXT, False
                case 1:
                    bold = True
                case 2:
                    colour = DIM
                case 39:
                    colour = TEXT
                case _:
                    colour = PALETTE.get(code, colour)
    return "".join(parts)


@contextmanager
def window() -> Iterator[Page]:
    """A window of a headless Chromium."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        sys.exit("no Chromium is installed; Debian has it as the package chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        size = ViewportSize(width=1180, height=820)
        yield browser.new_page(viewport=size, device_scale_factor=1.5, color_scheme="light")
        browser.close()


def photograph_report(page: Path, picture: Path, *, wide: bool = False) -> None:
    """Open the report and write what a window shows, with `wide` the details alone."""
    with window() as opened:
        opened.goto(page.as_uri())
        if wide:
            opened.get_by_role("button", name="Wide").click()
            opened.get_by_role("button", name="val_loss", exact=True).click()
        opened.evaluate("document.activeElement.blur()")
        opened.wait_for_timeout(500)
        opened.screenshot(path=picture)


def photograph_runs(project: Path, picture: Path) -> None:
    """Execute the example with several parameters, open the list of runs in `magnus ui`, and write what a window shows."""
    for tag, *options in RUNS:
        argv = [MAGNUS, "execute", "pipeline.yaml", "--tag", tag, *options]
        subprocess.run(argv, cwd=project, check=False, capture_output=True)
    columns = "&".join(f"column=params.{name}" for name in ("epochs", "best_rate", "price_of_100_m2"))
    with subprocess.Popen([MAGNUS, "ui", "--port", "0"], cwd=project, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        with window() as opened:
            opened.set_viewport_size({"width": 1400, "height": 460})
            opened.goto(f"{url}?{columns}")
            for box in opened.get_by_role("checkbox").all()[1:3]:
                box.check()
            opened.screenshot(path=picture)
        server.send_signal(signal.SIGINT)


if __name__ == "__main__":
    main()
