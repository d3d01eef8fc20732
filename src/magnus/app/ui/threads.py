"""Calls functions that wait for stores, each in a thread that does not keep the server from stopping."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import Final, TypeVar

from magnus.errors import ServiceError

_MOST: Final = 16

ValueT = TypeVar("ValueT")


class Threads:
    """Calls functions in threads, a limited number at a time.

    Attributes:
        stopping: set when the server stops.
    """

    def __init__(self) -> None:
        self.stopping = asyncio.Event()
        self._free = asyncio.Semaphore(_MOST)

    async def call(self, function: Callable[[], ValueT]) -> ValueT:
        """The value of the function, or its error; ServiceError when the server stops before."""
        async with self._free:
            value = asyncio.wrap_future(started(function))
            stop = asyncio.ensure_future(self.stopping.wait())
            try:
                await asyncio.wait((value, stop), return_when=asyncio.FIRST_COMPLETED)
                if value.done():
                    return value.result()
                raise ServiceError("magnus ui stops")
            finally:
                stop.cancel()
                value.cancel()


def started(function: Callable[[], ValueT]) -> Future[ValueT]:
    """The value of the function, or its error, which a thread computes from now on."""
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
    return future
