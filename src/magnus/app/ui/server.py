"""Runs the application on a socket; needs starlette and uvicorn, the packages of the extra `ui`."""

import socket
from types import FrameType
from typing import Final

import uvicorn

from magnus.app.inspect.viewer import Viewer
from magnus.app.ui.application import application
from magnus.app.ui.guard import Access, Guard
from magnus.app.ui.streams import Streams
from magnus.app.ui.threads import Threads

_LONGEST_STOP_SECONDS: Final = 1


class _Server(uvicorn.Server):
    """A server that ends its streams when it is interrupted."""

    def __init__(self, config: uvicorn.Config, streams: Streams) -> None:
        super().__init__(config)
        self._streams = streams

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stop at the signal, which is raised again when the server has stopped."""
        self._streams.stop()
        super().handle_exit(sig, frame)


def run_server(services: Viewer, listening: socket.socket, access: Access) -> None:
    """Answer requests until the process is interrupted."""
    make_server(services, access).run(sockets=[listening])


def make_server(services: Viewer, access: Access) -> uvicorn.Server:
    """The server, which is yet to run; set `should_exit` to end it."""
    threads = Threads()
    streams = Streams(threads)
    config = uvicorn.Config(
        Guard(application(services, threads, streams), access),
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
    return _Server(config, streams)
