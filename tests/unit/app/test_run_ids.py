"""Run ids: made ones are memorable and unique, given ones can name a run in every store."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from magnus.app.run_ids import check_run_id, find_run, new_run_id
from magnus.errors import InvalidInput, InvalidRunId, RunNotFound
from magnus.run_log_stores.buffered import BufferedOptions, BufferedRunLogStore
from magnus.testing.records import MOMENT, run_record

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


def store_of(*run_ids):
    store = BufferedRunLogStore(BufferedOptions(), Path())
    for number, run_id in enumerate(run_ids):
        store.create_run(replace(run_record(run_id), start_time=MOMENT + timedelta(days=number)))
    return store


@pytest.mark.parametrize(("wanted", "found"), [("ab", "ab"), ("abc", "abc"), ("z", "zz"), ("latest", "a")])
def test_a_run_is_found_by_its_id_by_its_beginning_and_as_the_latest(wanted, found):
    assert find_run(store_of("zz", "abc", "ab", "a"), wanted) == found


def test_a_run_may_be_called_latest():
    assert find_run(store_of("latest", "b"), "latest") == "latest"


@pytest.mark.parametrize(("wanted", "error"), [("", RunNotFound), ("x", RunNotFound), ("ab", InvalidInput)])
def test_a_run_that_is_not_there_or_could_be_several_is_not_found(wanted, error):
    with pytest.raises(error):
        find_run(store_of("abc", "abd"), wanted)
    with pytest.raises(RunNotFound):
        find_run(store_of(), "latest")
