"""Run ids: made ones are memorable and unique, given ones can name a run in every store."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magnus.errors import InvalidRunId
from magnus.run_log.run_ids import check_new_run_id, check_run_id, new_run_id

NOON = datetime(2026, 1, 2, 12, 5, tzinfo=UTC)


def test_it_is_made_of_words_the_time_and_chance():
    assert new_run_id(NOON, lambda count: bytes(range(count))) == "agile-banach-1205-020304"


@given(st.binary(min_size=5, max_size=5))
def test_a_made_one_can_be_given(random):
    run_id = new_run_id(NOON, lambda _count: random)
    assert check_run_id(run_id) == run_id


@pytest.mark.parametrize(
    ("run_id", "reason"),
    [
        ("", "it is empty"),
        (" ", "it is empty"),
        (".hidden", "it starts with a dot"),
        ("a..b", "it holds '..'"),
        ("-a", "it starts with '-', as options do"),
        ("a/b", "it holds a path separator"),
        ("a\\b", "it holds a path separator"),
        ("a\nb", "it holds a character that cannot be printed"),
        ("a" * 151, "it is longer than 150 bytes"),
        ("ä" * 76, "it is longer than 150 bytes"),
    ],
)
def test_what_cannot_be_one(run_id, reason):
    with pytest.raises(InvalidRunId) as caught:
        check_run_id(run_id)
    shown = run_id.replace("\n", "\\n") if len(run_id) < 60 else f"{run_id[:59]}…"
    assert str(caught.value) == (
        f"error: '{shown}' cannot be a run id: {reason}\n"
        "  fix: use letters, digits, '-', '_' and '.', and begin with a letter or a digit"
    )


@pytest.mark.parametrize("run_id", ["\x1b[2J\x1b[1;31mred", "a\nb", "\u202eabc", "a" * 100_000])
def test_a_refused_one_cannot_steer_the_terminal(run_id):
    with pytest.raises(InvalidRunId) as caught:
        check_run_id(run_id)
    [problem] = caught.value.problems
    assert problem.message.isprintable()
    assert len(problem.message) < 150


@pytest.mark.parametrize("run_id", ["latest", "Latest", "LAST", "previous", "newest"])
def test_a_word_that_stands_for_a_run_is_no_id_of_a_new_one(run_id):
    with pytest.raises(InvalidRunId, match=f"'{run_id}' cannot be a run id: it is a word that stands for a run"):
        check_new_run_id(run_id)
    assert check_run_id(run_id) == run_id
    assert check_new_run_id(f"{run_id}-1") == f"{run_id}-1"
