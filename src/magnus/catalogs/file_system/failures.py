"""Errors of files as CatalogError, for all modules of the file-system catalog."""

import errno
from typing import Final

from magnus.errors import CatalogError, DamagedContent
from magnus.system.system_calls import what_to_do

_LONGEST_SHOWN: Final = 120
_NOT_WRITABLE: Final = "change its permissions, or set `catalog_location` of the catalog to a folder that is writable"


class Changed(Exception):
    """A file changed while it was read; the caller reads it once more."""


def shown(name: str) -> str:
    """The name in quotes, always on one line, and not too long to read."""
    text = repr(name)
    if len(text) <= _LONGEST_SHOWN:
        return text
    return f"{text[: _LONGEST_SHOWN // 2]}...{text[-_LONGEST_SHOWN // 2 :]}"


def failed(verb: str, name: str, error: OSError) -> CatalogError:
    """The error of the operating system as one of the catalog, with what the user can do about it."""
    return CatalogError(
        f"the catalog cannot {verb} {shown(name)}: {_reason(error)}",
        fix=what_to_do(error.errno, not_writable=_NOT_WRITABLE),
    )


def changed(name: str) -> CatalogError:
    """The file `name` of the user changed again while it was read for the second time."""
    return CatalogError(
        f"{shown(name)} changed while it was read", fix="see that no process writes to it after its step has finished"
    )


def damaged(name: str, path: str, data_hash: str, *, run_id: str = "") -> DamagedContent:
    """The content of the file `name`, stored at the path, has another hash; `run_id` is the run that put it."""
    of_run = f", put by the run {shown(run_id)}," if run_id else ""
    return DamagedContent(
        f"the content of {shown(name)}{of_run} is damaged in the catalog: {path!r} does not have the SHA-256 {data_hash}",
        fix="resume the run (magnus retry): the step that puts this content runs again and replaces it; "
        "magnus catalog verify finds all other damaged content",
    )


def not_there(name: str, location: str) -> CatalogError:
    """The catalog has no such content."""
    message = f"the content of {shown(name)} is not in the catalog {location!r}"
    return CatalogError(message, fix="resume the run (magnus retry): the step that puts this content runs again")


def _reason(error: OSError) -> str:
    match error.errno:
        case errno.ENAMETOOLONG:
            return "the name is too long for the file system"
        case errno.EISDIR:
            return "a folder is in its place"
        case errno.ENOTDIR | errno.EEXIST:
            return "a file is in the place of one of its folders"
        case errno.ELOOP:
            return "it is a link that leads to itself"
        case _:
            return error.strerror or str(error)
