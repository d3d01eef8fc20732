"""The process that `forked` asks for commands: it loads magnus and forks; what it forks runs the command."""

import json
import os
import selectors
import socket
import sys
from importlib import import_module
from pkgutil import walk_packages

PACKAGES = ("cli", "app", "definition", "engine", "graph", "interfaces", "run_log", "run_log_stores", "catalogs")
MODULES = (
    "tasks.python",
    "tasks.functions.call",
    "tasks.shell",
    "tasks.shell",
    "executors.local",
    "picklers.pickle",
)
LEFT_TO_COMMANDS = {"app.run.simulate", "definition.pydantic_fields"}
"""What few commands load, and takes long."""


def load():
    """Import what commands need; so far as importing does nothing, nobody can tell."""
    for package in PACKAGES:
        modules = walk_packages(import_module(f"magnus.{package}").__path__, f"{package}.")
        for name in {module.name for module in modules} - LEFT_TO_COMMANDS:
            import_module(f"magnus.{name}")
    for name in MODULES:
        import_module(f"magnus.{name}")


def serve():
    """Fork a process for each request until the socket closes. Returns in each of them, to run the command."""
    load()
    asked = socket.socket(fileno=int(sys.argv[1]))
    running = {}
    selector = selectors.DefaultSelector()
    selector.register(asked, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is not asked:
                selector.unregister(key.fileobj)
                tell_end(key.fd, *running.pop(key.fd))
                continue
            message, descriptors, *_ = socket.recv_fds(asked, 1, 4)
            if not message:
                sys.exit()
            if not (pid := os.fork()):
                for descriptor in (asked.detach(), *running, *(told for _, told in running.values())):
                    os.close(descriptor)
                selector.close()
                return become(*descriptors)
            *done, told = descriptors
            for descriptor in done:
                os.close(descriptor)
            os.write(told, f"{pid} ".encode())
            end = os.pidfd_open(pid)
            running[end] = pid, told
            selector.register(end, selectors.EVENT_READ)


def tell_end(end, pid, told):
    os.close(end)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    try:
        os.write(told, str(status).encode())
    except BrokenPipeError:
        """Nobody waits any more."""
    os.close(told)


def become(request, out, err, told):
    """Be as a process is that was started with the request."""
    os.close(told)
    for descriptor, number in ((out, 1), (err, 2)):
        os.dup2(descriptor, number)
        os.close(descriptor)
    with open(request, "rb") as file:
        file.seek(0)
        arguments, folder, environment = json.load(file)
    before = folders_of_path()
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    now = folders_of_path()
    sys.path[:] = [os.getcwd(), *now, *(folder for folder in sys.path[1:] if folder not in {*before, *now})]
    sys.argv = ["-m", *arguments]
    sys.orig_argv = [sys.executable, "-m", "magnus", *arguments]


def folders_of_path():
    """What PYTHONPATH adds to the import path."""
    folders = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return list(dict.fromkeys(os.path.abspath(folder) for folder in folders if folder))
