"""What a tree looks like at moments of runs: exact frames, from events alone."""

import pytest

from magnus.app.progress.live.model import Tree
from magnus.app.progress.live.painter import final, frame
from magnus.app.progress.live.screen import ASCII, Look
from magnus.graph.path import BranchPath, StepPath
from magnus.interfaces.reporter import (
    AttemptFailed,
    BranchEnded,
    BranchesStarted,
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
from magnus.run_log.records import Branching, Status

LOOK = Look(columns=60, rows=20)


def path(text):
    return StepPath(tuple(text.split("/")))


def branch(text):
    return BranchPath(tuple(text.split("/")))


def started(name, step_type="task"):
    return StepStarted(path(name), step_type)


def ended(name, took=0.5, *, message=""):
    return StepEnded(path(name), "task", Status.FAIL if message else Status.SUCCESS, message, took)


def run_ended(took=2.0, *, message="", commands=()):
    return RunEnded("mine", Status.FAIL if message else Status.SUCCESS, message, took, commands)


def tree(*events, name="", concurrent=False):
    """The tree after the run began at 100, and something happened each tenth of a second."""
    made = Tree()
    for number, event in enumerate([RunStarted("mine", name, concurrent), *events]):
        made.take(event, 100 + number / 10)
    return made


def shown(made, at=102.0, look=LOOK):
    return frame(made, at, look)


def mapped(count, **more):
    return BranchesStarted(path("m"), Branching(count=count, values=tuple(range(count)), **more))


def test_before_the_run_there_is_nothing():
    assert frame(Tree(), 1.0, LOOK) == final(Tree(), LOOK) == []


def test_steps_one_after_the_other():
    made = tree(started("a"), ended("a", 0.012), started("b"), ended("b", 3.21), started("c"), name="three")
    assert shown(made, 102.0) == [
        "⠋ mine  three  2.0 s  2 done, 1 running",
        "  ✓ a  12 ms",
        "  ✓ b  3.2 s",
        "  ⠋ c  1.5 s",
    ]


def test_a_moment_later_the_spinner_has_turned_and_time_gone_on():
    made = tree(started("a"))
    assert shown(made, 102.0)[1] == "  ⠋ a  1.9 s"
    assert shown(made, 102.1)[1] == "  ⠙ a  2.0 s"
    assert shown(made, 175.1)[1] == "  ⠙ a  1 m 15 s"


def test_steps_that_wait_for_a_machine_say_why():
    made = tree(StepWaiting(path("a"), "17"), StepWaiting(path("b"), "18", "Resources"), started("a"))
    assert shown(made, 102.0) == [
        "⠋ mine  2.0 s  1 running, 1 waiting",
        "  ⠋ a  1.7 s",
        "  ◌ b  1.8 s  waits (Resources), job 18",
    ]


def test_a_requeued_step_waits_again_and_counts_once():
    events = [started("a"), StepWaiting(path("a"), "17", "BeginTime"), started("a")]
    assert shown(tree(*events[:2]))[0].endswith("  1 waiting")
    assert shown(tree(*events))[0].endswith("  1 running")
    assert shown(tree(*events, ended("a")))[0].endswith("  1 done")


def test_a_composite_that_another_job_continues_counts_its_steps_once():
    events = [started("m"), mapped(3), started("m/0/a"), StepWaiting(path("m"), "18", "Resources")]
    made = tree(*events, started("m"), mapped(3), started("m/0/a"))
    assert shown(made)[0].endswith("  1 running")


def test_of_many_steps_those_that_wait_are_left_out_first():
    waiting = [StepWaiting(path(f"m/{number}/a"), f"17_{number}", "Priority") for number in range(50)]
    rows = shown(tree(started("m"), mapped(50), *waiting, started("m/7/a")), look=Look(60, 5))
    assert rows[0].endswith("1 running, 49 waiting")
    assert [row.split("  ")[1].strip() for row in rows[2:]] == ["", "", ""]
    assert sum("waiting" in row for row in rows[2:]) == 2
    assert "⠋ 7/a" in rows[3]


def test_what_a_step_said_last_stands_beside_it_until_it_ends():
    events = [started("a"), StepOutput(path("a"), b"first\nsecond\n\nthi"), StepOutput(path("a"), b"rd")]
    assert shown(tree(*events))[1] == "  ⠋ a  1.9 s  third"
    assert shown(tree(*events, ended("a")))[1] == "  ✓ a  500 ms"


def test_what_a_step_loads_stands_beside_it():
    events = [started("a"), StepOutput(path("a"), b"said"), StepLoading(path("a"), "torch")]
    assert shown(tree(*events))[1] == "  ⠋ a  1.9 s  loading torch"
    assert shown(tree(*events, StepLoading(path("a"), "")))[1] == "  ⠋ a  1.9 s  said"
    assert shown(tree(*events, ended("a")))[1] == "  ✓ a  500 ms"


def test_a_bar_of_progress_looks_as_it_does_now():
    made = tree(started("a"), StepOutput(path("a"), b"\r 10%|#   |\r\x1b[32m 50%|##  |\x1b[0m"))
    assert shown(made)[1] == "  ⠋ a  1.9 s   50%|##  |"


def test_the_last_lines_stand_below_the_step_where_that_is_wanted():
    made = tree(started("a"), StepOutput(path("a"), b"one\ntwo\nthree\n"))
    assert shown(made, look=Look(60, 20, tail_lines=2))[1:] == ["  ⠋ a  1.9 s", "    two", "    three"]


def test_retries_show_why_and_when():
    made = tree(started("a"), AttemptFailed(path("a"), 0, "ValueError: no\nmore of it", 5.0))
    assert shown(made, 102.0)[1] == "  ⠋ a  attempt 2 in 3.2 s  1.9 s  ValueError: no"
    assert shown(made, 106.0)[1] == "  ⠋ a  attempt 2  5.9 s"
    made.take(ended("a", 7.0), 107.0)
    assert shown(made, 108.0)[1] == "  ✓ a  2 attempts  7.0 s"


def test_reused_steps_are_told_apart():
    made = tree(StepReused(path("a"), "task"), StepReused(path("m"), "map"), started("b"))
    assert shown(made) == [
        "⠋ mine  2.0 s  2 reused, 1 running",
        "  ○ a  reused",
        "  ○ m  reused",
        "  ⠋ b  1.7 s",
    ]


def test_a_map_has_a_bar_and_shows_what_runs_and_what_failed():
    events = [started("m", "map"), mapped(10)]
    for number in range(5):
        events += [started(f"m/{number}/s"), ended(f"m/{number}/s", message="ValueError: x" if number == 3 else "")]
        events += [BranchEnded(branch(f"m/{number}"), number != 3)]
    made = tree(*events, started("m/5/first"), ended("m/5/first"), started("m/5/s"), started("m/6/first"))
    assert shown(made, 104.0) == [
        "⠋ mine  4.0 s  5 done, 2 running, 1 failed",
        "  ⠋ m  ━━━━━━━━───────  5/10, 1 failed  3.9 s",
        "    ✗ 3/s  500 ms  ValueError: x",
        "    ⠋ 5/s  2.0 s",
        "    ⠋ 6/first  1.9 s",
    ]


def test_branches_of_a_map_are_called_by_their_elements():
    branching = Branching(count=2, values=("apple", "pear"))
    made = tree(started("m", "map"), BranchesStarted(path("m"), branching), started("m/1/s"))
    assert shown(made)[2] == "    ⠋ pear/s  1.7 s"


def test_the_keys_that_differ_are_beside_the_step_of_a_branch():
    values = ({"rate": 0.1, "depth": 3}, {"rate": 0.5, "depth": 3})
    made = tree(started("m", "map"), BranchesStarted(path("m"), Branching(count=2, values=values)), started("m/1/s"))
    assert shown(made)[2] == "    ⠋ 1/s  rate=0.5  1.7 s"
    numbers = tree(started("m", "map"), BranchesStarted(path("m"), Branching(count=2, values=(1, 2))), started("m/1/s"))
    assert shown(numbers)[2] == "    ⠋ 2/s  1.7 s"


def test_branches_with_names_nest_and_those_that_ended_collapse():
    made = tree(
        started("p", "parallel"),
        BranchesStarted(path("p"), Branching(("left", "right"))),
        started("p/left/a"),
        ended("p/left/a"),
        started("p/right/b"),
        ended("p/right/b", 0.1),
        BranchEnded(branch("p/right"), succeeded=True),
        started("p/left/inner", "dag"),
        BranchesStarted(path("p/left/inner"), Branching(("dag",))),
        started("p/left/inner/dag/deep"),
    )
    assert shown(made) == [
        "⠋ mine  2.0 s  2 done, 1 running",
        "  ⠋ p  1/2  1.9 s",
        "    ⠋ left",
        "      ✓ a  500 ms",
        "      ⠋ inner  1.2 s",
        "        ⠋ deep  1.0 s",
        "    ✓ right  200 ms",
    ]
    made.take(ended("p/left/inner/dag/deep"), 103.0)
    made.take(ended("p/left/inner"), 103.0)
    made.take(BranchEnded(branch("p/left"), succeeded=True), 103.0)
    made.take(ended("p", 2.0), 103.0)
    assert shown(made, 104.0)[1:] == ["  ✓ p  2 branches  2.0 s"]


def test_a_conditional_says_which_branch_and_a_loop_which_round():
    chosen = [started("c", "conditional"), BranchesStarted(path("c"), Branching(("yes",))), started("c/yes/s")]
    assert shown(tree(*chosen))[1:] == ["  ⠋ c  yes  1.9 s", "    ⠋ s  1.7 s"]
    rounds = [started("l", "loop"), BranchesStarted(path("l"), Branching(count=1)), started("l/0/s"), ended("l/0/s")]
    rounds += [
        BranchEnded(branch("l/0"), succeeded=True),
        BranchesStarted(path("l"), Branching(count=2)),
        started("l/1/s"),
    ]
    assert shown(tree(*rounds))[1:] == ["  ⠋ l  iteration 2  1.9 s", "    ⠋ 1/s  1.3 s"]
    rounds += [ended("l/1/s"), BranchEnded(branch("l/1"), succeeded=True), ended("l")]
    assert shown(tree(*rounds))[1:] == ["  ✓ l  2 iterations  500 ms"]


def test_failures_that_were_taken_care_of_inside_a_map_are_counted():
    made = tree(
        started("m", "map"),
        mapped(1),
        started("m/0/s"),
        ended("m/0/s", message="broken"),
        started("m/0/mend"),
        ended("m/0/mend"),
        BranchEnded(branch("m/0"), succeeded=True),
        ended("m"),
    )
    assert shown(made)[1:] == ["  ✓ m  1 branch  1 failed on the way  500 ms"]


def test_a_step_nobody_said_began_is_shown_when_it_ends():
    made = tree(ended("m/0/s", message="lost"), Warned("of no step"))
    assert shown(made)[1:] == ["  ⠋ m  1.9 s", "    ✗ 0/s  500 ms  lost"]


def test_long_lines_are_cut_and_names_leave_room_for_what_is_said_of_them():
    made = tree(started("n" * 100), StepOutput(path("n" * 100), b"o" * 100))
    assert shown(made, look=Look(40, 20))[1] == "  ⠋ " + "n" * 17 + "…  1.9 s  " + "o" * 8 + "…"
    assert shown(made, look=Look(5, 20)) == ["⠋ mi…", " ⠋ ……"]


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("测试\u200d名", "测试\u200d名"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("back\u202ewards", "back\\u202ewards"),
        ("half \ud800", "half \\ud800"),
        ("[/x]", "[/x]"),
    ],
)
def test_names_cannot_do_harm(name, seen):
    made = Tree()
    made.take(RunStarted("mine", name), 1.0)
    made.take(StepStarted(StepPath((name,)), "task"), 1.0)
    head, row = frame(made, 1.0, LOOK)
    assert (head, row) == (f"⠋ mine  {seen}  0.0 s  1 running", f"  ⠋ {seen}  0.0 s")


