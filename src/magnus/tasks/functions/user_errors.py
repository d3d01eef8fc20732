"""Reports errors of user code in one line, and prints them without the frames of magnus. Used around all user code."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from magnus.engine.processes import forks
from magnus.engine.user_code.process_state import HardExit
from magnus.errors import Location, MagnusError, TaskFailed

if TYPE_CHECKING:
    from traceback import FrameSummary, TracebackException

_OWN_FOLDER: Final = str(Path(__file__).parents[2]) + os.sep
_LIBRARY_FOLDER: Final = str(Path(os.__file__).parent) + os.sep
_LONGEST_MESSAGE: Final = 4000
_CALLERS: Final = tuple(
    _OWN_FOLDER + name for name in ("tasks/functions/call.py", "tasks/functions/commands.py", "tasks/python.py")
)
_FAULT: Final = "; if your code did not raise it, this is a fault of magnus itself: please report it"
_NO_TERMINAL: Final = (
    "and the process of this step has no terminal to debug at; run the pipeline in a terminal with the local executor, "
    "enable_parallel: false, and no timeout on the step"
)
_CORRECT: Final = "correct the code there"


class ErrorReport(Struct, frozen=True):
    """An error of user code: one line, its location in the project, and the traceback if that adds something."""

    message: str
    location: Location | None
    fix: str
    traceback: str


def error_report(error: BaseException, working_directory: Path) -> ErrorReport:
    """The report of an error that code of the project raised while it was loaded."""
    from traceback import TracebackException  # lazy: most code has no error

    report = TracebackException.from_exception(error)
    _without_machinery(report)
    own = [frame for frame in report.stack if _is_project_file(frame.filename, working_directory)]
    if isinstance(error, SyntaxError) and _is_project_file(error.filename or "", working_directory):
        file = str(Path(error.filename or "").relative_to(working_directory))
        place = Location(file, error.lineno or 0, error.offset or 0)
        return ErrorReport(f"{type(error).__name__}: {error.msg}", place, _CORRECT, "")
    message = _exit_text(error) if isinstance(error, SystemExit) else _error_text(error)
    if not own:
        return ErrorReport(message, None, _fix(error), "".join(report.format()))
    innermost = Location(str(Path(own[-1].filename).relative_to(working_directory)), own[-1].lineno or 0)
    return ErrorReport(message, innermost, _fix(error), "".join(report.format()) if len(report.stack) > 1 else "")


def _fix(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return "put what ends the program under 'if __name__ == \"__main__\":'"
    return "install it, or correct its name" if isinstance(error, ModuleNotFoundError) else _CORRECT


def _exit_text(error: SystemExit) -> str:
    """The call that raised it."""
    code = "" if error.code is None else repr(error.code)
    return f"{'os._exit' if isinstance(error, HardExit) else 'sys.exit'}({code}) was called"


class UserCode:
    """A context manager around user code: what it raises, also `sys.exit`, becomes TaskFailed.

    The traceback goes to standard error, which is captured. KeyboardInterrupt and errors of magnus itself pass through.
    A process that the code forked, and that comes back here, ends: the run is not its own.
    """

    __slots__ = ("_process", "_working_directory")

    def __init__(self, working_directory: Path) -> None:
        self._working_directory = working_directory

    def __enter__(self) -> None:
        self._process = os.getpid()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if os.getpid() != self._process:
            if error is not None and not isinstance(error, SystemExit):
                _print_error(error, self._working_directory)
            forks.end_child(error)
        if error is None or isinstance(error, KeyboardInterrupt | MagnusError):
            return
        raise TaskFailed(_print_error(error, self._working_directory)) from None


def library_frames(traceback: TracebackType | None, project: Path) -> int:
    """How many frames are below the innermost one of the project; 0 if no frame is in the project."""
    below, is_inside = 0, False
    while traceback is not None:
        if _is_project_file(traceback.tb_frame.f_code.co_filename, project):
            below, is_inside = 0, True
        else:
            below += 1
        traceback = traceback.tb_next
    return below if is_inside else 0


def _print_error(error: BaseException, working_directory: Path) -> str:
    """The error in one line, after its traceback was printed."""
    try:
        from traceback import TracebackException  # lazy: most steps do not fail
    except OSError:  # a task that may open no more files
        return _error_text(error)

    report = TracebackException.from_exception(error)
    fault = _FAULT if report.stack and _is_own(report.stack[-1].filename) else ""
    _without_machinery(report)
    with suppress(OSError, ValueError, AttributeError):  # user code may have closed or replaced it
        sys.stderr.write("".join(report.format()))
        sys.stderr.flush()
    if isinstance(error, SystemExit):
        return _exit_text(error)
    if _is_breakpoint_without_terminal(error):
        return f"breakpoint() was reached{_place(report.stack, working_directory)}, {_NO_TERMINAL}"
    first, newline, rest = _error_text(error).partition("\n")
    return f"{first}{_place(report.stack, working_directory)}{fault}{newline}{rest}"


def _is_breakpoint_without_terminal(error: BaseException) -> bool:
    """Whether the debugger quit since it had nothing to read from."""
    if type(error).__name__ != "BdbQuit":
        return False
    try:
        return not sys.stdin.isatty()
    except (AttributeError, ValueError, OSError):  # it is closed, or replaced
        return True


def _error_text(error: BaseException) -> str:
    """The type and the text of an error, as python prints them, of a length that can be read."""
    kind = type(error)
    name = (
        kind.__qualname__ if kind.__module__ in {"builtins", "__main__"} else f"{kind.__module__}.{kind.__qualname__}"
    )
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - the text of an error is user code too
        text = "<its text cannot be read>"
    text = text if len(text) <= _LONGEST_MESSAGE else text[:_LONGEST_MESSAGE] + "..."
    return f"{name}: {text}" if text else name


def _place(stack: "list[FrameSummary]", working_directory: Path) -> str:
    """Where it happened: the innermost frame in the working directory, else in a cell, else in a file."""
    from magnus.engine.user_code.notebook_cells import is_cell  # lazy: as above

    in_files = [frame for frame in stack if not frame.filename.startswith("<") or is_cell(frame.filename)]
    own = [frame for frame in in_files if _is_project_file(frame.filename, working_directory)]
    cells = [frame for frame in in_files if is_cell(frame.filename)]
    if not in_files:
        return ""
    frame = (own or cells or in_files)[-1]
    if frame in cells:
        return f" (line {frame.lineno} of the cell, in {frame.name})"
    file = Path(frame.filename)
    shown = file.relative_to(working_directory) if own else file
    return f" ({shown}:{frame.lineno} in {frame.name})"


def _is_project_file(filename: str, working_directory: Path) -> bool:
    return Path(filename).is_relative_to(working_directory) and "site-packages" not in Path(filename).parts


def _without_machinery(report: "TracebackException") -> None:
    """Take out of a traceback, and of those it hangs together with, what is not the user's."""
    from traceback import StackSummary  # lazy: as above

    pending: list[TracebackException | None] = [report]
    while pending:
        one = pending.pop()
        if one is None:
            continue
        frames = list(one.stack)
        while frames and _carries_user_code(frames[0].filename):
            frames.pop(0)
        one.stack = StackSummary.from_list([frame for frame in frames if not _is_machinery(frame.filename)])
        pending += [one.__cause__, one.__context__, *(one.exceptions or ())]


def _carries_user_code(filename: str) -> bool:
    """Whether a frame at the outer end is there only because magnus had python import, await or check something."""
    in_library = filename.startswith(_LIBRARY_FOLDER) and "site-packages" not in filename
    return in_library or _is_machinery(filename) or f"{os.sep}site-packages{os.sep}pydantic{os.sep}" in filename


def _is_own(filename: str) -> bool:
    """Whether magnus itself was at work there, and did not just call what the user wrote."""
    return filename.startswith(_OWN_FOLDER) and filename not in _CALLERS


def _is_machinery(filename: str) -> bool:
    return filename.startswith((_OWN_FOLDER, "<frozen importlib"))
