"""Lets requests through that only read, name this machine, and have the token if there is one.

A page of another site can make a browser send requests here, even to the name of its own site, if it has its DNS entry
changed to an address of this machine. Such a name is in `Host`, so it is refused. Other sites can neither frame nor read
an answer.
"""

import hmac
import re
from collections.abc import Iterable
from html import escape
from http.cookies import CookieError, SimpleCookie
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final
from urllib.parse import parse_qsl, urlencode

from msgspec import Struct
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_TOKEN_NAME: Final = "token"  # noqa: S105 - its name in the URL
_LOCAL_NAME: Final = "localhost"
_READING: Final = ("GET", "HEAD")
_HOST: Final = re.compile(r"(?:\[(?P<address>[0-9a-fA-F:.]+)\]|(?P<name>[^\[\]:/@\s]+))(?::\d*)?")
_HEADERS: Final = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}
_ONWARD: Final = """\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>magnus</title><meta http-equiv="refresh" content="0; url={0}"></head>
<body><p><a href="{0}">To the runs</a></p></body>
</html>
"""


def is_local(host: str) -> bool:
    """Whether the host is an address of this machine that no other machine reaches."""
    address = _address(host)
    return host.lower() == _LOCAL_NAME if address is None else address.is_loopback


class Access(Struct, frozen=True):
    """The requests that are let through.

    Attributes:
        names: the names in `Host` that mean this machine, beside `localhost`.
        token: the token that requests need; "" for no token, and then only loopback addresses are let through.
        cookie: the name of the cookie with the token.
    """

    names: frozenset[str] = frozenset()
    token: str = ""
    cookie: str = "magnus_ui"

    def is_host(self, text: str) -> bool:
        """Whether the text of `Host` means this machine; an address cannot be that of another site."""
        parts = _HOST.fullmatch(text)
        if parts is None:
            return False
        host = parts["address"] or parts["name"].removesuffix(".")
        if is_local(host):
            return True
        return bool(self.token) and (_address(host) is not None or host.lower() in self.names)

    def is_token(self, text: str) -> bool:
        """Whether it is the token; the answer takes as long for a near miss as for any other text."""
        return hmac.compare_digest(text.encode(errors="replace"), self.token.encode())


class Guard:
    """An application in front of another one."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or let the application do it."""

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        answer: ASGIApp = self._refusal(scope) or self._app
        await answer(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> Response | None:
        """The answer to a request that is not let through."""
        headers = Headers(scope=scope)
        if scope["method"] not in _READING:
            return PlainTextResponse("magnus ui only reads.\n", 405, {"Allow": ", ".join(_READING)})
        if not self._access.is_host(headers.get("host", "")):
            return PlainTextResponse("magnus ui does not answer to this name: open the URL that it printed.\n", 403)
        if headers.get("sec-fetch-site") in {"cross-site", "same-site"} and headers.get("sec-fetch-mode") != "navigate":
            return PlainTextResponse("magnus ui does not answer to other sites.\n", 403)
        if self._access.token and not self._has_cookie(headers.getlist("cookie")):
            return self._without_cookie(scope)
        return None

    def _has_cookie(self, texts: Iterable[str]) -> bool:
        for text in texts:
            try:
                cookie = SimpleCookie(text).get(self._access.cookie)
            except CookieError:
                continue
            if cookie is not None and self._access.is_token(cookie.value):
                return True
        return False

    def _without_cookie(self, scope: Scope) -> Response:
        """A page that sets the cookie and leads to the same place, if the URL has the token.

        It is no redirect: on the way from another site a browser would not send the cookie along.
        """
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if not any(name == _TOKEN_NAME and self._access.is_token(value) for name, value in query):
            message = "This page needs the token: open the URL that magnus ui printed.\n"
            return PlainTextResponse(message, 403)
        rest = urlencode([(name, value) for name, value in query if name != _TOKEN_NAME])
        place = "./" + scope["path"].rpartition("/")[2] + (f"?{rest}" if rest else "")
        response = HTMLResponse(_ONWARD.format(escape(place)))
        response.set_cookie(self._access.cookie, self._access.token, path="/", httponly=True, samesite="strict")
        return response


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