def test_wide_characters_take_two_columns():
    made = tree(started("测" * 40))
    row = shown(made, look=Look(30, 20))[1]
    assert row == "  ⠋ " + "测" * 6 + "…  1.9 s"


def test_only_ascii_where_the_terminal_has_no_more():
    made = tree(
        started("m", "map"), mapped(4), started("m/0/s"), ended("m/0/s"), BranchEnded(branch("m/0"), succeeded=True)
    )
    made.take(started("m/1/" + "s" * 90), 101.0)
    assert all(line.isascii() for line in shown(made, look=Look(60, 20, glyphs=ASCII)))


def test_colours_change_nothing_but_colours():
    import re

    made = tree(started("a"), ended("a", message="x"), started("m", "map"), mapped(4), StepOutput(path("m"), b"o"))
    coloured = shown(made, look=Look(60, 20, colour=True))
    assert "\x1b[1;31m✗\x1b[0m" in coloured[1]
    assert [re.sub(r"\x1b\[[\d;]*m", "", line) for line in coloured] == shown(made)


def chain(count, failing=()):
    events = []
    for number in range(count):
        events += [started(f"s{number}"), ended(f"s{number}", message="broken" if number in failing else "")]
    return events


def test_a_long_chain_takes_no_more_lines_than_there_are():
    made = tree(*chain(500, failing=(7,)), started("now"))
    lines = shown(made, 202.1, Look(60, 8))
    assert lines == [
        "⠙ mine  1 m 42 s  499 done, 1 running, 1 failed",
        "  ✗ s7  500 ms  broken",
        "  … 495 done",
        "  ✓ s496  500 ms",
        "  ✓ s497  500 ms",
        "  ✓ s498  500 ms",
        "  ✓ s499  500 ms",
        "  ⠙ now  2.0 s",
    ]


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 9, 24])
def test_however_low_the_terminal_is(rows):
    events = [started("p", "parallel"), BranchesStarted(path("p"), Branching(tuple("abcdefgh")))]
    events += [started(f"p/{key}/s") for key in "abcdefgh"]
    made = tree(*chain(30, failing=(3, 4)), *events)
    assert 1 <= len(shown(made, look=Look(60, rows))) <= rows


