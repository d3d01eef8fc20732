"""Captures everything a step prints: by python, by C extensions, by its children. Made by `app.composition.run_context`.

Descriptors 1 and 2 become a file for the duration of the step, not a pipe: writing to a file never
waits for its reader, so a C extension that holds the interpreter lock cannot block, and a process left in the background
keeps writing to a file that nobody reads. A thread follows the file while the step runs; the end of the step takes what
is there by then. What was read is masked, and then appended to the log of the step and shown.
"""

import fcntl
import os
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Event, Lock, Thread
from types import TracebackType
from typing import BinaryIO, Final, NoReturn, Self, TextIO

from magnus.engine.output.standard_streams import CStreams, flush, flush_or_close, is_changed, occupy, text_stream
from magnus.engine.processes import forks
from magnus.engine.secrets.masking import MaskedStream, Masker
from magnus.errors import CatalogError, MagnusError, ServiceError, TaskFailed
from magnus.system.descriptors import OwnDescriptor

_LOOK_EVERY_SECONDS: Final = 0.05
_CHUNK_BYTES: Final = 256 * 1024
_TAIL_BYTES: Final = 4096
_CLOSED: Final = "the task closed descriptors that it did not open: magnus needs them"
_CLOSE_OWN: Final = "close only what the task opened"


class OutputFile:
    """The file that takes what the steps of a process print, one step after the other.

    It has no name, and the next step gets the same one unless a process still has it open: to make one file after
    another takes longer than all the rest of a step. Where a process runs steps for another one it has a name, so that
    the other can read on when the process dies.

    Args:
        folder: for files without a name; on a local disk.
        name: the file to be used in their place, which holds what the step in progress has printed.
    """

    def __init__(self, folder: Path, name: Path | None) -> None:
        self._folder = folder
        self._name = name
        self._file: OwnDescriptor | None = None

    def emptied(self) -> OwnDescriptor:
        """The file, empty and open in no other process, to append to and to read; it is closed with this object.

        If code of the user closed it, there is a new one.

        ServiceError when there is no room for it.
        """
        try:
            status = None if self._file is None else self._file.status()
            if self._file is not None and (status is None or not _is_nobody_elses(self._file.number)):
                self.close()
            if self._file is None:
                self._file = OwnDescriptor(
                    _unnamed_file(self._folder) if self._name is None else _named_file(self._name)
                )
            elif status is not None and status.st_size:
                os.ftruncate(self._file.number, 0)
        except OSError as error:
            reason = f"no file for the output of the step can be made in '{self._folder}': {error.strerror}"
            raise ServiceError(reason, fix="set TMPDIR to a folder that is writable and has room") from error
        return self._file

    def forget(self) -> None:
        """The output of the step is kept: nobody is to read it in the file again."""
        if self._name is None or self._file is None:
            return
        status = self._file.status()
        if status is not None and status.st_size:
            os.ftruncate(self._file.number, 0)

    def close(self) -> None:
        """Close it, where it was ever open."""
        if self._file is not None:
            self._file.close()
            self._file = None


def output_file_of(folder: Path, pid: int) -> Path:
    """Where a process that runs steps for another one has their output; `folder` is that of the run there."""
    return folder / f"output-{pid}"


