"""Identifies the process of a run, and decides later whether it is still there.

Called by `app`: when a run starts, and when an unfinished run is shown or resumed.
"""

import os
import sys
import time
from pathlib import Path
from typing import Final

from magnus.run_log.records import ENDED, Owner, Status

_IMPORTED_NS: Final = time.time_ns()
_ENDED_STATES: Final = "ZXx"


def this_process() -> Owner:
    """The owner of a run that this process starts."""
    return Owner(os.uname().nodename, os.getpid(), _start(os.getpid()) or "")


def started_at_ns() -> int:
    """When this process started, in nanoseconds since 1970; later, but before it ran a step, where nothing says it."""
    try:
        ticks = int(Path("/proc/self/stat").read_text(errors="replace").rpartition(")")[2].split()[19])
        booted = time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        return booted + ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return _IMPORTED_NS


def lost(owner: Owner) -> str:
    """Why the run is lost; "" when its process is there, or is where this one cannot see it.

    A process that exited and was not yet waited for is gone, and so is one whose number another process has now.
    """
    if owner.host != os.uname().nodename or _is_out_of_sight(owner.process_start):
        return ""
    start = _start(owner.pid)
    if start is None or (start and owner.process_start and start != owner.process_start):
        return f"lost: process {owner.pid} on host '{owner.host}' is gone"
    return ""


def runs_here(owner: Owner) -> bool:
    """Whether the process is there for certain: on this host, where this one can see it."""
    return owner.host == os.uname().nodename and not _is_out_of_sight(owner.process_start) and not lost(owner)


def doubt(owner: Owner) -> str:
    """Why this host cannot tell whether the process is there; "" if it can."""
    if not owner.host:
        return "another engine runs its steps"
    if owner.host != os.uname().nodename:
        return f"its process {owner.pid} is on host '{owner.host}'"
    return "its process is in another container" if _is_out_of_sight(owner.process_start) else ""


def unknown(status: Status, owner: Owner) -> str:
    """The doubt about a run whose record is open, if its process may be gone; "" if there is no doubt."""
    reason = "" if status in ENDED else doubt(owner)
    return f"this host cannot tell whether it still runs: {reason}" if reason else ""


def _start(pid: int) -> str | None:
    """What tells a process from a later one of its number; None when there is none, "" when nothing can be said."""
    if sys.platform == "linux":
        return _start_by_proc(pid)
    return _start_by_ps(pid)


def _start_by_proc(pid: int) -> str | None:
    """On Linux: ticks from the boot to the start of the process, the boot, and the name space of the number.

    Containers of one host name may share a run log; a number says nothing in the name space of another one.
    """
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None if _takes_no_signal(pid) else ""
    except OSError:
        return ""
    if state in _ENDED_STATES:
        return None
    return f"{rest[18]} {_boot()} {_name_space()}"


def _start_by_ps(pid: int) -> str | None:
    """The time of the start, to the second, for systems without `/proc`."""
    import subprocess  # lazy: Linux does not need it

    command = ("ps", "-o", "state=,lstart=", "-p", str(pid))
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False, env={"LC_ALL": "C", "TZ": "UTC"})
    except OSError:
        return None if _takes_no_signal(pid) else ""
    state, _, start = answer.stdout.strip().partition(" ")
    return None if not state or state[0] in _ENDED_STATES else start.strip()


def _takes_no_signal(pid: int) -> bool:
    """Whether there is certainly no such process; one of another user may be hidden from everything else."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _name_space() -> str:
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


def _is_out_of_sight(process_start: str) -> bool:
    """Whether the owner's number belongs to another name space of this boot."""
    _, _, place = process_start.partition(" ")
    boot, _, name_space = place.partition(" ")
    return bool(name_space) and boot == _boot() and name_space != _name_space()
