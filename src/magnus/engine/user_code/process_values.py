"""How each piece of the state of a process is read and restored. Used by `engine.user_code.process_items`, which lists them.

All is read twice a step, so a reading is a few calls of C; what is of a module is read where that is loaded.
"""

import builtins
import gc
import os
import signal
import sys
import threading
import time
import warnings
from _signal import (  # type: ignore[import-not-found]  # names of `signal` are enums, which take longer  # type: ignore[import-not-found]  # loads less than `signal`
    ITIMER_PROF,
    ITIMER_REAL,
    ITIMER_VIRTUAL,
    SIG_BLOCK,
    SIG_SETMASK,
    SIGPROF,
    SIGVTALRM,
    getitimer,
    getsignal,
    pthread_sigmask,
    setitimer,
)
from _signal import signal as set_signal
from collections.abc import Sequence
from contextlib import suppress
from operator import attrgetter, itemgetter
from typing import Any, Final

from magnus.engine.user_code.logging_state import captures_warnings, restore_warnings

_NAMES: Final = ("INT", "TERM", "ALRM", "HUP", "QUIT", "USR1", "USR2", "CHLD", "PIPE", "CONT", "TSTP", "VTALRM", "PROF")
_SIGNALS: Final = tuple(int(getattr(signal, f"SIG{name}")) for name in _NAMES)
_OWN_SIGNALS: Final = (int(signal.SIGINT), int(signal.SIGTERM))
_HOOKS: Final = ("excepthook", "displayhook", "unraisablehook", "breakpointhook", "stdin")
_BUILTINS: Final = ("print", "open", "input", "__import__")
_DECIMAL: Final = ("prec", "rounding", "Emin", "Emax", "capitals", "clamp")
_LIMITS: Final = ("NOFILE", "AS", "DATA", "FSIZE", "CPU", "STACK", "NPROC", "CORE")


def merged_mappings(base: dict[Any, Any], before: dict[Any, Any], after: dict[Any, Any]) -> dict[Any, Any]:
    """`base` with the entries that differ between `before` and `after`."""
    changed = {key: value for key, value in after.items() if key not in before or before[key] != value}
    gone = before.keys() - after.keys()
    return {key: value for key, value in {**base, **changed}.items() if key not in gone}


def merged_lists(base: Sequence[Any], before: Sequence[Any], after: Sequence[Any]) -> list[Any]:
    """`base` without removed elements, and with new ones in front of or behind all others."""
    came = [element for element in after if element not in before]
    first = next((index for index, element in enumerate(after) if element in before), len(after))
    front = [element for element in came if after.index(element) < first]
    stays = [element for element in base if element in after or element not in before]
    return [*front, *stays, *(element for element in came if element not in front)]


def settings() -> tuple[Any, ...]:
    """What the interpreter, the garbage collector and threads are set to."""
    return (
        sys.getrecursionlimit(),
        sys.getswitchinterval(),
        sys.getdlopenflags(),
        sys.get_int_max_str_digits(),
        gc.isenabled(),
        gc.get_threshold(),
        sys.gettrace(),
        sys.getprofile(),
        threading.excepthook,
    )


def set_settings(before: tuple[Any, ...]) -> None:
    """Set them to that."""
    recursion, interval, flags, digits, collects, threshold, trace, profile, threading.excepthook = before
    sys.setrecursionlimit(recursion)
    sys.setswitchinterval(interval)
    sys.setdlopenflags(flags)
    sys.set_int_max_str_digits(digits)
    (gc.enable if collects else gc.disable)()
    gc.set_threshold(*threshold)
    if sys.gettrace() is not trace:
        sys.settrace(trace)
    if sys.getprofile() is not profile:
        sys.setprofile(profile)


read_hooks = attrgetter(*_HOOKS)


def set_hooks(before: tuple[Any, ...]) -> None:
    """Set the hooks of `sys` to those."""
    for name, value in zip(_HOOKS, before, strict=True):
        setattr(sys, name, value)


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def signals() -> tuple[Any, ...]:
    """Handlers, and what is blocked; only the main thread may set handlers."""
    return (*map(getsignal, _SIGNALS), pthread_sigmask(SIG_BLOCK, ())) if _is_main_thread() else ()


def set_signals(before: tuple[Any, ...]) -> None:
    """Set handlers and what is blocked to those, from the main thread."""
    if not before or not _is_main_thread():
        return
    for number, handler in zip(_SIGNALS, before, strict=False):
        if handler is not None and getsignal(number) is not handler:
            set_signal(number, handler)
    pthread_sigmask(SIG_SETMASK, before[-1])


def merged_signals(base: tuple[Any, ...], _before: tuple[Any, ...], after: tuple[Any, ...]) -> tuple[Any, ...]:
    """Handlers that an import sets stay, except for the signals that stop a run."""
    pairs = zip(_SIGNALS, base, after, strict=False)
    return (*(old if number in _OWN_SIGNALS else new for number, old, new in pairs), after[-1])


