"""Starts the server that shows runs, and stops it."""

import errno
import secrets
import socket
import webbrowser
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import Thread
from typing import Final

from msgspec import Struct

from magnus.app.inspect.viewer import Viewer
from magnus.errors import InvalidConfiguration, InvalidInput

_PACKAGES: Final = frozenset({"starlette", "uvicorn", "anyio", "h11"})
_TOKEN_BYTES: Final = 24
_CLOSING_SECONDS: Final = 0.5
_EVERYWHERE: Final = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - the user asks for it


class Address(Struct, frozen=True):
    """Where the server listens; of port 0 the system chooses a free one."""

    host: str
    port: int


def serve(
    configuration_file: str,
    environment: Mapping[str, str],
    address: Address,
    *,
    announce: Callable[[str], None],
    open_browser: bool = False,
) -> None:
    """Show the runs of a configuration until the process is interrupted, which raises KeyboardInterrupt.

    `announce` gets the URL as soon as it can be opened. InvalidConfiguration without the packages of the extra `ui`,
    InvalidInput for an address that cannot be used.
    """
    try:
        from magnus.app.ui.server import run_server  # lazy: starlette and uvicorn are of the extra `ui`
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _PACKAGES:
            raise
        message = f"magnus ui needs the package '{package}', which is not installed"
        raise InvalidConfiguration(message, fix="pip install 'magnus[ui]'") from error
    services = Viewer(configuration_file, environment, Path.cwd())
    listening = listen(address)
    try:
        from magnus.app.ui.guard import Access, is_local  # lazy: as above

        port = listening.getsockname()[1]
        token = "" if is_local(address.host) else secrets.token_urlsafe(_TOKEN_BYTES)
        names = frozenset({address.host.lower(), socket.gethostname().lower()})
        url = f"http://{_in_url(address.host)}:{port}/{f'?token={token}' if token else ''}"
        announce(url)
        if open_browser:
            Thread(target=webbrowser.open, args=(url,), name="magnus browser", daemon=True).start()
        run_server(services, listening, Access(names, token, f"magnus_ui_{port}"))
    finally:
        listening.close()
        # A thread that waits for a store may hold what closing needs; it ends with the process.
        closing = Thread(target=services.store.close, name="magnus close", daemon=True)
        closing.start()
        closing.join(_CLOSING_SECONDS)


def listen(address: Address) -> socket.socket:
    """A socket that listens there. InvalidInput when the address cannot be used."""
    host, port = address.host, address.port
    try:
        family, *_, place = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(place, family=family)
    except (socket.gaierror, UnicodeError) as error:
        raise InvalidInput(f"'{host}' is no name of this machine", fix="write an address such as 127.0.0.1") from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            message = f"port {port} of '{host}' is in use"
            fix = "end the program that uses it, or choose another port; --port 0 takes a free one"
        elif error.errno == errno.EADDRNOTAVAIL:
            message, fix = f"'{host}' is no address of this machine", "write an address such as 127.0.0.1"
        else:
            message = f"port {port} of '{host}' cannot be used: {error.strerror}"
            fix = "choose another port; --port 0 takes a free one"
        raise InvalidInput(message, fix=fix) from error


def _in_url(host: str) -> str:
    """The host as a URL has it; the name of this machine for all of its addresses."""
    if host in _EVERYWHERE:
        host = socket.gethostname()
    return f"[{host}]" if ":" in host else host
