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


def framed(message: UserObject) -> bytes:
    """The message as it is sent."""
    data = pickles.dumped(message)
    return _LENGTH.pack(len(data)) + data


def send(connection: socket, message: UserObject) -> None:
    """Send the message; OSError when nobody takes it any more."""
    connection.sendall(framed(message))


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
        """The messages that are whole now; a message that the caller does not take comes with the next piece."""
        self._data += piece
        while len(self._data) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._data)
            end = _LENGTH.size + length
            if len(self._data) < end:
                return
            message = bytes(self._data[_LENGTH.size : end])
            del self._data[:end]
            yield pickles.loaded(message)


_MOST_VALUES: Final = 64
_LONG_TEXT: Final = 200


class Ref(Struct, frozen=True):
    """Stands for a value that was sent under this number."""

    number: int


class SentRequest(Struct, frozen=True):
    """A request whose scope holds references, the values of new references, and numbers to forget.

    `ticket` is its number in the queue of the worker. `secrets` are the ones that steps of any worker obtained since the
    last request.
    """

    ticket: int
    request: StepRequest
    new: Mapping[int, UserObject] = field(default_factory=dict)
    forgotten: tuple[int, ...] = ()
    secrets: tuple[Secret, ...] = ()


class ScopeDeltaEncoder:
    """The values and the number of secrets that one worker already has."""

    def __init__(self) -> None:
        self._secret_count = 0
        self._values: dict[int, UserObject] = {}

    def message(
        self, ticket: int, request: StepRequest, secrets: Sequence[Secret] = (), *, limit: int | None = None
    ) -> bytes | None:
        """The message with the request, to be sent next; None if it has more than `limit` bytes, and is not sent.

        `secrets` are all registered ones, in the order of their registration.
        """
        before = self._values.copy(), self._secret_count
        data = framed(self._sent(ticket, request, secrets))
        if limit is None or len(data) <= limit:
            return data
        self._values, self._secret_count = before
        return None

    def _sent(self, ticket: int, request: StepRequest, secrets: Sequence[Secret]) -> SentRequest:
        scope = request.scope
        new_secrets, self._secret_count = tuple(secrets[self._secret_count :]), len(secrets)
        if scope is None:
            return SentRequest(ticket, request, secrets=new_secrets)
        new: dict[int, UserObject] = {}
        short = replace(
            scope,
            parameters={name: self._short(value, new) for name, value in scope.parameters.items()},
            files=self._short(scope.files, new),
        )
        return SentRequest(ticket, replace(request, scope=short), new, self._forget(), new_secrets)

    def _short(self, value: UserObject, new: dict[int, UserObject]) -> UserObject:
        if not _is_long(value):
            return value
        number = id(value)  # no other value has it as long as this one is stored
        if number in self._values:
            self._values[number] = self._values.pop(number)
        else:
            new[number] = self._values[number] = value
        return Ref(number)

    def _forget(self) -> tuple[int, ...]:
        """Drop the least recently used values; returns their numbers."""
        numbers = tuple(self._values)[:-_MOST_VALUES]
        for number in numbers:
            del self._values[number]
        return numbers


class Receiver:
    """Decodes requests in the worker, with the values that were sent before."""

    def __init__(self) -> None:
        self._values: dict[int, UserObject] = {}

    def request(self, sent: SentRequest) -> StepRequest:
        """The request with values in place of references."""
        self._values.update(sent.new)
        scope = sent.request.scope
        if scope is None:
            return sent.request
        whole = replace(
            scope,
            parameters={name: self._whole(value) for name, value in scope.parameters.items()},
            files=self._whole(scope.files),
        )
        for number in sent.forgotten:
            del self._values[number]
        return replace(sent.request, scope=whole)

    def _whole(self, value: UserObject) -> UserObject:
        return self._values[value.number] if isinstance(value, Ref) else value


def _is_long(value: UserObject) -> bool:
    """Whether the value may be large: the files of a scope, or a parameter that holds a container or a long text."""
    if isinstance(value, LargeParameter):
        return True  # it is small, and keeps what was read of it
    inner = getattr(value, "value", value)
    return len(inner) > 0 if isinstance(inner, dict | list) else isinstance(inner, str) and len(inner) > _LONG_TEXT
