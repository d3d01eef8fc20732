"""Finds and stops the processes that a run started, also if they left their group, their session and their parents.

A process of a step has the address of the step channel in its environment, and its children inherit it. A process that
was forked without a new program has the mark of the run open, a file in the private folder of the run. Both lead to that
folder, also when nothing else of the run is left. The folder itself says nothing: another run that removes what a killed
one left has it open, too. Linux alone shows this, in `/proc`; on other systems no process is found.

As a program (`engine.processes.guard` starts it) it waits until a run is over, and stops its processes if the run was
killed. It imports a few modules of the library only, so that it is ready at once.
"""

import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

DONE: Final = b"."
"""The program reads it when it has nothing to stop."""
CHANNEL: Final = "MAGNUS_STEP_CHANNEL"
RUN: Final = "MAGNUS_RUN_ID"
MARK: Final = "mark"
"""The name of the file that the process of a run has open, and every process that is forked from it."""
PREFIX: Final = "magnus-"
"""The prefix of the names of private folders; the number of their process follows."""
GRACE_SECONDS: Final = 1.0

_LONGEST_TITLE: Final = 60
_LOOK_AGAIN_SECONDS: Final = 0.02
_LOOK_AGAIN_MS: Final = 200
_MOST_SECONDS: Final = 10.0
_ENDED_STATES: Final = b"ZXx"


def of_folder(folder: str) -> Callable[[int], bool]:
    """What tells the processes of the run, or of the worker, whose private folder this is."""
    return _below(f"{folder}/")


def of_worker(folder: str, worker: int) -> Callable[[int], bool]:
    """What tells the processes that a worker of the run with this private folder started."""
    return _below(f"{folder}/{PREFIX}{worker}-")


def _below(start: str) -> Callable[[int], bool]:
    variable = os.fsencode(f"{CHANNEL}={start}")

    def is_below(pid: int) -> bool:
        in_environment = any(entry.startswith(variable) for entry in _environment(pid))
        return in_environment or any(file.startswith(start) for file in _open_marks(pid))

    return is_below


def of_attempt(address: str) -> Callable[[int], bool]:
    """Whether a process belongs to one attempt of a step: it was started with the address of the attempt's channel."""
    variable = os.fsencode(f"{CHANNEL}={address}")
    return lambda pid: variable in _environment(pid)


def of_lost_run(run_id: str, owner: int) -> Callable[[int], bool]:
    """What tells the processes of a run by its id and the number of the process that ran it.

    That process is gone. If another run has its number now, the processes of that one do not count.
    """
    variable, private = os.fsencode(f"{RUN}={run_id}"), f"/{PREFIX}{owner}-"
    address = f"{CHANNEL}="
    marks = tuple(_open_marks(owner))
    addresses = tuple(os.fsencode(address + mark.removesuffix(MARK)) for mark in marks)

    def is_of_run(pid: int) -> bool:
        entries = _environment(pid)
        if variable in entries:
            own = [entry for entry in entries if entry.startswith(address.encode()) and private.encode() in entry]
            return any(not entry.startswith(addresses) for entry in own)
        return any(private in file and file not in marks for file in _open_marks(pid))

    return is_of_run


def alive(belongs: Callable[[int], bool]) -> list[int]:
    """The matching processes and all that these started, without this process and its parents."""
    parents = dict(_processes())
    own = set()
    pid = os.getpid()
    while pid and pid not in own:
        own.add(pid)
        pid = parents.get(pid, 0)
    pids = {pid for pid in parents if pid not in own and belongs(pid)}
    while more := {pid for pid, parent in parents.items() if parent in pids} - pids - own:
        pids |= more
    return sorted(pids)


def title(pid: int) -> str:
    """The command line of the process, cut; "" when it is gone."""
    with suppress(OSError):
        text = _read(f"/proc/{pid}/cmdline").rstrip(b"\0").replace(b"\0", b" ").decode(errors="replace")
        printable = "".join(character if character.isprintable() else " " for character in text)
        return printable if len(printable) <= _LONGEST_TITLE else f"{printable[:_LONGEST_TITLE]}..."
    return ""


def end(belongs: Callable[[int], bool]) -> None:
    """End them: SIGTERM, a second to end, SIGKILL; returns when none is left."""
    deadline = time.monotonic() + GRACE_SECONDS
    last = deadline + _MOST_SECONDS  # a process in the kernel for longer does not end
    signalled: set[int] = set()
    while (survivors := alive(belongs)) and time.monotonic() < last:
        is_over = time.monotonic() > deadline
        for pid in survivors:
            if is_over or pid not in signalled:
                signalled.add(pid)
                with suppress(OSError):
                    os.kill(pid, signal.SIGKILL if is_over else signal.SIGTERM)
        time.sleep(_LOOK_AGAIN_SECONDS)


def _processes() -> Iterator[tuple[int, int]]:
    """The running processes that this user may stop, with their parents."""
    try:
        names = os.listdir("/proc")  # noqa: PTH208 - a path for each costs more than all the rest
    except OSError:
        return
    user = os.getuid()
    for name in names:
        if name.isdigit():
            with suppress(OSError):
                if user in {0, os.stat(f"/proc/{name}").st_uid}:  # noqa: PTH116 - as above
                    state, parent, *_ = _read(f"/proc/{name}/stat").rpartition(b")")[2].split()
                    if state not in _ENDED_STATES:
                        yield int(name), int(parent)


def start_ticks(pid: int) -> bytes:
    """When the process started, in ticks since the boot; b"" when it is gone."""
    with suppress(OSError):
        state, *rest = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
        if state not in _ENDED_STATES:
            return rest[18]
    return b""


def _environment(pid: int) -> list[bytes]:
    """What the process was started with; nothing where this one may not look."""
    with suppress(OSError):
        return _read(f"/proc/{pid}/environ").split(b"\0")
    return []


def _open_marks(pid: int) -> Iterator[str]:
    """The files named as a mark that the process has open."""
    with suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):  # noqa: PTH208 - as above
            with suppress(OSError):
                file = os.readlink(f"/proc/{pid}/fd/{name}").removesuffix(" (deleted)")  # noqa: PTH115 - as above
                if file.endswith(f"/{MARK}"):
                    yield file


def _read(file: str) -> bytes:
    with open(file, "rb", buffering=0) as opened:  # noqa: PTH123 - as above
        return opened.read()


def main(folder: str) -> None:
    """Wait until the run is over. Stop its processes, unless the run says that there is nothing to stop."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    owner = int(os.path.basename(folder).removeprefix(PREFIX).partition("-")[0])  # noqa: PTH119 - as above
    if not _says_done(owner):
        end(of_folder(folder))


def _says_done(owner: int) -> bool:
    """Wait for the run, whose process this is, to say that it is over; False when the process is gone and did not.

    The end of the pipe says nothing: it may be closed while the run continues, and processes that C code forked from the
    run have it open for as long as they are there.
    """
    started = start_ticks(owner)
    poll, pipe, pidfd = select.poll(), 0, -1
    poll.register(pipe, select.POLLIN)
    with suppress(OSError, AttributeError):  # a kernel before 5.3
        pidfd = os.pidfd_open(owner)
        poll.register(pidfd, select.POLLIN)
    while True:
        ready = [descriptor for descriptor, _ in poll.poll(None if pidfd >= 0 else _LOOK_AGAIN_MS)]
        if pipe in ready:
            if os.read(pipe, 1) == DONE:
                return True
            poll.unregister(pipe)
        elif pidfd in ready or (pidfd < 0 and (not started or start_ticks(owner) != started)):
            return False


if __name__ == "__main__":
    main(sys.argv[1])
