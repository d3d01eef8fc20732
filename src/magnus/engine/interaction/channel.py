"""Connects the child processes of a task to the step in progress: a file of its parameters, and a channel for requests.

A run listens on a unix socket in a private folder. The environment of each step names it, with a token of that step:
a process that outlives its step gets an error and cannot touch the next step. A request is one line of JSON, and so is its
answer. `MAGNUS_PARAMETERS_FILE` names the file, which has all parameters of the step as JSON.
`engine.step.run_step` makes the address, `magnus.interaction` asks.
"""

import json
import os
import socket
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from functools import lru_cache
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Final, Self

from magnus.engine import faults
from magnus.engine.interaction import current_step
from magnus.engine.interaction.current_step import CurrentStep
from magnus.engine.processes import forks
from magnus.engine.values.parameter_values import Texts
from magnus.errors import MagnusError, TaskFailed
from magnus.run_log.parameters import Scope, plain
from magnus.system import descendants
from magnus.system.descriptors import OwnDescriptor
from magnus.values import Json

VARIABLE: Final = descendants.CHANNEL
_LONGEST_WAIT_SECONDS: Final = 60.0
_LONG_TEXT: Final = 4096
"""Members of the file with more characters stand in front, and stay there as long as they are the same."""


class Channel:
    """Listens for the child processes of the steps of one run; a context manager around the run."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "channel"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._open: dict[str, CurrentStep] = {}
        self._forks = ExitStack()

    def __enter__(self) -> Self:
        self._socket.bind(os.fspath(self._path))
        self._socket.listen()
        self._forks.enter_context(forks.dropped(self._leave))
        Thread(target=self._serve, name="magnus step channel", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._forks.close()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._socket.close()
        self._path.unlink(missing_ok=True)

    def open(self, step: CurrentStep) -> str:
        """The address at which `step` can be reached until it is closed: for the environment of the step."""
        token = os.urandom(8).hex()
        self._open[token] = step
        return f"{self._path}#{token}"

    def close(self, address: str) -> None:
        """The step is over; later requests get an error."""
        self._open.pop(address.rpartition("#")[2], None)

    def _leave(self) -> None:
        """In a forked child: answer no requests, and reach the step through the channel, as every other process does."""
        self._socket.close()
        if VARIABLE in os.environ and (step := current_step.current_step()) is not None:
            current_step.release(step)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        connection.settimeout(_LONGEST_WAIT_SECONDS)
        with connection, suppress(OSError, ValueError), connection.makefile("rw", encoding="utf-8") as stream:
            request = json.loads(stream.readline())
            stream.write(json.dumps(self._reply(request)) + "\n")

    def _reply(self, request: Json) -> Json:
        step = self._open.get(request["token"])
        if step is None:
            return {"error": "the step this process belongs to has finished"}
        try:
            return {"value": step.answer(request["verb"], request["arguments"])}
        except MagnusError as error:
            return {"error": str(error)}
        except Exception as error:  # noqa: BLE001 - the process that asks gets the error, and its step reports it
            return {"error": faults.failure_of(error)}


def ask(address: str, verb: str, arguments: Json) -> Json:
    """Ask the step at `address`; TaskFailed if it cannot be reached, has finished or refuses."""
    path, _, token = address.rpartition("#")
    line = json.dumps({"token": token, "verb": verb, "arguments": arguments}) + "\n"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_LONGEST_WAIT_SECONDS)
            connection.connect(path)
            with connection.makefile("rw", encoding="utf-8") as stream:
                stream.write(line)
                stream.flush()
                answer = json.loads(stream.readline())
    except (OSError, ValueError) as error:
        raise TaskFailed(f"the step this process belongs to cannot be reached: {error}") from error
    if "error" in answer:
        raise TaskFailed(answer["error"])
    return answer["value"]


def say_loading(what: str) -> None:
    """Say that this process loads something for the step; "" when it is loaded. A step that is gone needs not know."""
    address = os.environ.get(VARIABLE)
    if address:
        with suppress(OSError, MagnusError):
            ask(address, "load", {"what": what})


class ParametersFile:
    """One file a run, written again for each step; a context manager around the run.

    It stays open: to open a file that was written before costs more than everything else around a step.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "parameters.json"
        self._name = str(self.path)
        self._file: OwnDescriptor | None = None
        self._front: list[tuple[str, str]] = []
        self._front_bytes = 0
        self._left = (0, 0)

    def __enter__(self) -> Self:
        self._open(os.O_EXCL)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def _open(self, flags: int = 0) -> tuple[int, os.stat_result]:
        """The descriptor of the file, and its status; it is opened where it is not open, or was closed by code of the user."""
        status = None if self._file is None else self._file.status()
        if self._file is None or status is None:
            self._front_bytes = 0
            self._file = OwnDescriptor(os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | flags, 0o600))
            status = os.fstat(self._file.number)
        return self._file.number, status

    def write(self, scope: Scope, texts: Texts) -> str:
        """Make `scope` what the file says, and return its path; TaskFailed when there is no room."""
        members = [(name, texts(parameter)) for name, parameter in scope.items()]
        front = [member for member in members if len(member[1]) > _LONG_TEXT]
        rest = [member for member in members if len(member[1]) <= _LONG_TEXT]
        try:
            descriptor, status = self._open()
            if not front or (status.st_size, status.st_mtime_ns) != self._left:  # a task may have written to it
                self._front_bytes = 0
            size = status.st_size
            try:
                start = "{"
                if front:
                    size, start = max(size, self._write_front(descriptor, front)), ", " if rest else ""
                self._write(descriptor, f"{start}{_joined(rest)}}}".encode(), self._front_bytes, size)
            except UnicodeEncodeError:  # half of a surrogate pair: only an escape can say it
                self._front_bytes = 0
                members_text = json.dumps({name: plain(parameter) for name, parameter in scope.items()})
                self._write(descriptor, members_text.encode(), 0, size)
        except OSError as error:
            self._front_bytes = 0
            raise TaskFailed(f"the parameters could not be written to '{self.path}': {error.strerror}") from error
        if self._front_bytes:
            left = os.fstat(descriptor)
            self._left = left.st_size, left.st_mtime_ns
        return self._name

    def _write_front(self, descriptor: int, front: list[tuple[str, str]]) -> int:
        """Write these members, unless they stand there; returns where they end."""
        if not (self._front_bytes and front == self._front):
            self._front_bytes = 0
            text = f"{{{_joined(front)}".encode()
            _write_at(descriptor, text, 0)
            self._front, self._front_bytes = front, len(text)
        return self._front_bytes

    @staticmethod
    def _write(descriptor: int, text: bytes, start: int, size: int) -> None:
        """Make the text the end of the file, which has this size, from `start` on."""
        _write_at(descriptor, text, start)
        if size > start + len(text):  # it takes longer than to write
            os.ftruncate(descriptor, start + len(text))


def _write_at(descriptor: int, text: bytes, start: int) -> None:
    written = os.pwrite(descriptor, text, start)
    while written < len(text):
        written += os.pwrite(descriptor, memoryview(text)[written:], start + written)


def _joined(members: Iterable[tuple[str, str]]) -> str:
    return ", ".join([f"{_quoted(name)}: {text}" for name, text in members])


_quoted = lru_cache(maxsize=1024)(json.dumps)
