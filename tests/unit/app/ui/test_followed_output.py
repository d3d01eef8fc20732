"""Output of a step as a page follows it."""

import json

import pytest
from msgspec.structs import replace

from magnus.app.ui.followed_output import FollowedOutput, Piece
from magnus.errors import InvalidInput
from magnus.graph.path import BranchPath
from magnus.run_log.records import Branching, Status, StepRecord


@pytest.fixture
def running(runs):
    run = runs.run("one", Status.PROCESSING)
    runs.step(run, "fit", Status.PROCESSING)
    return run


def followed(runs):
    return FollowedOutput(runs.store, lambda: runs.viewer.logs, "one", "fit")


def test_lines_come_as_they_are_printed_and_the_last_one_may_have_no_end(runs, running):
    output = followed(runs)
    assert list(output.new()) == []
    with runs.printing(running, "fit") as printed:
        printed(b"one\ntw")
        assert list(output.new()) == [Piece("one\n"), Piece(line="tw")]
        assert list(output.new()) == []
        printed("o\nthré".encode()[:-1])
        assert list(output.new()) == [Piece("two\n"), Piece(line="thr\N{REPLACEMENT CHARACTER}")]
        printed("é".encode()[-1:] + b"e\n")
        assert list(output.new()) == [Piece("thrée\n")]
    assert not output.is_over


def test_a_progress_bar_is_one_line(runs, running):
    output = followed(runs)
    with runs.printing(running, "fit") as printed:
        printed(b"10 %\r20 %\r")
        assert list(output.new()) == [Piece(line="20 %")]
        printed(b"30 %\rdone\n")
        assert list(output.new()) == [Piece("done\n")]


def test_it_is_over_when_the_step_is(runs, running):
    output = followed(runs)
    list(output.new())
    assert not output.is_over
    with runs.printing(running, "fit") as printed:
        printed(b"last words")
    runs.step(running, "fit", Status.FAIL)
    assert list(output.new()) == [Piece(line="last words")]
    assert output.is_over


def test_of_long_output_the_end_is_shown(runs, running):
    line = b"x" * 99 + b"\n"
    with runs.printing(running, "fit") as printed:
        printed(line * 10_000)
    pieces = list(followed(runs).new())
    shown = "".join(piece.text for piece in pieces)
    assert 250_000 < len(shown) <= 256 * 1024
    assert len(shown) % 100 == 0
    assert sum(piece.left_out for piece in pieces) == 1_000_000 - len(shown)


def test_output_that_may_repeat_a_secret_is_not_shown(runs):
    run = runs.run("one", password="*****")
    runs.step(run, "fit")
    with runs.printing(run, "fit") as printed:
        printed(b"hunter2\n")
    output = followed(runs)
    [piece] = output.new()
    assert "hunter2" not in piece.text
    assert "held a secret" in piece.text
    assert output.is_over


def put_map(runs, run, status, *inside):
    """The map `fit` over two cities, and the step `x` of each branch with a status."""
    path = BranchPath().step("fit")
    runs.store.put_step(
        run.run_id, StepRecord(path, 0, status, "map", branching=Branching(count=2, values=("rome", "oslo")))
    )
    for number, one in enumerate(inside):
        runs.store.put_step(run.run_id, StepRecord(path.into(str(number)).step("x"), 0, one, "task"))


def printed_in(runs, number, data):
    with runs.viewer.catalog.open_log("one", BranchPath().step("fit").into(str(number)).step("x")) as log:
        log.write(data)


def test_a_step_with_branches_has_the_output_of_its_steps_under_their_names(runs, running):
    output = followed(runs)
    assert list(output.new()) == []
    put_map(runs, running, Status.PROCESSING, Status.PROCESSING, Status.PROCESSING)
    printed_in(runs, 0, b"one\ntw")
    printed_in(runs, 1, b"other\n")
    assert list(output.new()) == [Piece("==> fit/rome/x <==\none\n"), Piece("==> fit/oslo/x <==\nother\n")]
    printed_in(runs, 1, b"more\n")
    assert list(output.new()) == [Piece("more\n")]
    printed_in(runs, 0, b"o")
    assert list(output.new()) == []
    put_map(runs, running, Status.FAIL, Status.FAIL, Status.SUCCESS)
    assert list(output.new()) == [Piece("==> fit/rome/x <==\ntwo\n")]
    assert output.is_over


def test_of_long_output_of_branches_the_end_is_shown(runs, running):
    put_map(runs, running, Status.PROCESSING, Status.PROCESSING, Status.PROCESSING)
    printed_in(runs, 0, b"a\n" * 100_000)
    printed_in(runs, 1, b"b\n" * 100_000)
    [piece] = followed(runs).new()
    assert piece == Piece("==> fit/oslo/x <==\n" + "b\n" * 100_000, left_out=200_000)


@pytest.mark.parametrize("step", ["none", "../../../etc/passwd", "fit/../..", "", "%2e%2e%2ffit", "\0"])
def test_there_is_no_output_of_what_is_no_step(runs, running, step):
    with pytest.raises(InvalidInput):
        FollowedOutput(runs.store, lambda: runs.viewer.logs, "one", step)


def test_the_stream_follows_and_ends(runs, running, serve):
    client = serve()
    with client.events("/output.events?id=one&step=fit") as event:
        with runs.printing(running, "fit") as printed:
            printed(b"one\n")
            assert event() == ("output", '{"text":"one\\n"}')
            printed(b"two\n")
            assert event() == ("output", '{"text":"two\\n"}')
        runs.step(running, "fit")
        assert event()[0] == "over"
        assert event() is None


def test_a_wrong_step_is_a_problem_in_the_stream(runs, running, serve):
    with serve().events("/output.events?id=one&step=..%2f..%2fetc%2fpasswd") as event:
        name, text = event()
    assert name == "problem"
    assert "etc/passwd" in json.loads(text)


def test_open_streams_end_when_the_server_stops(runs, running, serve):
    client = serve()
    with client.events("/output.events?id=one&step=fit") as event, client.events("/run.events?id=one") as other:
        assert other()[0] == "report"
        client.stop()
        assert event() is None
        assert other() is None


def test_the_run_ends_in_the_stream(runs, running, serve):
    client = serve()
    with client.events("/run.events?id=one") as event:
        name, text = event()
        assert (name, json.loads(text)["head"]["status"]) == ("report", "PROCESSING")
        runs.step(running, "fit", Status.FAIL, message="no label")
        runs.store.update_run(replace(running, status=Status.FAIL, end_time=running.start_time, message="fit failed"))
        reports = []
        while (news := event())[0] == "report":
            reports.append(json.loads(news[1]))
        assert news[0] == "over"
    assert reports[-1]["head"]["status"] == "FAIL"
    assert reports[-1]["rows"][1]["message"] == "no label"
