"""Servers of objects for tests: one of S3 (moto), one of Azure Blob Storage (Azurite), and a proxy that injects faults."""

import hmac
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from base64 import b64decode, b64encode
from contextlib import contextmanager, suppress
from email.utils import formatdate
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from struct import pack

import pytest
from safety_net import LONGEST_SECONDS

from magnus.object_stores.address import ObjectLocation, Patience
from magnus.object_stores.client import ObstoreObjects

ROOT = Path(__file__).parents[2]
LAUNCHER = Path(__file__).with_name("moto_server_locked.py")
DISTANT = Path(__file__).with_name("distant_object_server.py")
AZURITE = ROOT / ".venvs/azurite/node_modules/.bin/azurite-blob"
NEWLINE = "\n"
HASTY = Patience(tries=4, pause=0.01, longest_pause=0.05, answer=20, transfer=60)
AZURITE_ACCOUNT = "devstoreaccount1"
AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The account that every Azurite has; it is no secret."""


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def running(command, address, log, environment=None):
    """The server of this command, which answers at the address."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=log.parent,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + LONGEST_SECONDS
        while not answers(address):
            if time.monotonic() > deadline or process.poll() is not None:
                pytest.fail(f"the server did not start:\n{log.read_text()[-3000:]}")
            time.sleep(0.05)
        yield address
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=LONGEST_SECONDS)


def answers(address):
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def need(is_there, reason):
    """Skip the test for the reason, or fail it in CI, where every server is installed."""
    if not is_there:
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


@contextmanager
def moto(folder):
    need(find_spec("moto") is not None, "moto is not installed: make .venv/ready")
    port = free_port()
    with running([sys.executable, LAUNCHER, str(port)], f"http://127.0.0.1:{port}", folder / "moto.log") as address:
        yield address


@contextmanager
def distant(folder, seconds):
    """A server of objects whose answers take so many seconds."""
    port = free_port()
    command = [sys.executable, DISTANT, str(port), str(seconds)]
    with running(command, f"http://127.0.0.1:{port}/tests/none", folder / "distant.log") as address:
        yield address.removesuffix("/tests/none")


@contextmanager
def azurite(folder):
    need(AZURITE.exists(), "Azurite is not installed: make services")
    port = free_port()
    command = [AZURITE, "--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", folder, "--silent"]
    command += ["--disableTelemetry", "--skipApiVersionCheck"]
    with running(command, f"http://127.0.0.1:{port}", folder / "azurite.log") as address:
        make_container(address, "tests")
        yield address


def make_container(address, name):
    """Make a container by the REST interface, signed as its page on Shared Key says."""
    date = formatdate(usegmt=True)
    path = f"/{AZURITE_ACCOUNT}/{name}"
    signed = f"PUT{NEWLINE * 12}x-ms-date:{date}{NEWLINE}x-ms-version:2023-11-03{NEWLINE}"
    signed += f"/{AZURITE_ACCOUNT}{path}{NEWLINE}restype:container"
    signature = b64encode(hmac.digest(b64decode(AZURITE_KEY), signed.encode(), "sha256")).decode()
    headers = {
        "x-ms-date": date,
        "x-ms-version": "2023-11-03",
        "Authorization": f"SharedKey {AZURITE_ACCOUNT}:{signature}",
    }
    request = urllib.request.Request(f"{address}{path}?restype=container", method="PUT", headers=headers)
    urllib.request.urlopen(request, timeout=30).close()


def make_bucket(address, name):
    urllib.request.urlopen(urllib.request.Request(f"{address}/{name}", method="PUT"), timeout=30).close()


def of_s3(address, url, **options):
    """The location of a prefix in a bucket of the server."""
    keys = {"access_key_id": "an-id", "secret_access_key": "a-secret-key", **options}
    return ObjectLocation(url, endpoint=address, region="us-east-1", **keys)


def of_azure(address, url):
    settings = {"account_name": AZURITE_ACCOUNT, "account_key": AZURITE_KEY}
    return ObjectLocation(url, endpoint=f"{address}/{AZURITE_ACCOUNT}", settings=settings)


