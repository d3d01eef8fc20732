"""Calls a function for many items in a few threads."""

import os
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

_MOST_THREADS: Final = 8
_FEW: Final = 16
"""So few items are done sooner than threads are started."""


def for_each(
    function: Callable[[ItemT], ResultT], items: Sequence[ItemT], *, threads: int | None = None
) -> list[ResultT]:
    """The result of the function for each item, in their order.

    After an error no further item is started. If several items fail, the error of the first of them is raised. `threads`
    is for functions that wait for a network; without, there are as many as processors, and few items need none.
    """
    few = 1
    if threads is None:
        threads, few = min(_cores(), _MOST_THREADS), _FEW
    threads = min(threads, len(items))
    if len(items) <= few or threads == 1:
        return [function(item) for item in items]
    return _in_threads(function, items, threads)


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
