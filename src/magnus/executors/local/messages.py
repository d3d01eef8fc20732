"""Messages between this process and its workers: pickles with their length in front, over sockets.

What many steps see, such as the list that a map goes over, travels once: the two ends keep the same few values under the
same numbers. A map over ten thousand items would otherwise send its ten thousand items ten thousand times.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from socket import MSG_WAITALL, socket
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from magnus.engine.values import pickles
from magnus.interfaces.executor import StepRequest
from magnus.interfaces.secrets import Secret
from magnus.run_log.parameters import LargeParameter
from magnus.values import UserObject

_LENGTH: Final = struct.Struct("!Q")


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


_MOST_KEPT: Final = 64
_LONG_TEXT: Final = 200


class Ref(Struct, frozen=True):
    """Stands for a value that was sent under this number."""

    number: int


class SentRequest(Struct, frozen=True):
    """A request whose scope holds references, the values that are new among those, and numbers to forget.

    `secrets` are those that steps obtained since the last one, in whatever worker.
    """

    request: StepRequest
    new: Mapping[int, UserObject] = field(default_factory=dict)
    forgotten: tuple[int, ...] = ()
    secrets: tuple[Secret, ...] = ()


class ScopeDeltaEncoder:
    """One worker as its sender knows it: which values it has, and how many secrets."""

    def __init__(self) -> None:
        self._told = 0
        self._kept: dict[int, UserObject] = {}

    def sent(self, request: StepRequest, secrets: Sequence[Secret] = ()) -> SentRequest:
        """The request as it is sent next; `secrets` are all that are known, in the order in which they became so."""
        scope = request.scope
        untold, self._told = tuple(secrets[self._told :]), len(secrets)
        if scope is None:
            return SentRequest(request, secrets=untold)
        new: dict[int, UserObject] = {}
        short = replace(
            scope,
            parameters={name: self._short(value, new) for name, value in scope.parameters.items()},
            files=self._short(scope.files, new),
        )
        return SentRequest(replace(request, scope=short), new, self._forgotten(), untold)

    def _short(self, value: UserObject, new: dict[int, UserObject]) -> UserObject:
        if not _is_long(value):
            return value
        number = id(value)  # stays its own as long as the value is kept
        if number in self._kept:
            self._kept[number] = self._kept.pop(number)
        else:
            new[number] = self._kept[number] = value
        return Ref(number)

    def _forgotten(self) -> tuple[int, ...]:
        """The values used longest ago, of more than are kept."""
        forgotten = tuple(self._kept)[:-_MOST_KEPT]
        for number in forgotten:
            del self._kept[number]
        return forgotten


class Receiver:
    """The other end: the values that were sent."""

    def __init__(self) -> None:
        self._kept: dict[int, UserObject] = {}

    def request(self, sent: SentRequest) -> StepRequest:
        """The request as it was."""
        self._kept.update(sent.new)
        scope = sent.request.scope
        if scope is None:
            return sent.request
        whole = replace(
            scope,
            parameters={name: self._whole(value) for name, value in scope.parameters.items()},
            files=self._whole(scope.files),
        )
        for number in sent.forgotten:
            del self._kept[number]
        return replace(sent.request, scope=whole)

    def _whole(self, value: UserObject) -> UserObject:
        return self._kept[value.number] if isinstance(value, Ref) else value


def _is_long(value: UserObject) -> bool:
    """Whether the value may be large: the files of a scope, or a parameter that holds a container or a long text."""
    if isinstance(value, LargeParameter):
        return True  # it is small, and keeps what was read of it
    inner = getattr(value, "value", value)
    return len(inner) > 0 if isinstance(inner, dict | list) else isinstance(inner, str) and len(inner) > _LONG_TEXT
