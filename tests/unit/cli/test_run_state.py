"""What runs look like: durations, tables and trees, on a terminal and elsewhere."""

import sys
from datetime import UTC, datetime, timedelta

import pytest

from magnus.app.inspect.show_run import BranchNode, ShownStep, StepNode
from magnus.app.text.columns import width
from magnus.app.text.palette import Style
from magnus.cli.text import values
from magnus.cli.text.styled_text import table
from magnus.cli.text.tree import Line, printed, step_lines
from magnus.graph.path import BranchPath
from magnus.run_log.parameters import ObjectParameter
from magnus.run_log.records import AttemptRecord, Branching, RunHealth, Span, Status, StepRecord
from magnus.testing.records import MOMENT, run_record


@pytest.fixture
def terminal(monkeypatch):
    """Says that standard output is a terminal of so many columns."""

    def of(columns):
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.delenv("NO_COLOR", raising=False)

    return of


def plain(text):
    import re

    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 ms"), (0.00042, "0.4 ms"), (0.0099, "9.9 ms"), (0.00999, "10 ms"), (0.25, "250 ms"), (0.9996, "1.0 s"),
        (1, "1.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.4, "59 s"), (59.6, "1 m 00 s"), (185, "3 m 05 s"),
        (3599.6, "1 h 00 m"), (7800, "2 h 10 m"), (86_400, "1 d 0 h"), (273_600, "3 d 4 h"), (-1, "0.0 ms"),
    ],
)  # fmt: skip
def test_durations(seconds, text):
    assert values.duration(timedelta(seconds=seconds)) == text


def test_what_is_not_known_is_empty():
    assert (values.duration(None), values.moment(None), values.minute(None)) == ("", "", "")
    assert values.minute(datetime(2026, 1, 31, 9, 5, 59, tzinfo=UTC)) == "2026-01-31 09:05"


@pytest.mark.parametrize("status", [*Status, *RunHealth])
def test_every_status_has_a_style(status):
    assert values.style(status)


ROWS = [
    ("a-run-id-of-twenty-7", "a pipeline of a long name", ("FAIL", Style.BAD), "a tag [/x]"),
    ("b", "漢字漢字漢字漢字", "SUCCESS", ""),
]
HEADINGS = ("run", "pipeline", "status", "tag")


@pytest.mark.parametrize("columns", [80, 50, 45, 30])
def test_a_table_fits_the_terminal_and_keeps_the_rest_whole(terminal, columns):
    terminal(columns)
    lines = plain(table(HEADINGS, ROWS, cut=((1, 3), (0,)))).splitlines()
    assert len(lines) == 4
    assert max(map(width, lines)) <= columns
    assert "FAIL" in lines[2]
    assert "SUCCESS" in lines[3]
    assert ("a-run-id-of-twenty-7" in lines[2]) == (columns > 40)
    assert ("a pipeline of a long name" in lines[2]) == ("a tag [/x]" in lines[2]) == (columns == 80)


def test_a_table_elsewhere_is_whole(capsys):
    lines = table(HEADINGS, ROWS, cut=((1, 3), (0,))).splitlines()
    assert lines[1] == "a-run-id-of-twenty-7  a pipeline of a long name  FAIL     a tag [/x]"


def test_lines_are_cut_or_go_on_below_on_a_terminal(terminal):
    terminal(20)
    text = "[red]one two three four five[/red]"
    cut, *wrapped = plain(
        "".join(printed([Line("│ ", ((text, Style.BAD),)), Line("│ ", ((text, Style.PLAIN),), wraps=True)]))
    ).splitlines()
    assert cut == "│ [red]one two thre…"
    assert [line[:2] for line in wrapped] == ["│ "] * len(wrapped)
    assert " ".join(line[2:] for line in wrapped) == text


def drawn(step):
    given = step.record.attempts[-1].parameters if step.record.attempts else {}
    shown = ShownStep(run_record(), step, step.record.path.parts, given)
    return [line.margin + "".join(text for text, _ in line.pieces) for line in step_lines(shown)]


def test_objects_and_long_values_are_whole_in_one_step():
    attempt = AttemptRecord(0, MOMENT, MOMENT, 0.5, Status.FAIL, "two\nlines", {"x": "v" * 100})
    record = StepRecord(
        BranchPath().step("a"), 0, Status.SUCCESS, "task",
        attempts=(attempt,), parameters={"model": ObjectParameter(".objects/m.pickle", "f" * 64, 2_500_000, "Model")}, metrics={"loss": float("nan")},
    )  # fmt: skip
    lines = drawn(StepNode(record, Status.SUCCESS, Span(MOMENT, MOMENT + timedelta(seconds=0.5))))
    assert lines[0] == "step a of run a-run  SUCCESS  500 ms"
    assert [line for line in lines if line in {"    two", "    lines"}] == ["    two", "    lines"]
    assert f'    x = "{"v" * 100}"' in lines
    assert "    model = <Model 'm', 2.5 MB, ffffffff>" in lines
    assert "    loss = NaN" in lines


def test_a_branch_of_a_map_is_called_by_its_element():
    def branch(key, label, value):
        return BranchNode(key, label, Status.SUCCESS, (), (value,))

    branches = [branch("0", "north", "north"), branch("1", "1", {"a": [1]}), branch("2", "2", 2)]
    record = StepRecord(BranchPath().step("m"), 0, Status.SUCCESS, "map", branching=Branching(count=3))
    lines = drawn(StepNode(record, Status.SUCCESS, None, branches))
    assert lines[-3:] == ["  ├─ north  SUCCESS", '  ├─ 1 = {"a": [1]}  SUCCESS', "  └─ 2  SUCCESS"]
