"""Calls a function for many items, in a few threads where that pays."""

import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

_MOST_THREADS: Final = 8
_FEW: Final = 16
"""So few items are done sooner than threads are started."""
_QUICK_SECONDS: Final = 0.0005
"""An item that takes less is mostly Python and short system calls: two threads would wait for each other, and take longer."""


def for_each(
    function: Callable[[ItemT], ResultT], items: Sequence[ItemT], *, threads: int | None = None
) -> list[ResultT]:
    """The result of the function for each item, in their order.

    After an error no further item is started. If several items fail, the error of the first of them is raised. `threads`
    is for functions that wait for a network; without, there are as many as processors, and few items need none.
    """
    if threads is not None:
        return _in_threads(function, items, min(threads, len(items)))
    threads = min(_cores(), _MOST_THREADS)
    if len(items) <= _FEW or threads == 1:
        return [function(item) for item in items]
    results = _while_quick(function, items)
    return results + _in_threads(function, items[len(results) :], threads)


def _while_quick(function: Callable[[ItemT], ResultT], items: Sequence[ItemT]) -> list[ResultT]:
    """The results of the first items, until a few of them are not quick."""
    results: list[ResultT] = []
    start = time.monotonic()
    for position, item in enumerate(items, 1):
        results.append(function(item))
        if position % _FEW == 0:
            now = time.monotonic()
            if now - start > _FEW * _QUICK_SECONDS:
                break
            start = now
    return results


def _in_threads(function: Callable[[ItemT], ResultT], items: Sequence[ItemT], threads: int) -> list[ResultT]:
    import threading  # lazy: few files need none

    results: dict[int, ResultT] = {}
    errors: dict[int, BaseException] = {}
    pending = deque(range(len(items)))

    def work() -> None:
        while not errors:
            try:
                position = pending.popleft()
            except IndexError:
                return
            try:
                results[position] = function(items[position])
            except BaseException as error:  # noqa: BLE001 - raised again in the thread of the caller
                errors[position] = error

    others = [threading.Thread(target=work, name="magnus-parallel") for _ in range(threads - 1)]
    for thread in others:
        thread.start()
    work()
    for thread in others:
        thread.join()
    if errors:
        raise errors[min(errors)]
    return [results[position] for position in range(len(items))]


def _cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
