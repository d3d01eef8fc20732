"""The `vault` secrets provider: secrets of the KV engine, version 2, of HashiCorp Vault or OpenBao.

It asks the server by HTTP; nothing of it loads before a step asks for the first secret.
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from magnus.definition.wrong_fields import Complaint, WrongFields
from magnus.errors import Problem, SecretsError
from magnus.secrets.fields import FieldSecrets, SecretTexts
from magnus.secrets.names import SecretNames, wrong_name

if TYPE_CHECKING:
    from magnus.secrets.vault_client import VaultClient  # lazy: the client of HTTP takes long to load

_TYPE: Final = "vault"
_TOKEN: Final = "VAULT_TOKEN"  # noqa: S105 - the name of a variable
_TOKEN_FILE: Final = "~/.vault-token"  # noqa: S105 - a file
_VARIABLES: Final = (_TOKEN, "VAULT_ADDR", "VAULT_NAMESPACE", "VAULT_CACERT")
_URL: Final = re.compile(r"https?://[^/@?#\s]+(?:/[^?#\s]*)?")


class VaultOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Which server has the secrets, and where they are on it.

    Attributes:
        address: the URL of the server; empty: VAULT_ADDR.
        mount: the path at which the KV engine is mounted.
        namespace: the namespace; empty: VAULT_NAMESPACE.
        token_file: the file with the token, such as the sink of an agent, used if VAULT_TOKEN is not set.
        prefix: the text before the paths that steps write.
        names: by a name that steps write, the path at Vault, which may have a field: `DB_PASSWORD: team/db#password`.
    """

    address: str = ""
    mount: str = "secret"
    namespace: str = ""
    token_file: str = _TOKEN_FILE
    prefix: str = ""
    names: Mapping[str, str] = field(default_factory=dict)


class VaultSecrets(FieldSecrets):
    """Gives the fields of a secret as JSON, and one field as its value."""

    options = VaultOptions

    def __init__(self, options: VaultOptions, working_directory: Path) -> None:
        self._options = options
        self._address = options.address or os.environ.get("VAULT_ADDR", "")
        if options.address and not _URL.fullmatch(options.address):
            fix = "write a URL such as https://vault.example.org:8200"
            raise WrongFields([Complaint(("address",), "address is no URL of a server", fix)])
        self._token_file = working_directory / Path(options.token_file).expanduser()
        self._environment = {name: os.environ[name] for name in _VARIABLES if name in os.environ}
        self._texts = SecretTexts(SecretNames(_TYPE, options.names, options.prefix), self._fetch)
        self._made: VaultClient | None = None

    def setup_problems(self) -> Sequence[Problem]:
        """An address or a token that this machine does not have; asks no server."""
        try:
            self._client()
        except SecretsError as error:
            return error.problems
        return ()

    def connect_problems(self) -> Sequence[Problem]:
        """A server that does not answer, or does not take the token."""
        try:
            self._client().look_up_token()
        except SecretsError as error:
            return error.problems
        return ()

    def needed_variables(self) -> Sequence[str]:
        """The variables that processes on other machines need, where the options do not say the same."""
        token = (_TOKEN,) if self._options.token_file == _TOKEN_FILE else ()
        return (*token, *(() if self._options.address else ("VAULT_ADDR",)))

    def variables(self, names: Iterable[str]) -> Mapping[str, str]:  # noqa: ARG002 - the same for all secrets
        """The variables of Vault; the token of the file, if there is no other, is one too."""
        try:
            token = {} if _TOKEN in self._environment else {_TOKEN: self._token()}
        except SecretsError:
            token = {}
        return {**token, **self._environment}

    def _check(self, name: str) -> None:
        place, _ = self._texts.place(name)
        if any(part in {"", ".", ".."} for part in place.split("/")):
            raise wrong_name(_TYPE, name, "it is no path of a secret", "write a path such as team/db#password")

    def _fetch(self, place: str, label: str) -> str:
        return self._client().secret(place, label)

    def _client(self) -> "VaultClient":
        from magnus.secrets.vault_client import VaultClient  # lazy: as above

        if self._made is None:
            if not self._address:
                message = f"the secrets provider '{_TYPE}' has no address of a server"
                raise SecretsError(message, fix="set `address` of the secrets provider, or VAULT_ADDR")
            if not _URL.fullmatch(self._address):
                message = f"VAULT_ADDR is no URL of a server, which the secrets provider '{_TYPE}' needs"
                raise SecretsError(message, fix="set it to a URL such as https://vault.example.org:8200")
            namespace = self._options.namespace or self._environment.get("VAULT_NAMESPACE", "")
            authority = self._environment.get("VAULT_CACERT", "")
            self._made = VaultClient(self._address, self._options.mount, namespace, authority, self._token)
            self._token()
        return self._made

    def _token(self) -> str:
        """The token, read again for each request, since agents renew the file."""
        token = self._environment.get(_TOKEN, "").strip()
        try:
            token = token or self._token_file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            token = ""
        if not token:
            message = f"the secrets provider '{_TYPE}' has no token"
            raise SecretsError(message, fix=f"set {_TOKEN}, or log in: vault login writes '{self._options.token_file}'")
        if not token.isascii() or not token.isprintable():
            message = f"the token of the secrets provider '{_TYPE}' holds characters that no token has"
            raise SecretsError(message, fix=f"correct {_TOKEN}, or '{self._options.token_file}'")
        return token
