"""The end of what steps printed, as a report shows it."""

from io import BytesIO

import pytest

from magnus.app.report.interned_texts import Logs, last_lines, readable_log
from magnus.graph.path import BranchPath


@pytest.mark.parametrize(
    ("text", "number", "kept"),
    [
        (b"a\nb\nc\n", 2, b"b\nc\n"),
        (b"a\nb\nc", 2, b"b\nc"),
        (b"a\nb\n", 2, b"a\nb\n"),
        (b"a\n\n\n", 2, b"\n\n"),
        (b"", 2, b""),
        (b"a", 1, b"a"),
    ],
)
def test_the_last_lines(text, number, kept):
    assert last_lines(text, number) == kept


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        (b"\x1b[1;31mred\x1b[0m", "red"),
        (b"\x1b]0;title\x07text", "text"),
        (b"10%\r50%\r100%\ndone\r\n", "100%\ndone\n"),
        (b"tab\tand \x00 nothing \x1b(B", "tab\tand � nothing "),
        (b"\xff\xfe", "��"),
        ("ü ✓".encode(), "ü ✓"),
    ],
)
def test_it_looks_as_a_terminal_would_leave_it(printed, shown):
    assert readable_log(printed) == shown


def test_a_long_line_takes_no_longer_than_its_length():
    assert len(readable_log(b"x" * 64_000)) == 64_000
    assert readable_log(b"x\r" * 32_000) == "x"


class _Catalog:
    """One that has some logs, by the name of the step."""

    def __init__(self, **logs):
        self.logs = logs

    def read_log(self, _run_id, path):
        log = self.logs.get(path.name)
        return None if log is None else BytesIO(log)


def ends(catalog, *steps, total=100):
    return Logs(catalog, "a-run").ends([(BranchPath().step(name), failed) for name, failed in steps], total)


def test_a_step_that_failed_shows_more():
    printed = b"".join(b"line %d\n" % number for number in range(2000))
    good, bad = ends(_Catalog(good=printed, bad=printed), ("good", False), ("bad", True))
    assert good.text.startswith("line 1800\n")
    assert bad.text.startswith("line 1000\n")
    assert good.left_out + len(good.text) == bad.left_out + len(bad.text) == len(printed)


def test_what_printed_nothing_has_no_log():
    assert ends(_Catalog(empty=b""), ("empty", False), ("none", True)) == [None, None]


def test_a_catalog_that_cannot_give_logs_gives_none():
    assert ends(object(), ("a", True)) == [None]


def test_many_long_logs_stay_small_together():
    names = [f"s{number}" for number in range(100)]
    found = ends(_Catalog(**dict.fromkeys(names, b"x" * 100_000)), *((name, False) for name in names))
    assert 200_000 < sum(len(log.text) for log in found) <= 250_000
