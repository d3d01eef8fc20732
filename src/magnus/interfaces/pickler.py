"""The contract of a pickler: objects that tasks return become bytes, and objects again; and of the picklers of a run."""

from typing import BinaryIO, Protocol

from magnus.values import UserObject

__all__ = ["Pickler", "Picklers"]


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


class Picklers(Protocol):
    """The picklers of a run. They can be pickled, as each of them can."""

    @property
    def default(self) -> Pickler:
        """The configured pickler, of objects that name no format."""
        ...

    def of_format(self, name: str) -> Pickler:
        """The pickler of a format, the default for ""; InvalidConfiguration if it cannot be used."""
        ...

    def of_file(self, name: str) -> Pickler:
        """The pickler that wrote a file, by the extension in its name."""
        ...
