"""The `dotenv` secrets provider: secrets are the lines `NAME=value` of a file."""

from pathlib import Path
from typing import Final

from msgspec import Struct

from magnus.errors import SecretsError
from magnus.secrets.dotenv_text import Unreadable, parsed
from magnus.secrets.missing import missing

_TYPE: Final = "dotenv"


class DotenvOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the secrets are.

    Attributes:
        location: the file of `NAME=value` lines, relative to the working directory.
    """

    location: str = ".env"


class DotenvSecrets:
    """Reads the file when it is asked for a secret for the first time, and no more."""

    options = DotenvOptions

    def __init__(self, options: DotenvOptions, working_directory: Path) -> None:
        self._location = options.location
        self._file = working_directory / options.location
        self._values: dict[str, str] | None = None

    def get(self, name: str) -> str:
        """The value in the file; SecretsError when it is not there, or the file cannot be read."""
        if self._values is None:
            self._values = self._read()
        if name not in self._values:
            raise missing(_TYPE, name, f"'{self._location}'", self._values, f"add a line {name}=<value>")
        return self._values[name]

    @property
    def location(self) -> Path:
        """The file."""
        return self._file.expanduser().absolute()

    def _read(self) -> dict[str, str]:
        try:
            return parsed(self._file.expanduser().read_bytes().decode("utf-8"))
        except FileNotFoundError:
            raise self._unusable("does not exist", "write it, or set `location` of the secrets provider") from None
        except OSError as error:
            raise self._unusable(f"cannot be read: {error.strerror}", "set `location` to a file") from None
        except UnicodeDecodeError:
            raise self._unusable("is not UTF-8 text", "save it as UTF-8") from None
        except Unreadable as error:
            fix = "write NAME=value, the value in quotes where it holds several lines or a ' #'"
            raise self._unusable(f"cannot be read: line {error.line}: {error.reason}", fix) from None

    def _unusable(self, why: str, fix: str) -> SecretsError:
        return SecretsError(f"the file '{self._location}' of the secrets provider '{_TYPE}' {why}", fix=fix)
