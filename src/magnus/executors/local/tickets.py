"""Tickets decide who has a request that was sent to a worker ahead: the worker runs it, or its sender takes it back.

The two ends of a worker's queue are a pair of sockets. Each ticket is a number in it, and the kernel gives it to one
reader alone. The worker takes a ticket before it runs the request of that number. The sender takes tickets that are left
when another worker is idle, or when this one has died: these requests have not started, and another worker runs them.
"""

import socket
from struct import Struct
from typing import Final

_TICKET: Final = Struct("!I")
_ROOM_BYTES: Final = 200_000


def connections() -> tuple[socket.socket, socket.socket]:
    """A connection whose buffers have room for all requests that are sent ahead: the end of the sender, and of the worker."""
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _ROOM_BYTES)
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM_BYTES)
    return ours, theirs


def put(queue: socket.socket, number: int) -> None:
    """Add the ticket of this number; OSError when nobody takes it any more."""
    queue.sendall(_TICKET.pack(number))


def take(queue: socket.socket) -> int:
    """Wait for the next ticket; EOFError when there will be none."""
    return _number(queue.recv(_TICKET.size))


def take_now(queue: socket.socket) -> int | None:
    """The next ticket; None if there is none now."""
    try:
        return _number(queue.recv(_TICKET.size, socket.MSG_DONTWAIT))
    except (OSError, EOFError):
        return None


def _number(ticket: bytes) -> int:
    if not ticket:
        raise EOFError
    number: int
    (number,) = _TICKET.unpack(ticket)
    return number
