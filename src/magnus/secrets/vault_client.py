"""Asks a server of Vault or OpenBao by HTTP, and says why it does not answer.

The rules of the interface are in the documentation of Vault: "KV secrets engine - version 2 (API)".
"""

import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from email.message import Message
from http.client import HTTPException
from typing import IO, Any, Final
from urllib.parse import quote

from magnus.errors import SecretsError
from magnus.secrets.addresses import reach_fix

_PROVIDER: Final = "the secrets provider 'vault'"
_TIMEOUT_SECONDS: Final = 15.0
_TRIES: Final = 3
_PAUSE_SECONDS: Final = 0.2
_LARGEST_BYTES: Final = 4 << 20
_BUSY: Final = frozenset({412, 429, 472, 473, 500, 502, 504})
_SEALED: Final = 503


class VaultClient:
    """One server and one mount. `token` gives the token for a request; SecretsError if there is none."""

    def __init__(self, address: str, mount: str, namespace: str, authority: str, token: Callable[[], str]) -> None:
        self._address = address.rstrip("/")
        self._mount = mount.strip("/")
        self._namespace = namespace
        self._token = token
        try:
            context = ssl.create_default_context(cafile=authority or None)
        except OSError:
            message = f"{_PROVIDER} cannot read '{authority}', the file of VAULT_CACERT"
            raise SecretsError(message, fix="set it to a file of certificates in PEM form") from None
        handlers = (_SafeRedirects(), urllib.request.HTTPSHandler(context=context))
        self._opener = urllib.request.build_opener(*handlers)

    def secret(self, place: str, label: str) -> str:
        """The newest version of the secret as JSON; SecretsError, which calls it `label`, if there is none."""
        status, answer = self._asked(f"{quote(self._mount)}/data/{quote(place)}")
        data = answer.get("data")
        fields = data.get("data") if isinstance(data, Mapping) else None
        if status == 200 and isinstance(fields, Mapping):
            return json.dumps(fields, ensure_ascii=False)
        raise self._refused(place, label, status, answer)

    def look_up_token(self) -> None:
        """Ask for the token itself; SecretsError if the server does not answer, or does not take it."""
        status, answer = self._asked("auth/token/lookup-self")
        if status == 403:
            raise self._wrong_token()
        if status != 200:
            raise self._odd(status, answer)

    def _asked(self, path: str) -> tuple[int, Mapping[str, Any]]:
        """The status and the answer; asks a server again that is busy or breaks the connection."""
        for number in range(_TRIES):
            last = number + 1 == _TRIES
            try:
                status, answer = self._answer(path)
            except ssl.SSLCertVerificationError as error:
                fix = "set VAULT_CACERT to the certificate of its authority; see the clock of this machine too"
                message = f"{_PROVIDER} cannot trust '{self._address}': {error.verify_message}"
                raise SecretsError(message, fix=fix) from None
            except (
                OSError,
                HTTPException,
                ValueError,
            ) as error:  # ValueError: a host or a namespace that HTTP cannot have
                if last:
                    raise self._unreachable(error) from None
            else:
                if last or status not in _BUSY:
                    return status, answer
            time.sleep(_PAUSE_SECONDS * 2**number)
        raise AssertionError

    def _answer(self, path: str) -> tuple[int, Mapping[str, Any]]:
        headers = {"X-Vault-Token": self._token(), "X-Vault-Request": "true"}
        if self._namespace:
            headers["X-Vault-Namespace"] = self._namespace
        request = urllib.request.Request(f"{self._address}/v1/{path}", headers=headers)  # noqa: S310 - http or https
        try:
            with self._opener.open(request, timeout=_TIMEOUT_SECONDS) as response:
                return response.status, _read(response)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _read(error)
        except urllib.error.URLError as error:
            raise error.reason if isinstance(error.reason, OSError) else OSError(str(error.reason)) from None

    def _refused(self, place: str, label: str, status: int, answer: Mapping[str, Any]) -> SecretsError:
        """The server answered, and gave no secret."""
        where = f"the mount '{self._mount}' of '{self._address}'"
        if status == 404:
            return SecretsError(
                f"{_PROVIDER} has no secret {label} in {where}",
                fix="correct the path or `mount`, or write the secret",
            )
        if status == 403:
            self.look_up_token()  # the server gives one answer to tokens that are wrong and to missing rights
            fix = f'let a policy of the token have: path "{self._mount}/data/{place}" {{ capabilities = ["read"] }}'
            return SecretsError(f"{_PROVIDER} may not read the secret {label} in {where}", fix=fix)
        if status == 200:
            fix = "use an engine of version 2: vault kv enable-versioning MOUNT"
            return SecretsError(f"{_PROVIDER} found no KV engine of version 2 in {where}", fix=fix)
        return self._odd(status, answer)

    def _wrong_token(self) -> SecretsError:
        fix = "log in again, or set VAULT_TOKEN"
        return SecretsError(f"{_PROVIDER} has a token that '{self._address}' does not accept", fix=fix)

    def _odd(self, status: int, answer: Mapping[str, Any]) -> SecretsError:
        errors = answer.get("errors")
        words = " ".join(str(error) for error in errors) if isinstance(errors, list) else ""
        if status == _SEALED:
            return SecretsError(f"{_PROVIDER} cannot be used: '{self._address}' is sealed", fix="unseal the server")
        message = f"{_PROVIDER} got the status {status} of '{self._address}'"
        return SecretsError(f"{message}: {words[:300]}" if words else message, fix="correct `address` and `mount`")

    def _unreachable(self, error: Exception) -> SecretsError:
        why = getattr(error, "strerror", "") or type(error).__name__
        fix = reach_fix("see that the server runs, and correct `address` or VAULT_ADDR", self._address)
        return SecretsError(f"{_PROVIDER} cannot reach '{self._address}': {why}", fix=fix)


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a standby server to the active one, and sends the token to no server without encryption instead."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        """The request to the other server; None if the answer has to stand."""
        if req.type == "https" and not newurl.startswith("https://"):
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def _read(response: IO[bytes]) -> Mapping[str, Any]:
    """The answer as JSON; empty if it is none."""
    try:
        answer = json.loads(response.read(_LARGEST_BYTES))
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}
