"""Server-sent events (HTML standard, section 9.2): sends what changes to a page, as long as it is open."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from time import monotonic
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from magnus.app.ui.threads import Threads
from magnus.errors import MagnusError

_PAUSE_SECONDS: Final = 0.5
_SHARE: Final = 10
"""Looking for changes takes at most one part in so many of the time."""
_ALIVE_SECONDS: Final = 15.0
"""A stream says that it is alive at least so often, for proxies that end silent ones."""
_HEADERS: Final = {"X-Accel-Buffering": "no"}
"""Tells proxies to pass each event on at once."""

Event = tuple[str, str]
"""The name of an event, and its data on one line."""

Changes = Callable[[], tuple[list[Event], bool]]
"""Looks for changes: gives the events since the last call, and whether no more can follow. It may wait for a store."""


class Streams:
    """Makes streams, all of which end when the server stops."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads

    def response(self, request: Request, changes: Changes) -> Response:
        """The stream of the changes. It ends with the event `over` when no more can follow.

        An error of a store is the event `problem`; the stream stays open, and says `recovered` when there is no error any more.
        """
        body = () if request.method == "HEAD" else self._events(request, changes)
        return StreamingResponse(body, media_type="text/event-stream", headers=_HEADERS)

    async def _events(self, request: Request, changes: Changes) -> AsyncIterator[bytes]:
        yield b"retry: 1000\n\n"
        problem, last_sent = "", monotonic()
        while not await request.is_disconnected() and not self._threads.stopping.is_set():
            start = monotonic()
            try:
                events, is_over = await self._threads.call(changes)
                events = [*([("recovered", "")] if problem else []), *events]
                problem = ""
            except MagnusError as error:
                if self._threads.stopping.is_set():
                    return
                message = one_line(error)
                events, is_over = [("problem", json.dumps(message))] if message != problem else [], False
                problem = message
            for name, data in events:
                yield f"event: {name}\ndata: {data}\n\n".encode(errors="replace")
                last_sent = monotonic()
            if is_over:
                yield b"event: over\ndata:\n\n"
                return
            if monotonic() - last_sent > _ALIVE_SECONDS:
                yield b":\n\n"
                last_sent = monotonic()
            if await self._is_stopping(max(_PAUSE_SECONDS, _SHARE * (monotonic() - start))):
                return

    async def _is_stopping(self, seconds: float) -> bool:
        """Whether the server stops within the time."""
        try:
            await asyncio.wait_for(self._threads.stopping.wait(), seconds)
        except TimeoutError:
            return False
        return True


def one_line(error: MagnusError) -> str:
    """What is wrong and what to do about it, for a page."""
    problem = error.problems[0]
    return f"{problem.message}; {problem.fix}" if problem.fix else problem.message
