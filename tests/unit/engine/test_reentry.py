"""What an engine and the re-entry command tell each other."""

import json
from typing import get_args

import pytest

from magnus import __version__
from magnus.engine.reentry.protocol import VARIABLE, EventLines, Reentry, event_line, reentry
from magnus.errors import InvalidInput
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.reporter import (
    AttemptFailed,
    BranchEnded,
    BranchesStarted,
    Event,
    Logged,
    Planned,
    RunEnded,
    RunStarted,
    StepEnded,
    StepLoading,
    StepOutput,
    StepReused,
    StepStarted,
    StepWaiting,
    Warned,
)
from magnus.run_log.records import Branching, CodeIdentity, Status

PATH = StepPath(("m", "0", "ü/%\n"))
EVENTS = [
    RunStarted("r", "name", concurrent=True),
    Planned("line"),
    StepStarted(PATH, "task"),
    BranchesStarted(StepPath(("m",)), Branching(count=2, values=(1, {"ü": None}))),
    BranchEnded(BranchPath(("m", "0")), succeeded=False),
    StepReused(PATH, "task"),
    StepOutput(PATH, b"\xff\n\x00 and more"),
    AttemptFailed(PATH, 1, "why\nnot", 0.5),
    StepEnded(PATH, "task", Status.FAIL, "odd \udc80 text", 1.25),
    Warned("careful", PATH, once="k"),
    Warned("careful"),
    StepLoading(PATH, "torch"),
    StepWaiting(PATH, "17_3", "Resources"),
    Logged("DEBUG magnus: ü"),
    RunEnded("r", Status.SUCCESS, "", 3.0, (("resume where it stopped", "magnus retry r"),)),
]


def test_every_kind_of_event_is_here():
    assert {type(event) for event in EVENTS} == set(get_args(Event))


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_events_arrive_as_they_were_sent_however_they_are_cut(size):
    text, lines = b"".join(map(event_line, EVENTS)), EventLines()
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    assert [event for piece in pieces for event in lines.feed(piece)] == EVENTS
    assert (lines.heard, lines.rest) == (True, b"")


@pytest.mark.parametrize(
    "line", [b"hello", b"[]", b'["Nothing", {}]', b'["Planned", {}]', b"{}", b"\xff", b"[1, 2]", b"3"]
)
def test_other_lines_are_kept_as_the_rest(line):
    lines = EventLines()
    assert list(lines.feed(line + b"\n")) == []
    assert (lines.heard, lines.rest) == (False, line + b"\n")


def test_the_rest_is_the_end_of_it():
    lines = EventLines()
    lines.note(b"x" * 10_000)
    lines.note(b"end")
    assert (len(lines.rest), lines.rest[-4:]) == (4096, b"xend")


def test_what_is_told_arrives():
    told = Reentry(code_identities=(CodeIdentity("d", "docker", code_identifier_dependable=True),), events=True)
    assert reentry(told.variables()) == told


def test_nothing_told_is_nothing():
    assert reentry({}) == reentry({VARIABLE: ""}) == Reentry()


@pytest.mark.parametrize("more", [{}, {"code_identities": "of another shape"}])
def test_another_version_is_refused(more):
    with pytest.raises(InvalidInput, match=f"was started by magnus 9.9, and this is magnus {__version__}"):
        reentry({VARIABLE: json.dumps({"version": "9.9", **more})})


def test_what_cannot_be_read_is_refused():
    with pytest.raises(InvalidInput, match="MAGNUS_REENTRY cannot be read"):
        reentry({VARIABLE: "{"})