def umask() -> int:
    """The mask; there is no way to read it but to set it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def limits() -> tuple[tuple[int, int], ...]:
    """The limits of the process, soft and hard."""
    resource = sys.modules["resource"]
    return tuple(resource.getrlimit(getattr(resource, f"RLIMIT_{name}")) for name in _LIMITS)


def set_limits(before: tuple[tuple[int, int], ...]) -> None:
    """As they were, as far as the system lets them be raised; OSError when it does not."""
    import resource  # lazy: it is loaded

    refused = []
    for name, wanted, now in zip(_LIMITS, before, limits(), strict=True):
        if wanted == now:
            continue
        number = getattr(resource, f"RLIMIT_{name}")
        try:
            resource.setrlimit(number, wanted)
        except (OSError, ValueError):  # a hard limit can be lowered, and not be raised
            refused.append(f"RLIMIT_{name}")
            with suppress(OSError, ValueError):
                resource.setrlimit(number, (now[1], now[1]))
    if refused:
        raise OSError(", ".join(refused))


def warning_filters() -> tuple[Any, ...]:
    """The filters of warnings, how they are shown, and whether logging takes them."""
    return tuple(warnings.filters), warnings.showwarning, captures_warnings()


def set_warning_filters(before: tuple[Any, ...]) -> None:
    """Set them to those."""
    restore_warnings(before[0], before[1], captured=before[2])


def merged_warning_filters(base: tuple[Any, ...], before: tuple[Any, ...], after: tuple[Any, ...]) -> tuple[Any, ...]:
    """Filters that an import adds stay."""
    return (tuple(merged_lists(base[0], before[0], after[0])), *after[1:])


def policy() -> Any:
    """The policy of event loops; None until one is needed. Reading it in the public way would make one."""
    return getattr(sys.modules["asyncio.events"], "_event_loop_policy", None)


def set_policy(before: Any) -> None:
    """Set the policy; with None the next one that is needed is new."""
    sys.modules["asyncio.events"]._event_loop_policy = before  # type: ignore[attr-defined]  # noqa: SLF001 - as above


def start_method() -> str | None:
    """How multiprocessing starts processes; None if it is not set."""
    method: str | None = sys.modules["multiprocessing"].get_start_method(allow_none=True)
    return method


def set_start_method(before: str | None) -> None:
    """Have it say so."""
    sys.modules["multiprocessing"].set_start_method(before, force=True)


_read_decimal = attrgetter(*_DECIMAL)


def decimal() -> tuple[Any, ...]:
    """The context of this thread, and what it says; its traps alone would take as long as all the rest."""
    context = sys.modules["decimal"].getcontext()
    return (context, *_read_decimal(context))


def set_decimal(before: tuple[Any, ...]) -> None:
    """Set the context of this thread to that one, as it was."""
    context, *values = before
    sys.modules["decimal"].setcontext(context)
    for name, value in zip(_DECIMAL, values, strict=True):
        setattr(context, name, value)


read_builtins = itemgetter(*_BUILTINS)


def socket_timeout() -> Any:
    """The timeout of new sockets."""
    return sys.modules["socket"].getdefaulttimeout()


def set_socket_timeout(before: Any) -> None:
    """Set it."""
    sys.modules["socket"].setdefaulttimeout(before)


def tempdir() -> Any:
    """The folder for temporary files; None when none is chosen yet."""
    return sys.modules["tempfile"].tempdir


def set_tempdir(before: Any) -> None:
    """Set it."""
    sys.modules["tempfile"].tempdir = before  # type: ignore[attr-defined]


def numpy_errors() -> Any:
    """What numpy does about errors of floating point."""
    return sys.modules["numpy"].geterr()


def set_numpy_errors(before: Any) -> None:
    """Set that."""
    sys.modules["numpy"].seterr(**before)


def set_builtins(before: tuple[Any, ...]) -> None:
    """Set the functions that tasks are known to replace to those."""
    builtins.__dict__.update(zip(_BUILTINS, before, strict=True))


def set_arguments(before: tuple[list[str], list[str]]) -> None:
    """Set `sys.argv` to that list, with what was in it."""
    sys.argv, sys.argv[:] = before


_SLACK_SECONDS: Final = 0.1
_SHORTEST_SECONDS: Final = 1e-6
_OFF: Final = (0.0, 0.0)


class Timers:
    """The alarm of the process as it is now: a program that runs a pipeline may have set one."""

    def __init__(self) -> None:
        self._handlers = _handlers()
        self._before = getitimer(ITIMER_REAL)
        self._at = 0.0 if self._before == _OFF else time.monotonic()

    def cancel(self) -> None:
        """Cancel what was set since; an alarm that was set before stays."""
        if "faulthandler" in sys.modules:
            sys.modules["faulthandler"].cancel_dump_traceback_later()
        if self._handlers != _handlers():  # the task sets a timer for them, or it would have killed the process
            setitimer(ITIMER_VIRTUAL, 0)
            setitimer(ITIMER_PROF, 0)
        now = getitimer(ITIMER_REAL)
        if now == self._before:
            return
        before, passed = self._before, time.monotonic() - self._at
        if before == _OFF:
            setitimer(ITIMER_REAL, 0)
        elif _is_another(before, now, passed):
            setitimer(ITIMER_REAL, max(before[0] - passed, _SHORTEST_SECONDS), before[1])


def _handlers() -> tuple[Any, Any]:
    return getsignal(SIGVTALRM), getsignal(SIGPROF)


def _is_another(before: tuple[float, float], after: tuple[float, float], passed: float) -> bool:
    """Whether it is not the one that ran before; one that rings again and again may be anywhere."""
    if before[1] or after[1]:
        return before[1] != after[1]
    return not before[0] - passed - _SLACK_SECONDS <= after[0] <= before[0]
