"""Keeps descriptors that code of the user may close: the next file that it opens gets the number, and must not be used."""

import os


class OwnDescriptor:
    """A descriptor that this process opened, and the file behind it then. OSError if it is not open."""

    __slots__ = ("_file", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self._file = _file(os.fstat(number))

    def status(self) -> os.stat_result | None:
        """The status of the file; None if somebody closed the descriptor."""
        try:
            status = os.fstat(self.number)
        except OSError:
            return None
        return status if (status.st_dev, status.st_ino) == self._file else None

    def close(self) -> None:
        """Close it, unless somebody did."""
        if self.status() is not None:
            os.close(self.number)


def _file(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
