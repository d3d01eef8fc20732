"""What goes wrong with files, said as CatalogError. Used by all modules of the file-system catalog."""

import errno
from typing import Final

from magnus.errors import CatalogError

_LONGEST_SHOWN: Final = 120


class Changed(Exception):
    """A file changed while it was read; whoever reads it tries once more."""


def shown(name: str) -> str:
    """The name in quotes, on one line whatever is in it, and not too long to read."""
    text = repr(name)
    if len(text) <= _LONGEST_SHOWN:
        return text
    return f"{text[: _LONGEST_SHOWN // 2]}...{text[-_LONGEST_SHOWN // 2 :]}"


def failed(verb: str, name: str, error: OSError) -> CatalogError:
    """The error of the operating system as one of the catalog, with what the user can do about it."""
    return CatalogError(f"the catalog cannot {verb} {shown(name)}: {_reason(error)}", fix=_fix(error.errno))


def _reason(error: OSError) -> str:
    match error.errno:
        case errno.ENAMETOOLONG:
            return "the name is too long for the file system"
        case errno.EISDIR:
            return "a folder is in its place"
        case errno.ENOTDIR:
            return "a file is in the place of one of its folders"
        case errno.ELOOP:
            return "it is a link that leads to itself"
        case _:
            return error.strerror or str(error)


def _fix(number: int | None) -> str:
    match number:
        case errno.ENOSPC | errno.EDQUOT:
            return "free space on that disk"
        case errno.EFBIG:
            return "raise the limit on the size of files (`ulimit -f`)"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return "change its permissions, or set `catalog_location` of the catalog to a folder that is writable"
        case errno.EMFILE | errno.ENFILE:
            return "raise the limit on open files (`ulimit -n`)"
        case errno.ENAMETOOLONG:
            return "use a shorter name"
        case _:
            return ""
