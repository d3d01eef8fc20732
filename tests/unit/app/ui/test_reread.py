"""A value that is read again when it is old."""

import pytest

from magnus.app.ui.reread import Reread


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_a_value_is_read_again_after_half_a_second():
    clock, read = Clock(), iter(range(10))
    value = Reread(lambda: next(read), clock)
    assert value.value() == 0
    clock.now = 0.4
    assert value.value() == 0
    clock.now = 0.5
    assert value.value() == 1


def test_reading_takes_at_most_a_tenth_of_the_time():
    clock, read = Clock(), iter(range(10))

    def slow():
        clock.now += 2
        return next(read)

    value = Reread(slow, clock)
    assert value.value() == 0
    clock.now = 21.9
    assert value.value() == 0
    clock.now = 22
    assert value.value() == 1


def test_an_error_is_not_kept():
    read = iter([ZeroDivisionError, 7])

    def failing():
        value = next(read)
        if value is ZeroDivisionError:
            raise value
        return value

    value = Reread(failing, Clock())
    with pytest.raises(ZeroDivisionError):
        value.value()
    assert value.value() == 7
