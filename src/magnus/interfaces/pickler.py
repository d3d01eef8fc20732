"""The contract of a pickler: objects that tasks return become bytes, and objects again."""

from typing import BinaryIO, Protocol

from magnus.values import UserObject

__all__ = ["Pickler"]


class Pickler(Protocol):
    """Writes and reads objects. It can be pickled itself, since processes of tasks use it too."""

    @property
    def extension(self) -> str:
        """The suffix of its files, such as `.pickle`."""
        ...

    def dump(self, value: UserObject, file: BinaryIO) -> None:
        """Write the value, in any number of pieces. An exception fails the step, and the user sees it."""
        ...

    def load(self, file: BinaryIO) -> UserObject:
        """The value that was written. An exception fails the step, and the user sees it."""
        ...
