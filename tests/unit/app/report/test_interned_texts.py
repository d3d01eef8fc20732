"""How much of long texts fits into a report."""

from hypothesis import given
from hypothesis import strategies as st

from magnus.app.report.interned_texts import Budget, characters_within, fair_limit, size_of

SIZES = st.lists(st.integers(0, 1000), max_size=30)


@given(SIZES, st.integers(0, 20_000))
def test_what_is_kept_fits(sizes, budget):
    limit = fair_limit(sizes, budget)
    assert sum(min(size, limit) for size in sizes) <= budget


@given(SIZES, st.integers(0, 20_000))
def test_nothing_is_cut_without_need(sizes, budget):
    limit = fair_limit(sizes, budget)
    if any(size > limit for size in sizes):
        assert sum(min(size, limit + 1) for size in sizes) > budget


def test_short_texts_leave_their_share_to_long_ones():
    assert fair_limit([10, 10, 500], 320) == 300


def test_more_steps_may_say_more_but_none_more_than_the_longest():
    budget = Budget(base=100, each=10, longest=60)
    assert budget.limit([50, 50, 50], 100) == 33
    assert budget.limit([50, 50, 50], 105) == 60
    assert budget.limit([], 1) == 60


@given(st.text(max_size=50), st.integers(0, 100))
def test_a_text_is_cut_only_when_it_is_too_long(text, limit):
    size = size_of(text)
    assert (characters_within(text, size, limit) == len(text)) == (size <= limit or not text)


def test_a_size_is_that_of_the_text_in_the_page():
    assert size_of('a"\n') == len(b'"a\\"\\n"')
    assert size_of("<b>") == len('"\\u003cb>"')
    assert size_of("\udcff") == len('"\\udcff"')
    assert characters_within("ü" * 100, size_of("ü" * 100), 101) == 50
