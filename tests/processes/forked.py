"""Commands of magnus in processes that are forked by one that has loaded magnus, and has run nothing.

Each is a process of its own, which begins and ends as the interpreter does for `python -m magnus`, but without the 0.15 s
of CPU time that loading takes; `tests/end_to_end/test_forked.py` holds the two against each other. A command whose
environment has other variables that an interpreter reads when it starts gets one; so do all with `pytest --interpreters`.
"""

import json
import os
import selectors
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

from safety_net import LONGEST_SECONDS

KEPT = ("PATH", "HOME", "LANG", "LD_LIBRARY_PATH", "PYTHONPATH", "COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START")
SERVER = f"""\
import sys
sys.path.insert(1, {str(Path(__file__).parent)!r})
import forked_server
del sys.path[1]
forked_server.serve()
del forked_server, sys
__import__("runpy")._run_module_as_main("magnus")
"""


class Commands:
    """Runs `magnus` with arguments, in a folder and an environment. To be used in a `with`, which is when its server begins."""

    def __init__(self, *, interpreters=False):
        self._forks = not interpreters and not any(name.startswith("COVERAGE_") for name in os.environ)
        self._open = ExitStack()

    def __enter__(self):
        self._environment = kept()
        if self._forks:
            self._server = self._open.enter_context(server(self._environment))
        return self

    def __exit__(self, *_error):
        self._open.close()

    def __call__(self, *arguments, cwd, env):
        """The completed process, its output as text. Raises `TimeoutExpired` after a minute."""
        if self._forks and can_become(self._environment, env):
            return forked(self._server, arguments, cwd, env)
        return in_interpreter(*arguments, cwd=cwd, env=env)


def kept():
    """The variables that a command needs to find its interpreter, its modules and the locale."""
    return {name: os.environ[name] for name in KEPT if name in os.environ}


def read_at_start(environment):
    """What an interpreter reads of it when it starts; of PYTHONPATH a process can make up for that itself."""
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(("PYTHON", "LANG", "LC_", "TZ", "LD_")) and name != "PYTHONPATH"
    }


def folders(environment):
    """Those of PYTHONPATH."""
    return set(filter(None, environment.get("PYTHONPATH", "").split(os.pathsep)))


def can_become(before, after):
    """Whether a process can be as if it was started with the second environment, not the first."""
    customizes = any(Path(folder, "sitecustomize.py").exists() for folder in folders(after))
    return read_at_start(before) == read_at_start(after) and folders(before) <= folders(after) and not customizes


def in_interpreter(*arguments, cwd, env):
    """The command in an interpreter of its own."""
    argv = [sys.executable, "-m", "magnus", *arguments]
    options = {"cwd": cwd, "env": env, "stdin": subprocess.DEVNULL, "timeout": LONGEST_SECONDS}
    return subprocess.run(argv, capture_output=True, text=True, **options)


@contextmanager
def server(environment):
    """A socket to a server, which ends with it."""
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            descriptor = theirs.fileno()
            argv = [sys.executable, "-c", SERVER, str(descriptor)]
            pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            process = subprocess.Popen(argv, cwd="/", env=environment, pass_fds=[descriptor], **pipes)
        yield ours
    _, said = process.communicate(timeout=LONGEST_SECONDS)
    assert process.returncode == 0, said.decode()


def forked(asked, arguments, cwd, env):
    """Ask a server for a command; the completed process."""
    read, written = zip(*(os.pipe() for _ in range(3)), strict=True)
    with ExitStack() as opened:
        for descriptor in read:
            opened.callback(os.close, descriptor)
        request = os.memfd_create("request")
        with open(request, "w", closefd=False) as file:
            json.dump([arguments, str(cwd), dict(env)], file)
        socket.send_fds(asked, [b"."], [request, *written])
        for descriptor in (request, *written):
            os.close(descriptor)
        out, err, told = all_of(read, arguments)
    status = int(told.split()[1])
    return subprocess.CompletedProcess(arguments, status, text(out), text(err))


def all_of(pipes, arguments):
    """What is written to each of the pipes until they are closed; the last says which process writes."""
    said = dict.fromkeys(pipes, b"")
    deadline = time.monotonic() + LONGEST_SECONDS
    with selectors.DefaultSelector() as selector:
        for pipe in pipes:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                os.kill(int(said[pipes[-1]].split()[0]), 9)
                raise subprocess.TimeoutExpired(arguments, LONGEST_SECONDS, *map(text, list(said.values())[:2]))
            for key, _ in ready:
                said[key.fd] += (more := os.read(key.fd, 1 << 16))
                if not more:
                    selector.unregister(key.fd)
    return list(said.values())


def text(output):
    return output.decode().replace("\r\n", "\n").replace("\r", "\n")
