"""Servers of secrets for tests: AWS that answers with a fixed error, and the part of Vault's API that magnus uses.

No server of Vault or OpenBao is in the registries of packages, so `Vault` here answers as its documentation says.
"""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "an-id", "AWS_SECRET_ACCESS_KEY": "a-secret-key"}
TOKEN = "hvs.a-token"


@contextmanager
def serving(answer):
    """The address of a server whose answers `answer` gives: from method, path and headers to status and JSON."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_request(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, content, *headers = answer(self.command, self.path, self.headers)
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response_only(status)
            for name, value in {"Content-Length": str(len(body)), "Connection": "close", **dict(headers)}.items():
                self.send_header(name, value)
            self.close_connection = True
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments):
            pass

    for method in ("GET", "POST"):
        setattr(Handler, f"do_{method}", Handler.handle_request)

    class Server(ThreadingHTTPServer):
        daemon_threads = False

        def handle_error(self, *_arguments):  # connections that a test broke
            pass

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def refusing(code, message, status=400):
    """An answer of AWS with this error."""
    return lambda *_request: (status, {"__type": code, "message": message})


class Vault:
    """A KV engine of version 2 at `secret`; `TOKEN` may read all but `denied/`."""

    def __init__(self, secrets):
        self.secrets = secrets
        self.failures = []
        self.headers = []

    def __call__(self, method, path, headers):
        self.headers.append(headers)
        if self.failures:
            return self.failures.pop(0)
        if method != "GET" or not path.startswith("/v1/"):
            return 405, {"errors": ["unsupported operation"]}
        if headers.get("X-Vault-Token") != TOKEN:
            return 403, {"errors": ["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"]}
        path = unquote(path.removeprefix("/v1/"))
        if path == "auth/token/lookup-self":
            return 200, {"data": {"policies": ["default"]}}
        mount, _, rest = path.partition("/")
        if mount != "secret":
            return 404, {"errors": [f'no handler for route "{path}". route entry not found.']}
        name = rest.removeprefix("data/")
        if name.startswith("denied/"):
            return 403, {"errors": ["1 error occurred:\n\t* permission denied\n\n"]}
        if name not in self.secrets:
            return 404, {"errors": []}
        metadata = {"version": 1, "deletion_time": "", "destroyed": False}
        return 200, {"data": {"data": self.secrets[name], "metadata": metadata}}
