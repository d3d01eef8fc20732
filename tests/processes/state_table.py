"""What a task can change of its process: a table of how to change each piece of state and how to look at it."""

import asyncio
import builtins
import decimal
import gc
import locale
import logging
import multiprocessing
import os
import resource
import signal
import socket
import sys
import tempfile
import threading
import time
import warnings


class Loop(asyncio.DefaultEventLoopPolicy):
    pass


def hook(*_):
    pass


def factory(*arguments, **named):
    return logging.LogRecord(*arguments, **named)


def umask():
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def soft(name):
    return resource.getrlimit(getattr(resource, name))[0]


def lower(name, value):
    resource.setrlimit(getattr(resource, name), (value, resource.getrlimit(getattr(resource, name))[1]))


def handlers(name):
    return len(logging.getLogger(name).handlers)


def add_handler(name):
    logging.getLogger(name).addHandler(logging.NullHandler())


def zone():
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()


STAYS_AFTER_IMPORT = "stays after an import"
ALWAYS_UNDONE = "undone after an import too"

TABLE = {
    "environment": (lambda: os.environ.update(STATE="1"), lambda: os.environ.get("STATE"), STAYS_AFTER_IMPORT),
    "time zone": (zone, lambda: time.strftime("%Z", time.localtime(0)), STAYS_AFTER_IMPORT),
    "import path": (
        lambda: sys.path.insert(0, "/lib-of-state"),
        lambda: "/lib-of-state" in sys.path,
        STAYS_AFTER_IMPORT,
    ),
    "end of import path": (lambda: sys.path.append("/end"), lambda: sys.path[-1] == "/end", STAYS_AFTER_IMPORT),
    "another import path": (lambda: setattr(sys, "path", list(sys.path)), lambda: id(sys.path), ALWAYS_UNDONE),
    "arguments": (lambda: sys.argv.append("--state"), lambda: "--state" in sys.argv, STAYS_AFTER_IMPORT),
    "working directory": (lambda: os.chdir("/"), lambda: os.getcwd() == "/", ALWAYS_UNDONE),
    "umask": (lambda: os.umask(0o037), umask, STAYS_AFTER_IMPORT),
    "handler of SIGTERM": (
        lambda: signal.signal(signal.SIGTERM, hook),
        lambda: signal.getsignal(signal.SIGTERM) is hook,
        ALWAYS_UNDONE,
    ),
    "handler of SIGINT": (
        lambda: signal.signal(signal.SIGINT, hook),
        lambda: signal.getsignal(signal.SIGINT) is hook,
        ALWAYS_UNDONE,
    ),
    "handler of SIGUSR1": (
        lambda: signal.signal(signal.SIGUSR1, hook),
        lambda: signal.getsignal(signal.SIGUSR1) is hook,
        STAYS_AFTER_IMPORT,
    ),
    "handler of SIGALRM": (
        lambda: signal.signal(signal.SIGALRM, hook),
        lambda: signal.getsignal(signal.SIGALRM) is hook,
        STAYS_AFTER_IMPORT,
    ),
    "blocked signals": (
        lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM}),
        lambda: signal.SIGTERM in signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        STAYS_AFTER_IMPORT,
    ),
    "alarm": (
        lambda: signal.setitimer(signal.ITIMER_REAL, 5000),  # the timer of a test is shorter
        lambda: signal.getitimer(signal.ITIMER_REAL)[0] > 3000,
        ALWAYS_UNDONE,
    ),
    "limit of open files": (lambda: lower("RLIMIT_NOFILE", 99), lambda: soft("RLIMIT_NOFILE"), STAYS_AFTER_IMPORT),
    "limit of the size of files": (
        lambda: lower("RLIMIT_FSIZE", 1 << 30),
        lambda: soft("RLIMIT_FSIZE"),
        STAYS_AFTER_IMPORT,
    ),
    "locale": (
        lambda: locale.setlocale(locale.LC_ALL, "C.UTF-8" if locale.setlocale(locale.LC_ALL) == "C" else "C"),
        lambda: locale.setlocale(locale.LC_ALL),
        STAYS_AFTER_IMPORT,
    ),
    "filters of warnings": (
        lambda: warnings.filterwarnings("ignore", message="state"),
        lambda: any(entry[1] and entry[1].pattern == "state" for entry in warnings.filters),
        STAYS_AFTER_IMPORT,
    ),
    "shown warnings": (
        lambda: setattr(warnings, "showwarning", hook),
        lambda: warnings.showwarning is hook,
        STAYS_AFTER_IMPORT,
    ),
    "captured warnings": (
        lambda: logging.captureWarnings(True),
        lambda: warnings.showwarning is logging._showwarning,
        STAYS_AFTER_IMPORT,
    ),
    "root handler": (lambda: add_handler(None), lambda: handlers(None), STAYS_AFTER_IMPORT),
    "root level": (lambda: logging.root.setLevel(1), lambda: logging.root.level, STAYS_AFTER_IMPORT),
    "logging disabled": (lambda: logging.disable(7), lambda: logging.root.manager.disable, STAYS_AFTER_IMPORT),
    "log records": (
        lambda: logging.setLogRecordFactory(factory),
        lambda: logging.getLogRecordFactory() is factory,
        STAYS_AFTER_IMPORT,
    ),
    "handler of a logger": (lambda: add_handler("state"), lambda: handlers("state"), STAYS_AFTER_IMPORT),
    "handler of a new logger": (lambda: add_handler("state.new"), lambda: handlers("state.new"), STAYS_AFTER_IMPORT),
    "level of a logger": (
        lambda: logging.getLogger("state").setLevel(3),
        lambda: logging.getLogger("state").level,
        STAYS_AFTER_IMPORT,
    ),
    "propagation of a logger": (
        lambda: setattr(logging.getLogger("state"), "propagate", False),
        lambda: logging.getLogger("state").propagate,
        STAYS_AFTER_IMPORT,
    ),
    "disabled logger": (
        lambda: setattr(logging.getLogger("state"), "disabled", True),
        lambda: logging.getLogger("state").disabled,
        STAYS_AFTER_IMPORT,
    ),
    "filter of a logger": (
        lambda: logging.getLogger("state").addFilter(logging.Filter("x")),
        lambda: len(logging.getLogger("state").filters),
        STAYS_AFTER_IMPORT,
    ),
    "sys.excepthook": (lambda: setattr(sys, "excepthook", hook), lambda: sys.excepthook is hook, STAYS_AFTER_IMPORT),
    "sys.unraisablehook": (
        lambda: setattr(sys, "unraisablehook", hook),
        lambda: sys.unraisablehook is hook,
        STAYS_AFTER_IMPORT,
    ),
    "sys.breakpointhook": (
        lambda: setattr(sys, "breakpointhook", hook),
        lambda: sys.breakpointhook is hook,
        STAYS_AFTER_IMPORT,
    ),
    "sys.stdin": (lambda: setattr(sys, "stdin", None), lambda: sys.stdin is None, STAYS_AFTER_IMPORT),
    "threading.excepthook": (
        lambda: setattr(threading, "excepthook", hook),
        lambda: threading.excepthook is hook,
        STAYS_AFTER_IMPORT,
    ),
    "profile function": (lambda: sys.setprofile(hook), lambda: sys.getprofile() is hook, STAYS_AFTER_IMPORT),
    "recursion limit": (lambda: sys.setrecursionlimit(4321), sys.getrecursionlimit, STAYS_AFTER_IMPORT),
    "switch interval": (lambda: sys.setswitchinterval(0.25), sys.getswitchinterval, STAYS_AFTER_IMPORT),
    "digits of integers": (lambda: sys.set_int_max_str_digits(0), sys.get_int_max_str_digits, STAYS_AFTER_IMPORT),
    "garbage collector": (gc.disable, gc.isenabled, STAYS_AFTER_IMPORT),
    "threshold of the garbage collector": (lambda: gc.set_threshold(9, 9, 9), gc.get_threshold, STAYS_AFTER_IMPORT),
    "start method": (
        lambda: multiprocessing.set_start_method("spawn"),
        lambda: multiprocessing.get_start_method(allow_none=True),
        STAYS_AFTER_IMPORT,
    ),
    "event loop policy": (
        lambda: asyncio.set_event_loop_policy(Loop()),
        lambda: type(asyncio.events._event_loop_policy).__name__,
        STAYS_AFTER_IMPORT,
    ),
    "decimal precision": (
        lambda: setattr(decimal.getcontext(), "prec", 5),
        lambda: decimal.getcontext().prec,
        STAYS_AFTER_IMPORT,
    ),
    "decimal context": (
        lambda: decimal.setcontext(decimal.BasicContext),
        lambda: decimal.getcontext().rounding,
        STAYS_AFTER_IMPORT,
    ),
    "timeout of sockets": (lambda: socket.setdefaulttimeout(5), socket.getdefaulttimeout, STAYS_AFTER_IMPORT),
    "folder of temporary files": (
        lambda: setattr(tempfile, "tempdir", "/state"),
        lambda: tempfile.tempdir == "/state",
        STAYS_AFTER_IMPORT,
    ),
    "print": (lambda: setattr(builtins, "print", hook), lambda: builtins.print is hook, STAYS_AFTER_IMPORT),
    "another environment": (lambda: setattr(os, "environ", {}), lambda: type(os.environ).__name__, ALWAYS_UNDONE),
}
"""Name: how it is changed, how it looks, and what becomes of it when importing a module changes it."""


def look():
    """How everything looks now."""
    return {name: looks() for name, (_, looks, _) in TABLE.items()}


def change():
    """Change everything; what could not be changed."""
    names = []
    for name, (changes, looks, _) in TABLE.items():
        before = looks()
        changes()
        if looks() == before:
            names.append(name)
    return names