def test_what_failed_stays_and_what_ended_goes_first():
    events = [started("m", "map"), mapped(100)]
    for number in range(40):
        events += [started(f"m/{number}/s"), ended(f"m/{number}/s", message="x" * (number % 8 == 0))]
        events += [BranchEnded(branch(f"m/{number}"), number % 8 != 0)]
    events += [started(f"m/{number}/s") for number in range(40, 50)]
    lines = shown(tree(*chain(10), *events), 120.0, Look(60, 10))
    assert len(lines) == 10
    assert sum("✗" in line for line in lines) == 5
    assert lines[1] == "  … 10 done"
    assert lines[2].startswith("  ⠋ m  ━")
    assert lines[-1] == "    … 9 running"


def test_a_tree_of_a_large_map_stays_small():
    made = tree(started("m", "map"), mapped(5000))
    for number in range(5000):
        made.take(started(f"m/{number}/s"), 101.0)
        made.take(ended(f"m/{number}/s"), 101.0)
        made.take(BranchEnded(branch(f"m/{number}"), succeeded=True), 101.0)
    assert made.root.steps["m"].branches == {}
    assert shown(made)[1] == "  ⠋ m  ━━━━━━━━━━━━━━━  5000/5000  1.9 s"


def test_the_final_tree_of_a_run_that_succeeded():
    made = tree(started("a"), ended("a"), run_ended(), name="named")
    assert final(made, LOOK) == ["✓ mine  named", "  ✓ a  500 ms", "run mine: SUCCESS in 2.0 s"]


