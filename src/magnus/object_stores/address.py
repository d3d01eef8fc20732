"""The options that say where objects are, and the client that they make. Everything wrong is found here, without a request."""

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from msgspec import Struct, field
from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, LocalStore, S3Store

from magnus.definition.wrong_fields import Complaint, WrongFields
from magnus.errors import InvalidConfiguration
from magnus.object_stores.keys import LONGEST_PREFIX
from magnus.suggest import near

if TYPE_CHECKING:
    from obstore.store import ObjectStore as Client

_EXAMPLES: Final = "write s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX or file:///FOLDER"
_SCHEMES: Final = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gs",
    "gcs": "gs",
    "az": "az",
    "azure": "az",
    "abfs": "az",
    "abfss": "az",
    "file": "file",
}
_OF_S3: Final = ("region", "profile", "access_key_id", "secret_access_key", "session_token")
"""A secret key may hold a slash, so all up to the last `@` is hidden."""
_QUERY: Final = re.compile(r"[?#].*", re.DOTALL)
_BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_ENDPOINT: Final = re.compile(r"https?://[^\s@?#]+")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_PRODUCT: Final = "magnus"
_ACCOUNT_VARIABLE: Final = "AZURE_STORAGE_ACCOUNT_NAME"
_VARIABLES: Final = {"s3": ("AWS_",), "gs": ("GOOGLE_",), "az": ("AZURE_",), "file": ()}
"""By scheme: the beginnings of the names of the variables that the client reads."""


class ObjectLocation(Struct, frozen=True, forbid_unknown_fields=True):
    """Where objects are and how the store is reached.

    Attributes:
        url: the bucket and a prefix in it: s3://BUCKET/PREFIX, gs://, az:// or file:///FOLDER.
        endpoint: the address of the server, where it is not that of the cloud: MinIO, Ceph, R2 and others.
        region: of the bucket, for S3.
        profile: a profile of the AWS configuration, also for SSO; needs the package boto3.
        access_key_id: for S3; without, the client looks at the environment and asks the machine.
        secret_access_key: likewise; better in the environment.
        session_token: likewise.
        settings: other settings of the client by their names in obstore, such as `account_name` of Azure.
    """

    url: str
    endpoint: str = ""
    region: str = ""
    profile: str = ""
    access_key_id: str = ""
    secret_access_key: str = ""
    session_token: str = ""
    settings: Mapping[str, str | bool | int] = field(default_factory=dict)


class Patience(Struct, frozen=True):
    """How long a request is tried. Times in seconds.

    Attributes:
        tries: of a request that fails for a reason that may pass.
        pause: before the second try; it doubles up to `longest_pause`.
        answer: how long an answer to a small request may take.
        transfer: how long a transfer of large content, or its completion by the server, may take.
    """

    tries: int = 6
    pause: float = 0.1
    longest_pause: float = 5.0
    answer: float = 60.0
    transfer: float = 900.0


class Address(Struct, frozen=True):
    """A checked location.

    Attributes:
        scheme: `s3`, `gs`, `az` or `file`.
        bucket: its name; "" of a folder.
        prefix: before every key, without slashes around it.
        folder: the folder of `file`; None of others.
    """

    scheme: str
    bucket: str
    prefix: str
    folder: Path | None

    @property
    def shown(self) -> str:
        """The address for people; it never holds a secret."""
        return f"file://{self.folder}" if self.folder else f"{self.scheme}://{self.bucket}/{self.prefix}".rstrip("/")


def address_of(location: ObjectLocation) -> Address:
    """The address that a user wrote; WrongFields with what is wrong with it, and no secret."""
    scheme, separator, rest = location.url.partition("://")
    kind = _SCHEMES.get(scheme.lower())
    shown = _QUERY.sub("?***", _without_credentials(location.url))
    if not separator or kind is None:
        fix = f"did you mean '{match}://'?" if (match := near(scheme.lower(), _SCHEMES)) and separator else _EXAMPLES
        raise _wrong(
            f"`url` has the unknown scheme '{scheme}'" if separator else f"`url` '{shown}' names no object store", fix
        )
    if "@" in rest.partition("/")[0]:
        fix = "leave them out: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or the options for them"
        raise _wrong(f"`url` '{shown}' holds credentials", fix)
    try:
        parts = urlsplit(location.url)
        parts.path.encode()
    except ValueError:
        raise _wrong(f"`url` {shown!r} cannot be read", _EXAMPLES) from None
    path = unquote(parts.path).strip("/")
    if parts.query or parts.fragment or _CONTROL.search(location.url) or _CONTROL.search(path):
        raise _wrong(f"`url` {shown!r} has a '?', a '#' or a control character", "leave out all but bucket and prefix")
    if kind != "s3" and (extra := [name for name in _OF_S3 if getattr(location, name)]):
        raise _wrong(
            f"`{extra[0]}` is an option for s3:// alone, and `url` is '{shown}'", "use `settings`", option=extra[0]
        )
    if {".", ".."} & set(path.split("/")):
        raise _wrong(f"`url` '{shown}' has a part '.' or '..'", "write the prefix without it")
    if kind == "file":
        if parts.netloc or not path:
            raise _wrong(
                f"`url` '{shown}' names no folder",
                f"write file:///{(parts.netloc + parts.path).lstrip('/') or 'FOLDER'}",
            )
        return Address(kind, "", "", Path("/" + path))
    return _in_bucket(location, kind, parts.netloc, path, shown)


