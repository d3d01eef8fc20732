"""The configuration of a run as values. Read by `app.composition.load_configuration`; it travels to workers, which read no files."""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from magnus.definition.variables import PREFIX
from magnus.engine.secrets.masking import MASK
from magnus.errors import Location, Problem
from magnus.values import Json

FAMILIES: Final[Mapping[str, str]] = {
    "executor": "local",
    "run_log_store": "file-system",
    "catalog": "file-system",
    "secrets": "do-nothing",
    "experiment_tracker": "do-nothing",
    "pickler": "pickle",
}
"""What can be configured, and the default type of each."""

_SENSITIVE_NAME: Final = "password|secret|token|key|credential"
_CREDENTIALS_IN_ADDRESS: Final = r"(://[^/@\s:]*:)[^\s\"']+@|([?&](?:ssl)?password=)[^&\s\"']*"


class ServiceConfiguration(Struct, frozen=True):
    """One service: its type, its options as written with variables replaced, and where an option is written."""

    type: str
    config: Mapping[str, Json]
    locate: Callable[..., Location | None]


class Configuration(Struct, frozen=True):
    """All services of a run.

    `file` is the configuration file or "", `variables` the names it uses, `warnings` notes. `parameters_file` has the
    initial parameters of runs that name no other file; "" for none. `folder` is absolute: paths in the configuration are
    relative to it; None for the working directory.
    """

    executor: ServiceConfiguration
    run_log_store: ServiceConfiguration
    catalog: ServiceConfiguration
    secrets: ServiceConfiguration
    experiment_tracker: ServiceConfiguration
    pickler: ServiceConfiguration
    file: str
    variables: frozenset[str]
    warnings: tuple[Problem, ...] = ()
    parameters_file: str = ""
    folder: Path | None = None

    def portable(self) -> "Configuration":
        """The same for another process, which can be pickled; it does not know where things are written."""
        return replace(self, **{f: replace(getattr(self, f), locate=nowhere) for f in FAMILIES})

    def as_json(self) -> dict[str, Json]:
        """Type and options of every service, for the run log; what looks like a secret is masked."""
        services = {family: getattr(self, family) for family in FAMILIES}
        return {family: {"type": s.type, "config": without_secrets(s.config)} for family, s in services.items()}


def with_workers(configuration: Configuration, count: int | None) -> Configuration:
    """The same services with the executor of this machine and its workers; `count` None for as many as processors."""
    options: dict[str, Json] = {"enable_parallel": True, **({} if count is None else {"max_workers": count})}
    return replace(configuration, executor=ServiceConfiguration("local", options, nowhere))


def without_secrets(options: Json, *, is_secret: bool = False) -> Json:
    """The options with those masked whose name says that they are secrets, and the passwords in addresses."""
    match options:
        case Mapping():
            return {
                key: without_secrets(
                    value, is_secret=is_secret or bool(re.search(_SENSITIVE_NAME, str(key), re.IGNORECASE))
                )
                for key, value in options.items()
            }
        case list():
            return [without_secrets(value, is_secret=is_secret) for value in options]
        case str() | int() | float() if is_secret and not isinstance(options, bool):
            return MASK
        case str() if "://" in options:
            return without_credentials(options)
        case _:
            return options


def without_credentials(text: str) -> str:
    """The text with the passwords in addresses masked."""
    return re.sub(_CREDENTIALS_IN_ADDRESS, _masked, text)


def _masked(credentials: re.Match[str]) -> str:
    return f"{credentials[1]}{MASK}@" if credentials[1] else f"{credentials[2]}{MASK}"


def hashes_of_variables(names: Iterable[str], environment: Mapping[str, str]) -> dict[str, str]:
    """What tells whether a variable had another value in another run, without telling the value.

    So short a hash fits many values. There is none of what is named like a secret.
    """
    from hashlib import sha256  # lazy: most runs have no variables

    texts = {
        name: environment.get(PREFIX + name, "")
        for name in names
        if not re.search(_SENSITIVE_NAME, name, re.IGNORECASE)
    }
    return {
        name: sha256(f"{name}={text}".encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()[:6]
        for name, text in texts.items()
    }


def nowhere(*_keys: str | int) -> None:
    """The place of what is written in no file."""
