"""A run log of many steps does not flood a terminal; what is no terminal gets it all."""

import pytest

from magnus.cli import console
from magnus.cli.run_log_output import RunLogOutput

FEW, MANY = 20, 21


class Store:
    def __init__(self, location):
        self.location = location


@pytest.fixture
def written(monkeypatch):
    """What is printed, and what is noted on standard error."""
    found = {"out": [], "err": []}
    monkeypatch.setattr(console, "emit", found["out"].append)
    monkeypatch.setattr(console, "note", found["err"].append)
    return found


def printed(when, steps, written, monkeypatch, *, is_terminal, store=None):
    monkeypatch.setattr(console, "is_terminal", lambda: is_terminal)
    pieces = ['{"run_id": "r-1",\n', *['"a": {"step_type": "task"},\n'] * steps, '"note": "\\"step_type\\": "}\n']
    with RunLogOutput(when, store, "") as output:
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
def test_when_it_is_printed(when, steps, is_terminal, is_printed, written, monkeypatch):
    assert printed(when, steps, written, monkeypatch, is_terminal=is_terminal) is is_printed


def test_where_it_is_and_how_to_see_it_is_said_in_its_place(written, monkeypatch, tmp_path):
    (tmp_path / "r-1.json").write_text("{}")
    printed("auto", MANY, written, monkeypatch, is_terminal=True, store=Store(tmp_path))
    assert written["err"] == [
        f"the run log of 21 steps is in {tmp_path}/r-1.json, see it with: magnus show r-1\n"
        "  as JSON: magnus show r-1 --json, or --json always"
    ]
    written["err"].clear()
    printed("auto", MANY, written, monkeypatch, is_terminal=True, store=Store(tmp_path / "none"))
    assert written["err"][0].startswith("the run log of 21 steps is not printed, see it with: magnus show r-1")
    written["err"].clear()
    printed("never", MANY, written, monkeypatch, is_terminal=True)
    assert written["err"] == []
