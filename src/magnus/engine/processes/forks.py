"""Removes from processes that user code forks what they must not have: signal handlers, connections, the step, the way back.

`app.composition` and `engine.user_code.process_state` watch for forks; `dropped` registers a function that removes one of
these. A child that comes back to magnus exits there (`end_child`): it is not the process that runs the pipeline.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Final, NoReturn, TypeAlias

from magnus.system.descriptors import OwnDescriptor

Drop: TypeAlias = Callable[[], object]

_ENDING: Final = (signal.SIGINT, signal.SIGTERM)
_OWN: Final = f"{__name__.partition('.')[0]}."


class _Forks:
    """The one registration of this process, which python cannot take back."""

    is_watched = False
    drops: Final[list[Drop]] = []
    starts: Final[list[Drop]] = []
    masks: Final = threading.local()


def watch() -> None:
    """From now on children that are forked in this process inherit nothing of magnus."""
    if not _Forks.is_watched:
        _Forks.is_watched = True
        os.register_at_fork(before=_before, after_in_child=_in_child, after_in_parent=_unblock)


def drop_in_children(drop: Drop) -> None:
    """Call `drop` in every child that is forked from now on, before user code continues there."""
    _Forks.drops.append(drop)


@contextmanager
def dropped(drop: Drop) -> Iterator[None]:
    """Call `drop` in every child that is forked meanwhile, before user code continues there."""
    drop_in_children(drop)
    try:
        yield
    finally:
        with suppress(ValueError):  # in a child nothing is registered any more
            _Forks.drops.remove(drop)


@contextmanager
def owned(descriptor: int) -> Iterator[int]:
    """Close the descriptor afterwards, and in every child that is forked meanwhile: its other end must not wait for one."""
    own = OwnDescriptor(descriptor)
    try:
        with dropped(own.close):
            yield descriptor
    finally:
        own.close()


@contextmanager
def preceded(start: Drop) -> Iterator[None]:
    """Call `start` in this process before each fork meanwhile."""
    _Forks.starts.append(start)
    try:
        yield
    finally:
        with suppress(ValueError):  # as above
            _Forks.starts.remove(start)


def end_fork_server() -> None:
    """End the process from which `multiprocessing` forks, unless it has children: it has the environment of this step.

    The next step that wants one starts its own, whose children print and ask where that step is.
    """
    module = sys.modules.get("multiprocessing.forkserver")
    if module is None or module._forkserver._forkserver_pid is None:  # noqa: SLF001 - it has no other door
        return
    from multiprocessing import active_children  # lazy: it is loaded

    if not active_children():
        module._forkserver._stop()  # noqa: SLF001 - as above


def end_child(error: BaseException | None) -> NoReturn:
    """Exit from this forked process as python does at the end of a program; `error` is the exception of user code."""
    import atexit  # lazy: children alone come here

    status = _status(error)
    with suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - what the interpreter does at its end
        atexit._run_exitfuncs()  # noqa: SLF001 - as above
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    if isinstance(error, KeyboardInterrupt):
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)
    os._exit(status)


def _status(error: BaseException | None) -> int:
    match error:
        case None:
            return 0
        case SystemExit(code=None):
            return 0
        case SystemExit(code=int(code)):
            return code & 0xFF
        case SystemExit(code=text):
            with suppress(Exception):
                sys.stderr.write(f"{text}\n")
            return 1
        case _:
            return 1


def _before() -> None:
    """Nothing may arrive in a child before its handlers are its own, or it would be lost."""
    for start in tuple(_Forks.starts):
        start()
    for name, module in tuple(sys.modules.items()):
        if name.startswith(_OWN) and getattr(module.__spec__, "_initializing", False):
            import_module(name)  # another thread loads it, and nobody would end that in the child
    _Forks.masks.before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)


def _unblock() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, _Forks.masks.before)


def _in_child() -> None:
    drops, _Forks.drops[:], _Forks.starts[:] = tuple(_Forks.drops), [], []
    for drop in reversed(drops):
        with suppress(Exception):  # the child is the user's: it must not fail here
            drop()
    for number in signal.valid_signals():
        handler = signal.getsignal(number)
        if callable(handler) and str(getattr(handler, "__module__", "")).startswith(_OWN):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    _unblock()
