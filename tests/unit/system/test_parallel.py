"""Many items in a few threads."""

import threading
import time

import pytest

from magnus.system import parallel
from magnus.system.parallel import for_each

pytestmark = pytest.mark.usefixtures("two_processors")


@pytest.fixture
def two_processors(monkeypatch):
    monkeypatch.setattr(parallel, "_cores", lambda: 2)


def slowly(item):
    until = time.perf_counter() + 0.001
    while time.perf_counter() < until:
        pass
    return item


@pytest.mark.parametrize("count", [0, 1, 16, 17, 33, 100])
@pytest.mark.parametrize("function", [abs, slowly])
def test_results_are_in_the_order_of_the_items(function, count):
    assert for_each(function, range(count)) == list(range(count))


def test_items_that_take_long_are_done_at_the_same_time():
    both = threading.Barrier(2, timeout=30)

    def meet(item):
        slowly(item)
        if item in {40, 41}:
            both.wait()
        return item

    assert for_each(meet, range(60)) == list(range(60))


def test_items_that_wait_for_a_network_are_done_at_the_same_time_from_the_first_on():
    all_of_them = threading.Barrier(4, timeout=30)
    assert sorted(for_each(lambda _: all_of_them.wait(), range(4), threads=8)) == [0, 1, 2, 3]
    assert for_each(abs, (), threads=8) == []


@pytest.mark.parametrize("bad", [3, 20, 99])
@pytest.mark.parametrize("pace", [abs, slowly])
def test_the_error_of_an_item_is_raised(pace, bad):
    def fail(item):
        pace(item)
        if item == bad:
            raise ValueError(str(item))

    with pytest.raises(ValueError, match=f"^{bad}$"):
        for_each(fail, range(100))