def _in_bucket(location: ObjectLocation, kind: str, bucket: str, path: str, shown: str) -> Address:
    if location.endpoint and not _ENDPOINT.fullmatch(location.endpoint):
        raise _wrong(
            "`endpoint` is no address of a server", "write http://HOST:PORT or https://HOST", option="endpoint"
        )
    if not _BUCKET.fullmatch(bucket):
        what = "a wrong name of a bucket" if bucket else "no name of a bucket"
        raise _wrong(f"`url` '{shown}' has {what}", _EXAMPLES)
    prefix = "/".join(filter(None, path.split("/")))
    if len(prefix.encode()) > LONGEST_PREFIX:
        raise _wrong(f"the prefix in `url` has more than {LONGEST_PREFIX} bytes", "write a shorter one")
    return Address(kind, bucket, prefix, None)


def _without_credentials(url: str) -> str:
    before, slashes, rest = url.partition("//")
    _, sign, place = rest.rpartition("@")
    return f"{before}{slashes}***@{place}" if sign else url


def variables_of(address: Address, environment: Mapping[str, str]) -> Mapping[str, str]:
    """The variables of the environment that the client of the address reads, as far as they are set."""
    beginnings = _VARIABLES[address.scheme]
    return {name: value for name, value in environment.items() if name.startswith(beginnings)}


def client_of(
    location: ObjectLocation, address: Address, patience: Patience, *, seconds: float, retries: int
) -> "Client":
    """A client that tries a request so many times again, each for so many seconds.

    WrongFields when an option is wrong, InvalidConfiguration when `profile` needs a package that is not installed.
    """
    if address.folder is not None:
        return LocalStore()  # of the whole disk: that of a folder needs the folder
    options: dict[str, Any] = {
        "retry_config": {
            "max_retries": retries,
            "retry_timeout": timedelta(seconds=seconds),
            "backoff": {
                "init_backoff": timedelta(seconds=patience.pause),
                "max_backoff": timedelta(seconds=patience.longest_pause),
                "base": 2,
            },
        },
    }
    settings: Any = {
        **_of_requests(location, min(10.0, patience.answer), seconds),
        **_settings(location, address),
        **location.settings,
    }
    try:
        match address.scheme:
            case "gs":
                return GCSStore(address.bucket, config=settings, **options)
            case "az":
                return AzureStore(address.bucket, config=settings, **options)
            case _:
                provider = _profile(location.profile) if location.profile else None
                return S3Store(address.bucket, config=settings, credential_provider=provider, **options)
    except (BaseError, TypeError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        if "builder error" in reason:
            message = f"the client of '{address.shown}' finds no certificates of authorities on this machine"
            raise _wrong(message, "install the package ca-certificates, or set SSL_CERT_FILE") from None
        is_nameless = "Account must be specified" in reason
        fix = f"set `account_name` in `settings`, or {_ACCOUNT_VARIABLE}" if is_nameless else "correct `settings`"
        message = f"the client of '{address.shown}' refuses its options: {reason}"
        raise _wrong(message, fix, option="settings" if location.settings else "url") from None


def _of_requests(location: ObjectLocation, connect: float, answer: float) -> dict[str, Any]:
    """The settings of requests, with how many seconds they may take; others come from variables such as AWS_ALLOW_HTTP.

    They are no `client_options`, with which obstore ignores all those variables.
    """
    return {
        **({"allow_http": location.endpoint.startswith("http://")} if location.endpoint else {}),
        "connect_timeout": f"{round(1000 * connect)}ms",
        "timeout": f"{round(1000 * answer)}ms",
        "user_agent": _PRODUCT,
    }


def _settings(location: ObjectLocation, address: Address) -> dict[str, str]:
    if address.scheme == "gs":
        return {"base_url": location.endpoint} if location.endpoint else {}
    named = {name: getattr(location, name) for name in ("endpoint", *_OF_S3) if name != "profile"}
    return {name: value for name, value in named.items() if value}


def _profile(name: str) -> Any:
    """The credentials of a profile, renewed when they expire."""
    try:
        from boto3 import Session  # lazy: boto3 takes longer than a run, and few name a profile
        from botocore.exceptions import BotoCoreError
        from obstore.auth.boto3 import Boto3CredentialProvider
    except ModuleNotFoundError as error:
        message = f"`profile` needs the package '{error.name}', which is not installed"
        raise InvalidConfiguration(message, fix="pip install boto3") from error
    try:
        return Boto3CredentialProvider(Session(profile_name=name))
    except (BotoCoreError, ValueError) as error:
        fix = "name a profile that `aws configure list-profiles` lists, and sign in (aws sso login)"
        raise _wrong(f"`profile` '{name}' has no credentials: {error}", fix, option="profile") from None


def _wrong(message: str, fix: str, *, option: str = "url") -> WrongFields:
    return WrongFields((Complaint((option,), message, fix),))