def opened_again(file: int) -> int:
    """Another description of the open file, to tell later whether somebody has it; the same where there is no /proc."""
    try:
        return os.open(f"/proc/self/fd/{file}", os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    except OSError:
        return file


def _is_nobody_elses(file: int) -> bool:
    """Whether no process has the file open in another way; a lease to write, which Linux knows, says so (fcntl(2))."""
    try:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except (OSError, AttributeError):
        return False
    return True


def _named_file(name: Path) -> int:
    name.unlink(missing_ok=True)
    return os.open(name, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_CREAT | os.O_EXCL, 0o600)


def _unnamed_file(folder: Path) -> int:
    """A file without a name, gone when nobody has it open any more."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC
    unnamed = getattr(os, "O_TMPFILE", 0)
    if unnamed:
        with suppress(OSError):  # not every file system can
            return os.open(folder, flags | unnamed, 0o600)
    name = folder / f"output-{os.urandom(8).hex()}"
    descriptor = os.open(name, flags | os.O_CREAT | os.O_EXCL, 0o600)
    name.unlink()
    return descriptor


class OutputCapture:
    """Captures the steps of a run, one at a time; a context manager around the run.

    Args:
        masker: what must not be seen.
        folder: for the unnamed files; on a local disk.
        file: the file to be used in their place, which holds what the step in progress has printed.
    """

    def __init__(self, masker: Masker, folder: Path, file: Path | None = None) -> None:
        self._masker = masker
        self._lock = Lock()
        self._stop = Event()
        self._thread: Thread | None = None
        self._step: Captured | None = None
        self._c_streams = CStreams()
        self._streams: tuple[TextIO, ...] = ()
        self._originals: tuple[OwnDescriptor, ...] = ()
        self._file = OutputFile(folder, file)
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        for descriptor in (0, 1, 2):
            occupy(descriptor)
        copies = (fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3) for descriptor in (1, 2))
        self._originals = tuple(OwnDescriptor(self._opened.enter_context(forks.owned(copy))) for copy in copies)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._opened.close()
        self._file.close()

    @property
    def original_stderr(self) -> int:
        """A descriptor of what was standard error before the run; never captured, closed with the capture."""
        return self._originals[1].number

    def step(
        self,
        *,
        open_log: Callable[[], BinaryIO],
        show: Callable[[bytes], None],
        look: Callable[[], None] = lambda: None,
    ) -> "Captured":
        """A context manager that captures what is printed inside it.

        `open_log` is called when there is output for the first time, `show` with every piece of it, masked and cut
        anywhere; both from any thread, one at a time. An exception of `show` ends showing and nothing else; one of the
        log is raised when the step ends, as it is when it is an error of magnus, else as CatalogError.
        `look` is called again and again while the step runs.
        ServiceError when there is no room for the file.
        """
        return Captured(self, open_log, show, look)

    def begin(self, step: "Captured", file: OwnDescriptor) -> None:
        """Point descriptors 1 and 2 at the file of the step and follow it."""
        writing = opened_again(file.number)
        os.dup2(writing, 1)
        os.dup2(writing, 2)
        if writing != file.number:
            os.close(writing)
        with self._lock:
            self._step = step
        if self._thread is None:
            self._thread = Thread(target=self._follow, name="magnus capture", daemon=True)
            self._thread.start()

    def end(self) -> bool:
        """Point descriptors 1 and 2 back, and read the file up to where it ends now; False if the step closed what they were."""
        self._c_streams.flush()
        are_open = True
        for descriptor, original in zip((1, 2), self._originals, strict=True):
            if original.status() is None:
                are_open = False
                os.close(descriptor)
                occupy(descriptor)
            else:
                os.dup2(original.number, descriptor)
        with self._lock:
            step, self._step = self._step, None
            if step is not None:
                step.drain()
        return are_open

    def open_file(self) -> OwnDescriptor:
        """The file for the output of the next step, empty; ServiceError when there is no room for it."""
        return self._file.emptied()

    def forget(self) -> None:
        """The output of the step is kept: nobody is to read it in the file again."""
        self._file.forget()

    def text_streams(self) -> tuple[TextIO, ...]:
        """Text streams onto descriptors 1 and 2; the streams of the step before, unless it closed or changed one."""
        if not self._streams or any(map(is_changed, self._streams)):
            self._streams = (text_stream(1), text_stream(2))
        return self._streams

    def masked_stream(self) -> MaskedStream:
        """A new stream that masks the secrets of the run."""
        return self._masker.stream()

    def _follow(self) -> None:
        while not self._stop.wait(_LOOK_EVERY_SECONDS):
            with self._lock:
                if self._step is not None:
                    self._step.drain()
                    self._step.look()


class Captured:
    """The output of one step; a context manager around it. `tail` is the end of it, masked, once it is over."""

    def __init__(
        self,
        output_capture: OutputCapture,
        open_log: Callable[[], BinaryIO],
        show: Callable[[bytes], None],
        look: Callable[[], None],
    ) -> None:
        self.look = look
        self._pump = output_capture
        self._open_log = open_log
        self._show: Callable[[bytes], None] | None = show
        self._masked = output_capture.masked_stream()
        self._file: OwnDescriptor | None = None
        self._read = 0
        self._log: BinaryIO | None = None
        self._error: Exception | None = None
        self._streams: tuple[TextIO, ...] = ()
        self._before: tuple[TextIO, TextIO] = (sys.stdout, sys.stderr)
        self.tail = b""

    def __enter__(self) -> Self:
        self._file = self._pump.open_file()
        self._before = (sys.stdout, sys.stderr)
        flush(self._before)
        self._streams = self._pump.text_streams()
        sys.stdout, sys.stderr = self._streams
        self._pump.begin(self, self._file)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        flush((sys.stdout, sys.stderr))
        flush_or_close(self._streams)
        sys.stdout, sys.stderr = self._before
        if not self._pump.end():
            self._error = self._error or TaskFailed(_CLOSED, fix=_CLOSE_OWN)
        self._take(self._masked.finish())
        self._close_log()
        self._pump.forget()
        if self._error is not None and error is None:
            self._raise(self._error)

    def drain(self) -> None:
        """Read what is there now, however much it is, and no more."""
        if self._file is None:
            return
        status, number = self._file.status(), self._file.number
        if status is None:
            self._error = self._error or TaskFailed(_CLOSED, fix=_CLOSE_OWN)
            return
        end = status.st_size
        while self._read < end:
            data = os.pread(number, min(_CHUNK_BYTES, end - self._read), self._read)
            if not data:  # the step emptied its own output
                break
            self._read += len(data)
            self._take(self._masked.feed(data))

    def _take(self, data: bytes) -> None:
        if not data:
            return
        self.tail = (self.tail + data)[-_TAIL_BYTES:]
        self._write(data)
        if self._show is not None:
            try:
                self._show(data)
            except Exception:  # noqa: BLE001 - the reporter must not break the step
                self._show = None

    def _write(self, data: bytes) -> None:
        if self._error is not None:
            return
        try:
            if self._log is None:
                self._log = self._open_log()
            self._log.write(data)
            self._log.flush()
        except (MagnusError, OSError, ValueError) as error:
            self._error = error

    def _close_log(self) -> None:
        if self._log is None:
            return
        try:
            self._log.close()
        except (MagnusError, OSError) as error:
            self._error = self._error or error

    def _raise(self, error: Exception) -> NoReturn:
        if isinstance(error, MagnusError):
            raise error
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise CatalogError(f"the output of the step could not be kept: {reason}") from error
