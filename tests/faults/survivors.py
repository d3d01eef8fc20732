"""Code of pipelines that leave processes behind in every way there is, for `test_survivors`.

Each process that is started says its number in a file of the folder `pids`, named by the way it was started.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

FOREVER = 3600


def note(name):
    """This process is there."""
    temporary = Path("pids") / f".{name}"
    temporary.write_text(str(os.getpid()))
    temporary.rename(Path("pids") / name)


def wait(name):
    note(name)
    time.sleep(FOREVER)
    os._exit(0)


def forked(name, *, session=False, twice=False):
    """Fork a process, in a session of its own or not, twice or not."""
    child = os.fork()
    if child:
        if twice:
            os.waitpid(child, 0)
        return
    if session:
        os.setsid()
    if twice and os.fork():
        os._exit(0)
    wait(name)


def started(name, *, session=False, twice=False):
    """The same with a program of its own."""
    program = [sys.executable, "-S", __file__, name, *(["twice"] if twice else [])]
    child = subprocess.Popen(program, start_new_session=session)
    if twice:
        child.wait()


def all_ways():
    """Leave processes behind in all ways, and go on until somebody ends this one."""
    forked("forked")
    forked("forked-session", session=True)
    forked("forked-twice", session=True, twice=True)
    started("started")
    started("started-session", session=True)
    started("started-twice", session=True, twice=True)
    wait("task")


def programs():
    """The same, forking nothing: python starts other programs without a word to anybody."""
    started("started")
    started("started-session", session=True)
    started("started-twice", session=True, twice=True)
    wait("task")


def background():
    """Leave processes behind, and end."""
    forked("forked")
    forked("forked-twice", session=True, twice=True)
    started("started-session", session=True)
    while len(list(Path("pids").glob("[a-z]*"))) < 3:
        time.sleep(0.02)


if __name__ == "__main__":
    if sys.argv[2:] and os.fork():
        os._exit(0)
    wait(sys.argv[1])
