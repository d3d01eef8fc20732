"""Makes the folder in which a project is restored."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from magnus.errors import ServiceError
from magnus.system.private_folders import private_folder

_PREFIX: Final = "magnus-project-"


@contextmanager
def project_folder(parent: Path) -> Iterator[Path]:
    """A folder in `parent`, readable for this user alone, which is removed afterwards; ServiceError if there can be none."""
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(private_folder(parent, _PREFIX))
        except OSError as error:
            message = f"no folder for the project can be made in '{parent}': {error.strerror}"
            raise ServiceError(message, fix="set TMPDIR to a folder that can be written") from error
        yield folder
