"""The fix for an error of the operating system. Used by services that keep files."""

import errno


def what_to_do(number: int | None, *, not_writable: str, in_the_way: str = "") -> str:
    """The fix for an error of this number; "" when there is none.

    `not_writable` is that where something may not be written, `in_the_way` where a file is in the place of a folder.
    """
    match number:
        case errno.ENOSPC | errno.EDQUOT:
            return "free space on that disk"
        case errno.EFBIG:
            return "raise the limit on the size of files (`ulimit -f`)"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return not_writable
        case errno.EEXIST | errno.ENOTDIR:
            return in_the_way
        case errno.EMFILE | errno.ENFILE:
            return "raise the limit on open files (`ulimit -n`)"
        case errno.ENAMETOOLONG:
            return "use a shorter name"
        case _:
            return ""
