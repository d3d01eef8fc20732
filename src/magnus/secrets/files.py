"""The `files` secrets provider: one file for each secret, as Kubernetes and Docker mount them into containers.

Kubernetes mounts `name -> ..data/name` and replaces the folder behind `..data` when the secret changes. Each `get` reads
the file again. A line break at the end of a file that has one line is no part of the secret: editors and `echo` add it.
"""

import os
import stat
from pathlib import Path, PurePosixPath
from typing import Final

from msgspec import Struct

from magnus.errors import SecretsError
from magnus.secrets.missing import missing
from magnus.secrets.names import wrong_name

_TYPE: Final = "files"
_LARGEST_BYTES: Final = 1 << 20
"""Kubernetes and Docker take no larger secrets."""
_MOUNTED: Final = "..data"
"""The link that Kubernetes renames over the old one; the folder behind the old one is removed then."""


class FilesOptions(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the secrets are.

    Attributes:
        folder: the folder with a file for each secret, relative to the working directory.
    """

    folder: str = "/run/secrets"


class FilesSecrets:
    """Reads the secret `name` from the file of that name, which may be in a folder inside the folder."""

    options = FilesOptions

    def __init__(self, options: FilesOptions, working_directory: Path) -> None:
        self._shown = options.folder
        self._folder = working_directory / Path(options.folder).expanduser()

    @property
    def location(self) -> Path:
        """The folder."""
        return self._folder.absolute()

    def get(self, name: str) -> str:
        """The content of the file; SecretsError if it is not there, or cannot be read."""
        parts = PurePosixPath(name).parts
        is_inside = parts and not name.startswith("/") and not any(part.startswith("..") for part in parts)
        if not is_inside or not _is_of_file(name):
            raise wrong_name(_TYPE, name, "it is no path of a file inside the folder", "write the name of a file")
        content = self._read(name)
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError:
            raise self._unusable(name, "is not UTF-8 text", "store text, such as base64") from None
        first, newline, rest = text.partition("\n")
        return first.removesuffix("\r") if newline and not rest else text

    def _read(self, name: str) -> bytes:
        mounted = None
        while mounted != (
            mounted := self._mounted(name)
        ):  # replaced between two system calls: then the new one is read
            try:
                return self._content(name)
            except (FileNotFoundError, NotADirectoryError):
                continue
            except PermissionError:
                raise self._unusable(name, "may not be read", "let the user of this process read it") from None
            except (OSError, RuntimeError) as error:  # resolve raises RuntimeError for links in a circle
                why = getattr(error, "strerror", "") or "links lead in a circle"
                raise self._unusable(name, f"cannot be read: {why}", "put a file there") from None
        if not self._folder.is_dir():
            message = f"the folder '{self._shown}' of the secrets provider '{_TYPE}' does not exist"
            raise SecretsError(
                message, fix="mount the secrets there, or set `folder` of the secrets provider"
            ) from None
        raise missing(_TYPE, name, f"'{self._shown}'", self._names(), "add a file of that name") from None

    def _content(self, name: str) -> bytes:
        path = self._folder / name
        if not path.resolve(strict=True).is_relative_to(self._folder.resolve(strict=True)):
            raise self._unusable(name, "is a link out of the folder", "put the file itself there")
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                kind = "a folder" if stat.S_ISDIR(mode) else "no regular file"
                raise self._unusable(name, f"is {kind}", "write the name of a file")
            with open(descriptor, "rb", closefd=False) as file:
                content = file.read(_LARGEST_BYTES + 1)
        finally:
            os.close(descriptor)
        if len(content) > _LARGEST_BYTES:
            raise self._unusable(name, f"has more than {_LARGEST_BYTES} bytes", "store a smaller secret")
        return content

    def _mounted(self, name: str) -> str:
        """What the link of Kubernetes beside the file leads to; "" where there is none."""
        try:
            return os.readlink((self._folder / name).parent / _MOUNTED)  # noqa: PTH115 - compared as a text
        except OSError:
            return ""

    def _unusable(self, name: str, why: str, fix: str) -> SecretsError:
        return SecretsError(f"the secret '{name}' of the secrets provider '{_TYPE}' in '{self._shown}' {why}", fix=fix)

    def _names(self) -> list[str]:
        try:
            return [name for name in os.listdir(self._folder) if not name.startswith("..")]  # noqa: PTH208 - names alone
        except OSError:
            return []


def _is_of_file(name: str) -> bool:
    """Whether the file system can have the name."""
    try:
        return b"\0" not in os.fsencode(name)
    except UnicodeEncodeError:
        return False
