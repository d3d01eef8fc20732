"""The requests that wait to be submitted: requests with the same override that follow each other at once make one batch."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from magnus.interfaces.executor import StepRequest

if TYPE_CHECKING:
    from concurrent.futures import Future  # lazy: a type alone

__all__ = ["Requests", "Submitted"]

_LONGEST_WINDOW_SECONDS: Final = 1.0
_FIRST_WAIT_SECONDS: Final = 5.0
_LONGEST_WAIT_SECONDS: Final = 60.0


class Submitted(Struct, frozen=True, eq=False):
    """A request, with the future that its caller has.

    Attributes:
        request: the request.
        future: of the caller.
        override: the name of the options that its step asks for.
        losses: how many jobs were lost before they started the step.
    """

    request: StepRequest
    future: "Future[None]"
    override: str
    losses: int = 0


class Requests:
    """The requests in their order; times are monotonic seconds.

    `window_seconds` is how long a request waits for the next one, `pause_seconds` the least time between two submissions.
    """

    def __init__(self, window_seconds: float, pause_seconds: float) -> None:
        self._window_seconds = window_seconds
        self._pause_seconds = pause_seconds
        self._waiting: list[Submitted] = []
        self._first = self._last = 0.0
        self._not_before = 0.0
        self._room = 0
        self._wait_seconds = _FIRST_WAIT_SECONDS

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, submitted: Submitted, at: float) -> None:
        """Add a request that arrived at this time."""
        if not self._waiting:
            self._first = at
        self._last = at
        self._waiting.append(submitted)

    def due(self) -> float | None:
        """When the next batch can be submitted; None if nothing waits."""
        if not self._waiting:
            return None
        arrived = min(self._last + self._window_seconds, self._first + _LONGEST_WINDOW_SECONDS)
        return max(arrived, self._not_before)

    def take(self, most: int) -> list[Submitted]:
        """The requests of the next batch, no more of them than `most`, nor than the batch system had room for before."""
        override = self._waiting[0].override
        most = min(most, self._room or most)
        taken: list[Submitted] = []
        left: list[Submitted] = []
        for one in self._waiting:
            (taken if one.override == override and len(taken) < most else left).append(one)
        self._waiting = left
        return taken

    def put_back(self, taken: Sequence[Submitted]) -> None:
        """Let these wait again, in front of the others."""
        self._waiting[:0] = taken

    def clear(self) -> list[Submitted]:
        """Take all of them."""
        waiting, self._waiting = self._waiting, []
        return waiting

    def submitted(self, at: float) -> None:
        """Note that a batch was submitted: the next one may be larger."""
        self._not_before = at + self._pause_seconds
        self._room *= 2
        self._wait_seconds = _FIRST_WAIT_SECONDS

    def no_room(self, size: int, at: float) -> None:
        """Note that the batch system had no room for a batch of this size: half of it is tried at once, one job later."""
        self._room = max(1, size // 2)
        if size > 1:
            self._not_before = at
        else:
            self._not_before = at + self._wait_seconds
            self._wait_seconds = min(2 * self._wait_seconds, _LONGEST_WAIT_SECONDS)

    def wait(self, until: float) -> None:
        """Submit nothing before this time."""
        self._not_before = max(self._not_before, until)

    def room_again(self, at: float) -> None:
        """Note that a job is over: if the batch system had no room, it may have some now."""
        if self._wait_seconds > _FIRST_WAIT_SECONDS:
            self._not_before = min(self._not_before, at + self._pause_seconds)
