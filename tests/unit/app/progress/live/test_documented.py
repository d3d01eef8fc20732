"""The tree in the documentation is one that is painted."""

import re
from pathlib import Path

from magnus.app.progress.live.model import Tree
from magnus.app.progress.live.painter import frame
from magnus.app.progress.live.screen import Look
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.reporter import (
    AttemptFailed,
    BranchEnded,
    BranchesStarted,
    RunStarted,
    StepEnded,
    StepOutput,
    StepReused,
    StepStarted,
)
from magnus.run_log.records import Branching, Status

PAGE = Path(__file__).parents[5] / "docs/reference/progress.md"
NOW = 112.3
CITIES = ("lima", "cork", "graz", "oslo", "rome", "bonn", *(f"town-{number}" for number in range(14)))


def path(text):
    return StepPath(tuple(text.split("/")))


def branch(text):
    return BranchPath(tuple(text.split("/")))


def ended(name, took, message=""):
    return StepEnded(path(name), "task", Status.FAIL if message else Status.SUCCESS, message, took)


def events():
    """What has happened until now, each with its time."""
    yield 100.0, RunStarted("keen-noether-0912-51e3ab", "prices", concurrent=True)
    yield 100.0, StepReused(path("load"), "task")
    yield 100.1, StepStarted(path("clean"), "task")
    for number in range(2):
        yield 100.2 + number, AttemptFailed(path("clean"), number, "OSError: busy", 0.5)
    yield 102.2, ended("clean", 2.1)
    yield 102.9, StepStarted(path("both"), "parallel")
    yield 102.9, BranchesStarted(path("both"), Branching(("left", "right")))
    for name in ("both/left/a", "both/left/b", "both/right/split"):
        yield 102.9, StepStarted(path(name), "task")
        yield 103.2, ended(name, 0.31)
    yield 104.1, BranchEnded(branch("both/left"), succeeded=True)
    yield 103.3, StepStarted(path("both/right/fit"), "task")
    yield 110.0, StepOutput(path("both/right/fit"), b"\r 40%|####      | 20/50\r 42%|####      | 21/50")
    yield 102.5, StepStarted(path("each"), "map")
    yield 102.5, BranchesStarted(path("each"), Branching(count=20, values=CITIES))
    for number in range(4):
        message = "ValueError: no prices (work.py:18 in fit)" if number == 3 else ""
        yield 103.0, StepStarted(path(f"each/{number}/fit"), "task")
        yield 104.5, ended(f"each/{number}/fit", 1.5, message)
        yield 104.5, BranchEnded(branch(f"each/{number}"), not message)
    yield 111.5, StepStarted(path("each/4/fit"), "task")
    yield 112.0, StepOutput(path("each/4/fit"), b"epoch 3\n")
    yield 110.2, StepStarted(path("each/5/fit"), "task")
    yield 111.8, AttemptFailed(path("each/5/fit"), 0, "OSError: busy", 2.0)


def test_the_tree_in_the_documentation_is_what_is_painted():
    tree = Tree()
    for at, event in events():
        tree.take(event, at)
    [shown, *_] = re.findall(r"```text\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert frame(tree, NOW, Look(columns=79, rows=30)) == shown.splitlines()
