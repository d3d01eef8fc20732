"""A run log of many steps does not flood a terminal; what is no terminal gets it all."""

import pytest

from magnus.cli import console
from magnus.cli.run_log_output import RunLogOutput

FEW, MANY = 20, 21


class Output:
    """What is asked of the standard output that magnus keeps for itself."""

    def __init__(self, emit, is_terminal):
        self.emit = emit
        self.is_terminal = is_terminal


class Store:
    def __init__(self, location):
        self.location = location


@pytest.fixture
def written(monkeypatch):
    """What is printed, and what is noted on standard error."""
    found = {"out": [], "err": []}
    monkeypatch.setattr(console, "note", found["err"].append)
    return found


def printed(when, steps, written, *, is_terminal, store=None):
    pieces = ['{"run_id": "r-1",\n', *['"a": {"step_type": "task"},\n'] * steps, '"note": "\\"step_type\\": "}\n']
    with RunLogOutput(Output(written["out"].append, is_terminal), when, store, "") as output:
        for piece in pieces:
            output.emit(piece)
    assert written["out"] in ([], pieces)
    return bool(written["out"])


@pytest.mark.parametrize(
    ("when", "steps", "is_terminal", "is_printed"),
    [
        ("auto", FEW, True, True),
        ("auto", MANY, True, False),
        ("auto", MANY, False, True),
        ("always", MANY, True, True),
        ("never", FEW, True, False),
        ("never", FEW, False, False),
    ],
)
def test_when_it_is_printed(when, steps, is_terminal, is_printed, written):
    assert printed(when, steps, written, is_terminal=is_terminal) is is_printed


def test_where_it_is_and_how_to_see_it_is_said_in_its_place(written, tmp_path):
    (tmp_path / "r-1.json").write_text("{}")
    printed("auto", MANY, written, is_terminal=True, store=Store(tmp_path))
    assert written["err"] == [
        f"the run log of 21 steps is in {tmp_path}/r-1.json, see it with: magnus show r-1\n"
        "  as JSON: magnus show r-1 --json, or --json always"
    ]
    written["err"].clear()
    printed("auto", MANY, written, is_terminal=True, store=Store(tmp_path / "none"))
    assert written["err"][0].startswith("the run log of 21 steps is not printed, see it with: magnus show r-1")
    written["err"].clear()
    printed("never", MANY, written, is_terminal=True)
    assert written["err"] == []
