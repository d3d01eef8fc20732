"""A way to an engine that can be closed and opened again, as if the engine were started anew."""

import socket
import threading
from contextlib import contextmanager, suppress


class Proxy:
    """Hands on what is said to the unix socket `place` to `target`, while it is open."""

    def __init__(self, place, target):
        self.place, self.target = place, target
        self.sockets = []
        self.threads = []

    def open(self):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.place))
        self.listener.listen()
        self._start(self._accept)

    def close(self):
        """End every connection, and take no other."""
        self.place.unlink()
        for each in (self.listener, *self.sockets):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()
        for each in (self.listener, *self.sockets):
            each.close()
        self.sockets, self.threads = [], []

    def _accept(self):
        with suppress(OSError):
            while True:
                here, _ = self.listener.accept()
                there = socket.socket(socket.AF_UNIX)
                there.connect(str(self.target))
                self.sockets += [here, there]
                self._start(self._hand_on, here, there)
                self._start(self._hand_on, there, here)

    def _hand_on(self, source, sink):
        with suppress(OSError):
            while piece := source.recv(65536):
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)

    def _start(self, function, *arguments):
        thread = threading.Thread(target=function, args=arguments)
        self.threads.append(thread)
        thread.start()


@contextmanager
def proxy(place, address):
    """A proxy that is open; `address` is that of the engine."""
    made = Proxy(place, address.removeprefix("unix://"))
    made.open()
    try:
        yield made
    finally:
        if place.exists():
            made.close()
