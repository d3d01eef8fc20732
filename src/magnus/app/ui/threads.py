"""Calls functions that wait for stores, each in a thread that does not keep the process from ending."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import Final, TypeVar

_MOST: Final = 16

ValueT = TypeVar("ValueT")


class Threads:
    """Calls functions in threads, a limited number at a time."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(_MOST)

    async def call(self, function: Callable[[], ValueT]) -> ValueT:
        """The value of the function, or its error."""
        async with self._free:
            future: Future[ValueT] = Future()

            def work() -> None:
                try:
                    value = function()
                except Exception as error:  # noqa: BLE001 - raised again where the value is awaited
                    future.set_exception(error)
                else:
                    future.set_result(value)

            future.set_running_or_notify_cancel()
            Thread(target=work, name="magnus ui", daemon=True).start()
            return await asyncio.wrap_future(future)
