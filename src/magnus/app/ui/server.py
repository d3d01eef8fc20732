"""Runs the application on a socket; needs starlette and uvicorn, the packages of the extra `ui`."""

import asyncio
import socket
from types import FrameType
from typing import Final

import uvicorn

from magnus.app.inspect.viewer import Viewer
from magnus.app.ui.application import application
from magnus.app.ui.guard import Access, Guard
from magnus.app.ui.threads import Threads

_LONGEST_STOP_SECONDS: Final = 1


class _Server(uvicorn.Server):
    """A server that waits for no store and ends its streams when it is interrupted."""

    def __init__(self, config: uvicorn.Config, threads: Threads) -> None:
        super().__init__(config)
        self._threads = threads

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop at the signal, which is raised again when the server has stopped."""
        self._threads.stopping.set()
        super().handle_exit(sig, frame)


def run_server(services: Viewer, listening: socket.socket, access: Access) -> None:
    """Answer requests until the process is interrupted."""
    server = make_server(services, access)
    server.config.load()
    with asyncio.Runner() as runner:
        runner.run(server.serve(sockets=[listening]))


def make_server(services: Viewer, access: Access) -> uvicorn.Server:
    """The server, which is yet to run; set `should_exit` to end it."""
    threads = Threads()
    config = uvicorn.Config(
        Guard(application(services, threads), access),
        http="h11",
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_LONGEST_STOP_SECONDS,
    )
    return _Server(config, threads)