def objects(location, patience=HASTY):
    return ObstoreObjects(location, patience)


class ObjectPiece:
    """An object that a test damages or removes."""

    def __init__(self, objects, key):
        self.objects, self.key = objects, key

    def read(self):
        return self.objects.get(self.key)

    def write(self, content):
        self.objects.put(self.key, content)

    def remove(self):
        self.objects.delete([self.key])


class FaultProxy:
    """Stands before a server of HTTP. `requests` are those that came, as method and path."""

    def __init__(self, target):
        self.target = target.removeprefix("http://")
        self.requests = []
        self.delay = 0.0
        self._faults = []
        self._lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_request(self):
                proxy.answer(self)

            def log_message(self, *_arguments):
                pass

        for method in ("GET", "PUT", "POST", "HEAD", "DELETE"):
            setattr(Handler, f"do_{method}", Handler.handle_request)

        class Server(ThreadingHTTPServer):
            daemon_threads = False
            block_on_close = True
            request_queue_size = 128

            def handle_error(self, *_arguments):  # connections that a test broke
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.socket.close()

    def fail(self, fault, method="PUT", path="", times=1):
        """Have the next requests of this method, whose path holds `path`, end so.

        `lost`: they take place, and no answer comes. `reset`: the connection breaks before they do. A number: this
        status, and they do not take place. `("late", number)`: they take place, and this status comes. `("headers",
        names)`: they take place without these headers. `("answer", status, text)`: this comes, and they do not take place. `half`: half of the answer comes.
        """
        self._faults += [(fault, method, path)] * times

    def forget(self):
        """Let all later requests through."""
        with self._lock:
            self._faults.clear()

    def _fault(self, method, path):
        with self._lock:
            self.requests.append((method, path))
            for place, (fault, of_method, part) in enumerate(self._faults):
                if of_method in (method, "*") and part in path:
                    del self._faults[place]
                    return fault
        return None

    def answer(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        fault = self._fault(handler.command, handler.path)
        time.sleep(self.delay)
        handler.close_connection = True
        match fault:
            case "reset":
                return self._reset(handler)
            case "answer", status, text:
                return self._send(handler, status, {}, text.encode())
            case int():
                return self._send(handler, fault, {}, f"<Error><Code>Injected{fault}</Code></Error>".encode())
        status, headers, content = self._forward(handler, body, fault)
        match fault:
            case "lost":
                return self._reset(handler)
            case "late", late:
                return self._send(handler, late, {}, b"<Error><Code>InternalError</Code></Error>")
            case "half":
                return self._half(handler, status, headers, content)
        return self._send(handler, status, headers, content)

    def _forward(self, handler, body, fault):
        dropped = {name.lower() for name in fault[1]} if isinstance(fault, tuple) and fault[0] == "headers" else set()
        headers = {name: value for name, value in handler.headers.items() if name.lower() not in dropped}
        connection = HTTPConnection(self.target, timeout=60)
        try:
            connection.request(handler.command, handler.path, body, headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def _send(self, handler, status, headers, content):
        handler.send_response_only(status)
        kept = {
            name: value for name, value in headers.items() if name.lower() not in {"connection", "transfer-encoding"}
        }
        if handler.command != "HEAD":
            kept = {name: value for name, value in kept.items() if name.lower() != "content-length"}
            kept["Content-Length"] = str(len(content))
        for name, value in {**kept, "Connection": "close"}.items():
            handler.send_header(name, value)
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(content)

    def _half(self, handler, status, headers, content):
        handler.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in {"connection", "transfer-encoding"}:
                handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(content[: len(content) // 2])
        self._reset(handler)

    def _reset(self, handler):
        handler.wfile.flush()
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack("ii", 1, 0))
        handler.connection.close()


@contextmanager
def faults(address):
    proxy = FaultProxy(address)
    try:
        yield proxy
    finally:
        proxy.close()