def test_the_final_tree_has_failures_in_full_and_says_how_to_go_on():
    message = "ValueError: " + "long " * 30 + "\n\tsecond \x1b[2J line"
    made = tree(
        started("a"),
        ended("a"),
        started("b"),
        ended("b", message=message),
        run_ended(message="step 'b' failed", commands=(("resume where it stopped", "magnus retry mine"),)),
    )
    assert final(made, LOOK) == [
        "✗ mine",
        "  ✓ a  500 ms",
        "  ✗ b  500 ms",
        "      ValueError: " + "long " * 30,
        "              second \\x1b[2J line",
        "run mine: FAIL in 2.0 s",
        "  resume where it stopped: magnus retry mine",
    ]


def test_why_a_run_failed_is_said_where_no_step_says_it():
    made = tree(started("a"), run_ended(message="interrupted"))
    assert final(made, LOOK) == ["✗ mine", "  ■ a  interrupted", "run mine: FAIL in 2.0 s: interrupted"]


def test_a_run_whose_end_nobody_told_stopped():
    made = tree(started("a"))
    made.stop()
    assert final(made, LOOK) == ["■ mine", "  ■ a  interrupted"]


def test_many_failures_are_counted_in_the_end():
    events = [started("m", "map"), mapped(200)]
    for number in range(200):
        events += [started(f"m/{number}/s"), ended(f"m/{number}/s", message="broken")]
        events += [BranchEnded(branch(f"m/{number}"), succeeded=False)]
    events += [ended("m", message="branches failed"), run_ended(message="step 'm' failed")]
    lines = final(tree(*events), LOOK)
    assert lines[1] == "  ✗ m  ━━━━━━━━━━━━━━━  200/200, 200 failed  500 ms"
    assert sum(line == "        broken" for line in lines) == 48
    assert "    … 152 failed" in lines
