"""Messages between this process and its workers: pickles with their length in front, over sockets."""

from collections.abc import Iterator
from socket import MSG_WAITALL, socket
from struct import Struct
from typing import Final

from magnus.engine.values import pickles
from magnus.values import UserObject

_LENGTH: Final = Struct("!Q")


def send(connection: socket, message: UserObject) -> None:
    """Send the message; OSError when nobody takes it any more."""
    data = pickles.dumped(message)
    connection.sendall(_LENGTH.pack(len(data)) + data)


def receive(connection: socket) -> UserObject:
    """Wait for the next message; EOFError when there will be none."""
    (length,) = _LENGTH.unpack(_exactly(connection, _LENGTH.size))
    return pickles.loaded(_exactly(connection, length))


def _exactly(connection: socket, size: int) -> bytes:
    parts: list[bytes] = []
    while size:
        part = connection.recv(min(size, 1 << 20), MSG_WAITALL)
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


class Frames:
    """Takes messages out of pieces of what arrives, for who cannot wait for the rest of one."""

    def __init__(self) -> None:
        self._data = bytearray()

    def feed(self, piece: bytes) -> Iterator[UserObject]:
        """The messages that are whole now."""
        self._data += piece
        while len(self._data) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._data)
            end = _LENGTH.size + length
            if len(self._data) < end:
                return
            message = bytes(self._data[_LENGTH.size : end])
            del self._data[:end]
            yield pickles.loaded(message)
