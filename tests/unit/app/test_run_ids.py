"""Run ids: made ones are memorable and unique, given ones can name a run in every store."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from magnus.app.run_ids import check_run_id, new_run_id
from magnus.errors import InvalidRunId

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
        (".hidden", "it begins with a dot"),
        ("a..b", "it holds '..'"),
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
    assert str(caught.value) == (
        f"error: '{run_id}' cannot be a run id: {reason}\n"
        "  fix: use letters, digits, '-', '_' and '.', and begin with a letter or a digit"
    )
